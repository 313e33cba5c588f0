package arrowframe

import (
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// What Streams makes at most: rows that answers come back for soon, and bytes that fit into a message with room to spare.
const (
	streamRows = 8192
	mostBytes  = 8 << 20
)

// Streams returns record batches as IPC streams with one record batch each, as the service takes them: cut where they are large. A record batch may be
// released after the next was asked for.
func Streams(records iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for record, err := range records {
			if err != nil {
				yield(nil, err)
				return
			}
			if !cut(record, streamRows, yield) {
				return
			}
		}
	}
}

// cut yields a record batch in parts of at most that many rows, and halves those that are too large still.
func cut(record arrow.RecordBatch, rows int64, yield func([]byte, error) bool) bool {
	for from := int64(0); from < max(1, record.NumRows()); from += rows {
		part := record.NewSlice(from, min(from+rows, record.NumRows()))
		stream, err := Stream(part)
		if err == nil && len(stream) > mostBytes && part.NumRows() > 1 {
			if !cut(part, (part.NumRows()+1)/2, yield) {
				return false
			}
			continue
		}
		if !yield(stream, err) || err != nil {
			return false
		}
	}
	return true
}

// Record returns the record batch of an IPC stream, without rows where it has none. It shares the stream's memory. It fails with an *Error.
func Record(stream []byte) (arrow.RecordBatch, error) {
	schema, record, err := read(stream)
	if err == nil && record == nil {
		return emptyOf(schema), nil
	}
	return record, err
}

// emptyOf returns a record batch without rows.
func emptyOf(schema *arrow.Schema) arrow.RecordBatch {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	return builder.NewRecordBatch()
}
