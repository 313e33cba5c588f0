package arrowframe

import (
	"encoding/binary"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	flatbuffers "github.com/google/flatbuffers/go"
)

// The fields of the tables of Arrow's format (Message.fbs, Schema.fbs) that are looked at before anything else does, as places in their tables.
const (
	messageKind   = 6
	messageHeader = 8
	messageBody   = 10

	messageNotes = 12

	dictionaryID    = 4
	dictionaryData  = 6
	dictionaryDelta = 8

	batchLength      = 4
	batchNodes       = 6
	batchBuffers     = 8
	batchCompression = 10
	batchVariadic    = 12

	compressionCodec = 4
	codecZstd        = 1

	nodeBytes   = 16 // two int64: the length, the number of nulls
	bufferBytes = 16 // two int64: the offset, the length
)

// maxUncompressed is how many bytes the buffers of a compressed message have at most together, uncompressed.
const maxUncompressed = 64 << 20

// header is what a message's metadata say of its body.
type header struct {
	kind ipc.MessageType
	body int64
	// rows is the length of a record batch or of a dictionary.
	rows       int64
	compressed bool
	zstd       bool
	// nodes are the lengths of the columns, buffers the places of their memory in the body.
	nodes   []int64
	buffers [][2]int64
	// variadic is how many buffers of texts the columns of views have together.
	variadic int64
	// counts are how many columns that is told of, where it is told at all.
	counts  int
	counted bool
	// id is that of a dictionary.
	id int64
	// needs is what the parts behind a schema need.
	needs *schemaNeeds
}

// readHeader reads metadata, in which every place is checked by the slices of Go.
func readHeader(meta []byte) (h header, err error) {
	meta = slices.Clip(meta) // a slice may reach to the end of its capacity, and what lies there is none of the message
	defer func() {
		if panicked := recover(); panicked != nil {
			err = damaged("the metadata of a part point outside of it")
		}
	}()
	message := tableAt(meta, flatbuffers.GetUOffsetT(meta))
	h.kind = ipc.MessageType(message.GetByteSlot(messageKind, 0))
	h.body = message.GetInt64Slot(messageBody, 0)
	at := flatbuffers.UOffsetT(message.Offset(messageHeader))
	if at == 0 {
		return h, damaged("a part has no header")
	}
	inner := tableAt(meta, message.Indirect(at+message.Pos))
	switch h.kind {
	case ipc.MessageSchema:
		h.needs, err = checkSchema(inner)
		return h, err
	case ipc.MessageDictionaryBatch:
		if inner.GetBoolSlot(dictionaryDelta, false) {
			return h, damaged("a dictionary goes on another one, and a message has a single batch")
		}
		if at = flatbuffers.UOffsetT(inner.Offset(dictionaryData)); at == 0 {
			return h, damaged("a dictionary has no values")
		}
		h.id = inner.GetInt64Slot(dictionaryID, 0)
		inner = tableAt(meta, inner.Indirect(at+inner.Pos))
	case ipc.MessageRecordBatch:
	default:
		return h, damaged("a part is a %v, and a schema, dictionaries and a record batch are expected", h.kind)
	}
	h.rows = inner.GetInt64Slot(batchLength, 0)
	if at = flatbuffers.UOffsetT(inner.Offset(batchCompression)); at != 0 {
		h.compressed = true
		h.zstd = tableAt(meta, inner.Indirect(at+inner.Pos)).GetByteSlot(compressionCodec, 0) == codecZstd
	}
	h.counted = inner.Offset(batchVariadic) != 0
	checkVector(message, messageNotes, offsetBytes)
	for count := range structs(inner, batchVariadic, 8) {
		n := int64(binary.LittleEndian.Uint64(count))
		if n < 0 || n > int64(len(meta)) {
			return h, damaged("a column says that it has %d buffers", n)
		}
		h.variadic += n
		h.counts++
	}
	for node := range structs(inner, batchNodes, nodeBytes) {
		h.nodes = append(h.nodes, int64(binary.LittleEndian.Uint64(node)))
	}
	for buffer := range structs(inner, batchBuffers, bufferBytes) {
		h.buffers = append(h.buffers, [2]int64{int64(binary.LittleEndian.Uint64(buffer)), int64(binary.LittleEndian.Uint64(buffer[8:]))})
	}
	return h, nil
}

func tableAt(meta []byte, at flatbuffers.UOffsetT) *flatbuffers.Table {
	return &flatbuffers.Table{Bytes: meta, Pos: at}
}

// structs goes through a vector of structs of that size.
func structs(of *flatbuffers.Table, slot flatbuffers.VOffsetT, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		at := flatbuffers.UOffsetT(of.Offset(slot))
		if at == 0 {
			return
		}
		first := int(of.Vector(at))
		for i := range of.VectorLen(at) {
			if !yield(of.Bytes[first+i*size : first+(i+1)*size]) {
				return
			}
		}
	}
}

// check holds what the metadata say against the body, so that nothing outside of it is read and no memory is allocated that it does not fill.
func (h header) check(body []byte, maxUncompressed int64) error {
	body = slices.Clip(body)
	if h.rows < 0 {
		return damaged("a part has %d rows", h.rows)
	}
	if h.variadic > int64(len(h.buffers)) {
		return damaged("the columns have %d buffers of %d", h.variadic, len(h.buffers))
	}
	// A value of any type but null takes a bit at least, and nulls have no use in numbers beyond those of rows.
	most := 8*int64(len(body)) + MaxRows
	if h.compressed {
		most = 8 * maxUncompressed
	}
	for _, length := range h.nodes {
		if length < 0 || length > most {
			return damaged("a column says that it has %d values", length)
		}
	}
	uncompressed := int64(0)
	for _, at := range h.buffers {
		from, length := at[0], at[1]
		if from < 0 || length < 0 || from > int64(len(body)) || length > int64(len(body))-from {
			return damaged("the values of a column lie outside of it")
		}
		if !h.compressed || length == 0 {
			continue
		}
		if length < alignment {
			return damaged("compressed values are too short")
		}
		if size := int64(binary.LittleEndian.Uint64(body[from:])); size != -1 {
			if size < 0 || size > maxUncompressed || uncompressed+size > maxUncompressed {
				return errorf("the compressed values have more than %d MiB: write smaller batches, or leave them uncompressed", maxUncompressed>>20)
			}
			uncompressed += size
			if h.zstd && !windowsWithin(body[from+alignment:from+length], uint64(maxUncompressed)) {
				return errorf("the compressed values need more than %d MiB of memory to be read: write them with a smaller window, or leave them uncompressed", maxUncompressed>>20)
			}
		}
	}
	return nil
}

// unpacked returns how many bytes the values of a compressed part have, whose body was checked.
func (h header) unpacked(body []byte) (sum int64) {
	for _, at := range h.buffers {
		if at[1] == 0 {
			continue
		}
		size := int64(binary.LittleEndian.Uint64(body[at[0]:]))
		if size == -1 { // they are as they were
			size = at[1] - alignment
		}
		sum += size
	}
	return sum
}
