// Package tabular turns files of customers (CSV, JSON lines, Parquet, Arrow) into frames, and assignments and customers into files. It reads a file once,
// from its beginning to its end, in batches, so that memory does not grow with the file; but for the ids, which are remembered to find those
// that stand twice. docs/rules.md has the rules of a file, FILE-1 and on, each with its tests.
//
// A row that breaks a rule is refused, with its line, column, value and reason, and the others go on. What leaves no doubt about single rows
// alone (a header that lacks columns, a quote that is never closed) is an *Error and ends the file.
package tabular
