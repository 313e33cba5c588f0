package storagetest

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// build makes a frame of customers as they come over the wire.
func build(t *testing.T, schema *frame.Schema, customers ...*echelonv1.Customer) *frame.Frame {
	t.Helper()
	b := frame.NewBuilder(schema)
	for _, customer := range customers {
		if fault := b.AddCustomer(customer, false); fault != nil {
			t.Fatalf("customer %q: %v", customer.GetId(), fault)
		}
	}
	return b.Take()
}

func customer(t *testing.T, id string, values map[string]any) *echelonv1.Customer {
	t.Helper()
	attributes, err := structpb.NewStruct(values)
	noError(t, err)
	return &echelonv1.Customer{Id: id, Attributes: attributes}
}

func testValues(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	customers := []*echelonv1.Customer{
		customer(t, "all", map[string]any{"arr": 1.5, "employees": 12, "industry": "software", "partner": true, "last_order": "2026-01-31",
			"seen_at": "2026-01-31T12:00:00.000001Z", "tags": []any{"a", "b", "a", ""}}),
		customer(t, "edges", map[string]any{"arr": -math.MaxFloat64, "employees": -frame.MaxInteger, "industry": "", "partner": false,
			"last_order": "0001-01-01", "seen_at": "9999-12-31T23:59:59.999999Z", "tags": []any{}}),
		customer(t, "long", map[string]any{"arr": math.SmallestNonzeroFloat64, "employees": frame.MaxInteger, "last_order": "9999-12-31",
			"industry": strings.Repeat("ü", frame.MaxValueBytes/2), "tags": []any{strings.Repeat("x", frame.MaxValueBytes)}}),
		customer(t, "none", map[string]any{}),
		customer(t, "zero", map[string]any{"arr": math.Copysign(0, -1), "employees": 0, "last_order": "1970-01-01"}),
	}
	schema := frame.ModelSchema(attributes)
	noError(t, store.PutCustomers(t.Context(), build(t, schema, customers...), moment))

	reader := view(t, store)
	got := []*echelonv1.Customer{}
	for batch, err := range reader.Customers(t.Context(), nil, storage.CustomerScan{}) {
		noError(t, err)
		for i := range batch.Frame.IDs {
			got = append(got, batch.Frame.Customer(i))
			equal(t, batch.UpdateTimes[i], moment)
		}
	}
	equal(t, got, customers)
	batch, err := reader.Customer("zero", schema)
	noError(t, err)
	if zero := batch.Frame.Column("arr").Numbers[0]; !math.Signbit(zero) {
		t.Errorf("-0 came back as %v", zero)
	}
	equal(t, batch.Last, "zero")
	equal(t, batch.UpdateTimes, []time.Time{moment})
}

func testReplace(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	schema := frame.ModelSchema(attributes)
	first := customer(t, "a", map[string]any{"arr": 1, "industry": "software"})
	second := customer(t, "a", map[string]any{"industry": "retail", "partner": true})
	noError(t, store.PutCustomers(t.Context(), build(t, schema, first), moment))
	noError(t, store.PutCustomers(t.Context(), build(t, schema, first, second), moment.Add(time.Hour+time.Nanosecond)))
	batch, err := view(t, store).Customer("a", nil)
	noError(t, err)
	equal(t, batch.Frame.Customer(0), second)
	equal(t, batch.UpdateTimes[0], moment.Add(time.Hour))
}

func testViews(t *testing.T, store storage.Store) {
	register(t, store, attributes[:2]...)
	put(t, store, 7, "old")
	register(t, store, attributes...)
	schema := frame.ModelSchema(attributes)
	noError(t, store.PutCustomers(t.Context(), build(t, schema, customer(t, "young", map[string]any{"arr": 8, "industry": "retail"})), moment))

	fields := frame.NewSchema(
		frame.Field{Name: "industry", Type: echelonv1.Attribute_STRING},
		frame.Field{Name: "unheard_of", Type: echelonv1.Attribute_BOOLEAN},
		frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER},
	)
	reader := view(t, store)
	got := map[string]*echelonv1.Customer{}
	for batch, err := range reader.Customers(t.Context(), fields, storage.CustomerScan{}) {
		noError(t, err)
		for i, id := range batch.Frame.IDs {
			got[id] = batch.Frame.Customer(i)
		}
	}
	equal(t, got, map[string]*echelonv1.Customer{
		"old":   customer(t, "old", map[string]any{"arr": 7}),
		"young": customer(t, "young", map[string]any{"arr": 8, "industry": "retail"}),
	})

	wrong := frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_STRING}, frame.Field{Name: "tags", Type: echelonv1.Attribute_DATE})
	var conflict *storage.SchemaConflictError
	if _, err := reader.Customer("old", wrong); !errors.As(err, &conflict) || len(conflict.Conflicts) != 2 {
		t.Errorf("get by a view with other types: got %v, want a *SchemaConflictError of both", err)
	}
	for _, err := range reader.Customers(t.Context(), wrong, storage.CustomerScan{}) {
		if !errors.As(err, &conflict) || len(conflict.Conflicts) != 2 {
			t.Errorf("scan by a view with other types: got %v, want a *SchemaConflictError of both", err)
		}
	}
}

