// Package kernel has the inner loops of the engine: over columns of a batch that stays in the processor's cache, without a branch that depends on
// the data where it can be avoided, and without an allocation per row. Sets of rows are bitmaps, a word of 64 rows at a time. Nothing here knows
// models or expressions.
package kernel
