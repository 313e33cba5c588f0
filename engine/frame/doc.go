// Package frame holds customers in columns: one typed, nullable column an attribute, strings as dictionary codes. Everything that enters the
// engine, whether from the wire, a file or the store, becomes a Frame through a Builder, which is also the one place where a row is checked
// against the attributes' types, values and limits; a row that breaks a rule is refused with a RowError and leaves no trace.
package frame
