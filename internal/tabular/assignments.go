package tabular

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// StandingColumns returns the columns that say how customers came to be in the tiers of a tiering, in the order of the fields of a Standing.
func StandingColumns(tiering string) []string {
	var columns []string
	for _, name := range []string{"since", "promotions", "demotions", "other_moves", "pending_since"} {
		columns = append(columns, name+"."+tiering)
	}
	return columns
}

// TierColumn returns the column of a tiering's tiers in force.
func TierColumn(tiering string) string { return "tier." + tiering }

// The fields of outcomes that are not written as they are called.
const excludedField, reasonsField, reasonColumn = "excluded", "reasons", "reason"

// OutcomeWriter writes outcomes as a CSV file: the id, and their columns in the schema's order, but for whether a customer is excluded, which the
// reasons say. Reasons are joined in one cell. Doubles are the shortest decimal that reads back; null is empty.
type OutcomeWriter struct {
	csv    *csv.Writer
	record []string
}

// NewOutcomeWriter writes the header of outcomes of a schema. It fails where a column is called like that of the ids, and with the error of out.
func NewOutcomeWriter(out io.Writer, schema *frame.Schema, idColumn string) (*OutcomeWriter, error) {
	header := []string{idColumn}
	for _, name := range schema.Names() {
		switch name {
		case excludedField:
		case reasonsField:
			header = append(header, reasonColumn)
		default:
			header = append(header, name)
		}
	}
	if slices.Contains(header[1:], idColumn) {
		return nil, fmt.Errorf("the column %q is called like that of the ids: give the ids another one with --id-column", idColumn)
	}
	w := &OutcomeWriter{csv: csv.NewWriter(out)}
	return w, w.csv.Write(header)
}

// Write writes outcomes of the schema. It fails with the error of out.
func (w *OutcomeWriter) Write(f *frame.Frame) error {
	for row, id := range f.IDs {
		w.record = append(w.record[:0], id)
		for i := range f.Columns {
			if f.Schema.Field(i).Name != excludedField {
				w.record = append(w.record, outcomeCell(&f.Columns[i], row))
			}
		}
		if err := w.csv.Write(w.record); err != nil {
			return err
		}
	}
	return nil
}

// outcomeCell writes a value; a missing one is empty.
func outcomeCell(c *frame.Column, row int) string {
	if !c.Valid.Get(row) {
		return ""
	}
	switch c.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return frame.FormatNumber(c.Numbers[row])
	case echelonv1.Attribute_DATE:
		return frame.FormatDate(c.Ints[row])
	case echelonv1.Attribute_STRING:
		return c.String(row)
	}
	return strings.Join(c.List(row), "; ")
}

// Flush writes what is held back. It fails with the first error of out.
func (w *OutcomeWriter) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
