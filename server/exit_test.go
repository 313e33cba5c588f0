package server_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// holding is a model whose best tier is left below 60.
const holding = `
name: holding
attributes: [{name: arr, type: NUMBER}]
scores: [{name: value, criteria: [{name: arr, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {min_score: 70}, exit: {below: 60}}, {name: low}]}}]
`

// was is a customer that is in a tier.
func was(tier, id string, arr float64) *echelonv1.Customer {
	c := customer(id, attrs{"arr": arr})
	c.PreviousTiers = map[string]string{"coverage": tier}
	return c
}

// outcome is a customer's tier in force and, where that is another one, its computed tier.
func outcome(a *echelonv1.Assignment) string {
	t := a.GetTiers()[0]
	if t.ComputedTier != nil {
		return t.GetTier() + ", computed " + t.GetComputedTier()
	}
	return t.GetTier()
}

func TestCustomersBringTheirTiersAlong(t *testing.T) {
	// EXIT-7
	h := start(t)
	e := inline(model(t, holding))
	people := []*echelonv1.Customer{was("high", "a", 65), was("high", "b", 55), was("low", "c", 65), was("gone", "d", 65), customer("e", attrs{"arr": 65.0})}
	want := []string{"high, computed low", "low", "low", "low", "low"}

	var single []*echelonv1.Assignment
	for i, c := range people {
		a := h.scoredBy(e, c)
		if outcome(a) != want[i] {
			t.Errorf("%s alone is in %s, want %s", c.GetId(), outcome(a), want[i])
		}
		a.Provenance = nil
		single = append(single, a)
	}
	nameless := proto.CloneOf(people[0])
	nameless.Id = ""
	if a := h.scoredBy(e, nameless); outcome(a) != want[0] {
		t.Errorf("without an id it is in %s", outcome(a))
	}
	batch, err := h.scoring.BatchScoreCustomers(h.context(), &echelonv1.BatchScoreCustomersRequest{Evaluator: e, Customers: people})
	h.must(err)
	for i, r := range batch.GetResults() {
		if diff := cmp.Diff(single[i], r.GetAssignment(), protocmp.Transform()); diff != "" {
			t.Errorf("in a batch (-alone +batch):\n%s", diff)
		}
	}
	answers, err := h.exchange(bulkAssign, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: &echelonv1.BulkAssignHeader{Evaluator: e}}},
		bulkAssign.rows(1, people[:2]...), bulkAssign.rows(2, people[2:]...))
	h.must(err)
	var streamed []*echelonv1.Assignment
	for _, answer := range answers[1:] {
		streamed = append(streamed, answer.(*echelonv1.BulkAssignResponse).GetBatch().GetAssignments()...)
	}
	if diff := cmp.Diff(single, streamed, protocmp.Transform()); diff != "" {
		t.Errorf("in a stream (-alone +stream):\n%s", diff)
	}
}

func TestAStoredCustomerIsWhereThePublicationHasIt(t *testing.T) {
	// EXIT-7
	h := start(t)
	h.create(holding)
	h.upsert("a", attrs{"arr": 80.0})
	stored := func() string {
		t.Helper()
		got, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
			Evaluator: storedModel("holding"), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "a"}, Explain: true})
		h.must(err)
		return outcome(got.GetAssignment())
	}
	h.upsert("a", attrs{"arr": 65.0})
	if got := stored(); got != "low" {
		t.Errorf("before anything is published it is in %s", got)
	}
	h.upsert("a", attrs{"arr": 80.0})
	h.published("holding")
	h.upsert("a", attrs{"arr": 65.0})
	h.upsert("b", attrs{"arr": 65.0})
	if got := stored(); got != "high, computed low" {
		t.Errorf("it is in %s", got)
	}
	if got := outcome(h.scoredBy(storedModel("holding"), customer("a", attrs{"arr": 65.0}))); got != "low" {
		t.Errorf("a given customer is not the stored one, and is in %s", got)
	}
	ready := h.run("holding")
	if got := stored(); got != "high, computed low" {
		t.Errorf("a run that is ready changes it to %s", got)
	}
	h.must(h.publish(ready.GetId()))
	page, err := h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "holding", Tiering: "coverage", Tier: "high"})
	h.must(err)
	if len(page.GetAssignments()) != 1 || outcome(page.GetAssignments()[0]) != "high, computed low" {
		t.Errorf("the tier in force lists %v", page.GetAssignments())
	}
	if got := stored(); got != "high, computed low" {
		t.Errorf("after the next publication it is in %s", got)
	}
	h.upsert("a", attrs{"arr": 59.0})
	if got := stored(); got != "low" {
		t.Errorf("below the exit rule's line it is in %s", got)
	}
}

func TestTiersThatNobodyWouldLookAtAreRefused(t *testing.T) {
	// EXIT-10
	h := start(t)
	h.create(holding)
	_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: was("high", "a", 1)})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{"previous_tiers"}, []string{"this one is stored"}}.check(t, err)
	answers, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, was("high", "a", 1), customer("b", attrs{"arr": 1.0})))
	h.must(err)
	stored := answers[1].(*echelonv1.ImportCustomersResponse).GetBatch()
	if stored.GetStored() != 1 || len(stored.GetErrors()) != 1 || stored.GetErrors()[0].GetCode() != echelonv1.RowError_PREVIOUS_TIER {
		t.Errorf("the import answers %v", stored)
	}
	c := was("high", "a", 65)
	c.PreviousTiers["covrage"] = "high"
	e := inline(model(t, holding))
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{"previous_tiers.covrage"}, []string{`no tiering "covrage"`}}.check(t, score(h, given(e, c)))
	e.IgnoreUnknownAttributes = true
	if got := outcome(h.scoredBy(e, c)); got != "high, computed low" {
		t.Errorf("with what is unknown ignored it is in %s", got)
	}
	e.IgnoreUnknownAttributes = false
	learned := h.exchangeCalibrate(e, was("high", "a", 65), was("gone", "b", 5))
	if learned.GetCustomers() != 2 || learned.GetRefused() != 0 {
		t.Errorf("the calibration is %v", learned)
	}
	h.serving()
}

// exchangeCalibrate returns what a model learns from customers.
func (h *harness) exchangeCalibrate(e *echelonv1.Evaluator, people ...*echelonv1.Customer) *echelonv1.Calibration {
	h.Helper()
	header := &echelonv1.CalibrateHeader{Evaluator: e}
	answers, err := h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: header}}, calibrate.rows(1, people...))
	h.must(err)
	return answers[0].(*echelonv1.CalibrateResponse).GetCalibration()
}
