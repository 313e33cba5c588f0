package snapshot

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// fill gives every column of a message three entries that differ: those of later versions too.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if packed(field) {
			m.Set(field, protoreflect.ValueOfBytes([]byte{0, 0, 1, 1, 2, 2}))
		}
		if !field.IsList() || field.Name() == "reasons" {
			continue
		}
		list := m.Mutable(field).List()
		if field.Message() != nil {
			column := list.NewElement()
			fill(column.Message())
			list.Append(column)
			continue
		}
		for row := range 3 {
			list.Append(entry(field, row))
		}
	}
}

// packed reports whether a field has two bytes of each customer.
func packed(field protoreflect.FieldDescriptor) bool {
	return field.Kind() == protoreflect.BytesKind && !field.IsList()
}

// entry returns what a column has of a row.
func entry(field protoreflect.FieldDescriptor, row int) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(rune('a' + row)))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{byte(row)})
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(row == 1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(row))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(int32(row))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind:
		return protoreflect.ValueOfInt64(int64(row))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(row))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(row))
	}
	return protoreflect.ValueOfUint32(uint32(row))
}

// check looks that every column of a message has the entries of some rows.
func check(t *testing.T, m protoreflect.Message, rows []int) {
	t.Helper()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if packed(field) {
			var want []byte
			for _, row := range rows {
				want = append(want, byte(row), byte(row))
			}
			if got := m.Get(field).Bytes(); !bytes.Equal(got, want) {
				t.Errorf("%s has %v of the rows %v, want %v", field.FullName(), got, rows, want)
			}
		}
		if !field.IsList() || field.Name() == "reasons" || field.Name() == "reason_refs" {
			continue
		}
		list := m.Get(field).List()
		if field.Message() != nil {
			if list.Len() != 1 {
				t.Errorf("%s has %d columns", field.FullName(), list.Len())
				continue
			}
			check(t, list.Get(0).Message(), rows)
			continue
		}
		if list.Len() != len(rows) {
			t.Errorf("%s has %d entries of %d rows", field.FullName(), list.Len(), len(rows))
			continue
		}
		for k, row := range rows {
			if got, want := list.Get(k), entry(field, row); !got.Equal(want) {
				t.Errorf("%s has %v of row %d, want %v", field.FullName(), got, row, want)
			}
		}
	}
}

// Whatever columns a block has, and its columns of columns, a part of it has their entries. One that is added and not taken along fails here.
func TestAPartOfABlockHasEveryColumn(t *testing.T) {
	for _, rows := range [][]int{{0, 2}, {1}, {0, 1, 2}} {
		block := &storagev1.SnapshotBlock{}
		fill(block.ProtoReflect())
		block.ReasonRefs, block.Reasons = []uint32{0, 1, 0}, []*echelonv1.Reason{{Message: "one"}, {Message: "two"}}
		picked := newPicker(block).pick(rows...)
		check(t, picked.ProtoReflect(), rows)
	}
}
