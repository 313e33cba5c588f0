package wire

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tags of one byte: the number of a field and the type of what follows.
const (
	bytes1  = 1<<3 | byte(protowire.BytesType)
	bytes2  = 2<<3 | byte(protowire.BytesType)
	bytes3  = 3<<3 | byte(protowire.BytesType)
	bytes6  = 6<<3 | byte(protowire.BytesType)
	varint1 = 1<<3 | byte(protowire.VarintType)
	varint2 = 2<<3 | byte(protowire.VarintType)
	varint4 = 4<<3 | byte(protowire.VarintType)
	fixed2  = 2<<3 | byte(protowire.Fixed64Type)
)

// Batch is the rows of a CustomerBatch as they came.
type Batch struct {
	// Sequence is the batch's number.
	Sequence int64
	// Rows is a CustomerRows. Where they lie, customers end where they should; what is in them is not looked at.
	Rows []byte
	// Count is how many customers they are.
	Count int
	// Arrow is the customers as an IPC stream, where they came so; then there are no rows.
	Arrow []byte
}

// arrowTag is the tag of a batch's Arrow, the field 200, of two bytes.
const arrowTag0, arrowTag1 = byte(200<<3&0x7F|0x80) | byte(protowire.BytesType), byte(200 << 3 >> 7)

// Split finds the batch in a request of a bulk stream: BulkAssignRequest, ImportCustomersRequest or CalibrateRequest, which all have it in the same
// field. It reports false where the message has another, or looks different from what encoders write: then protobuf is to decode it.
func Split(request []byte) (b Batch, ok bool) {
	batch, rest, ok := field(request, bytes2)
	if !ok || len(rest) > 0 {
		return Batch{}, false
	}
	if len(batch) > 0 && batch[0] == varint1 {
		sequence, n := protowire.ConsumeVarint(batch[1:])
		if n < 0 {
			return Batch{}, false
		}
		b.Sequence, batch = int64(sequence), batch[1+n:]
	}
	if len(batch) > 2 && batch[0] == arrowTag0 && batch[1] == arrowTag1 {
		stream, n := protowire.ConsumeBytes(batch[2:])
		b.Arrow = stream
		return b, n == len(batch)-2 && len(stream) > 0
	}
	if b.Rows, rest, ok = field(batch, bytes2); !ok || len(rest) > 0 {
		return Batch{}, false
	}
	for rows := b.Rows; len(rows) > 0; b.Count++ {
		if _, rows, ok = field(rows, bytes1); !ok {
			return Batch{}, false
		}
	}
	return b, true
}

// ArrowAt returns where the Arrow of a request's batch begins, as told by the request's first bytes; 0 where Split finds none.
func ArrowAt(request []byte) int {
	at := 0
	skip := func(tag ...byte) bool {
		if at > len(request) || !bytes.HasPrefix(request[at:], tag) {
			return false
		}
		_, n := protowire.ConsumeVarint(request[at+len(tag):])
		at += len(tag) + max(n, 0)
		return n > 0
	}
	if !skip(bytes2) {
		return 0
	}
	if skip(varint1); !skip(arrowTag0, arrowTag1) {
		return 0
	}
	return at
}

// field returns the content of the field that data begins with, which must have that tag, and what follows it.
func field(data []byte, tag byte) (content, rest []byte, ok bool) {
	if len(data) < 2 || data[0] != tag {
		return nil, nil, false
	}
	size, from := uint64(data[1]), 2
	if size >= 0x80 {
		n := 0
		if size, n = protowire.ConsumeVarint(data[1:]); n < 0 {
			return nil, nil, false
		}
		from = 1 + n
	}
	if size > uint64(len(data)-from) {
		return nil, nil, false
	}
	to := from + int(size)
	return data[from:to], data[to:], true
}
