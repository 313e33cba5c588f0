package frame

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// AddCustomer adds a customer as it came over the wire, or returns what is wrong with it. Attributes that the schema does not know are an error
// unless ignoreUnknown is set.
func (b *Builder) AddCustomer(customer *echelonv1.Customer, ignoreUnknown bool) *echelonv1.RowError {
	b.Start(customer.GetId())
	fields := customer.GetAttributes().GetFields()
	known := 0
	for i := range b.schema.fields {
		value, given := fields[b.schema.fields[i].Name]
		if !given {
			continue
		}
		known++
		b.setValue(i, value)
	}
	if known < len(fields) && !ignoreUnknown {
		b.failUnknown(fields)
	}
	if len(customer.GetPreviousTiers())+len(customer.GetPreviousStandings()) > 0 {
		b.checkPrevious(customer, ignoreUnknown)
	}
	return b.Commit()
}

// failUnknown refuses the row for the first, by name, of its attributes that the schema lacks.
func (b *Builder) failUnknown(fields map[string]*structpb.Value) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, known := b.schema.Index(name); !known {
			b.Fail(name, echelonv1.RowError_UNKNOWN_ATTRIBUTE, "there is no attribute %s%s; remove it, declare it in the model, or set ignore_unknown_attributes",
				Quote(name), b.schema.didYouMean(name))
			return
		}
	}
}

// setValue gives the row a value of google.protobuf.Struct.
func (b *Builder) setValue(i int, value *structpb.Value) {
	field := b.schema.fields[i]
	switch kind := value.GetKind().(type) {
	case nil, *structpb.Value_NullValue:
		return
	case *structpb.Value_NumberValue:
		if field.Type == echelonv1.Attribute_NUMBER || field.Type == echelonv1.Attribute_INTEGER {
			b.SetNumber(i, kind.NumberValue)
			return
		}
	case *structpb.Value_BoolValue:
		if field.Type == echelonv1.Attribute_BOOLEAN {
			b.SetBool(i, kind.BoolValue)
			return
		}
	case *structpb.Value_StringValue:
		if b.setText(i, kind.StringValue) {
			return
		}
	case *structpb.Value_ListValue:
		if field.Type == echelonv1.Attribute_STRING_LIST {
			b.setList(i, kind.ListValue.GetValues())
			return
		}
	}
	b.Fail(field.Name, echelonv1.RowError_WRONG_TYPE, "%s: %s is expected, not %s", field.Name, expected(field.Type), describe(value))
}

// setText gives the row a text, a date or a timestamp, and reports whether the field takes one.
func (b *Builder) setText(i int, text string) bool {
	field := b.schema.fields[i]
	var err error
	var n int64
	switch field.Type {
	case echelonv1.Attribute_STRING:
		b.SetString(i, text)
		return true
	case echelonv1.Attribute_DATE:
		n, err = ParseDate(text)
	case echelonv1.Attribute_TIMESTAMP:
		n, err = ParseTimestamp(text)
	default:
		return false
	}
	if err != nil {
		b.Fail(field.Name, echelonv1.RowError_WRONG_TYPE, "%s: %v", field.Name, err)
		return true
	}
	b.SetInt(i, n)
	return true
}

func (b *Builder) setList(i int, values []*structpb.Value) {
	name := b.schema.fields[i].Name
	list := make([]string, len(values))
	for k, value := range values {
		text, ok := value.GetKind().(*structpb.Value_StringValue)
		if !ok {
			b.Fail(name, echelonv1.RowError_WRONG_TYPE, "%s[%d]: a text is expected, not %s", name, k, describe(value))
			return
		}
		list[k] = text.StringValue
	}
	b.SetList(i, list)
}

// Customer returns row i as it goes over the wire; missing attributes are left out.
func (f *Frame) Customer(i int) *echelonv1.Customer {
	fields := make(map[string]*structpb.Value, len(f.Columns))
	for k := range f.Columns {
		if f.Columns[k].Valid.Get(i) {
			fields[f.Schema.fields[k].Name] = f.Columns[k].Value(i)
		}
	}
	return &echelonv1.Customer{Id: f.IDs[i], Attributes: &structpb.Struct{Fields: fields}}
}

// Value returns row i's value as it goes over the wire; null where it is missing.
func (c *Column) Value(i int) *structpb.Value {
	if !c.Valid.Get(i) {
		return structpb.NewNullValue()
	}
	switch c.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return structpb.NewNumberValue(c.Numbers[i])
	case echelonv1.Attribute_BOOLEAN:
		return structpb.NewBoolValue(c.Bits.Get(i))
	case echelonv1.Attribute_DATE:
		return structpb.NewStringValue(FormatDate(c.Ints[i]))
	case echelonv1.Attribute_TIMESTAMP:
		return structpb.NewStringValue(FormatTimestamp(c.Ints[i]))
	case echelonv1.Attribute_STRING:
		return structpb.NewStringValue(c.String(i))
	}
	items := c.List(i)
	list := &structpb.ListValue{Values: make([]*structpb.Value, len(items))}
	for k, item := range items {
		list.Values[k] = structpb.NewStringValue(item)
	}
	return structpb.NewListValue(list)
}

func expected(t echelonv1.Attribute_Type) string {
	switch t {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return "a number"
	case echelonv1.Attribute_BOOLEAN:
		return "true or false"
	case echelonv1.Attribute_DATE:
		return `a date such as "2026-01-31"`
	case echelonv1.Attribute_TIMESTAMP:
		return `a timestamp such as "2026-01-31T12:00:00Z"`
	case echelonv1.Attribute_STRING_LIST:
		return "a list of texts"
	}
	return "a text"
}

func describe(value *structpb.Value) string {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return "the number " + FormatNumber(kind.NumberValue)
	case *structpb.Value_BoolValue:
		return fmt.Sprintf("%t", kind.BoolValue)
	case *structpb.Value_StringValue:
		return "the text " + Quote(kind.StringValue)
	case *structpb.Value_ListValue:
		return "a list"
	case *structpb.Value_StructValue:
		return "an object"
	}
	return "null"
}

func (s *Schema) didYouMean(name string) string {
	if hint := diag.DidYouMean(name, s.Names()); hint != "" {
		return " (" + hint + ")"
	}
	return ""
}
