package frame

import (
	"fmt"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Limits of a row; the same for files, streams and the store.
const (
	// MaxIDBytes is the longest customer id, in bytes.
	MaxIDBytes = 512
	// MaxValueBytes is the longest text, and the longest list of texts together, in bytes.
	MaxValueBytes = 64 << 10
	// MaxInteger is the largest magnitude of an INTEGER: every whole number up to it is a double.
	MaxInteger = 1 << 53
)

// Field is one attribute as a frame's column holds it.
type Field struct {
	// Name is the attribute's name.
	Name string
	// Type is its type.
	Type echelonv1.Attribute_Type
	// Values are the texts that it may take; empty means any.
	Values []string
	// Required tells whether a row that lacks it is refused.
	Required bool
}

// Schema is the fields of a frame. It is immutable.
type Schema struct {
	fields []Field
	index  map[string]int
}

// NewSchema returns the schema of the given fields. Names must be unique; of two the first is found by name.
func NewSchema(fields ...Field) *Schema {
	s := &Schema{fields: fields, index: make(map[string]int, len(fields))}
	for i, field := range fields {
		if _, taken := s.index[field.Name]; !taken {
			s.index[field.Name] = i
		}
	}
	return s
}

// ModelSchema returns the fields that a model declares, in its order.
func ModelSchema(attributes []*echelonv1.Attribute) *Schema {
	fields := make([]Field, len(attributes))
	for i, a := range attributes {
		fields[i] = Field{Name: a.GetName(), Type: a.GetType(), Values: a.GetValues(), Required: a.GetRequired()}
	}
	return NewSchema(fields...)
}

// Len returns the number of fields.
func (s *Schema) Len() int { return len(s.fields) }

// Field returns field i.
func (s *Schema) Field(i int) Field { return s.fields[i] }

// Fields returns a copy of the fields, in order.
func (s *Schema) Fields() []Field { return slices.Clone(s.fields) }

// Names returns the fields' names, in order.
func (s *Schema) Names() []string {
	names := make([]string, len(s.fields))
	for i, field := range s.fields {
		names[i] = field.Name
	}
	return names
}

// Index returns the place of the field of that name.
func (s *Schema) Index(name string) (int, bool) {
	i, ok := s.index[name]
	return i, ok
}

// Column is the values of one field, one entry a row. Which slice holds them depends on the type; entries of rows that are not valid are
// zero values without meaning.
type Column struct {
	// Type is the type of the values.
	Type echelonv1.Attribute_Type
	// Valid is the set of rows that have a value.
	Valid Bitmap
	// Numbers are the values of NUMBER and INTEGER.
	Numbers []float64
	// Bits are the values of BOOLEAN.
	Bits Bitmap
	// Ints are the values of DATE, in days since 1970-01-01, and TIMESTAMP, in microseconds since then.
	Ints []int64
	// Codes are the values of STRING, and the items of STRING_LIST row after row, as places in Dict.
	Codes []uint32
	// Offsets say where the items of STRING_LIST begin: row i has Codes[Offsets[i]:Offsets[i+1]].
	Offsets []uint32
	// Dict is the different texts.
	Dict []string
}

// String returns row i's text; the row must be valid.
func (c *Column) String(i int) string { return c.Dict[c.Codes[i]] }

// List returns row i's texts; the row must be valid.
func (c *Column) List(i int) []string {
	codes := c.Codes[c.Offsets[i]:c.Offsets[i+1]]
	list := make([]string, len(codes))
	for k, code := range codes {
		list[k] = c.Dict[code]
	}
	return list
}

// Frame is rows of customers in columns. It is not changed once built.
type Frame struct {
	// Schema describes the columns.
	Schema *Schema
	// IDs are the customers' ids.
	IDs []string
	// Columns are the fields' values, in the schema's order.
	Columns []Column
}

// Len returns the number of rows.
func (f *Frame) Len() int { return len(f.IDs) }

// Column returns the column of that name; it panics where the schema has none.
func (f *Frame) Column(name string) *Column {
	i, ok := f.Schema.Index(name)
	if !ok {
		panic(fmt.Sprintf("frame: no column %q", name))
	}
	return &f.Columns[i]
}
