package server_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// caused is a model in which everything can move a customer: its data, the others, its tenure, and what stability holds.
const caused = `
name: plain
amount: arr
attributes:
  - {name: arr, type: NUMBER}
  - {name: usage, type: NUMBER}
  - {name: joined, type: DATE}
  - {name: renewal, type: DATE}
  - {name: owner, type: STRING}
scores:
  - name: value
    criteria:
      - {name: revenue, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}
      - {name: usage, expr: usage, weight: 1, normalize: {percentile: {}}}
      - {name: tenure, expr: days_since(joined), weight: 1, normalize: {linear: {min: 0, max: 300}}}
tierings:
  - name: coverage
    STABILITY
    linear: {score: value, tiers: [{name: high, cut: {min_score: 50}}, {name: low}]}
`

// causes is a model with that stability; none where it is empty.
func causes(stability string) string {
	if stability != "" {
		stability = "stability: " + stability
	}
	return strings.Replace(caused, "STABILITY", stability, 1)
}

// base stores customers beside x, whose usage is ten times their number.
func (h *harness) base(shift int) {
	h.Helper()
	for i := range 11 {
		h.upsert(fmt.Sprintf("c%02d", i), attrs{"arr": 10, "usage": 10*i + shift, "joined": "2026-01-31", "owner": []string{"ann", "bob"}[i%2]})
	}
}

// x is a customer whose score is 60 at noon.
func (h *harness) x(change attrs) {
	h.Helper()
	all := attrs{"arr": 60, "usage": 60, "joined": noon.AddDate(0, 0, -180).Format("2006-01-02"), "owner": "ann"}
	for name, value := range change {
		all[name] = value
	}
	h.upsert("x", all)
}

// publishedAsOf runs and publishes.
func (h *harness) publishedAsOf(asOf time.Time) *echelonv1.Run {
	h.Helper()
	run := h.runAsOf("plain", asOf)
	h.must(h.publish(run.GetId()))
	return run
}

func (h *harness) preview(request *echelonv1.PreviewRunRequest) *echelonv1.PreviewRunResponse {
	h.Helper()
	got, err := h.runs.PreviewRun(h.context(), request)
	h.must(err)
	return got
}

func (h *harness) explain(id, since string) *echelonv1.ExplainAssignmentResponse {
	h.Helper()
	got, err := h.assignments.ExplainAssignment(h.context(), &echelonv1.ExplainAssignmentRequest{Model: "plain", CustomerId: id, SinceRunId: since})
	h.must(err)
	return got
}

