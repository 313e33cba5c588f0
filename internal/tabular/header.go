package tabular

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Column returns what a file calls an attribute: its `column`, or else its name.
func Column(a *echelonv1.Attribute) string {
	if a.GetColumn() != "" {
		return a.GetColumn()
	}
	return a.GetName()
}

// absent is the place of a column that the file does not have.
const absent = -1

// header is the places of the columns in a line.
type header struct {
	names []string
	id    int
	// fields has the place of each attribute's column.
	fields []int
	// unseen are names that no row is known to have.
	unseen []string
	line   int
}

// newHeader finds the columns in the file. All that are missing are told at once.
func newHeader(from source, options Options) (*header, *Error) {
	h := &header{names: from.columns(), id: absent, unseen: from.unseen(), line: from.line()}
	var missing []string
	if !options.RowIDs {
		if h.id = slices.Index(h.names, options.IDColumn); h.lacks(options.IDColumn) {
			h.id = absent
			missing = append(missing, options.IDColumn)
		}
	}
	for _, a := range options.Attributes {
		column := Column(a)
		h.fields = append(h.fields, slices.Index(h.names, column))
		if h.lacks(column) && !options.AllowMissingColumns && !slices.Contains(missing, column) {
			missing = append(missing, column)
		}
	}
	if len(missing) > 0 {
		return nil, h.missing(missing, options)
	}
	for _, column := range expected(options) {
		if twice := h.twice(column); twice != "" {
			return nil, &Error{File: options.File, Line: h.line, Message: twice, Remedy: "rename or remove one of them"}
		}
	}
	return h, nil
}

// lacks reports whether no row is known to have a column.
func (h *header) lacks(column string) bool {
	return !slices.Contains(h.names, column) || slices.Contains(h.unseen, column)
}

func (h *header) missing(columns []string, options Options) *Error {
	e := &Error{File: options.File, Line: h.line, Message: "the column " + quoteAll(columns) + " is missing"}
	if len(columns) > 1 {
		e.Message = "the columns " + quoteAll(columns) + " are missing"
	}
	e.Message += ", the file has " + quoteAll(slices.DeleteFunc(slices.Clone(h.names), h.lacks))
	switch {
	case len(h.names) == 1 && options.Format != JSONLines && h.id == absent:
		e.Remedy = "say by --delimiter what separates its columns, by --id-column which has the ids, and by `column` in the model what the file calls the others"
	case h.id == absent && !options.RowIDs:
		e.Remedy = "say by --id-column which column has the ids, and by `column` in the model what the file calls the others"
	default:
		e.Remedy = "add what is missing, say by `column` in the model what the file calls it, or take it as missing with --allow-missing-columns"
	}
	return e
}

// twice says where a column stands for the second time; empty where it does not.
func (h *header) twice(column string) string {
	first := slices.Index(h.names, column)
	if first == absent {
		return ""
	}
	second := slices.Index(h.names[first+1:], column)
	if second == absent {
		return ""
	}
	return fmt.Sprintf("the column %q stands twice, in places %d and %d", column, first+1, first+second+2)
}

// quoteAll quotes names for a message, as many as fit.
func quoteAll(names []string) string {
	const most = 40
	quoted := make([]string, 0, len(names))
	for _, name := range names[:min(len(names), most)] {
		quoted = append(quoted, strconv.Quote(shown(name)))
	}
	if more := len(names) - most; more > 0 {
		quoted = append(quoted, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(quoted, ", ")
}
