package arrowframe

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// MaxRows is the most rows that a record batch of a message may have.
const MaxRows = 10_000

// A stream of Arrow's IPC format is messages: a mark, the length of the metadata, the metadata, and a body whose length the metadata has.
const (
	mark      = 0xFFFFFFFF
	markBytes = 4
	alignment = 8
)

// messages splits a stream without copying it. It is an ipc.MessageReader.
type messages struct {
	// left is what was not read yet of a piece of the stream, and then the piece behind it.
	left, then []byte
	// batches counts the record batches, rows those of them.
	batches int
	rows    int64
	// ended tells that the mark of the end was read.
	ended bool
	// needs is what the schema says that the other parts need.
	needs *schemaNeeds
	// behind tells that the schema and the dictionaries were read from another stream: nothing but a record batch may follow.
	behind bool
	// unpacked is how many bytes the values of compressed parts have.
	unpacked int64
}

var _ ipc.MessageReader = (*messages)(nil)

// Retain implements ipc.MessageReader.
func (*messages) Retain() {}

// Release implements ipc.MessageReader.
func (*messages) Release() {}

// Message returns the next message, and io.EOF after the last.
func (m *messages) Message() (*ipc.Message, error) {
	meta, body, err := m.next()
	if err != nil {
		return nil, err
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// next returns the parts of the next message, whose lengths are within the stream.
func (m *messages) next() (meta, body []byte, err error) {
	if len(m.left) == 0 {
		m.left, m.then = m.then, nil
	}
	if len(m.left) == 0 {
		return nil, nil, io.EOF
	}
	size, ok := m.word()
	if ok && size == mark {
		size, ok = m.word()
	}
	switch {
	case !ok:
		return nil, nil, damaged("it ends within the length of a part")
	case size == 0:
		m.left, m.ended = nil, true
		return nil, nil, io.EOF
	case int64(size) > int64(len(m.left)):
		return nil, nil, damaged("a part says that it has %d bytes, and %d follow", size, len(m.left))
	}
	// A slice may reach to the end of its capacity, and what lies there is none of the part.
	meta, m.left = m.left[:size:size], m.left[size:]
	h, err := readHeader(meta)
	if err != nil {
		return nil, nil, err
	}
	if h.body < 0 || h.body > int64(len(m.left)) {
		return nil, nil, damaged("a body says that it has %d bytes, and %d follow", h.body, len(m.left))
	}
	body, m.left = m.left[:h.body:h.body], m.left[h.body:]
	switch {
	case h.kind == ipc.MessageRecordBatch:
		m.batches++
		m.rows += h.rows
	case m.behind:
		return nil, nil, disagreeing()
	}
	if h.kind == ipc.MessageSchema {
		m.needs = h.needs
	} else if err := m.needs.check(h); err != nil {
		return nil, nil, err
	}
	err = h.check(body, maxUncompressed)
	if err == nil && h.compressed {
		m.unpacked += h.unpacked(body)
	}
	return meta, body, err
}

func (m *messages) word() (uint32, bool) {
	if len(m.left) < markBytes {
		return 0, false
	}
	word := binary.LittleEndian.Uint32(m.left)
	m.left = m.left[markBytes:]
	return word, true
}

// Rows returns how many rows the record batches of a stream have, without reading them; 0 of one that is damaged.
func Rows(stream []byte) int {
	m := &messages{left: stream}
	for {
		if _, _, err := m.next(); err != nil {
			if !errors.Is(err, io.EOF) {
				return 0
			}
			return int(m.rows)
		}
	}
}

// asError makes an error of arrow-go ours.
func asError(err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	if errors.Is(err, io.EOF) {
		return damaged("it is empty")
	}
	return disagreeing()
}

// disagreeing is the error of a message whose parts arrow-go cannot bring together. Its own words are of its code.
func disagreeing() *Error {
	return damaged("its schema, its dictionaries and its values do not fit together")
}
