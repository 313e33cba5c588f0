package server_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/google/go-cmp/cmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// seams is a model that has everything that looks beyond a customer at once: families, rates, freshness, exit rules, a population and cuts of `any`.
// Its attributes stand in another order than that in which the store came to know them, and it requires one.
const seams = `
name: seams
parent: owner
population: status != 'gone'
currency: {base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: 0.917}]}
amount: euros
attributes:
  - {name: seats, type: NUMBER, observed_at: counted, max_age_days: 30}
  - {name: counted, type: DATE}
  - {name: status, type: STRING, required: true, values: [active, gone]}
  - {name: paid_in, type: STRING}
  - {name: owner, type: STRING}
  - {name: arr, type: NUMBER}
derived: [{name: euros, expr: "convert(arr, paid_in)"}]
segmentations: [{name: size, segments: [{name: large, when: family_count() >= 3}], otherwise: small}]
scores:
  - name: value
    criteria:
      - {name: money, expr: euros, weight: 3, normalize: {linear: {min: 0, max: 100}}}
      - {name: all, expr: family_sum(euros), weight: 1, normalize: {percentile: {by: segments.size}}}
      - {name: seats, expr: seats, weight: 1, normalize: {linear: {min: 0, max: 9}}}
tierings:
  - name: coverage
    linear:
      score: value
      tiers:
        - {name: high, cut: {any: [{min_score: 60}, {when: "seats > 8"}]}, exit: {below: 30, when: "!(family_max(seats) > 5)"}}
        - {name: mid, cut: {min_score: 30}}
        - {name: low}
  - {name: book, decide_per: FAMILY, linear: {score: value, tiers: [{name: named, cut: {top_share: 0.3}}, {name: pooled}]}}
`

// seamed are customers of the model seams.
func seamed() []*echelonv1.Customer {
	return []*echelonv1.Customer{
		customer("a", attrs{"arr": 90.0, "paid_in": "EUR", "status": "active", "seats": 9.0, "counted": "2026-01-20"}),
		customer("b", attrs{"arr": 50.0, "paid_in": "USD", "status": "active", "seats": 9.0, "counted": "2025-01-20", "owner": "a"}),
		customer("c", attrs{"arr": 70.0, "paid_in": "CHF", "status": "active", "owner": "b"}),
		customer("d", attrs{"arr": 20.0, "paid_in": "EUR", "status": "gone", "owner": "a"}),
		customer("e", attrs{"arr": 40.0, "paid_in": "USD", "status": "active", "seats": 2.0, "counted": "2026-01-31", "owner": "nobody"}),
		customer("f", attrs{"paid_in": "USD", "status": "active", "seats": 9.0, "counted": "2026-01-01"}),
	}
}

// TestAnOnlineAssignmentIsThatOfTheRun writes customers as they are, and asks for their assignments under what a run of them published: nothing may
// change, whatever the store calls their attributes, and in whatever order it knows them.
func TestAnOnlineAssignmentIsThatOfTheRun(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(seams)
	for _, c := range seamed() {
		_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: c})
		h.must(err)
	}
	h.published("seams")
	want := h.snapshotOf("seams")
	check := func(way string) {
		t.Helper()
		for _, c := range seamed() {
			renamed := proto.CloneOf(c)
			if way != "as declared" {
				for from, to := range map[string]string{"owner": "parent", "seats": "places", "counted": "seen_on", "status": "state"} {
					if value, ok := renamed.GetAttributes().GetFields()[from]; ok {
						renamed.Attributes.Fields[to] = value
						delete(renamed.Attributes.Fields, from)
					}
				}
			}
			answer, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: renamed, Assign: true, AssignModels: []string{"seams"}})
			h.must(err)
			h.sameOutcomes(way+", answered", want[c.GetId()], answer.GetAssignments()[0])
			read, err := h.assignment("seams", c.GetId())
			h.must(err)
			h.sameOutcomes(way+", read", want[c.GetId()], read)
		}
	}
	check("as declared")
	for from, to := range map[string]string{"owner": "parent", "seats": "places", "counted": "seen_on", "status": "state"} {
		_, err := h.customers.RenameAttribute(h.context(), &echelonv1.RenameAttributeRequest{From: from, To: to})
		h.must(err)
	}
	check("renamed")
	// A run after the renaming is the same too.
	h.published("seams")
	for id, a := range h.snapshotOf("seams") {
		a, b := proto.CloneOf(a), proto.CloneOf(want[id])
		a.Provenance, b.Provenance = nil, nil
		if diff := cmp.Diff(b, a, protocmp.Transform()); diff != "" {
			t.Errorf("a run after the renaming, %s (-before +after)\n%s", id, diff)
		}
	}
}