func testRowErrors(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	schema := frame.ModelSchema(attributes)
	noError(t, store.PutCustomers(t.Context(), build(t, schema,
		customer(t, "a", map[string]any{"arr": 1, "industry": "software"}),
		customer(t, "b", map[string]any{"arr": 1, "industry": "banking"}),
		customer(t, "c", map[string]any{"arr": 1}),
		customer(t, "d", map[string]any{"industry": "retail"}),
	), moment))
	strict := frame.NewSchema(
		frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER, Required: true},
		frame.Field{Name: "industry", Type: echelonv1.Attribute_STRING, Values: []string{"software", "retail"}},
	)
	type fault struct {
		ID, Field string
		Code      echelonv1.RowError_Code
	}
	faults := []fault{}
	good := []string{}
	reader := view(t, store)
	for batch, err := range reader.Customers(t.Context(), strict, storage.CustomerScan{BatchRows: 3}) {
		noError(t, err)
		good = append(good, batch.Frame.IDs...)
		equal(t, len(batch.Versions), len(batch.Frame.IDs))
		equal(t, len(batch.UpdateTimes), len(batch.Frame.IDs))
		for _, e := range batch.Errors {
			faults = append(faults, fault{e.GetCustomerId(), e.GetField(), e.GetCode()})
		}
	}
	equal(t, good, []string{"a", "c"})
	want := []fault{{"b", "industry", echelonv1.RowError_VALUE_NOT_ALLOWED}, {"d", "arr", echelonv1.RowError_REQUIRED_MISSING}}
	equal(t, faults, want)
	batch, err := reader.Customer("d", strict)
	noError(t, err)
	if batch.Frame.Len() != 0 || len(batch.Errors) != 1 || batch.Last != "d" {
		t.Errorf("one customer that breaks a rule: got %d rows and %v", batch.Frame.Len(), batch.Errors)
	}
}

func testRefusedCustomers(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	one := func(schema *frame.Schema, ids ...string) *frame.Frame {
		f := build(t, schema, customer(t, "first", nil), customer(t, "last", nil))
		f.IDs = ids
		return f
	}
	number := func(name string) frame.Field { return frame.Field{Name: name, Type: echelonv1.Attribute_NUMBER} }
	plain := frame.NewSchema(number("arr"))
	tests := map[string]struct {
		frame *frame.Frame
		want  error
		as    *storage.SchemaConflictError
	}{
		"an empty id":    {frame: one(plain, "first", ""), want: storage.ErrInvalid},
		"an id too long": {frame: one(plain, "first", strings.Repeat("x", frame.MaxIDBytes+1)), want: storage.ErrInvalid},
		"a column twice": {frame: one(frame.NewSchema(number("arr"), number("arr")), "first", "last"), want: storage.ErrInvalid},
		"unknown and wrong": {frame: one(frame.NewSchema(number("arr"), number("nope"), number("tags")), "first", "last"), as: &storage.SchemaConflictError{
			Conflicts: []storage.SchemaConflict{
				{Name: "nope", Stored: echelonv1.Attribute_UNSPECIFIED, Given: echelonv1.Attribute_NUMBER},
				{Name: "tags", Stored: echelonv1.Attribute_STRING_LIST, Given: echelonv1.Attribute_NUMBER},
			}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := store.PutCustomers(t.Context(), test.frame, moment)
			var conflict *storage.SchemaConflictError
			errors.As(err, &conflict)
			if test.want != nil && !errors.Is(err, test.want) || !cmp.Equal(conflict, test.as) {
				t.Errorf("got %v", err)
			}
			equal(t, keys(t, view(t, store), ""), []string{})
		})
	}
}
