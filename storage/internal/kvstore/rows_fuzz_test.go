package kvstore

import (
	"errors"
	"fmt"
	"testing"

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
)

// FuzzRows reads rows of any bytes under schemas of any version through any view: each ends as a customer or as damage that names it.
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
	f.Fuzz(func(t *testing.T, attributes, row []byte) {
		if len(attributes) > 100 {
			return
		}
		message, view, retired := fuzzSchema(attributes)
		r, err := newRows(newSchema(message, 1), view)
		if conflict := (*storage.SchemaConflictError)(nil); retired != errors.As(err, &conflict) || !retired && err != nil {
			t.Fatalf("a view with a retired attribute %v: %v", retired, err)
		}
		if err != nil {
			return
		}
		key := customerKey("acme")
		if err := r.add(Item{Key: key, Value: seal(key, row)}); err != nil {
			if damage := (*storage.CorruptError)(nil); !errors.As(err, &damage) || damage.What != `customer "acme"` {
				t.Fatalf("a row that cannot be read: %v", err)
			}
			return
		}
		if batch := r.take(); batch.Frame.Len()+len(batch.Errors) != 1 || batch.Frame.Schema != view {
			t.Fatalf("%d rows and %d errors of one", batch.Frame.Len(), len(batch.Errors))
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
			fields = append(fields, frame.Field{Name: name, Type: kind})
			retired = retired || one.Retired
		}
	}
	return message, frame.NewSchema(fields...), retired
}
