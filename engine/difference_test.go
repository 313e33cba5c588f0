package engine_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// changing is a model in which data, other customers and time can move a customer.
const changing = attributes + `
scores:
  - name: v
    criteria:
      - {name: usage, expr: x, weight: 3, normalize: {percentile: {}}}
      - {name: since, expr: days_since(d), weight: 1, normalize: {linear: {min: 0, max: 100}}, invert: true}
      - {name: spend, expr: y, weight: 1, normalize: {linear: {min: 0, max: 100}}}
tierings:
  - name: l
    linear: {score: v, tiers: [{name: high, cut: {min_score: 60}}, {name: low}]}
`

func basis(t testing.TB, text string, people ...person) engine.Basis {
	t.Helper()
	program := compile(t, text)
	return engine.Basis{Scorer: bind(t, program, frameOf(t, program, people...))}
}

func TestEachMoveHasOneCause(t *testing.T) {
	// WHY-221, WHY-222
	population := func(shift float64) []person {
		people := xs(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
		for i := range people {
			people[i].attrs["x"] = people[i].attrs["x"].(float64) + shift
		}
		return people
	}
	lines, moved := basis(t, changing, population(0)...), basis(t, changing, population(40)...)
	stricter := strings.Replace(changing, "min_score: 60", "min_score: 70", 1)
	model, modelMoved := basis(t, stricter, population(0)...), basis(t, stricter, population(40)...)
	one := func(x, y float64) *echelonv1.Customer {
		return person{"a", attrs{"x": x, "y": y, "d": "2026-01-31"}}.proto()
	}
	at := func(by engine.Basis, c *echelonv1.Customer, days int) *engine.Moment {
		return &engine.Moment{Basis: by, Customer: c, AsOf: asOf.AddDate(0, 0, days)}
	}
	high, low := "high", "low"
	forced := func(m *engine.Moment, tier string, pinned bool) *engine.Moment {
		m.InForce = map[string]engine.InForce{"l": {Tier: &tier, Pinned: pinned}}
		return m
	}
	for name, test := range map[string]struct {
		before, now *engine.Moment
		between     *engine.Basis
		cause, says string
	}{
		"nothing":                      {at(lines, one(70, 0), 0), at(lines, one(71, 0), 1), nil, "", ""},
		"its own data":                 {at(lines, one(70, 0), 0), at(lines, one(30, 0), 0), nil, "DATA", "since its own data changed"},
		"the base moved the line":      {at(lines, one(70, 0), 0), at(moved, one(70, 0), 0), nil, "POPULATION", "moved the line"},
		"time":                         {at(lines, one(70, 0), 0), at(lines, one(70, 0), 90), nil, "TIME", "time went by"},
		"the model":                    {at(lines, one(70, 0), 0), at(model, one(70, 0), 0), nil, "MODEL", "the model changed"},
		"data before the model":        {at(lines, one(70, 0), 0), at(model, one(30, 0), 0), nil, "DATA", "own data"},
		"data before others":           {at(lines, one(70, 0), 0), at(moved, one(30, 0), 0), nil, "DATA", "own data"},
		"time before data":             {at(lines, one(70, 0), 0), at(lines, one(30, 0), 90), nil, "TIME", "time went by"},
		"others and the model unknown": {at(lines, one(80, 0), 0), at(modelMoved, one(80, 0), 0), nil, "MODEL", "the model"},
		"others before the model":      {at(lines, one(80, 0), 0), at(modelMoved, one(80, 0), 0), &moved, "POPULATION", "moved the line"},
		"an override":                  {at(lines, one(70, 0), 0), forced(at(lines, one(70, 0), 0), low, true), nil, "OVERRIDE", "it was overridden"},
		"the end of an override":       {forced(at(lines, one(70, 0), 0), low, true), at(lines, one(70, 0), 0), nil, "OVERRIDE", "override ended"},
		"another override":             {forced(at(lines, one(70, 0), 0), low, true), forced(at(lines, one(70, 0), 0), high, true), nil, "OVERRIDE", "override changed"},
		"the end of a hold":            {forced(at(lines, one(30, 0), 0), high, false), at(lines, one(30, 0), 1), nil, "TIME", "a hold ended"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := engine.Differences(test.before, test.now, test.between)
			if err != nil {
				t.Fatal(err)
			}
			if test.cause == "" {
				if len(d.GetMoves()) > 0 {
					t.Errorf("nobody moved, and it tells %v", d.GetMoves())
				}
				return
			}
			if len(d.GetMoves()) != 1 || d.GetMoves()[0].GetCause().String() != test.cause || !strings.Contains(d.GetMoves()[0].GetMessage(), test.says) {
				t.Errorf("it tells %v, want %s", d.GetMoves(), test.cause)
			}
		})
	}
}

