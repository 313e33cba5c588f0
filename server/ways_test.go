package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ways is a model that looks at rates and at what was before.
const ways = `
name: ways
currency: {base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: 0.917}, {currency: JPY, date: 2025-06-01, rate: 0.0061}]}
attributes: [{name: arr, type: NUMBER}, {name: paid_in, type: STRING}, {name: seats, type: INTEGER}]
derived: [{name: euros, expr: "convert(arr, paid_in)"}]
scores:
  - name: value
    criteria:
      - {name: money, expr: euros, weight: 3, normalize: {percentile: {}}}
      - {name: seats, expr: seats, weight: 1, normalize: {linear: {min: 0, max: 9}}}
tierings:
  - name: coverage
    linear:
      score: value
      tie_breakers: [{expr: euros}]
      tiers:
        - {name: high, cut: {cumulative_share: {of: euros, share: 0.5}}, exit: {any: [{below: 50}, {when: "convert(arr, paid_in) < 20"}]}}
        - {name: mid, cut: {min_score: 40, when: seats > 2}, exit: {below: 25, when: seats < 8}}
        - {name: low}
`

// payers are customers at random.
func payers(random *rand.Rand) []*echelonv1.Customer {
	var list []*echelonv1.Customer
	for i := range 40 {
		a := attrs{"arr": random.Float64() * 100, "paid_in": []string{"EUR", "USD", "JPY", "CHF", "usd"}[random.IntN(5)]}
		if random.IntN(5) > 0 {
			a["seats"] = random.IntN(10)
		}
		if random.IntN(9) == 0 {
			delete(a, "paid_in")
		}
		list = append(list, customer(fmt.Sprintf("c%02d", i), a))
	}
	return list
}

// locally evaluates customers with the engine alone, as what all ways are compared with.
func locally(t *testing.T, list []*echelonv1.Customer, rates ...*echelonv1.ExchangeRate) (*echelonv1.Calibration, []*echelonv1.Assignment) {
	t.Helper()
	program, found := engine.Compile(model(t, ways))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	b := frame.NewBuilder(program.Schema(), frame.PreviousTiers("coverage"))
	for _, c := range list {
		if refused := b.AddCustomer(c, false); refused != nil {
			t.Fatal(refused)
		}
	}
	f := b.Take()
	calibration, err := program.Calibrate(context.Background(), func(yield func(*frame.Frame, error) bool) { yield(f, nil) }, noon, rates...)
	if err != nil {
		t.Fatal(err)
	}
	scorer, err := program.Bind(calibration)
	if err != nil {
		t.Fatal(err)
	}
	result := scorer.Evaluate(f, engine.Options{AsOf: noon, Reasons: true, Previous: frame.PreviousColumns(list, []string{"coverage"})})
	var all []*echelonv1.Assignment
	for i := range list {
		all = append(all, result.Assignment(i))
	}
	return calibration, all
}

// equal fails the test where assignments are not those that the engine alone gives, to the bit.
func equal(t *testing.T, way string, want, got []*echelonv1.Assignment) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d assignments, want %d", way, len(got), len(want))
	}
	for i := range want {
		plain := proto.CloneOf(got[i])
		plain.Provenance, plain.Stale = nil, false
		if !proto.Equal(want[i], plain) {
			t.Fatalf("%s (-engine +way):\n%s", way, cmp.Diff(want[i], plain, protocmp.Transform()))
		}
	}
}

func TestRatesAndHistoryAreTheSameInAllWays(t *testing.T) {
	// CUR-10, EXIT-7
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 7))
		h := start(t)
		h.create(ways)
		list := payers(random)
		_, first := locally(t, list)
		for _, c := range list {
			_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: c})
			h.must(err)
		}
		h.published("ways")
		equal(t, "the first run", first, h.exported("ways"))

		// A month later: other amounts, other rates, and the tiers of before.
		rates := []*echelonv1.ExchangeRate{{Currency: "USD", Date: "2026-01-30", Rate: 1.25}, {Currency: "CHF", Date: "2026-01-30", Rate: 1.0625}}
		later := payers(random)
		for i, c := range later {
			_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: c})
			h.must(err)
			if tier := first[i].GetTiers()[0]; tier.Tier != nil {
				c.PreviousTiers = map[string]string{"coverage": tier.GetTier()}
			}
		}
		calibration, want := locally(t, later, rates...)
		held := 0
		for _, a := range want {
			if a.GetTiers()[0].ComputedTier != nil {
				held++
			}
		}
		if held == 0 {
			t.Errorf("seed %d holds nobody and shows nothing", seed)
		}
		header := &echelonv1.CalibrateHeader{Evaluator: inline(model(t, ways)), Rates: rates}
		answers, err := h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: header}},
			calibrate.rows(1, later[:13]...), calibrate.rows(2, later[13:]...))
		h.must(err)
		if diff := cmp.Diff(calibration, answers[0].(*echelonv1.CalibrateResponse).GetCalibration(), protocmp.Transform()); diff != "" {
			t.Fatalf("the calibration (-engine +stream):\n%s", diff)
		}
		h.givenInAllWays(t, withCalibration(inline(model(t, ways)), calibration), later, want)

		started, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "ways", Rates: rates})
		h.must(err)
		run := h.wait(started.GetRun().GetId())
		h.must(h.publish(run.GetId()))
		equal(t, "the second run", want, h.exported("ways"))
		h.givenInAllWays(t, storedModel("ways"), later, want)
		var stored []*echelonv1.Assignment
		for _, c := range later {
			got, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
				Evaluator: storedModel("ways"), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: c.GetId()}})
			h.must(err)
			stored = append(stored, got.GetAssignment())
		}
		equal(t, "stored customers, one by one", want, stored)
	}
}

// exported returns the published assignments.
func (h *harness) exported(name string) (all []*echelonv1.Assignment) {
	h.Helper()
	stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: name, PageSize: 7})
	h.must(err)
	pages, err := collect(stream.Recv)
	h.must(err)
	for _, page := range pages {
		all = append(all, page.GetAssignments()...)
	}
	return all
}

// givenInAllWays evaluates customers that are given: one by one, in a batch and in a stream.
func (h *harness) givenInAllWays(t *testing.T, e *echelonv1.Evaluator, list []*echelonv1.Customer, want []*echelonv1.Assignment) {
	t.Helper()
	var single, batched, streamed []*echelonv1.Assignment
	for _, c := range list {
		single = append(single, h.scoredBy(e, c))
	}
	equal(t, "one by one", want, single)
	batch, err := h.scoring.BatchScoreCustomers(h.context(), &echelonv1.BatchScoreCustomersRequest{Evaluator: e, Customers: list})
	h.must(err)
	for _, r := range batch.GetResults() {
		batched = append(batched, r.GetAssignment())
	}
	equal(t, "a batch", want, batched)
	answers, err := h.exchange(bulkAssign, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: &echelonv1.BulkAssignHeader{Evaluator: e}}},
		bulkAssign.rows(1, list[:11]...), bulkAssign.rows(2, list[11:]...))
	h.must(err)
	for _, answer := range answers[1:] {
		streamed = append(streamed, answer.(*echelonv1.BulkAssignResponse).GetBatch().GetAssignments()...)
	}
	equal(t, "a stream", want, streamed)
}
