package client

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// plan is how structs of a type become customers. It is made once a type, so that no tag is read and no type is looked up for a value.
type plan struct {
	id     structField
	fields []structField // the attributes, in the order of the struct
}

// structField is one tagged field.
type structField struct {
	path  string // Account.ARR, for messages
	name  string // of the attribute; empty for the id
	index []int
	codec codec
	// pointer tells that nil is missing, omitZero that the zero value is.
	pointer, omitZero bool
}

type planned struct {
	plan *plan
	err  error
}

var plans sync.Map // of planned, by reflect.Type

func planOf(t reflect.Type) (*plan, error) {
	if known, ok := plans.Load(t); ok {
		return known.(planned).plan, known.(planned).err
	}
	made, err := newPlan(t)
	plans.Store(t, planned{made, err})
	return made, err
}

// newPlan returns everything that is wrong with a type at once.
func newPlan(t reflect.Type) (*plan, error) {
	b := &planBuilder{root: t.String(), taken: make(map[string]string)}
	b.add(t, nil, "")
	if b.plan.id.path == "" {
		b.mistakes = append(b.mistakes, fmt.Errorf("%v has no id: tag the field that tells customers apart with `echelon:\",id\"`", t))
	}
	if err := errors.Join(b.mistakes...); err != nil {
		return nil, err
	}
	return &b.plan, nil
}

type planBuilder struct {
	root     string
	plan     plan
	taken    map[string]string // path of the field, by attribute
	mistakes []error
}

// add takes the fields of a struct that lies at that index of the root.
func (b *planBuilder) add(t reflect.Type, index []int, prefix string) {
	for i := range t.NumField() {
		at := t.Field(i)
		tag, tagged := at.Tag.Lookup("echelon")
		f := structField{path: prefix + at.Name, index: append(slices.Clone(index), i)}
		switch {
		case tag == "-":
		case at.Anonymous && !tagged && at.Type.Kind() == reflect.Struct && at.Type != timeType:
			b.add(at.Type, f.index, f.path+".")
		case at.Anonymous && !tagged && hasTags(at.Type, nil):
			b.wrong(f, at.Type, "embed the struct itself, not a pointer to it")
		case !tagged:
		case !at.IsExported():
			b.wrong(f, at.Type, "it is not exported, and nobody else can read it: give it a name with a capital letter, or leave out the tag")
		default:
			b.addField(f, at.Type, tag)
		}
	}
}

// hasTags reports whether a pointer's struct has a tagged field, at whatever depth.
func hasTags(t reflect.Type, seen []reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(seen, t) {
		return false
	}
	for i := range t.NumField() {
		at := t.Field(i)
		if _, tagged := at.Tag.Lookup("echelon"); tagged || at.Anonymous && hasTags(at.Type, append(seen, t)) {
			return true
		}
	}
	return false
}

func (b *planBuilder) wrong(f structField, t reflect.Type, format string, args ...any) {
	b.mistakes = append(b.mistakes, fmt.Errorf("%s.%s (%v): %s", b.root, f.path, t, fmt.Sprintf(format, args...)))
}

// attributeName is what names of attributes match.
var attributeName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (b *planBuilder) addField(f structField, t reflect.Type, tag string) {
	name, rest, _ := strings.Cut(tag, ",")
	id, date := false, false
	for option := range strings.SplitSeq(rest, ",") {
		switch option {
		case "":
		case "id":
			id = true
		case "date":
			date = true
		case "omitzero":
			f.omitZero = true
		default:
			b.wrong(f, t, "the tag has the unknown option %q: there are id, date and omitzero", option)
			return
		}
	}
	f.name = name
	if id {
		b.addID(f, t, date)
		return
	}
	held := t
	if t.Kind() == reflect.Pointer {
		held, f.pointer = t.Elem(), true
	}
	var known bool
	f.codec, known = codecOf(held, date)
	switch {
	case !attributeName.MatchString(name):
		b.wrong(f, t, "%q is no attribute's name: write small letters, digits and _, such as `echelon:\"annual_revenue\"`", name)
	case b.taken[name] != "":
		b.wrong(f, t, "the attribute %q is that of %s already", name, b.taken[name])
	case f.pointer && f.omitZero:
		b.wrong(f, t, "a nil pointer is missing already: leave out omitzero, or the pointer")
	case date && held != timeType:
		b.wrong(f, t, "the option date is for a time.Time")
	case held == durationType:
		b.wrong(f, t, "an attribute has no unit of time: give the number of days or seconds")
	case !known, f.pointer && held.Kind() == reflect.Slice:
		b.wrong(f, t, "an attribute is a number, string, bool, []string or time.Time, or a pointer to one of them but []string")
	default:
		b.taken[name] = f.path
		b.plan.fields = append(b.plan.fields, f)
	}
}

func (b *planBuilder) addID(f structField, t reflect.Type, date bool) {
	f.codec, _ = codecOf(t, false)
	switch {
	case f.name != "" || f.omitZero || date:
		b.wrong(f, t, "an id has neither a name nor other options: write `echelon:\",id\"`")
	case b.plan.id.path != "":
		b.wrong(f, t, "the id is %s already", b.plan.id.path)
	case t == durationType || f.codec.readID == nil:
		b.wrong(f, t, "an id is a string or an integer")
	default:
		b.plan.id = f
	}
}

// write returns the field's value in a struct, nil where it is missing.
func (f *structField) write(from reflect.Value) (*structpb.Value, *valueFault) {
	value := from.FieldByIndex(f.index)
	if f.pointer {
		if value.IsNil() {
			return nil, nil
		}
		value = value.Elem()
	} else if f.omitZero && value.IsZero() {
		return nil, nil
	}
	return f.codec.write(value)
}

// read sets the field to a value, which is nil or null where it is missing.
func (f *structField) read(value *structpb.Value, to reflect.Value) error {
	if _, null := value.GetKind().(*structpb.Value_NullValue); null || value.GetKind() == nil {
		if !f.pointer && !f.omitZero && !f.codec.zeroIsMissing {
			return errors.New("it is missing, and the field cannot say so: make it a pointer, or give it the option omitzero")
		}
		to.SetZero()
		return nil
	}
	if f.pointer {
		held := reflect.New(to.Type().Elem())
		if err := f.codec.read(value, held.Elem()); err != nil {
			return err
		}
		to.Set(held)
		return nil
	}
	return f.codec.read(value, to)
}

// refuse returns the error of a struct whose value no customer can have.
func (f *structField) refuse(id string, fault *valueFault) error {
	row := &echelonv1.RowError{CustomerId: frame.Printable(id), Field: f.name, Code: fault.code, Message: fault.message}
	if f.name != "" {
		row.Message = f.name + ": " + fault.message
	}
	return &refusal{row}
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)
