package tabular

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/format"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// CustomerSchema returns the fields that a file of customers has: the attributes, and of those that share a column the first.
func CustomerSchema(attributes []*echelonv1.Attribute) *frame.Schema {
	return schemaOf(columnsOf(attributes), (*echelonv1.Attribute).GetName)
}

// columnsOf returns the attributes without those whose column another one has.
func columnsOf(attributes []*echelonv1.Attribute) []*echelonv1.Attribute {
	var first []*echelonv1.Attribute
	named := make(map[string]bool)
	for _, a := range attributes {
		if !named[Column(a)] {
			named[Column(a)] = true
			first = append(first, a)
		}
	}
	return first
}

func schemaOf(attributes []*echelonv1.Attribute, name func(*echelonv1.Attribute) string) *frame.Schema {
	fields := make([]frame.Field, len(attributes))
	for i, a := range attributes {
		fields[i] = frame.Field{Name: name(a), Type: a.GetType()}
	}
	return frame.NewSchema(fields...)
}

// CustomerWriter writes customers as a CSV file that a Reader of the same attributes reads back.
type CustomerWriter struct {
	csv        *csv.Writer
	attributes []*echelonv1.Attribute
	parsers    []*format.Parser
	record     []string
	emptied    int
}

// NewCustomerWriter writes the header: the id's column and those of the attributes. Of attributes that share a column the first is written. It
// fails where the id's column is one of them, and with the error of out.
func NewCustomerWriter(out io.Writer, idColumn string, attributes []*echelonv1.Attribute) (*CustomerWriter, error) {
	w := &CustomerWriter{csv: csv.NewWriter(out), attributes: columnsOf(attributes)}
	header := []string{idColumn}
	for _, a := range w.attributes {
		column := Column(a)
		if column == idColumn {
			return nil, fmt.Errorf("the attribute %s has the column %q too: name another one for the ids with --id-column", a.GetName(), column)
		}
		header = append(header, column)
		parser, err := format.New(a)
		if err != nil {
			return nil, err
		}
		w.parsers = append(w.parsers, parser)
	}
	return w, w.csv.Write(header)
}

// Write writes customers of the CustomerSchema. It fails where a file cannot hold a value, and with the error of out.
func (w *CustomerWriter) Write(f *frame.Frame) error {
	for row, id := range f.IDs {
		w.record = append(w.record[:0], id)
		for i, a := range w.attributes {
			column := &f.Columns[i]
			if !column.Valid.Get(row) {
				w.record = append(w.record, "")
				continue
			}
			cell, err := formatCell(a, w.parsers[i], column, row)
			if err != nil {
				return fmt.Errorf("customer %q, %s: %w", id, a.GetName(), err)
			}
			if cell == "" {
				w.emptied++
			}
			w.record = append(w.record, cell)
		}
		if err := w.csv.Write(w.record); err != nil {
			return err
		}
	}
	return nil
}

// Emptied returns how many empty texts and lists were written; they read back as missing, since that is what an empty cell is.
func (w *CustomerWriter) Emptied() int { return w.emptied }

// Flush writes what is held back. It fails with the first error of out.
func (w *CustomerWriter) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// formatCell writes a value so that a Reader reads it back.
func formatCell(a *echelonv1.Attribute, parser *format.Parser, c *frame.Column, row int) (string, error) {
	v, text := format.Value{}, ""
	switch c.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		v.Number = c.Numbers[row]
	case echelonv1.Attribute_BOOLEAN:
		v.Bool = c.Bits.Get(row)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		v.Int = c.Ints[row]
	case echelonv1.Attribute_STRING:
		if text = c.String(row); text == "" {
			return "", nil
		}
	case echelonv1.Attribute_STRING_LIST:
		v.List = c.List(row)
		if len(v.List) == 0 || len(v.List) == 1 && v.List[0] == "" {
			return "", nil
		}
		separator := cmp.Or(a.GetFormat().GetSeparator(), format.ListSeparator)
		if i := slices.IndexFunc(v.List, func(item string) bool { return strings.Contains(item, separator) }); i >= 0 {
			return "", fmt.Errorf("the item %s has a %q, which separates items in a file: write it another way", frame.Quote(v.List[i]), separator)
		}
	}
	return parser.Write(v, text)
}
