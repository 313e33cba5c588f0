package tabular

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// BatchRows is how many rows a batch has where nothing speaks for another number: what stays in a processor's cache.
const BatchRows = 1024

// Options says how a file is read.
type Options struct {
	// File is the file's name, for messages.
	File string
	// IDColumn is the header of the column that has the ids.
	IDColumn string
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

// Reader reads customers from a CSV file.
type Reader struct {
	options Options
	csv     *csv.Reader
	guard   *guard
	header  *header
	builder *frame.Builder
	// line is where the last row began.
	line int
}

// NewReader reads the file's header. It fails with an *Error where that is not what the options ask for, and with the error of in.
func NewReader(in io.Reader, options Options) (*Reader, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	if err := skipMark(buffered, options.File); err != nil {
		return nil, err
	}
	r := &Reader{options: options, guard: newGuard(buffered)}
	r.csv = csv.NewReader(r.guard)
	r.csv.FieldsPerRecord = -1
	r.csv.ReuseRecord = true
	names, err := r.record()
	if errors.Is(err, io.EOF) {
		return nil, &Error{File: options.File, Message: "the file is empty", Remedy: "give it a header line, and a line for each customer"}
	}
	if err != nil {
		return nil, err
	}
	var wrong *Error
	if r.header, wrong = newHeader(names, r.line, options); wrong != nil {
		return nil, wrong
	}
	r.builder = frame.NewBuilder(frame.ModelSchema(options.Attributes), frame.UniqueIDs())
	return r, nil
}

// skipMark skips the byte order mark that some programs begin a file with.
func skipMark(in *bufio.Reader, file string) error {
	first, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", file, err)
	}
	switch {
	case bytes.Equal(first, []byte("\xef\xbb\xbf")):
		_, err = in.Discard(len(first))
		return err
	case bytes.HasPrefix(first, []byte("\xff\xfe")), bytes.HasPrefix(first, []byte("\xfe\xff")):
		return &Error{File: file, Line: 1, Message: "the file is UTF-16", Remedy: "save it as UTF-8"}
	}
	return nil
}

// Read returns the next rows, at most that many, and io.EOF after the last. It fails with an *Error where rows cannot be told apart any more.
func (r *Reader) Read(rows int) (*Batch, error) {
	batch := &Batch{}
	for batch.Rows() < rows {
		record, err := r.record()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if refused := r.row(record); refused != nil {
			batch.Refused = append(batch.Refused, *refused)
		} else {
			batch.Lines = append(batch.Lines, r.line)
		}
	}
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

// record reads the next line's cells. They hold until the next call.
func (r *Reader) record() ([]string, error) {
	record, err := r.csv.Read()
	if err == nil {
		r.line, _ = r.csv.FieldPos(0)
		r.guard.release(r.csv.InputOffset())
		return record, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	return nil, r.broken(err)
}

// broken says why no more rows can be read.
func (r *Reader) broken(err error) error {
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, errLong):
		return &Error{
			File: r.options.File, Line: r.line, Message: fmt.Sprintf("the row after this line's is longer than %d MiB", maxRowBytes>>20),
			Remedy: "close the quote that one of its cells opens",
		}
	case !errors.As(err, &syntax):
		return fmt.Errorf("%s: %w", r.options.File, err)
	}
	wrong := &Error{File: r.options.File, Line: syntax.Line, Column: syntax.Column}
	if errors.Is(err, csv.ErrBareQuote) {
		wrong.Message = "a quote stands within a cell that does not begin with one"
		wrong.Remedy = `put the whole cell into quotes and double each quote in it, as in "12"" wheel"`
	} else {
		wrong.Message = fmt.Sprintf("the quoted cell of the row that begins in line %d does not end as it must", syntax.StartLine)
		wrong.Remedy = `end it by a quote that a comma or a line's end follows, and double each quote in it, as in "12"" wheel"`
	}
	return wrong
}

// row adds a row to the frame, or says why it is refused.
func (r *Reader) row(record []string) *Refusal {
	if len(record) != len(r.header.names) {
		refused := &Refusal{Line: r.line, Code: Ragged, Message: fmt.Sprintf(
			"the row has %d cells and the header %d: add or remove commas, or quote the cell that has one", len(record), len(r.header.names))}
		if r.header.id < len(record) {
			refused.CustomerID = shown(record[r.header.id])
		}
		return refused
	}
	// A cell is a part of its whole row's text: what is kept is copied, so that it does not keep the row.
	r.builder.Start(strings.Clone(record[r.header.id]))
	for i, place := range r.header.fields {
		if place != absent && record[place] != "" {
			r.set(i, record[place])
		}
	}
	wrong := r.builder.Commit()
	if wrong == nil {
		return nil
	}
	refused := &Refusal{
		Line: r.line, CustomerID: wrong.GetCustomerId(), Column: r.options.IDColumn, Value: shown(record[r.header.id]),
		Code: wrong.GetCode().String(), Message: wrong.GetMessage(),
	}
	if i, ok := r.builder.Schema().Index(wrong.GetField()); ok {
		refused.Column, refused.Value = Column(r.options.Attributes[i]), ""
		if place := r.header.fields[i]; place != absent {
			refused.Value = shown(record[place])
		}
	}
	return refused
}
