package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// activeOnly is a model of everything that is about the customers whose b is true.
const activeOnly = "population: b && n > 0\n" + everything

// mixed returns customers of whom b and d belong to the population.
func mixed() []person {
	return []person{
		{"a", attrs{"x": 90, "y": 10.5, "b": false, "n": 1}},
		{"b", attrs{"x": 80, "y": 0.1, "b": true, "n": 1}},
		{"c", attrs{"x": 70, "y": 0.2, "n": 1}},
		{"d", attrs{"x": 60, "b": true, "n": 2}},
		{"e", attrs{"x": 99, "y": 1, "b": true, "n": 0}},
	}
}

func TestCustomersOutsideOfThePopulationAreExcluded(t *testing.T) {
	// POP-1, POP-2
	s := evaluate(t, activeOnly, mixed()...)
	for id, want := range map[string]*echelonv1.Reason{
		"a": {Code: echelonv1.Reason_EXCLUDED, Item: "population", Message: "population: EXCLUDED, since b && n > 0 does not hold"},
		"c": {Code: echelonv1.Reason_EXCLUDED, Item: "population", Attribute: "b", Message: "population: EXCLUDED, since b is missing"},
		"e": {Code: echelonv1.Reason_EXCLUDED, Item: "population", Message: "population: EXCLUDED, since b && n > 0 does not hold"},
	} {
		a := s.assignment(id)
		if !a.GetExcluded() || s.segment(id) != null || !same(s.score(id), missing) || s.tier(id) != null || s.completeness(id) != 0 {
			t.Errorf("%s has outcomes: %v", id, a)
		}
		if diff := cmp.Diff([]*echelonv1.Reason{want}, a.GetReasons(), protocmp.Transform()); diff != "" {
			t.Errorf("the reasons of %s differ:\n%s", id, diff)
		}
		e := a.GetExplanation()
		if e.GetPopulation().GetOutcome() == echelonv1.RuleExplanation_MATCHED || len(e.GetScores())+len(e.GetSegments())+len(e.GetTiers()) > 0 {
			t.Errorf("%s is explained by %v", id, e)
		}
	}
	for id, want := range map[string]string{"b": "top", "d": "top"} {
		a := s.assignment(id)
		if a.GetExcluded() || s.tier(id) != want || a.GetExplanation().GetPopulation().GetOutcome() != echelonv1.RuleExplanation_MATCHED {
			t.Errorf("%s is %v", id, a)
		}
	}
}

func TestAnAmountOfAnOutcomeIsNothingOfWhoIsExcluded(t *testing.T) {
	// POP-1: what reads an outcome of an excluded customer finds it missing.
	s := evaluate(t, strings.Replace(activeOnly, "amount: y", "amount: scores.v", 1), mixed()...)
	alone := s.scorer.Amounts(frameOf(t, s.program, mixed()...), asOf)
	for id, want := range map[string]bool{"a": false, "b": true, "c": false, "d": true, "e": false} {
		if got := s.result.Amounts.Valid.Get(s.row(id)); got != want || alone.Valid.Get(s.row(id)) != want {
			t.Errorf("the amount of %s is readable: %v", id, got)
		}
	}
}

func TestTheExcludedAreInNoLineAndNoCount(t *testing.T) {
	// POP-3, SAME-1: the calibration is that of the members alone, in any order.
	text := "population: b\n" + learning
	program, plain := compile(t, text), compile(t, learning)
	rapid.Check(t, func(t *rapid.T) {
		people := persons(randomPopulation(t, 30))
		var inside []person
		for _, one := range people {
			switch rapid.IntRange(0, 2).Draw(t, "b") {
			case 0:
				one.attrs["b"] = true
				inside = append(inside, one)
			case 1:
				one.attrs["b"] = false
			default:
				delete(one.attrs, "b")
			}
		}
		want := calibrate(tb(t), plain, frameOf(tb(t), plain, inside...))
		shuffled := rapid.Permutation(people).Draw(t, "order")
		got := calibrate(tb(t), program, framesOf(tb(t), program, rapid.IntRange(1, 9).Draw(t, "rows"), shuffled...)...)
		if got.GetExcluded() != int64(len(people)-len(inside)) {
			t.Fatalf("%d customers are excluded, want %d", got.GetExcluded(), len(people)-len(inside))
		}
		bound := bindTo(tb(t), program, got)
		want.ModelFingerprint, want.Excluded = got.GetModelFingerprint(), got.GetExcluded()
		if len(inside) == 0 {
			want.Findings = got.GetFindings()
		}
		if bytesOf(tb(t), got) != bytesOf(tb(t), want) {
			t.Fatalf("the calibrations differ:\n%s", cmp.Diff(want, got, protocmp.Transform()))
		}
		// Members get what the model without a population gives them, alone and among all.
		want.ModelFingerprint = plain.Fingerprint()
		other := bindTo(tb(t), plain, want)
		all := bound.Evaluate(frameOf(tb(t), program, people...), engine.Options{AsOf: asOf, Reasons: true})
		for i, one := range people {
			alone := bound.Evaluate(frameOf(tb(t), program, one), engine.Options{AsOf: asOf, Reasons: true}).Assignment(0)
			if bytesOf(tb(t), alone) != bytesOf(tb(t), all.Assignment(i)) {
				t.Fatalf("alone %s is %v", one.id, alone)
			}
			if without := other.Evaluate(frameOf(tb(t), plain, one), engine.Options{AsOf: asOf, Reasons: true}).Assignment(0); one.attrs["b"] == true &&
				bytesOf(tb(t), alone) != bytesOf(tb(t), without) {
				t.Fatalf("%s is %v, want %v", one.id, alone, without)
			}
		}
	})
}

