package client

import (
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// encoder writes messages, one after another. What it has no hand for it leaves to protobuf, so that whatever a customer has is written.
type encoder struct {
	data []byte
	// names are those of the attributes of customers before, sorted: most customers have those of the one before, and written in one order they are read
	// sooner.
	names []string
}

// nested writes a field that is a message, whose content write writes.
func (e *encoder) nested(field protowire.Number, write func() error) error {
	e.data = append(protowire.AppendTag(e.data, field, protowire.BytesType), 0)
	from := len(e.data)
	if err := write(); err != nil {
		return err
	}
	size := len(e.data) - from
	if more := protowire.SizeVarint(uint64(size)) - 1; more > 0 {
		// The length takes more than the byte that was left for it.
		e.data = append(e.data, make([]byte, more)...)
		copy(e.data[from+more:], e.data[from:from+size])
	}
	protowire.AppendVarint(e.data[:from-1], uint64(size))
	return nil
}

// message writes a field that is a message, as protobuf does.
func (e *encoder) message(field protowire.Number, m proto.Message) error {
	return e.nested(field, func() (err error) {
		e.data, err = proto.MarshalOptions{}.MarshalAppend(e.data, m)
		return err
	})
}

// The numbers of the fields of a customer, of a Struct and its entries, and of a Value.
const (
	customerID         = protowire.Number(1)
	customerAttributes = protowire.Number(2)
	customerUpdateTime = protowire.Number(3)
	structFields       = protowire.Number(1)
	entryKey           = protowire.Number(1)
	entryValue         = protowire.Number(2)
	valueNull          = protowire.Number(1)
	valueNumber        = protowire.Number(2)
	valueString        = protowire.Number(3)
	valueBool          = protowire.Number(4)
	valueList          = protowire.Number(6)
	listValues         = protowire.Number(1)
)

// customer writes a field that is a customer.
func (e *encoder) customer(field protowire.Number, c *echelonv1.Customer) error {
	before := len(e.data)
	plain := false
	err := e.nested(field, func() (err error) {
		plain, err = e.plain(c)
		return err
	})
	if err == nil && !plain {
		e.data = e.data[:before]
		err = e.message(field, c)
	}
	return err
}

// plain writes the content of a customer, and reports false where it is not as most are.
func (e *encoder) plain(c *echelonv1.Customer) (bool, error) {
	if c == nil || len(c.PreviousTiers) > 0 || len(c.PreviousStandings) > 0 || !utf8.ValidString(c.Id) || unknown(c) {
		return false, nil
	}
	if c.Id != "" {
		e.text(customerID, c.Id)
	}
	if c.Attributes != nil {
		if unknown(c.Attributes) {
			return false, nil
		}
		ok := false
		if err := e.nested(customerAttributes, func() error { ok = e.attributes(c.Attributes.Fields); return nil }); err != nil || !ok {
			return false, err
		}
	}
	if c.UpdateTime != nil {
		return true, e.message(customerUpdateTime, c.UpdateTime)
	}
	return true, nil
}

// text writes a field that is a text.
func (e *encoder) text(field protowire.Number, text string) {
	e.data = protowire.AppendString(protowire.AppendTag(e.data, field, protowire.BytesType), text)
}

// fewNames is how many names are looked up for each customer, however few attributes it has.
const fewNames = 64

// attributes writes the content of a Struct, and reports false where that is not as most are.
func (e *encoder) attributes(fields map[string]*structpb.Value) bool {
	if len(e.names) > max(fewNames, 8*len(fields)) {
		e.names = nil // looking up what most customers do not have takes longer than learning what they have
	}
	from := len(e.data)
	for {
		written := 0
		for _, name := range e.names {
			value, has := fields[name]
			if !has {
				continue
			}
			written++
			if !e.entry(name, value) {
				return false
			}
		}
		if written == len(fields) {
			return true
		}
		e.data = e.data[:from]
		if !e.learn(fields) {
			return false
		}
	}
}

// learn takes the names of a Struct's fields, and keeps those from before unless they are many more. It reports false where one is no valid text.
func (e *encoder) learn(fields map[string]*structpb.Value) bool {
	all := make(map[string]bool, len(fields)+len(e.names))
	for name := range fields {
		if !utf8.ValidString(name) {
			return false
		}
		all[name] = true
	}
	if len(e.names) <= 2*len(fields) {
		for _, name := range e.names {
			all[name] = true
		}
	}
	e.names = slices.Sorted(maps.Keys(all))
	return true
}

// entry writes a field of a Struct.
func (e *encoder) entry(name string, value *structpb.Value) bool {
	size, ok := sizeOf(value)
	if !ok {
		return false
	}
	whole := protowire.SizeTag(entryKey) + protowire.SizeBytes(len(name)) + protowire.SizeTag(entryValue) + protowire.SizeBytes(size)
	e.data = protowire.AppendVarint(protowire.AppendTag(e.data, structFields, protowire.BytesType), uint64(whole))
	e.text(entryKey, name)
	e.data = protowire.AppendVarint(protowire.AppendTag(e.data, entryValue, protowire.BytesType), uint64(size))
	e.value(value)
	return true
}

// sizeOf returns how many bytes the content of a value takes, and reports false of one that is not as most are: a Struct, a list of anything but texts, a
// text that is not valid, or nothing, as which a nil kind counts too.
func sizeOf(value *structpb.Value) (int, bool) {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return protowire.SizeTag(valueNumber) + protowire.SizeFixed64(), kind != nil
	case *structpb.Value_StringValue:
		if kind == nil {
			return 0, false
		}
		return protowire.SizeTag(valueString) + protowire.SizeBytes(len(kind.StringValue)), utf8.ValidString(kind.StringValue)
	case *structpb.Value_BoolValue:
		return protowire.SizeTag(valueBool) + 1, kind != nil
	case *structpb.Value_NullValue:
		return protowire.SizeTag(valueNull) + 1, kind != nil && kind.NullValue == structpb.NullValue_NULL_VALUE
	case *structpb.Value_ListValue:
		if kind == nil {
			return 0, false
		}
		size, ok := sizeOfTexts(kind.ListValue)
		return protowire.SizeTag(valueList) + protowire.SizeBytes(size), ok
	}
	return 0, false
}

