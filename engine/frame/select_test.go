package frame_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// A frame that is projected reads as one that was built with the other schema; what no column holds is missing, whatever its type.
func TestAProjectionHasOtherFields(t *testing.T) {
	from := frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER}, frame.Field{Name: "old", Type: echelonv1.Attribute_STRING})
	var fields []frame.Field
	places := []int{1}
	fields = append(fields, frame.Field{Name: "new", Type: echelonv1.Attribute_STRING})
	for of := range echelonv1.Attribute_Type_name {
		if of != 0 {
			fields = append(fields, frame.Field{Name: "no_" + echelonv1.Attribute_Type(of).String(), Type: echelonv1.Attribute_Type(of)})
			places = append(places, -1)
		}
	}
	b := frame.NewBuilder(from)
	want := frame.NewBuilder(frame.NewSchema(fields...))
	for i, text := range []string{"one", "", "two"} {
		id := string(rune('a' + i))
		b.Start(id)
		want.Start(id)
		b.SetNumber(0, float64(i))
		if text != "" {
			b.SetString(1, text)
			want.SetString(0, text)
		}
		if fault, other := b.Commit(), want.Commit(); fault != nil || other != nil {
			t.Fatal(fault, other)
		}
	}
	wanted := want.Take()
	got := b.Take().Project(wanted.Schema, places)
	if diff := cmp.Diff(wanted.Columns, got.Columns); diff != "" {
		t.Errorf("columns (-built +projected)\n%s", diff)
	}
	one := &echelonv1.Customer{Id: "c", Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{"new": structpb.NewStringValue("two")}}}
	if diff := cmp.Diff(one, got.Customer(2), protocmp.Transform()); diff != "" {
		t.Errorf("a customer (-want +got)\n%s", diff)
	}
}
