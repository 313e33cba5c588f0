package engine_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func learned(t testing.TB, text string, people ...person) *engine.Scorer {
	t.Helper()
	program := compile(t, text)
	return bind(t, program, frameOf(t, program, people...))
}

// moment is an evaluation of one customer.
type moment struct {
	by   *engine.Scorer
	is   person
	days int
	// tier is what is in force in place of the computed one, by hold; the computed one where it is empty.
	tier string
	hold echelonv1.Reason_Code
}

func (m *moment) evaluated(t testing.TB, is person, days int) *engine.Result {
	t.Helper()
	return m.by.Evaluate(frameOf(t, m.by.Program(), is), engine.Options{AsOf: asOf.AddDate(0, 0, days), Explain: true})
}

func (m *moment) stand(t testing.TB) engine.Stand {
	t.Helper()
	s := m.evaluated(t, m.is, m.days).Stand(0, 0)
	if m.tier != "" {
		s.Tier = &m.tier
	}
	s.Hold = m.hold
	return s
}

// journey is from a moment to another; lost tells that what the customer was is not kept.
func journey(t testing.TB, before, now *moment, between *engine.Scorer, lost bool) *engine.Journey {
	t.Helper()
	at := func(by *moment, is person, days int) *engine.Stand {
		s := by.evaluated(t, is, days).Stand(0, 0)
		return &s
	}
	j := &engine.Journey{From: before.stand(t), To: now.stand(t), Data: at(before, now.is, now.days), Instant: before.days == now.days}
	if lost {
		j.Then = at(before, now.is, before.days)
	} else {
		j.Time = at(before, before.is, now.days)
	}
	if between != nil {
		j.Lines = at(&moment{by: between}, now.is, now.days)
	}
	switch {
	case before.by.Program().Fingerprint() != now.by.Program().Fingerprint():
		j.Last = echelonv1.Move_MODEL
	case before.by != now.by:
		j.Last = echelonv1.Move_POPULATION
	}
	return j
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
	lines, moved := learned(t, changing, population(0)...), learned(t, changing, population(40)...)
	stricter := strings.Replace(changing, "min_score: 60", "min_score: 70", 1)
	model, modelMoved := learned(t, stricter, population(0)...), learned(t, stricter, population(40)...)
	at := func(by *engine.Scorer, x, y float64, days int) *moment {
		return &moment{by: by, is: person{"a", attrs{"x": x, "y": y, "d": "2026-01-31"}}, days: days}
	}
	forced := func(m *moment, tier string, hold echelonv1.Reason_Code) *moment {
		m.tier, m.hold = tier, hold
		return m
	}
	const pinned, dwell, margin = echelonv1.Reason_OVERRIDE, echelonv1.Reason_HELD_BY_DWELL, echelonv1.Reason_HELD_BY_MARGIN
	for name, test := range map[string]struct {
		before, now *moment
		between     *engine.Scorer
		lost        bool
		cause, says string
	}{
		"nothing":                      {at(lines, 70, 0, 0), at(lines, 71, 0, 1), nil, false, "", ""},
		"its own data":                 {at(lines, 70, 0, 0), at(lines, 30, 0, 0), nil, false, "DATA", "since its own data changed"},
		"the base moved the line":      {at(lines, 70, 0, 0), at(moved, 70, 0, 0), nil, false, "POPULATION", "moved the line"},
		"time":                         {at(lines, 70, 0, 0), at(lines, 70, 0, 90), nil, false, "TIME", "time went by"},
		"the model":                    {at(lines, 70, 0, 0), at(model, 70, 0, 0), nil, false, "MODEL", "the model changed"},
		"data before the model":        {at(lines, 70, 0, 0), at(model, 30, 0, 0), nil, false, "DATA", "own data"},
		"data before others":           {at(lines, 70, 0, 0), at(moved, 30, 0, 0), nil, false, "DATA", "own data"},
		"time before data":             {at(lines, 70, 0, 0), at(lines, 30, 0, 90), nil, false, "TIME", "time went by"},
		"others and the model unknown": {at(lines, 80, 0, 0), at(modelMoved, 80, 0, 0), nil, false, "MODEL", "the model"},
		"others before the model":      {at(lines, 80, 0, 0), at(modelMoved, 80, 0, 0), moved, false, "POPULATION", "moved the line"},
		"an override":                  {at(lines, 70, 0, 0), forced(at(lines, 70, 0, 0), "low", pinned), nil, false, "OVERRIDE", "it was overridden"},
		"the end of an override":       {forced(at(lines, 70, 0, 0), "low", pinned), at(lines, 70, 0, 0), nil, false, "OVERRIDE", "override ended"},
		"another override": {
			forced(at(lines, 70, 0, 0), "low", pinned), forced(at(lines, 70, 0, 0), "high", pinned), nil, false, "OVERRIDE", "override changed",
		},
		"the end of a hold":            {forced(at(lines, 30, 0, 0), "high", dwell), at(lines, 30, 0, 1), nil, false, "TIME", "a hold ended"},
		"the end of a hold, data lost": {forced(at(lines, 30, 0, 0), "high", dwell), at(lines, 31, 0, 1), nil, true, "TIME", "a hold ended"},
		"data lost, time does nothing": {at(lines, 70, 0, 0), at(lines, 10, 0, 1), nil, true, "DATA", "its own data changed"},
		"data lost, time may do it":    {at(lines, 70, 0, 0), at(lines, 65, 0, 90), nil, true, "DATA", "the two cannot be told apart"},
		"data lost, the base did it":   {at(lines, 70, 0, 0), at(moved, 71, 0, 0), nil, true, "POPULATION", "moved the line"},
	} {
		t.Run(name, func(t *testing.T) {
			j := journey(t, test.before, test.now, test.between, test.lost)
			move := j.Move("l", false)
			if test.cause == "" {
				if move != nil {
					t.Errorf("nobody moved, and it tells %v", move)
				}
				return
			}
			if move.GetCause().String() != test.cause || !strings.Contains(move.GetMessage(), test.says) {
				t.Errorf("it tells %v, want %s", move, test.cause)
			}
			if told := strings.Contains(move.GetMessage(), "cannot be told apart"); told != move.GetUncertain() {
				t.Errorf("it is uncertain %t, and says %q", move.GetUncertain(), move.GetMessage())
			}
		})
	}
}

