package arrowframe

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// mostKept is how long the beginning of a stream may be, in bytes, that is kept for the next one.
const mostKept = 256 << 10

// opened is a stream whose schema and dictionaries were read. Whoever sends batch after batch mostly sends the same ones again: then they are not.
type opened struct {
	// head is the stream up to its record batch.
	head   []byte
	parts  *messages
	reader *ipc.Reader
	// layout is that of the schema, and entries are the texts of dictionaries, by their fields' places.
	layout  *Layout
	entries map[int]*entries
}

// read returns the schema of a stream and its record batch, which is nil where it has none. They share the stream's memory.
func read(stream []byte) (schema *arrow.Schema, record arrow.RecordBatch, err error) {
	o, record, err := open(stream, false)
	if err != nil {
		return nil, nil, err
	}
	return o.reader.Schema(), record, nil
}

// open reads a stream. Where it is kept, others that begin alike may be read after it, each once nobody looks at the one before.
func open(stream []byte, keep bool) (o *opened, record arrow.RecordBatch, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = disagreeing()
		}
	}()
	if len(stream) >= len(ipc.Magic) && string(stream[:len(ipc.Magic)]) == string(ipc.Magic) {
		return nil, nil, errorf("the batch is an Arrow file, and a stream is expected: write it in Arrow's streaming format (ipc.new_stream)")
	}
	o = &opened{parts: &messages{left: stream}}
	if keep {
		if n := headBytes(stream); n > 0 && n <= mostKept {
			o.head, o.entries = slices.Clone(stream[:n]), make(map[int]*entries)
			o.parts.left, o.parts.then = o.head, stream[n:]
		}
	}
	if o.reader, err = ipc.NewReaderFromMessageReader(o.parts); err != nil {
		return nil, nil, asError(err)
	}
	record, err = o.batch()
	return o, record, err
}

// headBytes returns how much of a stream stands before its record batch; 0 where it has none, or is damaged, or where dictionaries that are compressed
// take much more memory than that.
func headBytes(stream []byte) int {
	m := &messages{left: stream}
	for {
		at, unpacked := len(stream)-len(m.left), m.unpacked
		switch _, _, err := m.next(); {
		case err != nil || unpacked > mostKept:
			return 0
		case m.batches > 0:
			return at
		}
	}
}

// again reads a stream that begins like the one that was opened, and reports whether it does. It fails where other dictionaries follow, which the streams
// after it do not have.
func (o *opened) again(stream []byte) (record arrow.RecordBatch, alike bool, err error) {
	if o == nil || len(o.head) == 0 || !bytes.HasPrefix(stream, o.head) {
		return nil, false, nil
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			err = disagreeing()
		}
	}()
	*o.parts = messages{left: stream[len(o.head):], needs: o.parts.needs, behind: true}
	record, err = o.batch()
	return record, true, err
}

// batch reads the record batch, behind which nothing else may come; nil where there is none.
func (o *opened) batch() (arrow.RecordBatch, error) {
	record, err := o.reader.Read()
	if errors.Is(err, io.EOF) {
		if !o.parts.ended {
			return nil, damaged("it ends before its record batch")
		}
		return nil, nil
	}
	if err != nil {
		return nil, asError(err)
	}
	for err == nil {
		_, _, err = o.parts.next()
	}
	switch {
	case !errors.Is(err, io.EOF):
		return nil, asError(err)
	case o.parts.batches > 1:
		return nil, errorf("the Arrow message has %d record batches: send one a message", o.parts.batches)
	case o.parts.rows > MaxRows:
		return nil, errorf("the record batch has %d rows, at most %d are allowed: send more and smaller batches", o.parts.rows, MaxRows)
	}
	return record, nil
}
