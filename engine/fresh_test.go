package engine_test

import (
	"testing"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// aging is a model of values that age by the day, and by the hour.
const aging = `
name: m
attributes:
  - {name: x, type: NUMBER, observed_at: d, max_age_days: 30}
  - {name: y, type: NUMBER, observed_at: t, max_age_days: 0}
  - {name: d, type: DATE}
  - {name: t, type: TIMESTAMP}
segmentations: [{name: size, segments: [{name: Known, when: x + y > 0}], otherwise: Other, unknown: Unknown}]
scores:
  - name: v
    criteria:
      - {name: x, expr: x, weight: 1, normalize: {percentile: {}}}
      - {name: y, expr: "coalesce(y, 7)", weight: 1, normalize: {linear: {min: 0, max: 100}}}
`

func TestStaleValuesAreMissing(t *testing.T) {
	tests := []struct {
		name string
		attrs
		x, y bool
	}{
		{"FRESH-1 both are fresh", attrs{"d": "2026-01-31", "t": "2026-01-30T00:00:01Z"}, true, true},
		{"FRESH-1 as old as it may be", attrs{"d": "2026-01-01", "t": "2026-01-30T23:00:00Z"}, true, true},
		{"FRESH-1 a day older", attrs{"d": "2025-12-31", "t": "2026-01-30T00:00:00Z"}, false, false},
		{"FRESH-2 nobody knows how old", attrs{}, false, false},
		{"FRESH-1 observed later", attrs{"d": "2026-03-01", "t": "2026-03-01T00:00:00Z"}, true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.attrs["x"], test.attrs["y"] = 5, 50
			s := evaluate(t, aging, person{"a", test.attrs})
			want := map[bool]string{true: "Known", false: "Unknown"}[test.x && test.y]
			if got := s.segment("a"); got != want {
				t.Errorf("the segment is %s, want %s", got, want)
			}
			input := func(i int) float64 {
				return s.assignment("a").GetExplanation().GetScores()[0].GetCriteria()[i].GetInput().GetNumberValue()
			}
			if got := input(0) == 5; got != test.x {
				t.Errorf("x is read: %v", got)
			}
			if got := input(1); got != map[bool]float64{true: 50, false: 7}[test.y] {
				t.Errorf("y is read as %v", got)
			}
			if n := len(s.calibration.GetScores()[0].GetCriteria()[0].GetBreakpoints()); (n > 0) != test.x {
				t.Errorf("there are %d breakpoints", n)
			}
		})
	}
}

func TestWhatIsStaleSaysSo(t *testing.T) {
	// FRESH-3
	s := evaluate(t, aging, person{"a", attrs{"x": 5, "y": 50, "d": "2025-01-01"}}, person{"b", attrs{"y": 50}})
	const stale = "x is missing, since it is stale: d does not show it to be at most 30 days old"
	for item, want := range map[string]string{"segments.size": "segments.size, Known: " + stale, "scores.v": "scores.v, x: " + stale} {
		r := s.reason("a", item)
		if r.GetCode() != echelonv1.Reason_MISSING || r.GetAttribute() != "x" || r.GetMessage() != want {
			t.Errorf("the reason is %v", r)
		}
	}
	if r := s.reason("b", "scores.v"); r.GetMessage() != "scores.v, x: x is missing" {
		t.Errorf("what was never there is %v", r)
	}
	// The values of the frame are what they were.
	f := frameOf(t, s.program, person{"a", attrs{"x": 5}})
	s.scorer.Evaluate(f, engine.Options{AsOf: asOf})
	if !f.Columns[0].Valid.Get(0) {
		t.Error("the frame has lost the value")
	}
}

func TestAPopulationOfStaleValuesNamesThem(t *testing.T) {
	// FRESH-3, POP-2
	s := evaluate(t, "population: x > 1\n"+aging, person{"a", attrs{"x": 5}})
	if r := s.assignment("a").GetReasons()[0]; r.GetAttribute() != "x" ||
		r.GetMessage() != "population: EXCLUDED, since x is missing, since it is stale: d does not show it to be at most 30 days old" {
		t.Errorf("the reason is %v", r)
	}
}

func TestTheAgeOfADayIsOfTheTimeZone(t *testing.T) {
	// FRESH-1, TIME-3: in New York it is still the 30th.
	s := evaluate(t, "time_zone: America/New_York\n"+aging, person{"a", attrs{"x": 5, "d": "2025-12-31"}})
	if s.assignment("a").GetExplanation().GetScores()[0].GetCriteria()[0].GetUnreadable() != nil {
		t.Error("x is stale")
	}
}

func TestMistakesOfFreshness(t *testing.T) {
	// FRESH-4
	for attribute, says := range map[string]string{
		"observed_at: d":                       "how old a value may be",
		"max_age_days: 3":                      "how old a value is",
		"observed_at: d, max_age_days: -1":     "less than none",
		"observed_at: e, max_age_days: 3":      `there is no attribute "e"`,
		"observed_at: z, max_age_days: 3":      "no date and no timestamp",
		"observed_at: aging, max_age_days: 30": "observed itself",
	} {
		_, found := tryCompile(t, `
name: m
attributes:
  - {name: x, type: NUMBER, `+attribute+`}
  - {name: z, type: NUMBER}
  - {name: d, type: DATE}
  - {name: aging, type: DATE, observed_at: d, max_age_days: 3}
segmentations: [{name: s, segments: [{name: S, when: x > 1}]}]
`)
		if !has(found, "attributes[0]", says) {
			t.Errorf("of %q it finds %v", attribute, found)
		}
	}
}
