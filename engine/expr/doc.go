// Package expr compiles and evaluates the expressions of a model: CEL in which numbers are numbers. Every number is a double, a bare name is an
// attribute, and what is missing is an error value that names the attribute, so that a condition that could not be read says why.
//
// An [Env] knows the names that expressions may use, [Env.Compile] checks a text against it and returns all its mistakes at once, and [Expr.Eval]
// turns columns into a column. A compiled expression is immutable and may be evaluated by several goroutines at a time.
package expr
