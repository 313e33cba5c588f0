// Package rowcodec is how a stored customer looks in bytes. A row names its attributes by their permanent ids, so that it is read correctly under
// every later schema.
//
// The encoding, which must never change: rows that were written once are read for ever. Another encoding gets another format byte.
//
//	row       = format:byte(1) update:varint count:uvarint attribute*count
//	attribute = tag:uvarint value      tag = id<<3 | kind, ids ascending, none twice
//
//	kind 1    a number: a double, 8 bytes, little endian
//	kind 2    a number that is whole, within ±2^53 and not -0: varint
//	kind 3    false: no bytes
//	kind 4    true: no bytes
//	kind 5    a day since 1970-01-01, or an instant in microseconds since then: varint
//	kind 6    a text: length:uvarint bytes
//	kind 7    a list of texts: count:uvarint (length:uvarint bytes)*count
//
// update is when the row was written, in microseconds since 1970; varint is the zigzag form of encoding/binary. A missing value has no attribute.
package rowcodec