func TestTheBalanceCountsTheExcludedApart(t *testing.T) {
	// POP-4, BOOK-1, BOOK-2
	s := evaluate(t, activeOnly, mixed()...)
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	tally.Refuse(2)
	want := &echelonv1.Summary{
		Tierings: []*echelonv1.TierTable{
			{Tiering: "l", Tiers: []*echelonv1.TierCount{{Tier: "top", Customers: 2, Amount: 0.1}, {Tier: "rest"}}},
			{Tiering: "box", Unscored: 2, UnscoredAmount: 0.1, Tiers: []*echelonv1.TierCount{{Tier: "Good"}, {Tier: "Poor"}}},
		},
		Balance: &echelonv1.Balance{Customers: 7, Tiered: 2, Excluded: 3, Refused: 2, AmountIn: 11.8, AmountOut: 11.8, ExcludedAmount: 11.7},
	}
	if diff := cmp.Diff(want, tally.Summary(), protocmp.Transform()); diff != "" {
		t.Errorf("the summary differs (-want +got):\n%s", diff)
	}
	none := evaluate(t, "population: b\namount: x\n"+segmentation(""), person{"a", attrs{"b": true, "x": 1}}, person{"b", attrs{"x": 2}})
	tally = engine.NewTally(none.program)
	tally.Add(none.result)
	if b := tally.Summary().GetBalance(); b.GetUnscored() != 1 || b.GetExcluded() != 1 || b.GetAmountOut() != 3 || b.GetExcludedAmount() != 2 {
		t.Errorf("the balance of a model without tierings is %v", b)
	}
}

func TestMistakesOfThePopulation(t *testing.T) {
	// POP-5
	for name, test := range map[string]struct{ population, derived, says string }{
		"a number":                        {"x", "x", "a boolean is expected"},
		"an unknown name":                 {"who", "x", `undeclared attribute "who"`},
		"a score":                         {"scores.v > 1", "x", "cannot read scores.v"},
		"a tier":                          {"tiers.l == 'top'", "x", "cannot read"},
		"a segment by way of another":     {"d1 > 1", "segments.size == 'Large' ? 1 : 2", "cannot read segments.size"},
		"a derived attribute of the form": {"d1", "x", "a boolean is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			_, found := tryCompile(t, "population: \""+test.population+"\"\nderived: [{name: d1, expr: \""+test.derived+"\"}]\n"+everything)
			if !has(found, "population", test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
	s := evaluate(t, "population: twice > 100\nderived: [{name: twice, expr: x * 2}]\n"+everything, mixed()...)
	if s.tier("e") != "top" || s.tier("d") != "rest" || s.assignment("b").GetExcluded() {
		t.Errorf("a population of a derived attribute gives %v", s.tiers())
	}
}

func TestAssignmentsOfTheExcludedGoIntoColumnsAndBack(t *testing.T) {
	// POP-6, SAME-5
	s := evaluate(t, activeOnly, mixed()...)
	var list []*echelonv1.Assignment
	for i := range s.result.IDs {
		list = append(list, s.result.Assignment(i))
	}
	again, err := s.program.ResultOf(list)
	if err != nil || !slices.Equal(again.Excluded, s.result.Excluded) {
		t.Errorf("the excluded are %v, want %v: %v", again.Excluded, s.result.Excluded, err)
	}
}

func TestAPopulationOfNobodyIsAFinding(t *testing.T) {
	// POP-7
	s := evaluate(t, "population: x > 1000\n"+everything, mixed()...)
	if found := findingsOf(s.calibration); !has(found, "population", "all 5 customers") {
		t.Errorf("it finds %v", found)
	}
	if found := findingsOf(evaluate(t, activeOnly).calibration); has(found, "population", "") {
		t.Errorf("of no customers it finds %v", found)
	}
	if got := calibrate(t, s.program); got.GetExcluded() != 0 || got.GetCustomers() != 0 {
		t.Errorf("the calibration is %v", got)
	}
}

func TestRowsAreSelectedWithAllTheirValues(t *testing.T) {
	// POP-3: columns of every type keep the values of the rows that are taken.
	program := compile(t, everything)
	people := []person{
		{"a", attrs{"x": 1, "n": 2, "s": "one", "b": true, "d": "2026-01-02", "t": "2026-01-02T03:04:05Z", "tags": []any{"p", "q"}}},
		{"b", attrs{}},
		{"c", attrs{"x": 3, "n": 4, "s": "two", "b": false, "d": "2026-01-03", "t": "2026-01-03T03:04:05Z", "tags": []any{}}},
		{"d", attrs{"x": 5, "s": "one", "b": true, "tags": []any{"q"}}},
	}
	f := frameOf(t, program, people...)
	for mask := range 1 << len(people) {
		var want []*echelonv1.Customer
		rows := frame.NewBitmap(len(people))
		for i := range people {
			if mask>>i&1 == 1 {
				rows.Set(i, true)
				want = append(want, f.Customer(i))
			}
		}
		got := f.Select(rows)
		var have []*echelonv1.Customer
		for i := range got.Len() {
			have = append(have, got.Customer(i))
		}
		if diff := cmp.Diff(want, have, protocmp.Transform()); diff != "" {
			t.Fatalf("of the rows %b come others:\n%s", mask, diff)
		}
	}
}
