package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// everything is a model with all kinds of items, whose ladder keeps customers without a score.
const everything = attributes + `
amount: y
segmentations:
  - {name: size, segments: [{name: Large, when: x > 50}, {name: Small, when: x <= 50}]}
` + scoreXY + `
tierings:
  - {name: l, drives_coverage: true, linear: {score: v, tiers: [{name: top, cut: {top_count: 2}, engagement: digital}, {name: rest}], unscored: rest}}
  - {name: box, matrix: {x: {score: v, cuts: [{median: {}}]}, y: {score: w, cuts: [{min_score: 3}]}, cells: [{x: 1, y: 1, name: Good, engagement: digital}, {x: 0, y: 0, name: Poor}]}}
engagements: [{name: digital}]
`

func everybody() []person {
	return []person{
		{"a", attrs{"x": 90, "y": 10.5}}, {"b", attrs{"x": 80, "y": 0.1}}, {"c", attrs{"x": 70, "y": 0.2}}, {"d", attrs{"x": 60}},
		{"e", attrs{"y": 0.3}}, {"f", nil}, {"g", attrs{"x": 10, "y": -4}},
	}
}

func TestTheBooksBalance(t *testing.T) {
	// BOOK-1, BOOK-2, LADDER-4, MODEL-20
	s := evaluate(t, everything, everybody()...)
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	tally.Refuse(3)
	tally.Refuse(1)
	want := &echelonv1.Summary{
		Tierings: []*echelonv1.TierTable{
			{Tiering: "l", Tiers: []*echelonv1.TierCount{
				{Tier: "top", Customers: 2, Amount: 10.6}, {Tier: "rest", Customers: 5, Amount: -3.5, Unscored: 2},
			}},
			{Tiering: "box", Unscored: 5, UnscoredAmount: 0.6, Tiers: []*echelonv1.TierCount{
				{Tier: "Good", Customers: 1, Amount: 10.5}, {Tier: "Poor", Customers: 1, Amount: -4},
			}},
		},
		Balance: &echelonv1.Balance{Customers: 11, Tiered: 7, Refused: 4, AmountIn: 7.1, AmountOut: 7.1},
	}
	if diff := cmp.Diff(want, tally.Summary(), protocmp.Transform()); diff != "" {
		t.Errorf("the summary differs (-want +got):\n%s", diff)
	}
	if again := tally.Summary(); !proto.Equal(again, tally.Summary()) {
		t.Error("a summary changes what it sums up")
	}
}

func TestWithoutAnUnscoredTierCustomersWithoutAScoreAreCountedApart(t *testing.T) {
	// LADDER-3, LADDER-4, BOOK-1
	s := evaluate(t, strings.Replace(everything, ", unscored: rest", "", 1), everybody()...)
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	got := tally.Summary()
	if b := got.GetBalance(); b.GetCustomers() != 7 || b.GetTiered() != 5 || b.GetUnscored() != 2 || b.GetRefused() != 0 || b.GetAmountIn() != b.GetAmountOut() {
		t.Errorf("the balance is %v", b)
	}
	if l := got.GetTierings()[0]; l.GetUnscored() != 2 || l.GetUnscoredAmount() != 0.3 || l.GetTiers()[1].GetUnscored() != 0 {
		t.Errorf("the table is %v", l)
	}
}

func TestWithoutATieringTheBooksBalanceToo(t *testing.T) {
	// BOOK-3
	s := evaluate(t, "amount: x\n"+segmentation(""), xs(1, 2, missing)...)
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	tally.Refuse(1)
	want := &echelonv1.Summary{Balance: &echelonv1.Balance{Customers: 4, Unscored: 3, Refused: 1, AmountIn: 3, AmountOut: 3}}
	if diff := cmp.Diff(want, tally.Summary(), protocmp.Transform()); diff != "" {
		t.Errorf("the summary differs (-want +got):\n%s", diff)
	}
}

