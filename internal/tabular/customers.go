package tabular

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/format"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

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
	w := &CustomerWriter{csv: csv.NewWriter(out)}
	header := []string{idColumn}
	for _, a := range attributes {
		column := Column(a)
		if column == idColumn {
			return nil, fmt.Errorf("the attribute %s has the column %q too: name another one for the ids with --id-column", a.GetName(), column)
		}
		if !slices.Contains(header, column) {
			header = append(header, column)
			w.attributes = append(w.attributes, a)
			parser, err := format.New(a)
			if err != nil {
				return nil, err
			}
			w.parsers = append(w.parsers, parser)
		}
	}
	return w, w.csv.Write(header)
}

// Write writes a customer. It fails where a file cannot hold a value, and with the error of out.
func (w *CustomerWriter) Write(customer *echelonv1.Customer) error {
	w.record = append(w.record[:0], customer.GetId())
	for i, a := range w.attributes {
		value := customer.GetAttributes().GetFields()[a.GetName()]
		cell, err := formatCell(a, w.parsers[i], value)
		if err != nil {
			return fmt.Errorf("customer %q, %s: %w", customer.GetId(), a.GetName(), err)
		}
		if _, null := value.GetKind().(*structpb.Value_NullValue); value != nil && !null && cell == "" {
			w.emptied++
		}
		w.record = append(w.record, cell)
	}
	return w.csv.Write(w.record)
}

// Emptied returns how many empty texts and lists were written; they read back as missing, since that is what an empty cell is.
func (w *CustomerWriter) Emptied() int { return w.emptied }

// Flush writes what is held back. It fails with the first error of out.
func (w *CustomerWriter) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// formatCell writes a value so that a Reader reads it back.
func formatCell(a *echelonv1.Attribute, parser *format.Parser, value *structpb.Value) (string, error) {
	v, text := format.Value{}, ""
	switch kind := value.GetKind().(type) {
	case *structpb.Value_NumberValue:
		v.Number = kind.NumberValue
	case *structpb.Value_BoolValue:
		v.Bool = kind.BoolValue
	case *structpb.Value_StringValue:
		var err error
		switch text = kind.StringValue; a.GetType() {
		case echelonv1.Attribute_DATE:
			v.Int, err = frame.ParseDate(text)
		case echelonv1.Attribute_TIMESTAMP:
			v.Int, err = frame.ParseTimestamp(text)
		}
		if err != nil || text == "" {
			return "", err
		}
	case *structpb.Value_ListValue:
		for _, item := range kind.ListValue.GetValues() {
			v.List = append(v.List, item.GetStringValue())
		}
		if separator := cmp.Or(a.GetFormat().GetSeparator(), format.ListSeparator); len(v.List) > 0 {
			for _, item := range v.List {
				if strings.Contains(item, separator) {
					return "", fmt.Errorf("the item %s has a %q, which separates items in a file: write it another way", frame.Quote(item), separator)
				}
			}
		}
		if len(v.List) == 0 || len(v.List) == 1 && v.List[0] == "" {
			return "", nil
		}
	default:
		return "", nil
	}
	return parser.Write(v, text)
}
