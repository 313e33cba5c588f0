package storagetest

import (
	"errors"
	"testing"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

func testRegisterAttributes(t *testing.T, store storage.Store) {
	empty, err := storage.ReadSchema(view(t, store))
	noError(t, err)
	equal(t, empty, &storagev1.Schema{})
	steps := []struct {
		add     []*echelonv1.Attribute
		changed bool
		version int64
		ids     map[string]uint32
	}{
		{attributes[:2], true, 1, map[string]uint32{"arr": 1, "employees": 2}},
		{attributes[:1], false, 1, map[string]uint32{"arr": 1, "employees": 2}},
		{attributes[1:4], true, 2, map[string]uint32{"arr": 1, "employees": 2, "industry": 3, "partner": 4}},
		{nil, false, 2, map[string]uint32{"arr": 1, "employees": 2, "industry": 3, "partner": 4}},
	}
	for i, step := range steps {
		var returned *storagev1.Schema
		update(t, store, func(tx storage.Tx) error {
			schema, changed, err := storage.RegisterAttributes(tx, step.add)
			equal(t, changed, step.changed)
			returned = schema
			return err
		})
		stored, err := storage.ReadSchema(view(t, store))
		noError(t, err)
		equal(t, stored, returned)
		ids := make(map[string]uint32)
		for _, attribute := range stored.GetAttributes() {
			ids[attribute.GetName()] = attribute.GetId()
		}
		equal(t, ids, step.ids)
		if stored.GetVersion() != step.version {
			t.Errorf("step %d: version %d, want %d", i, stored.GetVersion(), step.version)
		}
	}
	err = store.Update(t.Context(), func(tx storage.Tx) error {
		_, _, err := storage.RegisterAttributes(tx, []*echelonv1.Attribute{{Name: "untyped"}})
		return err
	})
	if !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("an attribute without a type: got %v, want ErrInvalid", err)
	}
}

func testSchemaConflicts(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	err := store.Update(t.Context(), func(tx storage.Tx) error {
		_, _, err := storage.RegisterAttributes(tx, []*echelonv1.Attribute{
			{Name: "arr", Type: echelonv1.Attribute_STRING},
			{Name: "fresh", Type: echelonv1.Attribute_STRING},
			{Name: "tags", Type: echelonv1.Attribute_STRING},
		})
		return err
	})
	var conflict *storage.SchemaConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v, want a *SchemaConflictError", err)
	}
	equal(t, conflict.Conflicts, []storage.SchemaConflict{
		{Name: "arr", Stored: echelonv1.Attribute_NUMBER, Given: echelonv1.Attribute_STRING},
		{Name: "tags", Stored: echelonv1.Attribute_STRING_LIST, Given: echelonv1.Attribute_STRING},
	})
	schema, err := storage.ReadSchema(view(t, store))
	noError(t, err)
	equal(t, len(schema.GetAttributes()), len(attributes))
	equal(t, schema.GetVersion(), int64(1))
}

// testSchemaWithinUpdate also sees to it that a schema which was never committed is of no effect on what comes after.
func testSchemaWithinUpdate(t *testing.T, store storage.Store) {
	registerAndPut := func(name string, failure error) error {
		return store.Update(t.Context(), func(tx storage.Tx) error {
			_, _, err := storage.RegisterAttributes(tx, []*echelonv1.Attribute{{Name: name, Type: echelonv1.Attribute_NUMBER}})
			return errors.Join(err, tx.PutCustomers(numbers(t, nil, "a"), moment), failure)
		})
	}
	cause := errors.New("rolled back")
	if err := registerAndPut("arr", cause); !errors.Is(err, cause) {
		t.Errorf("got %v, want the function's error", err)
	}
	var conflict *storage.SchemaConflictError
	if err := store.PutCustomers(t.Context(), numbers(t, nil, "a"), moment); !errors.As(err, &conflict) {
		t.Errorf("an attribute whose registration was rolled back: got %v, want a *SchemaConflictError", err)
	}
	noError(t, registerAndPut("arr", nil))
	_, err := view(t, store).Customer("a", nil)
	noError(t, err)
}
