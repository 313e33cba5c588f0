package server_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// dwelling is a model whose customers stay a month where they came to, and of whom one a year moves.
const dwelling = `
name: dwelling
attributes: [{name: arr, type: NUMBER}]
scores: [{name: value, criteria: [{name: arr, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings:
  - name: coverage
    stability: {min_dwell_days: 30, max_moves: {count: 1}}
    linear: {score: value, tiers: [{name: high, cut: {min_score: 70}}, {name: low}]}
`

// standing is an outcome in words: the tier, what holds the customer there and until when, and since when it is there.
func standing(a *echelonv1.Assignment) string {
	t := a.GetTiers()[0]
	text := t.GetTier()
	if t.ComputedTier != nil {
		text += " by " + t.GetHold().String() + " until " + t.GetHeldUntil()
	}
	return text + " since " + t.GetStanding().GetSince()
}

func TestCustomersBringTheirStandingsAlong(t *testing.T) {
	// STABLE-3, STABLE-13, CAP-5
	h := start(t)
	e := inline(model(t, dwelling))
	e.AsOf = timestamppb.New(noon)
	since := func(id, day string) *echelonv1.Customer {
		c := was("high", id, 10)
		c.PreviousStandings = map[string]*echelonv1.Standing{"coverage": {Since: day, Promotions: 1}}
		return c
	}
	day := noon.AddDate(0, 0, -3).Format("2006-01-02")
	people := []*echelonv1.Customer{since("a", day), since("b", "2020-01-01"), was("high", "c", 10), customer("d", attrs{"arr": 10.0})}
	want := []string{
		"high by HELD_BY_DWELL until " + noon.AddDate(0, 0, 27).Format("2006-01-02") + " since " + day,
		"high by PENDING_RUN until  since 2020-01-01",
		"high by PENDING_RUN until  since ",
		"low since " + noon.Format("2006-01-02"),
	}
	batch, err := h.scoring.BatchScoreCustomers(h.context(), &echelonv1.BatchScoreCustomersRequest{Evaluator: e, Customers: people})
	h.must(err)
	for i, c := range people {
		a := h.scoredBy(e, c)
		if got := standing(a); got != want[i] {
			t.Errorf("%s is %s, want %s", c.GetId(), got, want[i])
		}
		a.Provenance = nil
		if diff := cmp.Diff(a, batch.GetResults()[i].GetAssignment(), protocmp.Transform()); diff != "" {
			t.Errorf("in a batch (-alone +batch):\n%s", diff)
		}
	}
	unjudged := false
	for _, r := range batch.GetResults()[2].GetAssignment().GetReasons() {
		unjudged = unjudged || r.GetCode() == echelonv1.Reason_UNJUDGED
	}
	if !unjudged {
		t.Errorf("nothing says that the dwell could not be judged: %v", batch.GetResults()[2])
	}
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{"previous_standings.coverage"}, []string{`since: "soon" is no date`}}.check(t, score(h, given(e, since("a", "soon"))))
}

func TestAStoredCustomerStandsWhereThePublicationHasIt(t *testing.T) {
	// STABLE-3, CAP-5
	h := start(t)
	h.create(dwelling)
	h.upsert("a", attrs{"arr": 80.0})
	run := h.published("dwelling")
	day := run.GetAsOf().AsTime().Format("2006-01-02")
	h.upsert("a", attrs{"arr": 10.0})
	stored := func(days int) string {
		t.Helper()
		e := storedModel("dwelling")
		e.AsOf = timestamppb.New(run.GetAsOf().AsTime().AddDate(0, 0, days))
		got, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{Evaluator: e, Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "a"}})
		h.must(err)
		return standing(got.GetAssignment())
	}
	until := run.GetAsOf().AsTime().AddDate(0, 0, 30).Format("2006-01-02")
	if got := stored(29); got != "high by HELD_BY_DWELL until "+until+" since "+day {
		t.Errorf("within the dwell it is %s", got)
	}
	if got := stored(30); got != "high by PENDING_RUN until  since "+day {
		t.Errorf("after the dwell it is %s", got)
	}
}
