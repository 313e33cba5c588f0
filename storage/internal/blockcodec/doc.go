// Package blockcodec is how a block of a snapshot looks in bytes: its columns packed one after the other, and as a message in wire format whatever else
// a block has, so that a field that a later version adds needs no change here.
//
// The encoding, which must never change: blocks that were written once are read for as long as their snapshot is kept. Another encoding gets another
// first byte.
//
//	block   = 0x01 rest ids names*4 scores numbers(reason_counts) numbers(reason_refs) bits(excluded)
//	rest    = length:uvarint bytes, a SnapshotBlock in wire format with the fields that are not packed
//	ids     = count:uvarint (shared:uvarint length:uvarint bytes)*count, shared being how many bytes an id has in common with the one before
//	names   = count:uvarint numbers*count: the columns of segments, tiers, computed_tiers, own_tiers
//	scores  = count:uvarint (doubles(values) bits(valid) doubles(completeness))*count
//	numbers = count:uvarint, and unless it is 0 width:byte: 0 and the value:uvarint that all have, or 1, 2 or 4 and as many bytes for each
//	doubles = count:uvarint, and unless it is 0 form:byte: 0 and the value that all have; 1, the number of different values less one, these, and a
//	          byte for each that tells which; 2 and all values
//	bits    = count:uvarint, and unless it is 0 form:byte: 0 where all are false, 1 where all are true, 2 and a bit for each, the lowest first
//
// Doubles have 8 bytes; all is little endian. A block in plain wire format, as all were once, begins with a byte of at least 0x08, which a field's
// number needs.
package blockcodec
