package briefing

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// fake is a server with one model and its runs.
type fake struct {
	runs        map[string]*echelonv1.Run
	model       *echelonv1.Model
	preview     *echelonv1.PreviewRunResponse
	assignments []*echelonv1.Assignment
	overrides   []*echelonv1.Override
	items       *echelonv1.ListReviewItemsResponse
	// broken, where it is not nil, is what ends the assignments.
	broken error
	asked  *echelonv1.PreviewRunRequest
}

func (f *fake) GetRun(_ context.Context, id string) (*echelonv1.Run, error) {
	if run := f.runs[id]; run != nil {
		return run, nil
	}
	return nil, errors.New("there is no run " + id)
}

func (f *fake) GetModel(context.Context, string, int64) (*echelonv1.ModelVersion, error) {
	return &echelonv1.ModelVersion{Model: f.model, Fingerprint: "f00"}, nil
}

func (f *fake) GetCalibration(context.Context, string) (*echelonv1.Calibration, error) {
	return &echelonv1.Calibration{}, nil
}

func (f *fake) GetCustomer(_ context.Context, id string) (*echelonv1.Customer, error) {
	return &echelonv1.Customer{Id: id}, nil
}

func (f *fake) PreviewRun(_ context.Context, request *echelonv1.PreviewRunRequest) (*echelonv1.PreviewRunResponse, error) {
	f.asked = request
	return f.preview, nil
}

func (f *fake) ExportAssignmentsWithAmounts(context.Context, string, string) iter.Seq2[*echelonv1.Assignment, error] {
	return func(yield func(*echelonv1.Assignment, error) bool) {
		for _, a := range f.assignments {
			if !yield(a, nil) {
				return
			}
		}
		if f.broken != nil {
			yield(nil, f.broken)
		}
	}
}

func (f *fake) ListReviewItems(context.Context, *echelonv1.ListReviewItemsRequest) (*echelonv1.ListReviewItemsResponse, error) {
	return f.items, nil
}

