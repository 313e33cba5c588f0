package tabular

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/echelonhq/echelon/engine/frame/arrowframe"
)

// records is the record batches of a file.
type records interface {
	Schema() *arrow.Schema
	// Next returns the next one, which holds until the next call, and io.EOF after the last.
	Next() (arrow.RecordBatch, error)
}

// arrowSource is the rows of record batches, of Arrow or Parquet.
type arrowSource struct {
	file  string
	from  records
	names []string
	// read tells which columns are looked at.
	read   []bool
	record arrow.RecordBatch
	at     int
	rows   int
	row    []Value
	cells  []arrowframe.Cell
}

// newArrowSource reads the record batches of an Arrow file or stream.
func newArrowSource(in io.Reader, options RowOptions) (source, error) {
	from, err := arrowframe.NewFileReader(in)
	if err != nil {
		return nil, unreadable(options.File, "Arrow file", err)
	}
	return newRecordSource(from, options), nil
}

// unreadable says of an error of a whole file which file it is of.
func unreadable(file, what string, err error) error {
	var wrong *arrowframe.Error
	if errors.As(err, &wrong) {
		return &Error{File: file, Message: "the " + what + " cannot be read: " + wrong.Error(), Remedy: "write it anew, or say by --format what it is"}
	}
	return named(file, err)
}

func newRecordSource(from records, options RowOptions) *arrowSource {
	s := &arrowSource{file: options.File, from: from}
	for _, column := range from.Schema().Fields() {
		s.names = append(s.names, column.Name)
		s.read = append(s.read, !options.Only || slices.Contains(options.Expected, column.Name))
	}
	s.row, s.cells = make([]Value, len(s.names)), make([]arrowframe.Cell, len(s.names))
	return s
}

func (s *arrowSource) columns() []string { return s.names }

func (s *arrowSource) unseen() []string { return nil }

// line returns the row's number: such files have no lines.
func (s *arrowSource) line() int { return s.rows }

func (s *arrowSource) next() (row []Value, err error) {
	// Values that point outside of their column make arrow-go panic.
	defer func() {
		if panicked := recover(); panicked != nil {
			err = &Error{File: s.file, Line: s.rows, Message: "the values of a column do not fit together", Remedy: "write the file anew"}
		}
	}()
	for s.record == nil || s.at == int(s.record.NumRows()) {
		record, err := s.from.Next()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, s.broken(err)
		}
		s.record, s.at = record, 0
	}
	s.rows++
	for i := range s.row {
		s.row[i] = Value{}
		if !s.read[i] {
			continue
		}
		column := s.record.Column(i)
		if !arrowframe.Readable(column.DataType()) {
			if column.IsValid(s.at) {
				s.row[i] = Value{Kind: Other, Text: fmt.Sprintf("a value of the type %s", column.DataType())}
			}
			continue
		}
		s.cells[i] = arrowframe.CellOf(column, s.at)
		switch cell := &s.cells[i]; cell.Kind {
		case arrowframe.Missing:
		case arrowframe.Text:
			s.row[i] = Value{Kind: Text, Text: cell.Text}
		default:
			s.row[i] = Value{Kind: Typed, cell: cell}
		}
	}
	s.at++
	return s.row, nil
}

// broken says why no more rows can be read, and after which.
func (s *arrowSource) broken(err error) error {
	var wrong *arrowframe.Error
	if errors.As(err, &wrong) {
		return &Error{File: s.file, Message: fmt.Sprintf("no more can be read after row %d: %v", s.rows, wrong), Remedy: "write the file anew"}
	}
	return named(s.file, err)
}

// plain returns a value as formats without types of their own have it.
func (v Value) plain() Value {
	if v.Kind != Typed {
		return v
	}
	switch v.cell.Kind {
	case arrowframe.Number, arrowframe.Whole, arrowframe.Inexact:
		return Value{Kind: Number, Text: v.cell.String()}
	case arrowframe.Truth:
		return Value{Kind: Truth, Text: v.cell.String()}
	case arrowframe.List:
		return Value{Kind: List, Items: v.cell.Items}
	case arrowframe.Holed:
		return Value{Kind: Other, Text: "a list with a null in it"}
	}
	return Value{Kind: Text, Text: v.cell.String()}
}

// checkTypes finds the columns whose type is not their attribute's.
func (r *Reader) checkTypes() error {
	s, is := r.from.(*arrowSource)
	if !is {
		return nil
	}
	message, remedy := "", ""
	r.typed = make([]bool, len(r.header.fields))
	for i, place := range r.header.fields {
		if place == absent {
			continue
		}
		field, column := r.builder.Schema().Field(i), s.from.Schema().Field(place)
		cast, ok := arrowframe.Takes(field, column.Type)
		r.typed[i] = ok
		if ok || r.declared(i) && arrowframe.Readable(column.Type) {
			continue
		}
		if message != "" {
			message += ", and "
		}
		message += fmt.Sprintf("the column %q is of the type %s, and the attribute %s is a %s", shown(column.Name), column.Type, field.Name, field.Type)
		if remedy == "" {
			remedy = cast
			if arrowframe.HasTexts(column.Type) {
				remedy += ", or say by `format` in the model how its texts are written"
			}
		}
	}
	if message != "" {
		return &Error{File: r.options.File, Message: message, Remedy: remedy}
	}
	return nil
}

// setTyped gives the row a value of a column with a type. Where the attribute does not take the type its format reads the value's text.
func (r *Reader) setTyped(field int, v Value) {
	if r.typed[field] {
		arrowframe.Give(r.builder, field, *v.cell)
		return
	}
	r.set(field, v.plain())
}
