package frame_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Whatever frames rows come from, and wherever they are taken, they are what they were.
func TestCollectedRowsAreWhatTheyWere(t *testing.T) {
	types := []echelonv1.Attribute_Type{echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_BOOLEAN, echelonv1.Attribute_STRING,
		echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP, echelonv1.Attribute_STRING_LIST}
	var fields []frame.Field
	for i, of := range types {
		fields = append(fields, frame.Field{Name: fmt.Sprint("f", i), Type: of})
	}
	schema, text := frame.NewSchema(fields...), rapid.SampledFrom([]string{"", "a", "b", "ü"})
	rapid.Check(t, func(t *rapid.T) {
		b := frame.NewBuilder(schema)
		var frames []*frame.Frame
		for range rapid.IntRange(1, 3).Draw(t, "frames") {
			for range rapid.IntRange(1, 70).Draw(t, "rows") {
				b.Start(rapid.StringN(1, 3, -1).Draw(t, "id"))
				set := rapid.Uint8().Draw(t, "set")
				has := func(field int) bool { return set&(1<<field) != 0 }
				if has(0) {
					b.SetNumber(0, rapid.Float64().Draw(t, "number"))
				}
				if has(1) {
					b.SetNumber(1, float64(rapid.Int32().Draw(t, "integer")))
				}
				if has(2) {
					b.SetBool(2, rapid.Bool().Draw(t, "truth"))
				}
				if has(3) {
					b.SetString(3, text.Draw(t, "text"))
				}
				if has(4) {
					b.SetInt(4, int64(rapid.Int16().Draw(t, "day")))
				}
				if has(5) {
					b.SetInt(5, int64(rapid.Int32().Draw(t, "instant")))
				}
				if has(6) {
					b.SetList(6, rapid.SliceOfN(text, 0, 3).Draw(t, "list"))
				}
				if wrong := b.Commit(); wrong != nil {
					t.Fatal(wrong)
				}
			}
			f := b.Take()
			frames = append(frames, f, f.Select(f.Columns[0].Valid))
		}
		c := frame.NewCollector(schema)
		var want, got []*echelonv1.Customer
		take := func() {
			n := c.Len()
			taken := c.Take()
			if taken.Len() != n || c.Len() != 0 || c.Bytes() != 0 {
				t.Fatalf("%d rows are taken of %d, and %d are left", taken.Len(), n, c.Len())
			}
			for i := range taken.Len() {
				got = append(got, taken.Customer(i))
			}
		}
		for range rapid.IntRange(0, 200).Draw(t, "added") {
			f := rapid.SampledFrom(frames).Draw(t, "from")
			if f.Len() == 0 {
				continue
			}
			row := rapid.IntRange(0, f.Len()-1).Draw(t, "row")
			c.Add(f, row)
			want = append(want, f.Customer(row))
			if rapid.IntRange(0, 50).Draw(t, "take") == 0 {
				take()
			}
		}
		take()
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
	})
}
