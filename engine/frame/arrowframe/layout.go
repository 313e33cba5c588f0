package arrowframe

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/echelonhq/echelon/engine/frame"
)

// IDColumn is what the column of ids is called where nothing else is said.
const IDColumn = "customer_id"

// Options says how columns become fields.
type Options struct {
	// IDColumn is the column that has the ids; empty is the constant IDColumn.
	IDColumn string
	// Refuse tells of a column that is no field why it cannot be ignored; nil where any can.
	Refuse func(column string) error
	// Watch picks, of the columns that are no fields, those of which a Batch tells which rows have a value; nil for none. They are not ignored.
	Watch func(column string) bool
	// Seen, unless it is nil, knows the ids of earlier batches, which are refused here too.
	Seen Seen
	// Whole takes every row as it is: of outcomes, which a service made, and whose reasons may together be longer than a customer's list.
	Whole bool
	// Own copies all values, for frames that are kept longer than their batches.
	Own bool
}

// Seen knows the ids of customers; a frame.Builder with UniqueIDs does.
type Seen interface {
	// Seen reports whether there is a customer of that id.
	Seen(id string) bool
	// See makes it known.
	See(id string)
}

// id returns the column that has the ids.
func (o Options) id() string {
	if o.IDColumn == "" {
		return IDColumn
	}
	return o.IDColumn
}

// Layout is where a schema of Arrow has the fields of a frame. It is immutable.
type Layout struct {
	to      *frame.Schema
	options Options
	// id is the place of the column of ids, fields those of the fields' columns: -1 where there is none.
	id     int
	fields []int
	// ignored are the columns that are no fields, and watched the places of those that Watch picks.
	ignored []string
	watched []int
}

// NewLayout finds the columns. It fails with an *Error that names all columns that are amiss: the one of ids where it is not there, one that stands
// twice, and each of a type that its field does not take. Of fields without a column the values are missing.
func NewLayout(from *arrow.Schema, to *frame.Schema, options Options) (*Layout, error) {
	l := &Layout{to: to, options: options, id: -1, fields: make([]int, to.Len())}
	for i := range l.fields {
		l.fields[i] = -1
	}
	for place, column := range from.Fields() {
		if err := l.add(place, column); err != nil {
			return nil, err
		}
	}
	if l.id < 0 {
		var has []string
		for _, column := range from.Fields() {
			has = append(has, column.Name)
		}
		return nil, errorf("there is no column %q for the ids, the batch has %s: name the column by id_column in the header", options.id(), quoteAll(has))
	}
	return l, l.check(from)
}

func (l *Layout) add(place int, column arrow.Field) error {
	twice := func(name string) error {
		return errorf("the column %q stands twice: rename or remove one of them", frame.Printable(name))
	}
	if column.Name == l.options.id() {
		if l.id >= 0 {
			return twice(column.Name)
		}
		l.id = place
	}
	i, known := l.to.Index(column.Name)
	switch {
	case !known && l.id == place:
		return nil
	case known && l.fields[i] >= 0:
		return twice(column.Name)
	case known:
		l.fields[i] = place
		return nil
	}
	if l.options.Refuse != nil {
		if err := l.options.Refuse(column.Name); err != nil {
			return &Error{err.Error()}
		}
	}
	if l.options.Watch != nil && l.options.Watch(column.Name) {
		l.watched = append(l.watched, place)
		return nil
	}
	if !slices.Contains(l.ignored, column.Name) {
		l.ignored = append(l.ignored, column.Name)
	}
	return nil
}

// check finds the columns of types that are not taken.
func (l *Layout) check(from *arrow.Schema) error {
	message := ""
	refuse := func(column arrow.Field, what, remedy string) {
		if message != "" {
			message += "; "
		}
		message += errorf("the column %q is of the type %s, and %s: %s", column.Name, column.Type, what, remedy).message
	}
	if column := from.Field(l.id); !isID(column.Type) {
		refuse(column, "ids are texts or whole numbers", "cast it to utf8")
	}
	for i, place := range l.fields {
		if place < 0 {
			continue
		}
		field, column := l.to.Field(i), from.Field(place)
		if remedy, ok := Takes(field, column.Type); !ok {
			refuse(column, "the attribute is a "+field.Type.String(), remedy)
		}
	}
	if message != "" {
		return &Error{message}
	}
	return nil
}

func isID(of arrow.DataType) bool {
	if dictionary, is := of.(*arrow.DictionaryType); is {
		of = dictionary.ValueType
	}
	if f := familyOf(of); f == texts || f == nulls {
		return true
	}
	return arrow.IsInteger(of.ID())
}

// Ignored returns the names of the columns that are no fields.
func (l *Layout) Ignored() []string { return l.ignored }
