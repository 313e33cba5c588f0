package tabular

import (
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/format"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// BatchRows is how many rows a batch has where nothing speaks for another number: what stays in a processor's cache.
const BatchRows = 1024

// RowColumn is what the column of ids is called where they are the rows' numbers.
const RowColumn = "row"

// Options says how a file is read.
type Options struct {
	// File is the file's name, for messages.
	File string
	// Format is how the file holds rows; empty is CSV.
	Format Format
	// Delimiter separates the cells of CSV; 0 is found from the header.
	Delimiter rune
	// Encoding is how the file writes text; empty is UTF-8.
	Encoding Encoding
	// IDColumn is the column that has the ids.
	IDColumn string
	// RowIDs makes the rows' numbers, from 1, their ids, for files that have none. IDColumn then is not read.
	RowIDs bool
	// Attributes are what is read of the rows. Other columns are ignored.
	Attributes []*echelonv1.Attribute
	// AllowMissingColumns takes the attributes whose column the file lacks as missing.
	AllowMissingColumns bool
}

// Batch is rows that follow each other in a file.
type Batch struct {
	// Frame is those that could be read, in the file's order.
	Frame *frame.Frame
	// Lines are where they begin, from 1.
	Lines []int
	// Refused are those that could not.
	Refused []Refusal
}

// Rows returns the number of rows, the refused ones too.
func (b *Batch) Rows() int { return len(b.Lines) + len(b.Refused) }

// Reader reads customers from a file.
type Reader struct {
	options Options
	from    source
	header  *header
	builder *frame.Builder
	// parsers read the attributes' cells.
	parsers []*format.Parser
	// plainNumber reads a number of JSON.
	plainNumber *format.Parser
	// typed tells which attributes take the type of their column; nil where columns have none.
	typed []bool
	// rows counts those that were read.
	rows int
}

// NewReader reads where the columns are. It fails with an *Error where that is not what the options ask for, with the error of in, and where an
// attribute's format has mistakes.
func NewReader(in io.Reader, options Options) (*Reader, error) {
	r := &Reader{options: options}
	for _, a := range options.Attributes {
		parser, err := format.New(a)
		if err != nil {
			return nil, err
		}
		r.parsers = append(r.parsers, parser)
	}
	var err error
	if r.plainNumber, err = format.New(&echelonv1.Attribute{Type: echelonv1.Attribute_NUMBER}); err != nil {
		return nil, err
	}
	r.from, err = openSource(in, RowOptions{File: options.File, Format: options.Format, Delimiter: options.Delimiter, Encoding: options.Encoding,
		Expected: expected(options), Only: true})
	if err != nil {
		return nil, err
	}
	var wrong *Error
	if r.header, wrong = newHeader(r.from, options); wrong != nil {
		return nil, wrong
	}
	r.builder = frame.NewBuilder(frame.ModelSchema(options.Attributes), frame.UniqueIDs())
	return r, r.checkTypes()
}

// expected returns the columns that a reader asks for.
func expected(options Options) []string {
	var columns []string
	if !options.RowIDs {
		columns = append(columns, options.IDColumn)
	}
	for _, a := range options.Attributes {
		columns = append(columns, Column(a))
	}
	return columns
}

// Delimiter returns what separates the cells; 0 for JSON lines.
func (r *Reader) Delimiter() rune { return delimiterOf(r.from) }

// Read returns the next rows, at most that many, and io.EOF after the last. It fails with an *Error where rows cannot be told apart any more.
func (r *Reader) Read(rows int) (*Batch, error) {
	batch := &Batch{}
	for batch.Rows() < rows {
		values, err := r.from.next()
		var bad *malformed
		switch {
		case errors.Is(err, io.EOF):
			return r.take(batch)
		case errors.As(err, &bad):
			r.rows++
			batch.Refused = append(batch.Refused, r.unreadable(bad))
			continue
		case err != nil:
			return nil, err
		}
		r.rows++
		if refused := r.row(values); refused != nil {
			batch.Refused = append(batch.Refused, *refused)
		} else {
			batch.Lines = append(batch.Lines, r.from.line())
		}
	}
	return r.take(batch)
}

func (r *Reader) take(batch *Batch) (*Batch, error) {
	if batch.Rows() == 0 {
		return nil, io.EOF
	}
	batch.Frame = r.builder.Take()
	return batch, nil
}

// Batches returns all rows that are left, in batches. It ends with the first error.
func (r *Reader) Batches(rows int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		for {
			batch, err := r.Read(rows)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(batch, err) || err != nil {
				return
			}
		}
	}
}

// id returns a row's id as it stands; false where it is of a type that is no id.
func (r *Reader) id(values []Value) (string, bool) {
	if r.options.RowIDs {
		return strconv.Itoa(r.rows), true
	}
	v := values[r.header.id].plain()
	switch v.Kind {
	case Absent, Cell, Text:
		return v.Text, true
	case Number:
		return v.Text, !strings.ContainsAny(v.Text, ".eE-")
	}
	return v.String(), false
}

// unreadable refuses a row of which the cells cannot be told.
func (r *Reader) unreadable(bad *malformed) Refusal {
	id, _ := r.id(bad.values)
	return Refusal{Line: r.from.line(), CustomerID: shown(id), Code: bad.code, Message: bad.message}
}

// row adds a row to the frame, or says why it is refused.
func (r *Reader) row(values []Value) *Refusal {
	id, ok := r.id(values)
	r.builder.Start(strings.Clone(id))
	if !ok {
		r.builder.Fail("", echelonv1.RowError_WRONG_TYPE, "the id %s is neither a text nor a whole number: write it as a text", frame.Quote(id))
	}
	for i, place := range r.header.fields {
		if place != absent {
			r.set(i, values[place])
		}
	}
	wrong := r.builder.Commit()
	if wrong == nil {
		return nil
	}
	refused := &Refusal{
		Line: r.from.line(), CustomerID: wrong.GetCustomerId(), Column: r.options.IDColumn, Value: shown(id),
		Code: wrong.GetCode().String(), Message: wrong.GetMessage(),
	}
	if i, ok := r.builder.Schema().Index(wrong.GetField()); ok {
		refused.Column, refused.Value = Column(r.options.Attributes[i]), ""
		if place := r.header.fields[i]; place != absent {
			refused.Value = shown(values[place].String())
		}
	}
	return refused
}