func (f *fake) Overrides(context.Context, *echelonv1.ListOverridesRequest) iter.Seq2[*echelonv1.Override, error] {
	return func(yield func(*echelonv1.Override, error) bool) {
		for _, o := range f.overrides {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// request asks for the run now.
func (f *fake) request() Request {
	return Request{
		RunID: "now", Limit: 2, Now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Tell: func(int64) {},
	}
}

// bare is a first run of a ladder: no amount, no 4-box, nobody before, nobody pinned.
func bare() *fake {
	return &fake{
		model: &echelonv1.Model{Name: "m", Tierings: []*echelonv1.Tiering{{Name: "coverage", Kind: &echelonv1.Tiering_Linear_{Linear: &echelonv1.Tiering_Linear{
			Score: "value", Tiers: []*echelonv1.Tier{{Name: "high"}, {Name: "low"}},
		}}}}},
		runs: map[string]*echelonv1.Run{"now": {
			Id: "now", Model: "m", ModelVersion: 1, State: echelonv1.Run_READY, AsOf: timestamppb.New(time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)),
			Summary: &echelonv1.Summary{
				Balance: &echelonv1.Balance{Customers: 2, Tiered: 2},
				Tierings: []*echelonv1.TierTable{{Tiering: "coverage", Tiers: []*echelonv1.TierCount{
					{Tier: "high", Customers: 1}, {Tier: "low", Customers: 1},
				}}},
			},
		}},
		assignments: []*echelonv1.Assignment{in("a", "high"), in("b", "low")}, items: &echelonv1.ListReviewItemsResponse{},
	}
}

// in is an assignment to a tier of coverage; to none where that is empty.
func in(id, tier string) *echelonv1.Assignment {
	outcome := &echelonv1.TierOutcome{Tiering: "coverage"}
	if tier != "" {
		outcome.Tier = &tier
	}
	return &echelonv1.Assignment{CustomerId: id, Tiers: []*echelonv1.TierOutcome{outcome}}
}

func written(t *testing.T, report *Report) (page, figures string) {
	t.Helper()
	var html, csv bytes.Buffer
	if err := errors.Join(HTML(&html, report), CSV(&csv, report)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(html.String(), "ZgotmplZ") || !strings.HasSuffix(html.String(), "</html>\n") {
		t.Error("the page is not whole")
	}
	return html.String(), csv.String()
}

func TestAPageSaysPlainlyWhatThereIsNot(t *testing.T) {
	report, err := Read(t.Context(), bare(), bare().request())
	if err != nil {
		t.Fatal(err)
	}
	page, csv := written(t, report)
	for _, want := range []string{
		"the model declares none", "The model declares no amount, so", "This is the first run of the model", "Nobody is held", "Nobody has pinned anything",
		"There is nothing to look at", "not published", "2 customers. ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, not := range []string{"-box</h2>", "<th scope=\"col\">share of the amount", "NaN", "<no value>", "Findings"} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q", not)
		}
	}
	if strings.Contains(csv, "gini") || !strings.Contains(csv, "\ntier,coverage,,high,,,,1,,,,\n") {
		t.Errorf("the CSV is\n%s", csv)
	}
}

func TestAReportIsOfWhatTheServerSays(t *testing.T) {
	f := bare()
	f.model.Amount = "arr"
	f.assignments = append(f.assignments, in("c", ""), &echelonv1.Assignment{CustomerId: "d", Excluded: true}, in("e", "low"))
	for i, amount := range []float64{30, 10, 60, 5, 0} {
		f.assignments[i].Amount = &amount
	}
	computed := "high"
	f.assignments[1].Tiers[0].ComputedTier, f.assignments[1].Tiers[0].Hold, f.assignments[1].Tiers[0].HeldUntil = &computed, echelonv1.Reason_HELD_BY_DWELL, "2026-05-01"
	f.assignments[1].Reasons = []*echelonv1.Reason{{Code: echelonv1.Reason_HELD_BY_DWELL, Item: "tiers.coverage", Message: "tiers.coverage: stays in low"}}
	f.assignments[2].Reasons = []*echelonv1.Reason{
		{Code: echelonv1.Reason_MISSING, Item: "scores.value", Attribute: "arr"}, {Code: echelonv1.Reason_MISSING, Item: "scores.value", Attribute: "arr"},
		{Code: echelonv1.Reason_MISSING, Item: "scores.other", Attribute: "age"},
	}
	f.overrides = []*echelonv1.Override{
		{CustomerId: "a", Pinned: "low"}, {CustomerId: "b", Pinned: "low", ExpireTime: timestamppb.New(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))},
		{CustomerId: "c", Pinned: "high", Stale: true},
	}
	f.runs["now"].BaseRunId, f.runs["before"] = "before", &echelonv1.Run{Id: "before", State: echelonv1.Run_PUBLISHED}
	f.preview = &echelonv1.PreviewRunResponse{Migration: &echelonv1.Migration{Tiering: "coverage", FromTiers: []string{"high", "low"}, ToTiers: []string{"high", "low"}, Both: 2, Demoted: 2,
		Cells: []*echelonv1.MigrationCell{{From: at("high"), To: at("low"), Customers: 2, Amount: 40}}}}
	report, err := Read(t.Context(), f, f.request())
	if err != nil {
		t.Fatal(err)
	}
	written(t, report)
	if got := report.Held.Shown; len(got) != 1 || got[0].ID != "b" || got[0].Computed != "high" || got[0].Why != "stays in low" || got[0].Until != "2026-05-01" || got[0].Amount != 10 {
		t.Errorf("held are %+v", got)
	}
	if got := report.Gaps; len(got) != 1 || got[0] != (Gap{What: "arr is missing", Customers: 1}) {
		t.Errorf("gaps are %+v", got)
	}
	if got := report.Overrides; got.All != 3 || got.Stale != 1 || len(got.Shown) != 2 || got.Shown[0].ID != "c" || got.Shown[1].ID != "b" || got.Hidden() != 1 {
		t.Errorf("overrides are %+v", got)
	}
	// The model is not about d, and e brings nothing.
	if c := report.Concentration; c == nil || c.Customers != 4 || c.Amount != 100 || c.Lines[0] != (CutLine{"high", 1, 30}) || c.Lines[1] != (CutLine{"low", 3, 40}) {
		t.Errorf("the concentration is %+v", report.Concentration)
	}
	if m := report.Movement; m == nil || m.Cells[0][1] != (Cell{2, 40, "down"}) || m.Cells[1][0].Way != "up" || m.Cells[0][0].Way != "stay" {
		t.Errorf("the movement is %+v", report.Movement)
	}
	if f.asked.GetFrom().GetRunId() != "before" || f.asked.GetTo().GetRunId() != "now" {
		t.Errorf("asked for %v", f.asked)
	}
}

func at(tier string) *echelonv1.MigrationPlace {
	return &echelonv1.MigrationPlace{Kind: echelonv1.MigrationPlace_TIER, Tier: tier}
}

func TestARunThatCannotBeReportedIsNamedWithWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*fake)
		want   string
	}{
		"one that failed":           {func(f *fake) { f.runs["now"].State = echelonv1.Run_FAILED }, "has no result: it is FAILED; report one that is READY or PUBLISHED"},
		"one that is not kept":      {func(f *fake) { f.runs["now"].SnapshotRemoved = true }, "is not kept any more"},
		"one whose stream is ended": {func(f *fake) { f.broken = errors.New("the stream broke") }, "the stream broke"},
	} {
		t.Run(name, func(t *testing.T) {
			f := bare()
			test.change(f)
			if _, err := Read(t.Context(), f, f.request()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestABaseThatIsNotKeptIsSaid(t *testing.T) {
	f := bare()
	f.runs["now"].BaseRunId, f.runs["before"] = "before", &echelonv1.Run{Id: "before", SnapshotRemoved: true}
	report, err := Read(t.Context(), f, f.request())
	if err != nil || report.Movement != nil || !strings.Contains(report.BaseNote, "before, is not kept any more") {
		t.Errorf("%v, %q", err, report.BaseNote)
	}
}
