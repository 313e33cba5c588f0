// Package wire reads the rows of a batch from the bytes that came over the wire straight into columns: a message for each customer, a map of its
// attributes and a value for each would take most of the time that a batch takes.
//
// Customers as nearly all encoders write them are read here. Whatever looks different (fields that nobody knows, or in another order, objects, what
// is refused) is decoded by protobuf and added as a message, so that both ways give the same rows and the same errors.
package wire