func TestEachCauseOfAMoveIsFoundAlone(t *testing.T) {
	// WHY-221, WHY-222, WHY-290
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	for name, test := range map[string]struct {
		stability string
		// first is what x is at the first run, of day; between is what happens before the second at noon.
		first   attrs
		day     int
		prepare func(h *harness)
		between func(h *harness)
		want    string
		says    string
	}{
		"its own data": {"", nil, 0, nil, func(h *harness) { h.x(attrs{"arr": 1}) }, "DATA", "its own data changed"},
		"its own data, while nothing counts days": {"", nil, -5, nil, func(h *harness) { h.x(attrs{"arr": 1, "joined": nil}) }, "DATA", "its own data changed"},
		"its own data or time":                    {"", attrs{"arr": 1}, -150, nil, func(h *harness) { h.x(nil) }, "DATA", "cannot be told apart"},
		"the others":                              {"", nil, 0, nil, func(h *harness) { h.base(1000) }, "POPULATION", "moved the line"},
		"the others, and x written as it was":     {"", nil, 0, nil, func(h *harness) { h.base(1000); h.x(nil) }, "POPULATION", "moved the line"},
		"the others, and data that would not do":  {"", nil, 0, nil, func(h *harness) { h.base(1000); h.x(attrs{"arr": 58}) }, "POPULATION", "moved the line"},
		"the model":                               {"", nil, 0, nil, func(h *harness) { h.create(strings.Replace(causes(""), "min_score: 50", "min_score: 80", 1)) }, "MODEL", "the model changed"},
		"its tenure":                              {"", nil, -150, nil, nil, "TIME", "time went by"},
		"the end of a dwell": {"{min_dwell_days: 30}", nil, -20, func(h *harness) {
			h.publishedAsOf(day(-31))
			h.x(attrs{"arr": 0, "usage": 0})
		}, nil, "TIME", "a hold ended"},
		"the end of a freeze": {"{freeze: {before: renewal, days: 60}}", attrs{"renewal": day(-1).Format("2006-01-02")}, -20, func(h *harness) {
			h.publishedAsOf(day(-30))
			h.x(attrs{"arr": 0, "usage": 0, "renewal": day(-1).Format("2006-01-02")})
		}, nil, "TIME", "a hold ended"},
		"data beyond a margin": {"{demote_margin: 10}", nil, 0, func(h *harness) {
			h.publishedAsOf(day(0))
			h.x(attrs{"arr": 10})
		}, func(h *harness) { h.x(attrs{"arr": 0, "usage": 0}) }, "DATA", "its own data changed"},
		"an override": {"", nil, 0, nil, func(h *harness) { h.override(pin("plain", "x", "low")) }, "OVERRIDE", "it was overridden"},
		"an override that was ended": {"", nil, 0, func(h *harness) { h.override(pin("plain", "x", "low")) }, func(h *harness) {
			_, err := h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "plain", CustomerId: "x", Item: "coverage", Etag: h.overrides(&echelonv1.ListOverridesRequest{Model: "plain"})[0].GetEtag()})
			h.must(err)
		}, "OVERRIDE", "its override ended"},
		"everything at once": {"", nil, -150, nil, func(h *harness) { h.base(1000); h.x(attrs{"arr": 100}) }, "DATA", "its own data changed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.create(causes(test.stability))
			h.base(0)
			h.x(test.first)
			if test.prepare != nil {
				test.prepare(h)
			}
			before := h.publishedAsOf(day(test.day))
			if test.between != nil {
				test.between(h)
			}
			after := h.publishedAsOf(noon)
			preview := h.preview(&echelonv1.PreviewRunRequest{From: byRun(before), To: byRun(after)})
			if preview.GetMovers() < 1 || len(preview.GetLargest()) != int(preview.GetMovers()) {
				t.Fatalf("there are %d movers: %v", preview.GetMovers(), preview.GetLargest())
			}
			compared, err := h.runs.CompareRuns(h.context(), &echelonv1.CompareRunsRequest{From: byRun(before), To: byRun(after), Causes: true})
			h.must(err)
			for _, list := range [][]*echelonv1.Mover{preview.GetLargest(), compared.GetMovers()} {
				for _, mover := range list {
					if mover.GetCustomerId() == "x" && (mover.GetCause().String() != test.want || !strings.Contains(mover.GetCauseMessage(), test.says)) {
						t.Errorf("x moved %v, %s, want %s", mover.GetCause(), mover.GetCauseMessage(), test.want)
					}
				}
			}
			moves := h.explain("x", "").GetDifference().GetMoves()
			if len(moves) != 1 || moves[0].GetCause().String() != test.want || !strings.Contains(moves[0].GetMessage(), test.says) {
				t.Errorf("x is explained by %v, want %s", moves, test.want)
			}
		})
	}
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	// WHY-291
	h := start(t)
	h.create(causes(""))
	h.base(0)
	h.x(nil)
	before := h.publishedAsOf(noon.AddDate(0, 0, -1))
	h.x(attrs{"arr": 1})
	after := h.publishedAsOf(noon)
	h.x(attrs{"arr": 2})
	preview := h.preview(&echelonv1.PreviewRunRequest{From: byRun(before), To: byRun(after)})
	if m := preview.GetLargest()[0]; m.GetCause() != echelonv1.Move_NOT_KNOWN || !strings.Contains(m.GetCauseMessage(), "written again since") || m.GetLeadingReason() != "revenue 60 → 1: -19.7 points" {
		t.Errorf("the mover is %v", m)
	}
	told := h.explain("x", "")
	if len(told.GetNotes()) != 1 || !strings.Contains(told.GetNotes()[0], "until the next run") || told.GetDifference().GetMoves()[0].GetCause() != echelonv1.Move_NOT_KNOWN {
		t.Errorf("x is explained as %v, %v", told.GetDifference(), told.GetNotes())
	}
}

func TestTheDifferenceToThePreviousAssignmentIsTold(t *testing.T) {
	// WHY-220, WHY-293
	h := start(t)
	h.create(causes(""))
	h.base(0)
	h.x(nil)
	first := h.publishedAsOf(noon)
	if told := h.explain("x", ""); told.GetDifference() != nil || len(told.GetNotes()) != 1 || !strings.Contains(told.GetNotes()[0], "nothing was published before") ||
		told.GetExplained().GetExplanation() == nil {
		t.Errorf("the first is explained as %v", told)
	}
	h.base(30)
	h.publishedAsOf(noon)
	told := h.explain("x", "")
	score := told.GetDifference().GetScores()[0]
	var points, byCause float64
	for _, c := range score.GetCriteria() {
		points += c.GetPoints()
	}
	for _, c := range score.GetCauses() {
		byCause += c.GetPoints()
	}
	if want := score.GetTo() - score.GetFrom(); math.Abs(points-want) > 1e-9 || math.Abs(byCause-want) > 1e-9 || want >= 0 {
		t.Errorf("criteria make %g and causes %g of %g", points, byCause, want)
	}
	if got := score.GetCriteria()[0].GetMessage(); got != "usage rank 55 → 28: -9 points" {
		t.Errorf("the first is %q", got)
	}
	if told.GetPrevious().GetProvenance().GetRunId() != first.GetId() || told.GetPrevious().GetScores()[0].GetValue() != score.GetFrom() {
		t.Errorf("the previous one is %v", told.GetPrevious())
	}
	// Written with assignment: it comes from what the run left.
	_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("c03", attrs{"arr": 100, "usage": 500, "joined": "2025-01-31"}), Assign: true})
	h.must(err)
	told = h.explain("c03", "")
	if moves := told.GetDifference().GetMoves(); len(moves) != 1 || moves[0].GetCause() != echelonv1.Move_DATA || moves[0].GetUncertain() || len(told.GetNotes()) != 0 {
		t.Errorf("c03 is explained by %v", told)
	}
	if score := told.GetDifference().GetScores()[0]; score.GetCriteria()[0].GetMessage() != "tenure 0 → 100: +33.3 points" || len(score.GetCauses()) != 1 || score.GetCauses()[0].GetCause() != echelonv1.Move_DATA {
		t.Errorf("c03's score is told as %v", score)
	}
	if since := h.explain("x", first.GetId()); since.GetPrevious().GetProvenance().GetRunId() != first.GetId() {
		t.Errorf("since the first it is %v", since.GetPrevious())
	}
	h.upsert("late", attrs{"arr": 1})
	_, err = h.assignments.ExplainAssignment(h.context(), &echelonv1.ExplainAssignmentRequest{Model: "plain", CustomerId: "late"})
	wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, nil, []string{"start a run"}}.check(t, err)
	_, err = h.assignments.ExplainAssignment(h.context(), &echelonv1.ExplainAssignmentRequest{Model: "plain", CustomerId: "x", SinceRunId: "none"})
	wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, []string{"list the runs"}}.check(t, err)
	_, err = h.assignments.ExplainAssignment(h.context(), &echelonv1.ExplainAssignmentRequest{Model: "plain", CustomerId: "nobody"})
	wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{"nobody"}}.check(t, err)
}

