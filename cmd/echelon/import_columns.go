package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// wireID is the column of ids on the wire: no attribute is called so.
	wireID = "customer id"
	// columnRows is how many rows a batch of columns has. With assignments in its commit it has fewer, as batches of rows do.
	columnRows, assignRows = 4 << 10, 1000
	// columnBytes is about how large the rows of a batch are at most, so that they fit one commit: dictionaries make them small on the wire alone.
	columnBytes = 4 << 20
	// customerBytes is about how large a customer is that fits no message.
	customerBytes = 16<<20 - 64<<10
)

// imported sends the customers, and returns the progress. They go in columns where the store has each attribute as they have it; else as rows, since
// the service says row by row then what is wrong with them.
func (j *importing) imported(ctx context.Context, server *client.Client, header *echelonv1.ImportHeader) iter.Seq2[client.ImportProgress, error] {
	fail := func(err error) iter.Seq2[client.ImportProgress, error] {
		return func(yield func(client.ImportProgress, error) bool) { yield(client.ImportProgress{}, err) }
	}
	schema, err := server.GetSchema(ctx)
	if err != nil {
		return fail(err)
	}
	if !isOf(j.attributes, schema) {
		return server.ImportCustomers(ctx, header, j.customers(ctx))
	}
	writer, err := arrowframe.NewWriter(frame.ModelSchema(j.attributes), wireID)
	if err != nil {
		return fail(err)
	}
	rows := columnRows
	if header.GetAssign() {
		rows = assignRows
	}
	header.IdColumn = wireID
	return server.ImportArrow(ctx, header, j.streams(ctx, writer, rows))
}

// isOf reports whether each of the attributes is one of the schema, by name and type.
func isOf(attributes []*echelonv1.Attribute, schema *echelonv1.Schema) bool {
	types := make(map[string]echelonv1.Attribute_Type)
	for _, kept := range schema.GetAttributes() {
		if !kept.GetRetired() {
			types[kept.GetName()] = kept.GetType()
		}
	}
	for _, a := range attributes {
		if of, known := types[a.GetName()]; !known || of != a.GetType() {
			return false
		}
	}
	return true
}

// streams returns the rows that can be read as streams of Arrow with at most that many each; the others are refused here.
func (j *importing) streams(ctx context.Context, writer *arrowframe.Writer, rows int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for batch, err := range j.batches(ctx, rows) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !j.stream(writer, batch.Frame, batch.Lines, yield) {
				return
			}
		}
	}
}

// stream yields the rows that begin on these lines, in halves where they are too large for a batch.
func (j *importing) stream(writer *arrowframe.Writer, f *frame.Frame, lines []int, yield func([]byte, error) bool) bool {
	n, size := f.Len(), rowBytes(f)
	switch {
	case n == 0:
		return true
	case n > 1 && size > columnBytes:
		first, second := f.Halves()
		return j.stream(writer, first, lines[:first.Len()], yield) && j.stream(writer, second, lines[first.Len():], yield)
	case size > customerBytes:
		j.refuse(tabular.Refusal{Line: lines[0], CustomerID: f.IDs[0], Code: echelonv1.RowError_VALUE_TOO_LONG.String(),
			Message: fmt.Sprintf("the customer has about %d bytes, more than the %d that fit into a message: shorten its attributes", size, customerBytes)})
		return true
	}
	j.lines = append(j.lines, lines...)
	stream, err := writer.Stream(f)
	return yield(stream, err) && err == nil
}

// rowBytes returns about how many bytes the rows of a frame are, each text as often as a row has it.
func rowBytes(f *frame.Frame) int {
	n := 0
	for _, id := range f.IDs {
		n += len(id)
	}
	for i := range f.Columns {
		c := &f.Columns[i]
		n += 8 * c.Valid.Count()
		lengths := make([]int, len(c.Dict))
		for code, text := range c.Dict {
			lengths[code] = len(text)
		}
		for row, code := range c.Codes {
			if c.Offsets != nil || c.Valid.Get(row) {
				n += lengths[code]
			}
		}
	}
	return n
}
