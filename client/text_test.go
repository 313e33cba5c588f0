package client

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func drawText() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "a", "é", "𝄞", "\xff", "a\xc3", "\xed\xa0\x80"})
}

func drawValue(depth int) *rapid.Generator[*structpb.Value] {
	return rapid.Custom(func(t *rapid.T) *structpb.Value {
		switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
		case kind == 0:
			return nil
		case kind == 1:
			return &structpb.Value{}
		case kind == 2:
			return structpb.NewNumberValue(rapid.Float64().Draw(t, "number"))
		case kind == 3 && depth > 0:
			return structpb.NewListValue(&structpb.ListValue{Values: rapid.SliceOfN(drawValue(depth-1), 0, 3).Draw(t, "list")})
		case kind == 4 && depth > 0:
			return structpb.NewStructValue(&structpb.Struct{Fields: rapid.MapOfN(drawText(), drawValue(depth-1), 0, 3).Draw(t, "fields")})
		}
		return structpb.NewStringValue(drawText().Draw(t, "text"))
	})
}

func TestExactlyTheCustomersThatCannotBeEncodedAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer := &echelonv1.Customer{
			Id:            drawText().Draw(t, "id"),
			Attributes:    &structpb.Struct{Fields: rapid.MapOfN(drawText(), drawValue(2), 0, 3).Draw(t, "attributes")},
			PreviousTiers: rapid.MapOfN(drawText(), drawText(), 0, 2).Draw(t, "previous tiers"),
		}
		_, err := proto.Marshal(customer)
		refusal := checkText(customer)
		if (refusal == nil) != (err == nil) {
			t.Fatalf("refused with %v, encoded with error %v", refusal, err)
		}
		if refusal == nil {
			return
		}
		if _, err := proto.Marshal(refusal); err != nil {
			t.Fatalf("the refusal itself cannot be encoded: %v", err)
		}
		if !strings.Contains(refusal.GetMessage(), "UTF-8") || refusal.GetCode() != echelonv1.RowError_INVALID_UTF8 {
			t.Fatalf("refused with %v", refusal)
		}
	})
}

func TestARefusalNamesTheFirstAttributeAtFault(t *testing.T) {
	text := func(s string) *structpb.Value { return structpb.NewStringValue(s) }
	for _, test := range []struct {
		name   string
		fields map[string]*structpb.Value
		want   string
	}{
		{"a text", map[string]*structpb.Value{"a": text("x"), "b": text("\xff"), "c": text("\xff")}, "b"},
		{"an item of a list", map[string]*structpb.Value{"l": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{text("x"), text("\xff")}})}, "l"},
		{"a name", map[string]*structpb.Value{"a\xff": text("x")}, `"a\xff"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			refusal := checkText(&echelonv1.Customer{Id: "acme", Attributes: &structpb.Struct{Fields: test.fields}})
			if refusal.GetField() != test.want || refusal.GetCustomerId() != "acme" {
				t.Errorf("refused with %v", refusal)
			}
		})
	}
}