func TestAnOverrideIsTheCauseInHistories(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	h.override(&echelonv1.Override{Model: "plain", CustomerId: "a", Item: "coverage", Pinned: "high", Reason: "pilot", ExpireTime: timestamppb.New(noon.Add(time.Hour))})
	history, err := h.assignments.GetHistory(h.context(), &echelonv1.GetHistoryRequest{Model: "plain", CustomerId: "a"})
	h.must(err)
	if got := history.GetChanges()[0].GetTiers()[0].GetCause(); got != echelonv1.Move_OVERRIDE {
		t.Errorf("the cause is %v", got)
	}
	if got := history.GetChanges()[1].GetTiers()[0].GetCause(); got != echelonv1.Move_UNSPECIFIED {
		t.Errorf("of the creation it is %v", got)
	}
	if moves := h.explain("a", "").GetDifference().GetMoves(); len(moves) != 1 || moves[0].GetCause() != echelonv1.Move_OVERRIDE {
		t.Errorf("it is explained by %v", moves)
	}
}

func TestAPreviousAssignmentThatIsGoneIsSaid(t *testing.T) {
	// WHY-291
	h := start(t)
	h.create(causes(""))
	h.base(0)
	h.x(nil)
	first := h.publishedAsOf(noon)
	h.upsert("late", attrs{"arr": 90, "usage": 500})
	second := h.publishedAsOf(noon)
	if told := h.explain("late", ""); told.GetDifference() != nil || len(told.GetNotes()) != 1 || !strings.Contains(told.GetNotes()[0], "does not have the customer") {
		t.Errorf("who came late is explained by %v", told.GetNotes())
	}
	h.publishedAsOf(noon)
	h.must(h.store.Update(h.context(), func(tx storage.Tx) error { // as retention does
		run := &echelonv1.Run{}
		if err := tx.Document(storage.KindRun, second.GetId(), run); err != nil {
			return err
		}
		run.SnapshotRemoved = true
		return tx.PutDocument(storage.KindRun, second.GetId(), run)
	}))
	told := h.explain("x", "")
	if told.GetDifference() != nil || len(told.GetNotes()) != 1 || !strings.Contains(told.GetNotes()[0], "was removed") || told.GetExplained() == nil {
		t.Errorf("without the previous snapshot it is explained by %v", told)
	}
	_, err := h.assignments.ExplainAssignment(h.context(), &echelonv1.ExplainAssignmentRequest{Model: "plain", CustomerId: "x", SinceRunId: second.GetId()})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SNAPSHOT_REMOVED, nil, []string{"take a newer one"}}.check(t, err)
	if told := h.explain("x", first.GetId()); told.GetDifference() == nil {
		t.Errorf("since the first, which is kept, it is %v", told.GetNotes())
	}
	// An attribute that only the earlier model reads is retired: nothing can be evaluated by it any more.
	h.create(strings.NewReplacer("  - {name: owner, type: STRING}\n", "", "min_score: 50", "min_score: 80").Replace(causes("")))
	h.publishedAsOf(noon)
	h.must(h.retire("owner"))
	moves := h.explain("x", "").GetDifference().GetMoves()
	if len(moves) != 1 || moves[0].GetCause() != echelonv1.Move_NOT_KNOWN || !strings.Contains(moves[0].GetMessage(), "was retired since") {
		t.Errorf("with an attribute retired it is explained by %v", moves)
	}
}
