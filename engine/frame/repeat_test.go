package frame_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestARowIsRepeatedWithAllThatItHas(t *testing.T) {
	b := frame.NewBuilder(frame.NewSchema(
		frame.Field{Name: "x", Type: echelonv1.Attribute_NUMBER}, frame.Field{Name: "s", Type: echelonv1.Attribute_STRING},
		frame.Field{Name: "b", Type: echelonv1.Attribute_BOOLEAN}, frame.Field{Name: "d", Type: echelonv1.Attribute_DATE},
		frame.Field{Name: "tags", Type: echelonv1.Attribute_STRING_LIST},
	))
	rows := []map[string]any{
		{"x": 1.0, "s": "a", "b": true, "d": "2026-01-31", "tags": []any{"p", "q"}},
		{"s": "b", "b": false, "tags": []any{}},
		{"x": 2.0, "d": "2026-02-01"},
	}
	for i, row := range rows {
		attributes, err := structpb.NewStruct(row)
		if err != nil {
			t.Fatal(err)
		}
		if fault := b.AddCustomer(&echelonv1.Customer{Id: string(rune('a' + i)), Attributes: attributes}, false); fault != nil {
			t.Fatal(fault)
		}
	}
	f := b.Take()
	for row := range rows {
		made := f.Repeat(row, 70)
		if made.Len() != 70 {
			t.Fatalf("there are %d rows", made.Len())
		}
		for _, i := range []int{0, 1, 64, 69} {
			if diff := cmp.Diff(f.Customer(row), made.Customer(i), protocmp.Transform()); diff != "" {
				t.Errorf("row %d differs (-want +got):\n%s", i, diff)
			}
		}
	}
}
