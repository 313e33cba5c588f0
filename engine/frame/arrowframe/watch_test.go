package arrowframe_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Rows of a watched column are places of the record batch, also behind a row that is refused; other columns are ignored as ever.
func TestOfWatchedColumnsItIsToldWhichRowsHaveAValue(t *testing.T) {
	number := func(name string) frame.Field { return frame.Field{Name: name, Type: echelonv1.Attribute_NUMBER} }
	b := frame.NewBuilder(frame.NewSchema(number("arr"), number("old"), number("other"), number("never")))
	for row, id := range []string{"a", "a", "b", "c"} {
		b.Start(id)
		b.SetNumber(0, 1)
		b.SetNumber(2, 1)
		if row >= 2 {
			b.SetNumber(1, float64(row))
		}
		if wrong := b.Commit(); wrong != nil {
			t.Fatal(wrong)
		}
	}
	writer, err := arrowframe.NewWriter(b.Schema(), "")
	if err != nil {
		t.Fatal(err)
	}
	sent, err := writer.Stream(b.Take())
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{false, true} {
		reader := arrowframe.NewReader(frame.NewSchema(number("arr")), arrowframe.Options{
			Own: own, Watch: func(column string) bool { return slices.Contains([]string{"old", "never", "arr"}, column) },
		})
		read, err := reader.ReadInto(&arrowframe.Memory{}, sent)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string][]int)
		for _, w := range read.Watched {
			got[w.Name] = nil
			for row := range read.Rows {
				if w.Rows.Get(row) {
					got[w.Name] = append(got[w.Name], row)
				}
			}
		}
		if diff := cmp.Diff(map[string][]int{"old": {2, 3}, "never": nil}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(read.Refused) != 1 || !slices.Equal(read.Ignored, []string{"other"}) {
			t.Errorf("%d rows are refused and the columns %q ignored", len(read.Refused), read.Ignored)
		}
	}
}
