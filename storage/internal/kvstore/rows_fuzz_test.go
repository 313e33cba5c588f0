package kvstore

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Bits of a byte that stands for an attribute of a schema in FuzzRows; the lower ones are its type.
const (
	fuzzTypes   = 0x07
	fuzzRenamed = 0x08
	fuzzRetired = 0x10
	fuzzOldName = 0x20 // the view names it as it was called
	fuzzViewed  = 0x40
	fuzzRuled   = 0x80 // the view requires it, and of texts only some
)

// FuzzRows reads rows of any bytes under schemas of any version through any view: each ends as a customer, as one that breaks a rule or as damage that
// names it; and a builder that is given the values one by one says the same.
func FuzzRows(f *testing.F) {
	row := []byte{1, 0, 2, 1<<3 | 2, 3, 2<<3 | 6, 1, 'x'} // attribute 1 is -2, attribute 2 is "x"
	number, text := byte(echelonv1.Attribute_NUMBER), byte(echelonv1.Attribute_STRING)
	f.Add([]byte{number | fuzzViewed, text | fuzzViewed}, row)
	f.Add([]byte{number | fuzzViewed | fuzzRenamed, text | fuzzViewed | fuzzRenamed | fuzzOldName}, row)
	f.Add([]byte{number | fuzzRetired, text | fuzzViewed}, row)
	f.Add([]byte{number | fuzzRetired | fuzzViewed, text}, row)
	f.Add([]byte{number}, row)
	f.Add([]byte{text, number}, row)
	f.Add([]byte{number, text}, row[:5])
	f.Add([]byte{number | fuzzViewed | fuzzRuled, text | fuzzViewed | fuzzRuled}, row)
	f.Add([]byte{number, text | fuzzViewed, number | fuzzViewed | fuzzRuled}, row)
	f.Add([]byte{number, text | fuzzViewed | fuzzRuled}, []byte{1, 0, 1, 2<<3 | 6, 1, 'z'})
	f.Add([]byte{byte(echelonv1.Attribute_INTEGER) | fuzzViewed}, []byte{1, 0, 1, 1<<3 | 1, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f})
	f.Add([]byte{byte(echelonv1.Attribute_DATE) | fuzzViewed}, []byte{1, 0, 1, 1<<3 | 5, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{byte(echelonv1.Attribute_STRING_LIST) | fuzzViewed | fuzzRuled}, []byte{1, 0, 1, 1<<3 | 7, 2, 1, 'x', 1, 'y'})
	f.Fuzz(func(t *testing.T, attributes, row []byte) {
		if len(attributes) > 100 {
			return
		}
		message, view, retired := fuzzSchema(attributes)
		r, err := newRows(newSchema(message, 1), view, 2)
		if conflict := (*storage.SchemaConflictError)(nil); retired != errors.As(err, &conflict) || !retired && err != nil {
			t.Fatalf("a view with a retired attribute %v: %v", retired, err)
		}
		if err != nil {
			return
		}
		builder := frame.NewBuilder(view)
		wrong, fault := r.decode(builder, "acme", row), (*echelonv1.RowError)(nil)
		if wrong == nil {
			fault = builder.Commit()
		}
		key := customerKey("acme")
		for range 2 { // the second time its texts are known
			err := r.add(key, seal(key, bytes.Clone(row)), 1)
			if damage := (*storage.CorruptError)(nil); (err != nil) != (wrong != nil) || err != nil && (!errors.As(err, &damage) || damage.What != `customer "acme"`) {
				t.Fatalf("a row that cannot be read: %v, and the builder says %v", err, wrong)
			}
			if err != nil {
				return
			}
		}
		batch, want := r.take(), builder.Take()
		if batch.Frame.Len()+len(batch.Errors) != 2 || batch.Frame.Schema != view || batch.Last != "acme" {
			t.Fatalf("%d rows and %d errors of two", batch.Frame.Len(), len(batch.Errors))
		}
		if fault != nil {
			if diff := cmp.Diff(fault, batch.Errors[0], protocmp.Transform()); diff != "" {
				t.Fatalf("a row that breaks a rule (-builder +columns)\n%s", diff)
			}
			return
		}
		for i := range 2 {
			if diff := cmp.Diff(want.Customer(0), batch.Frame.Customer(i), protocmp.Transform(), cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("row %d (-builder +columns)\n%s", i, diff)
			}
		}
	})
}

// fuzzSchema returns the schema of some bytes, a view, and whether the view names an attribute that was retired.
func fuzzSchema(attributes []byte) (message *storagev1.Schema, view *frame.Schema, retired bool) {
	message = &storagev1.Schema{Version: 1}
	var fields []frame.Field
	for i, b := range attributes {
		kind := echelonv1.Attribute_Type(b & fuzzTypes)
		if kind == echelonv1.Attribute_UNSPECIFIED {
			continue // an id that nobody has
		}
		one := &storagev1.SchemaAttribute{Id: uint32(i + 1), Name: fmt.Sprint("a", i), Type: kind, Retired: b&fuzzRetired != 0}
		name := one.Name
		if b&fuzzRenamed != 0 {
			one.FormerNames = []string{fmt.Sprint("old", i)}
			if b&fuzzOldName != 0 {
				name = one.FormerNames[0]
			}
		}
		message.Attributes = append(message.Attributes, one)
		if b&fuzzViewed != 0 {
			field := frame.Field{Name: name, Type: kind}
			if field.Required = b&fuzzRuled != 0; field.Required {
				field.Values = []string{"x", "y"}
			}
			fields = append(fields, field)
			retired = retired || one.Retired
		}
	}
	return message, frame.NewSchema(fields...), retired
}