// sizeOfTexts is sizeOf of a list of texts.
func sizeOfTexts(list *structpb.ListValue) (size int, ok bool) {
	for _, item := range list.GetValues() {
		if _, ok := item.GetKind().(*structpb.Value_StringValue); !ok {
			return 0, false
		}
		one, ok := sizeOf(item)
		if !ok {
			return 0, false
		}
		size += protowire.SizeTag(listValues) + protowire.SizeBytes(one)
	}
	return size, true
}

// value writes the content of a value whose size is known.
func (e *encoder) value(value *structpb.Value) {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_NumberValue:
		e.data = protowire.AppendFixed64(protowire.AppendTag(e.data, valueNumber, protowire.Fixed64Type), math.Float64bits(kind.NumberValue))
	case *structpb.Value_StringValue:
		e.text(valueString, kind.StringValue)
	case *structpb.Value_BoolValue:
		e.data = protowire.AppendVarint(protowire.AppendTag(e.data, valueBool, protowire.VarintType), protowire.EncodeBool(kind.BoolValue))
	case *structpb.Value_NullValue:
		e.data = protowire.AppendVarint(protowire.AppendTag(e.data, valueNull, protowire.VarintType), 0)
	case *structpb.Value_ListValue:
		size, _ := sizeOfTexts(kind.ListValue)
		e.data = protowire.AppendVarint(protowire.AppendTag(e.data, valueList, protowire.BytesType), uint64(size))
		for _, item := range kind.ListValue.GetValues() {
			one, _ := sizeOf(item)
			e.data = protowire.AppendVarint(protowire.AppendTag(e.data, listValues, protowire.BytesType), uint64(one))
			e.value(item)
		}
	}
}
