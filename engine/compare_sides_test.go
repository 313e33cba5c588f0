package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine/compare"
)

func TestALadderIsComparedWithAFourBoxOnTheSameCustomers(t *testing.T) {
	// COMPARE-1, COMPARE-2, COMPARE-3
	s := evaluate(t, attributes+scoreXY+`
amount: n
population: "!present(b) || b"
tierings:
  - name: l
    linear: {score: v, tiers: [{name: high, cut: {min_score: 80}}, {name: mid, cut: {min_score: 20}}, {name: low}]}
  - name: box
    matrix:
      x: {score: v, cuts: [{min_score: 50}]}
      y: {score: w, cuts: [{min_score: 50}]}
      cells: [{x: 1, y: 1, name: star}, {x: 0, y: 1, name: grow}, {x: 1, y: 0, name: keep}, {x: 0, y: 0, name: rest}]
  - name: levels
    linear: {score: v, onboarding: {while: "s == 'new'", tier: new}, tiers: [{name: a, level: 1, cut: {min_score: 80}}, {name: b, level: 1, cut: {min_score: 50}}, {name: c, level: 2}]}
`,
		person{"agree", attrs{"x": 90.0, "y": 90.0, "n": 5.0}}, person{"higher", attrs{"x": 90.0, "y": 10.0, "n": 7.0}},
		person{"lower", attrs{"x": 10.0, "y": 90.0}}, person{"none", attrs{"x": 10.0}}, person{"out", attrs{"x": 10.0, "b": false}})
	c := compare.New(s.program.Side(0, "ladder"), s.program.Side(1, "box"), 10)
	c.Add(s.result.Block(0, 1))
	r := c.Report()
	if r.Customers != 4 || r.Both != 3 || r.Agree != 1 || r.HigherA != 1 || r.HigherB != 1 || r.Different != 3 {
		t.Errorf("it reports %+v", r)
	}
	want := []compare.Difference{
		{ID: "higher", A: "high", B: "keep", Ranks: 1, Amount: 7, WhyA: "tiers.l: high, score v at least 80", WhyB: "tiers.box: keep, level 1 of v and level 0 of w"},
		{ID: "lower", A: "low", B: "grow", Ranks: 1, WhyA: "tiers.l: low, since no better cut took it", WhyB: "tiers.box: grow, level 0 of v and level 1 of w"},
		{ID: "none", A: "low", Ranks: 1, WhyA: "tiers.l: low, since no better cut took it", WhyB: "tiers.box: no persona, since scores.w is null"},
	}
	if diff := cmp.Diff(want, r.Differ); diff != "" {
		t.Errorf("who differs differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 1, 2, 3}, s.program.Side(2, "levels").Ranks); diff != "" {
		t.Errorf("the ranks differ (-want +got):\n%s", diff)
	}
}
