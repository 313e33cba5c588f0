// Package arrowframe turns record batches of Apache Arrow into frames of customers, and frames of customers or outcomes into record batches.
//
// A Layout finds the columns of a schema by their names, in any order, and says once which type an attribute does not take; docs/arrow.md has the
// table. What a row has is judged as everywhere: a frame.Builder says why a row is refused, so that the same customers as rows and as Arrow give the
// same frame and the same errors.
//
// Ownership: doubles are wrapped where the memory of the batch is aligned and rows without a value hold zeros, so a Frame may share the memory
// of its batch and keeps it alive; Options.Own copies them. All else is copied. Batches are read and never changed, and no count of references is.
//
// A message that came from outside is not trusted: lengths are held against the message before anything is allocated by them, and what is still
// wrong with it is an *Error, never a panic.
package arrowframe