// TestAllThatLooksBeyondACustomerIsTheSameInEveryWay changes customers while a run of them is ready, publishes it and rolls it back, and evaluates them
// in every way: what a customer gets depends on none of it.
func TestAllThatLooksBeyondACustomerIsTheSameInEveryWay(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(seams)
	store := func(list ...*echelonv1.Customer) {
		t.Helper()
		for _, c := range list {
			_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: c})
			h.must(err)
		}
	}
	store(seamed()...)
	h.published("seams")
	first := h.snapshotOf("seams")

	later := seamed()
	for i, arr := range []float64{5, 70, 9, 20, 5, 11} {
		later[i].Attributes.Fields["arr"] = structpb.NewNumberValue(arr)
	}
	later[0].Attributes.Fields["seats"] = structpb.NewNumberValue(7)
	store(later...)
	ready := h.run("seams")
	// The last ones come too late for the run, and are evaluated as it is published.
	later[4].Attributes.Fields["arr"] = structpb.NewNumberValue(99)
	later[2].Attributes.Fields["owner"] = structpb.NewStringValue("e")
	later = append(later, customer("g", attrs{"arr": 1.0, "paid_in": "EUR", "status": "active", "owner": "b"}))
	store(later[2], later[4], later[6])
	h.must(h.publish(ready.GetId()))
	want := h.snapshotOf("seams")
	held, inherited := 0, 0
	for _, a := range want {
		if a.GetTiers()[0].ComputedTier != nil {
			held++
		}
		if a.GetTiers()[1].GetInherited() {
			inherited++
		}
	}
	if len(want) != 7 || held == 0 || inherited < 3 {
		t.Fatalf("%d customers, %d of them held, %d inherit", len(want), held, inherited)
	}
	e := storedModel("seams")
	var list []*echelonv1.Customer
	for i := len(later) - 1; i >= 0; i-- {
		c := later[i]
		stored, err := h.scoring.ScoreCustomer(h.context(), byID(e, c.GetId()))
		h.must(err)
		h.sameOutcomes("a stored customer", want[c.GetId()], stored.GetAssignment())
		if was := first[c.GetId()]; was != nil && was.GetTiers()[0].Tier != nil {
			c = proto.CloneOf(c)
			c.PreviousTiers = map[string]string{"coverage": was.GetTiers()[0].GetTier()}
		}
		list = append(list, c)
	}
	for _, c := range list {
		answer, err := h.scoring.ScoreCustomer(h.context(), given(e, c))
		h.must(err)
		h.sameOutcomes("a customer that is given", want[c.GetId()], answer.GetAssignment())
	}
	for _, rows := range []int{1, 3, 100} {
		got, err := h.bulk(e, rows, list)
		h.must(err)
		for id, a := range want {
			h.sameOutcomes("a stream", a, got[id])
		}
	}
	_, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "seams"})
	h.must(err)
	back := h.snapshotOf("seams")
	if len(back) != len(want) {
		t.Errorf("rolled back there are %d customers", len(back))
	}
	for id, a := range back {
		stored, err := h.scoring.ScoreCustomer(h.context(), byID(e, id))
		h.must(err)
		h.sameOutcomes("rolled back", a, stored.GetAssignment())
	}
}
