// Package diag holds problems as values that accumulate: whoever checks something adds its findings to a [List] and goes on, so that people see all
// that is wrong at once, each with its place, what is wrong and what to do. It knows nothing of models or files; package modelfile fills in the places.
package diag
