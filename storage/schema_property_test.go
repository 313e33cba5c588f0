package storage_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// attribute is one of the schema as the test thinks of it.
type attribute struct {
	kind    echelonv1.Attribute_Type
	name    string
	former  []string
	retired bool
}

func (a *attribute) named(name string) bool { return a.name == name || slices.Contains(a.former, name) }

// evolution is a store under a schema that changes, beside what it should hold.
type evolution struct {
	t     *rapid.T
	store storage.Store
	// attributes are those of the schema, by id from 1; customers their values by the attributes' places.
	attributes []*attribute
	customers  map[string]map[int]string
	// views are what models once read: the names and types of all attributes of some version.
	views []map[string]echelonv1.Attribute_Type
}

var (
	schemaNames = []string{"a", "b", "c", "d", "e", "f"}
	schemaTypes = []echelonv1.Attribute_Type{echelonv1.Attribute_NUMBER, echelonv1.Attribute_STRING, echelonv1.Attribute_BOOLEAN}
)

// TestEverythingThatWasEverReadGoesOnBeingRead goes through random histories of registering, renaming, retiring and storing, and reads all customers
// after each step through the view of every version that there was.
func TestEverythingThatWasEverReadGoesOnBeingRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &evolution{t: t, store: memory.New(), customers: make(map[string]map[int]string)}
		defer e.store.Close()
		t.Repeat(map[string]func(*rapid.T){
			"register": func(*rapid.T) { e.register() },
			"rename":   func(*rapid.T) { e.rename() },
			"retire":   func(*rapid.T) { e.retire() },
			"put":      func(*rapid.T) { e.put() },
			"":         func(*rapid.T) { e.check() },
		})
	})
}

func (e *evolution) find(name string) int {
	return slices.IndexFunc(e.attributes, func(a *attribute) bool { return a.named(name) })
}

func (e *evolution) update(change func(storage.Tx) (bool, error)) (changed bool, err error) {
	err = e.store.Update(e.t.Context(), func(tx storage.Tx) error {
		changed, err = change(tx)
		return err
	})
	return changed, err
}

// expect compares how a change went with how it should have.
func (e *evolution) expect(what string, changed bool, err error, wantChange bool, want error) {
	e.t.Helper()
	var conflict *storage.SchemaConflictError
	switch {
	case want == nil && (err != nil || changed != wantChange):
		e.t.Fatalf("%s: changed %v, %v; want %v", what, changed, err, wantChange)
	case errors.As(want, &conflict) && !errors.As(err, &conflict), want != nil && !errors.As(want, &conflict) && !errors.Is(err, want):
		e.t.Fatalf("%s: %v, want %v", what, err, want)
	}
	if changed && err == nil {
		view := make(map[string]echelonv1.Attribute_Type)
		for _, a := range e.attributes {
			if !a.retired {
				view[a.name] = a.kind
			}
		}
		e.views = append(e.views, view)
	}
}

func (e *evolution) register() {
	name, kind := rapid.SampledFrom(schemaNames).Draw(e.t, "name"), rapid.SampledFrom(schemaTypes).Draw(e.t, "type")
	changed, err := e.update(func(tx storage.Tx) (bool, error) {
		_, changed, err := storage.RegisterAttributes(tx, []*echelonv1.Attribute{{Name: name, Type: kind}})
		return changed, err
	})
	var want error
	at := e.find(name)
	if at < 0 {
		e.attributes = append(e.attributes, &attribute{kind: kind, name: name})
	} else if a := e.attributes[at]; a.kind != kind || a.retired || a.name != name {
		want = &storage.SchemaConflictError{}
	}
	e.expect("register "+name, changed, err, at < 0, want)
}

func (e *evolution) rename() {
	from, to := rapid.SampledFrom(schemaNames).Draw(e.t, "from"), rapid.SampledFrom(schemaNames).Draw(e.t, "to")
	changed, err := e.update(func(tx storage.Tx) (bool, error) {
		_, changed, err := storage.RenameAttribute(tx, from, to)
		return changed, err
	})
	var want error
	wantChange := false
	at, taken := e.find(from), e.find(to)
	switch {
	case at < 0:
		want = storage.ErrNotFound
	case e.attributes[at].retired, taken >= 0 && taken != at:
		want = &storage.SchemaConflictError{}
	case e.attributes[at].name == to:
	case e.attributes[at].name != from:
		want = storage.ErrNotFound
	default:
		a := e.attributes[at]
		a.former = slices.DeleteFunc(append(slices.Clone(a.former), from), func(name string) bool { return name == to })
		a.name, wantChange = to, true
	}
	e.expect(fmt.Sprintf("rename %s %s", from, to), changed, err, wantChange, want)
}

