package arrowframe

import (
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/echelonhq/echelon/engine/frame"
)

// Reader reads the batches of a stream, each a whole IPC stream with one record batch. Several goroutines may use it.
type Reader struct {
	to      *frame.Schema
	options Options

	mu     sync.Mutex
	schema *arrow.Schema
	layout *Layout
}

// NewReader returns a reader of batches that become frames of a schema.
func NewReader(to *frame.Schema, options Options) *Reader { return &Reader{to: to, options: options} }

// Read reads a batch. It fails with an *Error.
func (r *Reader) Read(stream []byte) (*Batch, error) { return r.ReadInto(nil, stream) }

// ReadInto reads a batch into memory that is used again; not where batches are owned.
func (r *Reader) ReadInto(memory *Memory, stream []byte) (*Batch, error) {
	o, record, err := memory.open(r, stream)
	if err != nil {
		return nil, err
	}
	if o.layout == nil {
		if o.layout, err = r.layoutOf(o.reader.Schema()); err != nil {
			return nil, err
		}
	}
	if record == nil {
		return &Batch{Frame: frame.NewBuilder(r.to).Take(), Ignored: o.layout.Ignored()}, nil
	}
	return o.layout.frame(memory, o, record)
}

// layoutOf returns the layout of a schema: mostly that of the batch before.
func (r *Reader) layoutOf(schema *arrow.Schema) (*Layout, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.schema != nil && r.schema.Equal(schema) {
		return r.layout, nil
	}
	layout, err := NewLayout(schema, r.to, r.options)
	if err != nil {
		return nil, err
	}
	r.schema, r.layout = schema, layout
	return layout, nil
}

// Notices says of columns that are ignored that they are.
func Notices(ignored []string) []string {
	switch len(ignored) {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("the column %s is no attribute and is ignored", quoteAll(ignored))}
	}
	return []string{fmt.Sprintf("the columns %s are no attributes and are ignored", quoteAll(ignored))}
}
