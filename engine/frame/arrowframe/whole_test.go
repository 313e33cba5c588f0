package arrowframe_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Outcomes come as they were made, also where the reasons of a row are longer together than a list that a customer may bring; columns are known by
// their types.
func TestRowsThatAServiceMadeAreTakenAsTheyAre(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "customer_id", Type: arrow.BinaryTypes.String}, {Name: "reasons", Type: arrow.ListOf(arrow.BinaryTypes.String)},
		{Name: "score", Type: arrow.PrimitiveTypes.Float64}, {Name: "moves", Type: arrow.PrimitiveTypes.Int64}, {Name: "excluded", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "since", Type: arrow.FixedWidthTypes.Date32}, {Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "tier", Type: arrow.BinaryTypes.String},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	const reasons = 5
	b.Field(0).(*array.StringBuilder).Append("a")
	list := b.Field(1).(*array.ListBuilder)
	list.Append(true)
	for i := range reasons {
		list.ValueBuilder().(*array.StringBuilder).Append(strings.Repeat(string(rune('a'+i)), frame.MaxValueBytes/2))
	}
	for i := 2; i < schema.NumFields(); i++ {
		b.Field(i).AppendNull()
	}
	sent, err := arrowframe.Stream(b.NewRecordBatch())
	if err != nil {
		t.Fatal(err)
	}
	to, err := arrowframe.SchemaOf(schema, "customer_id")
	if err != nil {
		t.Fatal(err)
	}
	want := []echelonv1.Attribute_Type{echelonv1.Attribute_STRING_LIST, echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_BOOLEAN,
		echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP, echelonv1.Attribute_STRING}
	for i, of := range want {
		if got := to.Field(i); got.Type != of || got.Name != schema.Field(i+1).Name {
			t.Errorf("the column %s is read as %s %s", schema.Field(i+1).Name, got.Name, got.Type)
		}
	}
	for whole, refused := range map[bool]int{true: 0, false: 1} {
		read, err := arrowframe.NewReader(to, arrowframe.Options{Whole: whole}).Read(sent)
		if err != nil || len(read.Refused) != refused {
			t.Fatalf("whole %t: %v, error %v", whole, read, err)
		}
		if whole && len(read.Frame.Columns[0].List(0)) != reasons {
			t.Errorf("%d reasons are left", len(read.Frame.Columns[0].List(0)))
		}
	}
	odd := arrow.NewSchema([]arrow.Field{{Name: "customer_id", Type: arrow.BinaryTypes.String}, {Name: "raw", Type: arrow.BinaryTypes.Binary}}, nil)
	if _, err := arrowframe.SchemaOf(odd, "customer_id"); err == nil || !strings.Contains(err.Error(), `"raw"`) {
		t.Errorf("a column of bytes: %v", err)
	}
}