func (e *evolution) retire() {
	name := rapid.SampledFrom(schemaNames).Draw(e.t, "name")
	changed, err := e.update(func(tx storage.Tx) (bool, error) {
		_, changed, err := storage.RetireAttribute(tx, name)
		return changed, err
	})
	var want error
	at := e.find(name)
	wantChange := false
	if at < 0 || e.attributes[at].name != name {
		want = storage.ErrNotFound
	} else {
		wantChange = !e.attributes[at].retired
		e.attributes[at].retired = true
	}
	e.expect("retire "+name, changed, err, wantChange, want)
}

// put stores a customer by the names of some version, old or new.
func (e *evolution) put() {
	if len(e.views) == 0 {
		return
	}
	view := rapid.SampledFrom(e.views).Draw(e.t, "view")
	b := frame.NewBuilder(schemaOf(view))
	id := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(e.t, "id")
	b.Start(id)
	values := make(map[int]string)
	refused := false
	for i, name := range slices.Sorted(maps.Keys(view)) {
		at := e.find(name)
		refused = refused || e.attributes[at].retired
		if !rapid.Bool().Draw(e.t, "given") {
			continue
		}
		n := rapid.IntRange(0, 1).Draw(e.t, "value")
		switch view[name] {
		case echelonv1.Attribute_NUMBER:
			b.SetNumber(i, float64(n))
			values[at] = fmt.Sprint(n)
		case echelonv1.Attribute_STRING:
			b.SetString(i, fmt.Sprint("text", n))
			values[at] = fmt.Sprint("text", n)
		default:
			b.SetBool(i, n == 1)
			values[at] = fmt.Sprint(n == 1)
		}
	}
	if fault := b.Commit(); fault != nil {
		e.t.Fatal(fault)
	}
	err := e.store.PutCustomers(e.t.Context(), b.Take(), time.Unix(0, 0))
	if conflict := (*storage.SchemaConflictError)(nil); refused != errors.As(err, &conflict) || !refused && err != nil {
		e.t.Fatalf("put: %v; to be refused: %v", err, refused)
	}
	if !refused {
		e.customers[id] = values
	}
}

func schemaOf(view map[string]echelonv1.Attribute_Type) *frame.Schema {
	var fields []frame.Field
	for _, name := range slices.Sorted(maps.Keys(view)) {
		fields = append(fields, frame.Field{Name: name, Type: view[name]})
	}
	return frame.NewSchema(fields...)
}

// check reads all customers through every view that there was, and through none.
func (e *evolution) check() {
	reader, err := e.store.View(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	defer reader.Close()
	for _, view := range append(e.views, nil) {
		var schema *frame.Schema
		want := make(map[string]map[string]string)
		refused := false
		for id, values := range e.customers {
			want[id] = make(map[string]string)
			for at, value := range values {
				if a := e.attributes[at]; view == nil && !a.retired {
					want[id][a.name] = value
				}
			}
		}
		if view != nil {
			schema = schemaOf(view)
			for name := range view {
				at := e.find(name)
				refused = refused || e.attributes[at].retired
				for id, values := range e.customers {
					if value, ok := values[at]; ok {
						want[id][name] = value
					}
				}
			}
		}
		got, err := readAll(e.t, reader, schema)
		if conflict := (*storage.SchemaConflictError)(nil); refused {
			if !errors.As(err, &conflict) {
				e.t.Fatalf("the view %v with a retired attribute: %v", view, err)
			}
			continue
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			e.t.Fatalf("the view %v: %v (-want +got)\n%s", view, err, diff)
		}
	}
}

func readAll(t *rapid.T, reader storage.Reader, view *frame.Schema) (map[string]map[string]string, error) {
	all := make(map[string]map[string]string)
	for batch, err := range reader.Customers(t.Context(), view, storage.CustomerScan{}) {
		if err != nil {
			return nil, err
		}
		for row, id := range batch.Frame.IDs {
			all[id] = make(map[string]string)
			for i := range batch.Frame.Schema.Len() {
				if column := &batch.Frame.Columns[i]; column.Valid.Get(row) {
					all[id][batch.Frame.Schema.Field(i).Name] = fmt.Sprint(column.Value(row).AsInterface())
				}
			}
		}
	}
	return all, nil
}
