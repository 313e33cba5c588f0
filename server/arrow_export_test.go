package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// wholeOutcome returns an assignment as a row of all columns that its model's outcomes have.
func wholeOutcome(p *engine.Program, a *echelonv1.Assignment) *echelonv1.Customer {
	row := asOutcome(a)
	all := row.GetAttributes().GetFields()
	more := attrs{}
	for _, t := range a.GetTiers() {
		s, text := t.GetStanding(), map[string]string{"since": t.GetStanding().GetSince(), "pending_since": t.GetStanding().GetPendingSince(), "held_until": t.GetHeldUntil()}
		if t.GetHold() != echelonv1.Reason_UNSPECIFIED {
			text["hold"] = t.GetHold().String()
		}
		for name, value := range text {
			if value != "" {
				more[name+"."+t.GetTiering()] = value
			}
		}
		for name, n := range map[string]int32{"promotions": s.GetPromotions(), "demotions": s.GetDemotions(), "other_moves": s.GetOtherMoves()} {
			if n != 0 {
				more[name+"."+t.GetTiering()] = n
			}
		}
	}
	more["excluded"] = a.GetExcluded()
	for name, value := range customer("", more).GetAttributes().GetFields() {
		all[name] = value
	}
	schema := p.OutcomeSchema(true)
	for name := range all {
		if _, has := schema.Index(name); !has {
			delete(all, name)
		}
	}
	return row
}

// Columns come from the blocks of the run and from what was evaluated and pinned since, wherever a page ends, and wherever another stream goes on.
func TestAnExportInColumnsIsThatOfRowsWhateverWasWrittenSinceTheRun(t *testing.T) {
	for name, text := range map[string]string{
		"a plain model":             plain,
		"with stability":            strings.Replace(dwelling, "name: dwelling", "name: plain", 1),
		"that is not about all":     strings.Replace(plain, "name: plain", "name: plain\npopulation: coalesce(arr, 0) < 80", 1),
		"nobody is in the snapshot": plain,
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.create(text)
			customers := 40
			if name == "nobody is in the snapshot" {
				customers = 0
			}
			for i := range customers {
				h.upsert(fmt.Sprintf("c%03d", i), attrs{"arr": i * 37 % 100})
			}
			if customers > 0 {
				h.override(pin("plain", "c007", "high"))
			}
			h.published("plain")
			for i := 0; i < customers; i += 5 {
				_, err := h.assign(fmt.Sprintf("c%03d", i), attrs{"arr": i * 41 % 100})
				h.must(err)
			}
			for _, id := range []string{"c007", "c020", "new"}[:min(customers, 3)] {
				_, err := h.assign(id, attrs{"arr": 20})
				h.must(err)
			}
			for i := 3; i < customers; i += 11 {
				_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: fmt.Sprintf("c%03d", i)})
				h.must(err)
			}
			program, _ := engine.Compile(model(t, text))
			var want []*echelonv1.Customer
			for _, a := range h.exported("plain") {
				want = append(want, wholeOutcome(program, a))
			}
			for _, size := range []int32{1, 7, 1000} {
				cursors, at := []string{""}, []int{0}
				for from := 0; from < len(cursors); from++ {
					stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{
						Model: "plain", Arrow: true, PageSize: size, Cursor: cursors[from],
					})
					h.must(err)
					pages, err := collect(stream.Recv)
					h.must(err)
					var got []*echelonv1.Customer
					for _, page := range pages {
						rows := outcomeRows(t, program.OutcomeSchema(true), page.GetArrow())
						if len(rows) > int(size) || len(page.GetAssignments()) > 0 || page.GetCursor() == "" {
							t.Fatalf("a page of %d rows has %d assignments beside them, and the cursor %q", len(rows), len(page.GetAssignments()), page.GetCursor())
						}
						got = append(got, rows...)
						if from == 0 {
							cursors, at = append(cursors, page.GetCursor()), append(at, len(got))
						}
					}
					if diff := cmp.Diff(want[at[from]:], got, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("pages of %d, after %d customers (-rows +columns):\n%s", size, at[from], diff)
					}
				}
			}
		})
	}
}