func TestTalliesAreExactInAnyOrder(t *testing.T) {
	// BOOK-2: rows come in any order and batches; every customer is in one tier, and no cent is lost.
	program := compile(t, everything)
	rapid.Check(t, func(t *rapid.T) {
		people := persons(randomPopulation(t, 30))
		for i, one := range people {
			one.attrs["y"] = float64(i%7-3)*0.1 + float64(i%3)*1e15
		}
		scorer := bind(tb(t), program, frameOf(tb(t), program, people...))
		sum := func(rows int, people []person) *echelonv1.Summary {
			tally := engine.NewTally(program)
			for _, f := range framesOf(tb(t), program, rows, people...) {
				tally.Add(scorer.Evaluate(f, engine.Options{AsOf: asOf, Amounts: true}))
			}
			return tally.Summary()
		}
		want := sum(len(people)+1, people)
		got := sum(rapid.IntRange(1, 5).Draw(t, "rows"), rapid.Permutation(people).Draw(t, "order"))
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Fatalf("the summaries differ:\n%s", diff)
		}
		b := want.GetBalance()
		if b.GetCustomers() != b.GetTiered()+b.GetUnscored()+b.GetRefused() || b.GetAmountIn() != b.GetAmountOut() || b.GetCustomers() != int64(len(people)) {
			t.Fatalf("the balance is %v", b)
		}
		for _, table := range want.GetTierings() {
			customers := table.GetUnscored()
			for _, tier := range table.GetTiers() {
				customers += tier.GetCustomers()
			}
			if customers != int64(len(people)) {
				t.Fatalf("the table has %d customers of %d", customers, len(people))
			}
		}
	})
}

func TestAssignmentsGoIntoColumnsAndBack(t *testing.T) {
	// SAME-5
	s := evaluate(t, everything, everybody()...)
	plain := s.scorer.Evaluate(frameOf(t, s.program, everybody()...), engine.Options{AsOf: asOf})
	var assignments []*echelonv1.Assignment
	for i := range plain.Len() {
		wire, err := proto.Marshal(plain.Assignment(i))
		if err != nil {
			t.Fatal(err)
		}
		received := &echelonv1.Assignment{}
		if err := proto.Unmarshal(wire, received); err != nil {
			t.Fatal(err)
		}
		assignments = append(assignments, received)
	}
	back, err := s.program.ResultOf(assignments)
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain.Len() {
		if diff := cmp.Diff(plain.Assignment(i), back.Assignment(i), protocmp.Transform()); diff != "" {
			t.Errorf("customer %s differs:\n%s", plain.IDs[i], diff)
		}
	}
	empty, err := s.program.ResultOf(nil)
	if err != nil || empty.Len() != 0 {
		t.Errorf("nothing comes back as %v, %v", empty, err)
	}
}

func TestAssignmentsOfAnotherModelAreRefused(t *testing.T) {
	// SAME-5
	type a = *echelonv1.Assignment
	s := evaluate(t, everything, everybody()...)
	for name, change := range map[string]func(a){
		"a segmentation is gone":         func(a a) { a.Segments = nil },
		"a score more":                   func(a a) { a.Scores = append(a.Scores, a.Scores[0]) },
		"a tiering is gone":              func(a a) { a.Tiers = a.Tiers[1:] },
		"an unknown segment":             func(a a) { a.Segments[0].Segment = proto.String("Huge") },
		"an unknown tier":                func(a a) { a.Tiers[0].Tier = proto.String("best") },
		"a persona for a tier":           func(a a) { a.Tiers[0].Tier = proto.String("Good") },
		"a segmentation of another name": func(a a) { a.Segments[0].Segmentation = "industry" },
		"a score of another name":        func(a a) { a.Scores[0].Score = "w" },
		"a tiering of another name":      func(a a) { a.Tiers[0].Tiering = "box" },
		"scores in another order":        func(a a) { a.Scores[0], a.Scores[1] = a.Scores[1], a.Scores[0] },
		"an empty assignment":            func(a a) { proto.Reset(a) },
	} {
		t.Run(name, func(t *testing.T) {
			one := clone(s.assignment("a"))
			change(one)
			if _, err := s.program.ResultOf([]*echelonv1.Assignment{s.assignment("b"), one}); err == nil {
				t.Error("it is taken")
			}
		})
	}
}
