// Package scoring turns criteria into scores: what an expression read is normalised onto 0 to 100, weighted and added up in declared order,
// in doubles that no processor fuses, so that the result is the same on every machine to the bit.
package scoring
