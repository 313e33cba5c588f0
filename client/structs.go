package client

import (
	"fmt"
	"iter"
	"reflect"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// CustomerOf makes a customer of a struct, or of a pointer to one, by the tags of its fields:
//
//	type Account struct {
//		ID        string    `echelon:",id"`
//		ARR       float64   `echelon:"arr"`
//		Employees *int      `echelon:"employees"`            // nil is missing
//		Industry  string    `echelon:"industry,omitzero"`    // "" is missing
//		Regions   []string  `echelon:"regions"`              // nil is missing, an empty list is not
//		Renewal   time.Time `echelon:"renewal,date"`         // its day, in its own location; the zero time is missing
//		Seen      time.Time `echelon:"seen"`                 // an instant, no finer than a microsecond
//	}
//
// Exactly one field, a text or a whole number, is the id. Floats are NUMBER, integers INTEGER, strings STRING, bools BOOLEAN, []string STRING_LIST,
// time.Time TIMESTAMP or, with the option date, DATE; named types count as what they are of, and the fields of embedded structs as the struct's own.
// Fields without a tag are left out. Zero is a value: only a nil pointer, what omitzero says and what is told above are missing.
//
// A struct that cannot be taken whatever its values are is an error that names the field and its type. A value that no customer can have (NaN, an
// integer beyond 2^53, a text that is no UTF-8) is CUSTOMER_INVALID; yielded by a sequence, it refuses that row of a bulk stream, and the others go on.
func CustomerOf(v any) (*echelonv1.Customer, error) {
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.Pointer && value.Type().Elem().Kind() == reflect.Struct {
		if value.IsNil() {
			return nil, fmt.Errorf("a customer cannot be made of a nil %T", v)
		}
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct {
		return nil, fmt.Errorf("a customer is made of a struct, not of %T", v)
	}
	p, err := planOf(value.Type())
	if err != nil {
		return nil, err
	}
	return p.customer(value)
}

// Structs makes customers of structs, or of pointers to them, as CustomerOf does: for BulkAssign, ImportCustomers and Calibrate. A struct whose
// values no customer can have is yielded as an error that refuses its row alone; one that can never be taken ends the sequence.
func Structs[T any](values iter.Seq[T]) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for value := range values {
			customer, err := CustomerOf(value)
			if !yield(customer, err) || err != nil && refusalOf(err) == nil {
				return
			}
		}
	}
}

// Into fills the struct that v points to with a customer's id and attributes, as CustomerOf takes them: tagged fields are all set, and attributes
// that no field is for are left out. A missing attribute is a nil pointer or slice, the zero time, or, with omitzero, the zero value; another field
// has no way to say so, and it is an error, as is a value that the field cannot hold. After an error the struct is as it was.
func Into(customer *echelonv1.Customer, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("a customer is read into a pointer to a struct, not into %T", v)
	}
	target = target.Elem()
	p, err := planOf(target.Type())
	if err != nil {
		return err
	}
	filled := reflect.New(target.Type()).Elem()
	filled.Set(target)
	if err := p.fill(filled, customer); err != nil {
		return err
	}
	target.Set(filled)
	return nil
}

// AttributesOf returns the attributes that structs of a type have, in the order of its fields, for a model that is made in Go.
func AttributesOf[T any]() ([]*echelonv1.Attribute, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("attributes are those of a struct, not of %v", t)
	}
	p, err := planOf(t)
	if err != nil {
		return nil, err
	}
	attributes := make([]*echelonv1.Attribute, len(p.fields))
	for i, f := range p.fields {
		attributes[i] = &echelonv1.Attribute{Name: f.name, Type: f.codec.attribute}
	}
	return attributes, nil
}

// customer makes a customer of a struct of the plan's type.
func (p *plan) customer(from reflect.Value) (*echelonv1.Customer, error) {
	id := p.id.codec.writeID(from.FieldByIndex(p.id.index))
	if !utf8.ValidString(id) {
		return nil, p.id.refuse(id, faultf(echelonv1.RowError_INVALID_UTF8, "the id is no valid UTF-8: convert the input to UTF-8"))
	}
	fields := make(map[string]*structpb.Value, len(p.fields))
	for i := range p.fields {
		f := &p.fields[i]
		value, fault := f.write(from)
		if fault != nil {
			return nil, f.refuse(id, fault)
		}
		if value != nil {
			fields[f.name] = value
		}
	}
	return &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: fields}}, nil
}

func (p *plan) fill(to reflect.Value, customer *echelonv1.Customer) error {
	if err := p.id.codec.readID(customer.GetId(), to.FieldByIndex(p.id.index)); err != nil {
		return fmt.Errorf("customer %q: the id into %s: %w", customer.GetId(), p.id.path, err)
	}
	attributes := customer.GetAttributes().GetFields()
	for i := range p.fields {
		f := &p.fields[i]
		if err := f.read(attributes[f.name], to.FieldByIndex(f.index)); err != nil {
			return fmt.Errorf("customer %q: %s into %s: %w", customer.GetId(), f.name, f.path, err)
		}
	}
	return nil
}