func TestWhatChangedAScoreIsToldByItsCriteria(t *testing.T) {
	// WHY-220
	lines := basis(t, changing, xs(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)...)
	before := &engine.Moment{Basis: lines, AsOf: asOf, Customer: person{"a", attrs{"x": 70.0, "y": 50.0, "d": "2026-01-31"}}.proto()}
	now := &engine.Moment{Basis: lines, AsOf: asOf, Customer: person{"a", attrs{"x": 40.0, "d": "2026-01-31"}}.proto()}
	d, err := engine.Differences(before, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, one := range d.GetScores()[0].GetCriteria() {
		said = append(said, one.GetMessage())
	}
	// Before 42 + 20 + 10 of 5, now 30 + 25 of 4.
	want := []string{
		"usage rank 70 → 40, weight 60 % → 75 %: -12 points", "spend 50 → nothing, weight 20 % → 0 %: -10 points", "since stays 100, weight 20 % → 25 %: +5 points",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("the words differ (-want +got):\n%s", diff)
	}
	if d.GetScores()[0].GetFrom() != 72 || d.GetScores()[0].GetTo() != 55 {
		t.Errorf("the score went %v", d.GetScores()[0])
	}
	other := basis(t, strings.Replace(changing, "name: spend", "name: budget", 1), xs(1, 2)...)
	d, err = engine.Differences(before, &engine.Moment{Basis: other, AsOf: asOf, Customer: before.Customer}, nil)
	if err != nil || len(d.GetScores()[0].GetCriteria()) != 4 {
		t.Errorf("of other criteria it tells %v, %v", d, err)
	}
	if _, err := engine.Differences(&engine.Moment{Basis: lines, AsOf: asOf, Customer: &echelonv1.Customer{}}, now, nil); err == nil || !strings.Contains(err.Error(), "the earlier customer") {
		t.Errorf("a customer without an id is told as %v", err)
	}
}

func TestDifferencesAddUpAndOldAndNewAreTheEnds(t *testing.T) {
	// WHY-220, WHY-221
	lines := basis(t, changing, xs(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)...)
	others := basis(t, strings.Replace(changing, "weight: 3", "weight: 2", 1), xs(5, 6, 60, 61)...)
	rapid.Check(t, func(t *rapid.T) {
		moment := func() *engine.Moment {
			one := attrs{}
			for _, name := range []string{"x", "y"} {
				if rapid.Bool().Draw(t, "there") {
					one[name] = rapid.Float64Range(-10, 120).Draw(t, name)
				}
			}
			if rapid.Bool().Draw(t, "there") {
				one["d"] = "2025-12-25"
			}
			by := rapid.SampledFrom([]engine.Basis{lines, others}).Draw(t, "by")
			return &engine.Moment{Basis: by, Customer: person{"a", one}.proto(), AsOf: asOf.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "days")) * 24 * time.Hour)}
		}
		before, now := moment(), moment()
		d, err := engine.Differences(before, now, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, score := range d.GetScores() {
			sum := 0.0
			for i, one := range score.GetCriteria() {
				sum += one.GetPoints()
				if i > 0 && math.Abs(one.GetPoints()) > math.Abs(score.GetCriteria()[i-1].GetPoints()) {
					t.Fatalf("they are not in order: %v", score)
				}
			}
			if math.Abs(sum-(score.GetTo()-score.GetFrom())) > 1e-9 {
				t.Fatalf("the changes add up to %g: %v", sum, score)
			}
		}
		back, err := engine.Differences(now, before, nil)
		if err != nil || len(back.GetMoves()) != len(d.GetMoves()) {
			t.Fatalf("there are %v there and %v back, %v", d.GetMoves(), back.GetMoves(), err)
		}
		same, err := engine.Differences(now, now, nil)
		if err != nil || len(same.GetMoves()) > 0 {
			t.Fatalf("without a change it tells %v, %v", same.GetMoves(), err)
		}
		again, _ := engine.Differences(before, now, nil)
		if diff := cmp.Diff(d, again, protocmp.Transform()); diff != "" {
			t.Fatalf("it is not the same again:\n%s", diff)
		}
	})
}

func TestCriteriaAreRankedByWhatTheyBring(t *testing.T) {
	// WHY-223
	s := evaluate(t, changing, person{"a", attrs{"x": 70.0, "y": 50.0, "d": "2026-01-31"}}, person{"b", attrs{"x": 20.0, "y": 100.0}})
	for id, want := range map[string]map[string]int32{"a": {"usage": 1, "since": 2, "spend": 3}, "b": {"usage": 2, "since": 0, "spend": 1}} {
		got := make(map[string]int32)
		for _, one := range s.assignment(id).GetExplanation().GetScores()[0].GetCriteria() {
			got[one.GetCriterion()] = one.GetRank()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the ranks of %s differ (-want +got):\n%s", id, diff)
		}
	}
}
