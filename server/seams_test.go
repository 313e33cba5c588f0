package server_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

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
