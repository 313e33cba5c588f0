package reason_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestEachRowHasItsReasonsInTheOrderInWhichTheyCame(t *testing.T) {
	// WHY-4
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(0, 20).Draw(t, "rows")
		table, want, kinds := reason.NewTable(), make([][]string, rows), make(map[string]bool)
		for range rapid.IntRange(0, 60).Draw(t, "reasons") {
			if rows == 0 {
				break
			}
			row, part := rapid.IntRange(0, rows-1).Draw(t, "row"), strconv.Itoa(rapid.IntRange(0, 5).Draw(t, "part"))
			table.Add(row, reason.Reason{Code: echelonv1.Reason_MISSING, Part: part})
			want[row] = append(want[row], part)
			kinds[part] = true
		}
		list := table.List(rows)
		if len(list.Reasons) != len(kinds) {
			t.Fatalf("%d reasons are kept, want %d", len(list.Reasons), len(kinds))
		}
		for row := range rows {
			got := list.Of(row)
			if len(got) != len(want[row]) {
				t.Fatalf("row %d has %d reasons, want %v", row, len(got), want[row])
			}
			for i, r := range got {
				if r.GetPart() != want[row][i] {
					t.Fatalf("row %d has the reason %v at %d, want %v", row, r, i, want[row])
				}
			}
		}
	})
}

func TestATableThatIsUsedAgainHasTheReasonsOfItsBatchAlone(t *testing.T) {
	// WHY-4
	rapid.Check(t, func(t *rapid.T) {
		again := reason.NewTable()
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			again.Reset()
			fresh := reason.NewTable()
			memos := [2]reason.Memo{{Item: "a"}, {Item: "a"}}
			for range rapid.IntRange(0, 1500).Draw(t, "reasons") { // more than are kept
				row, number, how := rapid.IntRange(0, 3).Draw(t, "row"), rapid.IntRange(0, 2000).Draw(t, "number"), rapid.IntRange(0, 2).Draw(t, "how")
				for i, table := range []*reason.Table{again, fresh} {
					one := reason.Reason{Code: echelonv1.Reason_DECIDED, Item: "a", Part: strconv.Itoa(number)}
					switch how {
					case 0:
						table.Add(row, one)
					case 1:
						table.AddOf(&memos[i], number, row, func() reason.Reason { return one })
					default:
						table.AddUnreadable(row, "a", one.Part, expr.Cause{Missing: "x"})
					}
				}
			}
			if diff := cmp.Diff(fresh.List(4), again.List(4), protocmp.Transform()); diff != "" {
				t.Fatalf("the list is another than that of a new table:\n%s", diff)
			}
		}
	})
}

func TestNoTableForgets(t *testing.T) {
	// WHY-5
	var table *reason.Table
	table.Add(0, reason.Reason{})
	list := table.List(3)
	for row := range 3 {
		if got := list.Of(row); got != nil {
			t.Errorf("row %d has %v", row, got)
		}
	}
}

func TestWhatCannotBeReadIsSaidInWords(t *testing.T) {
	// WHY-4
	for _, test := range []struct {
		part  string
		cause expr.Cause
		want  *echelonv1.Reason
	}{
		{"c", expr.Cause{Missing: "arr"}, &echelonv1.Reason{Code: echelonv1.Reason_MISSING, Part: "c", Attribute: "arr", Message: "scores.v, c: arr is missing"}},
		{"", expr.Cause{Message: "it is odd"}, &echelonv1.Reason{Code: echelonv1.Reason_UNREADABLE, Message: "scores.v: it is odd"}},
	} {
		got := reason.Unreadable("scores.v", test.part, test.cause)
		if got.Code != test.want.GetCode() || got.Message != test.want.GetMessage() || got.Attribute != test.want.GetAttribute() || got.Part != test.want.GetPart() {
			t.Errorf("the reason is %+v, want %v", got, test.want)
		}
	}
}