func TestWhatChangedAScoreIsToldByItsCriteria(t *testing.T) {
	// WHY-220
	lines := learned(t, changing, xs(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)...)
	before := &moment{by: lines, is: person{"a", attrs{"x": 70.0, "y": 50.0, "d": "2026-01-31"}}}
	now := &moment{by: lines, is: person{"a", attrs{"x": 40.0, "d": "2026-01-31"}}}
	scores := differences(t, before, now)
	var said []string
	for _, one := range scores[0].GetCriteria() {
		said = append(said, one.GetMessage())
	}
	// Before 42 + 20 + 10 of 5, now 30 + 25 of 4.
	want := []string{
		"usage rank 70 → 40, weight 60 % → 75 %: -12 points", "spend 50 → nothing, weight 20 % → 0 %: -10 points", "since stays 100, weight 20 % → 25 %: +5 points",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("the words differ (-want +got):\n%s", diff)
	}
	if scores[0].GetFrom() != 72 || scores[0].GetTo() != 55 {
		t.Errorf("the score went %v", scores[0])
	}
	other := learned(t, strings.Replace(changing, "name: spend", "name: budget", 1), xs(1, 2)...)
	if scores = differences(t, before, &moment{by: other, is: before.is}); len(scores[0].GetCriteria()) != 4 {
		t.Errorf("of other criteria it tells %v", scores)
	}
}

// differences are those of the scores of two moments.
func differences(t testing.TB, before, now *moment) []*echelonv1.ScoreDifference {
	t.Helper()
	explained := func(m *moment) *echelonv1.Explanation {
		return m.evaluated(t, m.is, m.days).Assignment(0).GetExplanation()
	}
	return now.by.Program().ScoreDifferences(explained(before), explained(now))
}

func TestDifferencesAddUpAndOldAndNewAreTheEnds(t *testing.T) {
	// WHY-220, WHY-221
	lines := learned(t, changing, xs(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)...)
	others := learned(t, strings.Replace(changing, "weight: 3", "weight: 2", 1), xs(5, 6, 60, 61)...)
	rapid.Check(t, func(r *rapid.T) {
		draw := func() *moment {
			one := attrs{}
			for _, name := range []string{"x", "y"} {
				if rapid.Bool().Draw(r, "there") {
					one[name] = rapid.Float64Range(-10, 120).Draw(r, name)
				}
			}
			if rapid.Bool().Draw(r, "there") {
				one["d"] = "2025-12-25"
			}
			return &moment{by: rapid.SampledFrom([]*engine.Scorer{lines, others}).Draw(r, "by"), is: person{"a", one}, days: rapid.IntRange(0, 90).Draw(r, "days")}
		}
		before, now := draw(), draw()
		for _, score := range differences(t, before, now) {
			sum := 0.0
			for i, one := range score.GetCriteria() {
				sum += one.GetPoints()
				if i > 0 && math.Abs(one.GetPoints()) > math.Abs(score.GetCriteria()[i-1].GetPoints()) {
					r.Fatalf("they are not in order: %v", score)
				}
			}
			if math.Abs(sum-(score.GetTo()-score.GetFrom())) > 1e-9 {
				r.Fatalf("the changes add up to %g: %v", sum, score)
			}
		}
		there, back := journey(t, before, now, nil, false), journey(t, now, before, nil, false)
		move, homeward := there.Move("l", false), back.Move("l", false)
		if (move == nil) != (homeward == nil) || move != nil && move.GetCause() == echelonv1.Move_UNSPECIFIED {
			r.Fatalf("there is %v there and %v back", move, homeward)
		}
		if lost := journey(t, before, now, nil, true).Move("l", false); move.GetCause() != lost.GetCause() && move.GetCause() != echelonv1.Move_TIME {
			r.Fatalf("with the earlier data it is %v, and without it %v", move, lost)
		}
		if same := journey(t, now, now, nil, false).Move("l", false); same != nil {
			r.Fatalf("without a change it tells %v", same)
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
