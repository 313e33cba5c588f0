package arrowframe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// What a file's parts may have, in bytes: its metadata, the body of a batch, and that uncompressed.
const (
	maxFileMeta         = 64 << 20
	maxFileBody         = 2 << 30
	maxFileUncompressed = 2 << 30
)

// FileReader reads the record batches of an IPC stream or file, one after the other: of a file neither its footer nor an order of its own is looked at.
type FileReader struct {
	in     *fileMessages
	reader *ipc.Reader
}

// NewFileReader reads the schema. It fails with an *Error where the input is no Arrow, and with the error of in.
func NewFileReader(in io.Reader) (f *FileReader, err error) {
	defer disagree(&err)
	m := &fileMessages{in: bufio.NewReaderSize(in, 1<<16)}
	if first, _ := m.in.Peek(len(ipc.Magic)); bytes.Equal(first, ipc.Magic) {
		m.whole = true
		if _, err := m.in.Discard(alignment); err != nil {
			return nil, ended(err)
		}
	}
	reader, err := ipc.NewReaderFromMessageReader(m)
	if err != nil {
		return nil, m.fileError(err)
	}
	return &FileReader{in: m, reader: reader}, nil
}

// Schema returns the schema of the record batches.
func (f *FileReader) Schema() *arrow.Schema { return f.reader.Schema() }

// Next returns the next record batch, which holds until the next call, and io.EOF after the last. It fails as NewFileReader does.
func (f *FileReader) Next() (record arrow.RecordBatch, err error) {
	defer disagree(&err)
	record, err = f.reader.Read()
	if errors.Is(err, io.EOF) && f.in.failure == nil {
		return nil, io.EOF
	}
	if err != nil {
		return nil, f.in.fileError(err)
	}
	return record, nil
}

// disagree makes an *Error of a panic of arrow-go.
func disagree(err *error) {
	if panicked := recover(); panicked != nil {
		*err = disagreeing()
	}
}

// fileMessages reads the messages of a stream one after the other.
type fileMessages struct {
	in *bufio.Reader
	// whole tells that it is a file, whose batches end before it does: a stream may end behind any of them.
	whole bool
	// failure is why no more could be read.
	failure error
	// needs is what the schema says that the other parts need.
	needs *schemaNeeds
}

var _ ipc.MessageReader = (*fileMessages)(nil)

// Retain implements ipc.MessageReader.
func (*fileMessages) Retain() {}

// Release implements ipc.MessageReader.
func (*fileMessages) Release() {}

// Message returns the next message, and io.EOF after the last.
func (m *fileMessages) Message() (*ipc.Message, error) {
	meta, body, err := m.next()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			m.failure = err
		}
		return nil, err
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

func (m *fileMessages) next() (meta, body []byte, err error) {
	size, err := m.word()
	if err == nil && size == mark {
		if size, err = m.word(); errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	}
	switch {
	case errors.Is(err, io.EOF) && !m.whole:
		return nil, nil, io.EOF
	case err != nil:
		return nil, nil, ended(err)
	case size == 0:
		return nil, nil, io.EOF
	case size > maxFileMeta:
		return nil, nil, damaged("a part says that its metadata have %d bytes", size)
	}
	if meta, err = m.read(int64(size)); err != nil {
		return nil, nil, err
	}
	h, err := readHeader(meta)
	if err != nil {
		return nil, nil, err
	}
	if h.body < 0 || h.body > maxFileBody {
		return nil, nil, errorf("a record batch has %d bytes, at most %d are read: write it with fewer rows a batch", h.body, int64(maxFileBody))
	}
	if body, err = m.read(h.body); err != nil {
		return nil, nil, err
	}
	if h.kind == ipc.MessageSchema {
		m.needs = h.needs
	} else if err := m.needs.check(h); err != nil {
		return nil, nil, err
	}
	return meta, body, h.check(body, maxFileUncompressed)
}

func (m *fileMessages) word() (uint32, error) {
	var word [markBytes]byte
	_, err := io.ReadFull(m.in, word[:])
	return binary.LittleEndian.Uint32(word[:]), err
}

// read reads that many bytes; no more room is taken than there are bytes.
func (m *fileMessages) read(n int64) ([]byte, error) {
	var part bytes.Buffer
	part.Grow(int(min(n, 1<<20)))
	if _, err := io.CopyN(&part, m.in, n); err != nil {
		return nil, ended(err)
	}
	return part.Bytes(), nil
}

// ended says of an end within a part that it is one.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errorf("it ends too early, it may have been cut while it was copied")
	}
	return err
}

// fileError prefers what the messages said, which arrow-go wraps.
func (m *fileMessages) fileError(err error) error {
	var ours *Error
	switch {
	case m.failure != nil && errors.As(m.failure, &ours):
		return ours
	case m.failure != nil:
		return fmt.Errorf("reading: %w", m.failure)
	case errors.Is(err, io.EOF):
		return errorf("it is empty: give it a schema and record batches")
	}
	return asError(err)
}
