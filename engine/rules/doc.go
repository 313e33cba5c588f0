// Package rules reasons about conditions without customers: whether one can ever hold, whether earlier ones leave a later one anybody, and
// for whom two hold at once. It cuts the values of every variable at the constants that the conditions compare it with; between two cuts all
// values are alike, so that a condition becomes a union of boxes over finitely many cells, what is missing being a cell of its own. What it says
// is true of all customers; what it cannot decide, or not within a bounded number of steps, it does not say.
package rules
