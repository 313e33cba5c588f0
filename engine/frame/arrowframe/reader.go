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
	told   map[string]bool
}

// NewReader returns a reader of batches that become frames of a schema.
func NewReader(to *frame.Schema, options Options) *Reader {
	return &Reader{to: to, options: options, told: make(map[string]bool)}
}

// Read reads a batch, and says of columns that are ignored that they are, once each. It fails with an *Error.
func (r *Reader) Read(stream []byte) (batch *Batch, notices []string, err error) {
	schema, record, err := read(stream)
	if err != nil {
		return nil, nil, err
	}
	layout, notices, err := r.layoutOf(schema)
	if err != nil {
		return nil, nil, err
	}
	if record == nil {
		return &Batch{Frame: frame.NewBuilder(r.to).Take()}, notices, nil
	}
	batch, err = layout.Frame(record)
	return batch, notices, err
}

// layoutOf returns the layout of a schema: mostly that of the batch before.
func (r *Reader) layoutOf(schema *arrow.Schema) (layout *Layout, notices []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.schema != nil && r.schema.Equal(schema) {
		return r.layout, nil, nil
	}
	if layout, err = NewLayout(schema, r.to, r.options); err != nil {
		return nil, nil, err
	}
	r.schema, r.layout = schema, layout
	var ignored []string
	for _, name := range layout.Ignored() {
		if !r.told[name] && len(r.told) < maxTold {
			r.told[name] = true
			ignored = append(ignored, name)
		}
	}
	switch len(ignored) {
	case 0:
		return layout, nil, nil
	case 1:
		return layout, []string{fmt.Sprintf("the column %s is no attribute and is ignored", quoteAll(ignored))}, nil
	}
	return layout, []string{fmt.Sprintf("the columns %s are no attributes and are ignored", quoteAll(ignored))}, nil
}

// maxTold is how many columns that are ignored are remembered; what follows is not told.
const maxTold = 10_000
