package engine_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ranked writes a model whose score is the percentile rank of x; the second criterion keeps customers without x scored.
func ranked(ties string) string { return normalized("x", "{percentile: {"+ties+"}}") }

// referenceRank is the rank of x among the readable values of a population, by counting.
func referenceRank(values []float64, x float64, ties string) float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	var below, upTo int
	equal := false
	for k := 0; k <= 100; k++ {
		u := sorted[k*(len(sorted)-1)/100]
		if u < x {
			below++
		}
		if u <= x {
			upTo++
		}
		equal = equal || u == x
	}
	high := float64(max(0, upTo-1))
	low := high
	if equal {
		low = float64(below)
	}
	switch ties {
	case "LOW":
		return low
	case "HIGH":
		return high
	}
	return (low + high) / 2
}

func TestRanksAreThoseOfTheReference(t *testing.T) {
	// PCT-1, PCT-2, PCT-3, PCT-4
	for _, ties := range []string{"LOW", "MID", "HIGH"} {
		program := compile(t, ranked("ties: "+ties))
		t.Run(ties, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				value := rapid.OneOf(rapid.Float64Range(-100, 100), rapid.Map(rapid.IntRange(-3, 3), func(i int) float64 { return float64(i) }))
				values := rapid.SliceOfN(value, 1, 26).Draw(t, "values")
				if rapid.Bool().Draw(t, "many") {
					for i := range 300 {
						values = append(values, float64(i%7)*values[0])
					}
				}
				f := frameOf(tb(t), program, numbered(values)...)
				s := &study{TB: tb(t), program: program, scorer: bind(tb(t), program, f)}
				asked := slices.Concat(values[:min(len(values), 26)], rapid.SliceOfN(value, 1, 5).Draw(t, "others"))
				s.see(frameOf(tb(t), program, numbered(asked)...))
				for i, x := range asked {
					if got, want := s.result.Scores[0].Numbers[i], referenceRank(values, x, ties); got != want {
						t.Fatalf("%v ranks %v among %v, want %v", x, got, values, want)
					}
				}
			})
		})
	}
}

// numbered returns customers with these values of x and different ids.
func numbered(values []float64) []person {
	var people []person
	for i, one := range xs(values...) {
		one.id = string(rune('a'+i/1000)) + string(rune('a'+i%1000/26)) + string(rune('a'+i%26))
		people = append(people, one)
	}
	return people
}

func TestPercentiles(t *testing.T) {
	zeros := []float64{0, 0, 0, 0, 0, 0, 0, 0, 10, 20}
	tests := []struct {
		name, ties string
		population []float64
		x, want    float64
	}{
		{"PCT-6 a heap of zeros ranks 0", "ties: LOW", zeros, 0, 0},
		{"MODEL-22 LOW is the default", "", zeros, 0, 0},
		{"PCT-2 with HIGH a heap of zeros ranks at its upper end", "ties: HIGH", zeros, 0, 88},
		{"PCT-4 with MID it ranks in the middle of both", "ties: MID", zeros, 0, 44},
		{"PCT-7 a single peer ranks 0 with LOW", "ties: LOW", []float64{5}, 5, 0},
		{"PCT-7 a single peer ranks 50 with MID", "ties: MID", []float64{5}, 5, 50},
		{"PCT-7 a single peer ranks 100 with HIGH", "ties: HIGH", []float64{5}, 5, 100},
		{"PCT-2 below all it ranks 0", "ties: HIGH", []float64{5, 6}, 4, 0},
		{"PCT-2 above all it ranks 100", "ties: LOW", []float64{5, 6}, 7, 100},
		{"PCT-3 the greatest ranks 100 where it is alone", "ties: LOW", []float64{1, 2, 3}, 3, 100},
		{"PCT-3 the middle one of three", "ties: LOW", []float64{1, 2, 3}, 2, 50},
		{"PCT-2 the middle one of three with HIGH", "ties: HIGH", []float64{1, 2, 3}, 2, 99},
		{"PCT-3 between breakpoints LOW is HIGH", "ties: LOW", []float64{1, 2, 3}, 2.5, 99},
		{"PCT-5 missing values are no peers", "ties: LOW", []float64{1, missing, 2, missing, 3}, 2, 50},
		{"PCT-8 without readable values it cannot be read", "ties: LOW", []float64{missing, missing}, 2, missing},
		{"PCT-8 without customers it cannot be read", "ties: LOW", nil, 2, missing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := evaluate(t, ranked(test.ties), xs(test.population...)...).then(xs(test.x)...)
			if got := s.score("a"); !same(got, test.want) {
				t.Errorf("%v ranks %v, want %v", test.x, got, test.want)
			}
			if math.IsNaN(test.want) {
				if codes := s.codes("a", "scores.v"); !slices.Equal(codes, []string{"UNCALIBRATED", "INCOMPLETE"}) {
					t.Errorf("the reasons are %v", codes)
				}
			}
		})
	}
}

func TestBreakpointsAreOfAllReadableValuesScoredOrNot(t *testing.T) {
	// PCT-5: b and c have no score, since y is missing, and are peers all the same.
	s := evaluate(t, attributes+`
scores:
  - name: v
    missing: FAIL
    criteria:
      - {name: x, expr: x, weight: 1, normalize: {percentile: {}}}
      - {name: y, expr: y, weight: 1, normalize: {linear: {min: 0, max: 100}}}
`, person{"a", attrs{"x": 1, "y": 0}}, person{"b", attrs{"x": 2}}, person{"c", attrs{"x": 3}})
	breakpoints := s.calibration.GetScores()[0].GetCriteria()[0].GetBreakpoints()
	if len(breakpoints) != 101 || breakpoints[0] != 1 || breakpoints[49] != 1 || breakpoints[50] != 2 || breakpoints[99] != 2 || breakpoints[100] != 3 {
		t.Errorf("the breakpoints are %v", breakpoints)
	}
	if later := s.then(person{"d", attrs{"x": 2, "y": 0}}); later.score("d") != 25 {
		t.Errorf("the score is %v, want 25", later.score("d"))
	}
}

func TestRanksAreInvertedBeforeThePolicy(t *testing.T) {
	// SCORE-10, PCT-3
	s := evaluate(t, attributes+`
scores:
  - name: v
    missing: ZERO
    criteria:
      - {name: x, expr: x, weight: 1, invert: true, normalize: {percentile: {}}}
      - {name: y, expr: y, weight: 1, normalize: {linear: {min: 0, max: 100}}}
`, person{"a", attrs{"x": 1, "y": 0}}, person{"b", attrs{"x": 2, "y": 0}}, person{"c", attrs{"y": 0}})
	for id, want := range map[string]float64{"a": 50, "b": 0, "c": 0} {
		if got := s.score(id); got != want {
			t.Errorf("%s scores %v, want %v", id, got, want)
		}
	}
}

func TestPercentilesOfComputedItems(t *testing.T) {
	// CAL-1: breakpoints are learned of what is itself learned: a rank of a rank of a tier.
	s := evaluate(t, attributes+`
scores:
  - {name: v, criteria: [{name: c, expr: x, weight: 1, normalize: {percentile: {}}}]}
  - {name: second, criteria: [{name: c, expr: "scores.v * (tiers.ladder == 'top' ? 2 : 1)", weight: 1, normalize: {percentile: {}}}]}
tierings:
  - {name: ladder, linear: {score: v, tiers: [{name: top, cut: {top_count: 1}}, {name: rest}]}}
  - {name: last, linear: {score: second, tiers: [{name: top, cut: {top_share: 0.5}}, {name: rest}]}}
`, xs(1, 2, 3)...)
	kept := s.calibration.GetScores()[1]
	if got := kept.GetCriteria()[0].GetBreakpoints()[100]; kept.GetScore() != "second" || got != 200 {
		t.Errorf("the highest breakpoint of %s is %v, want 200", kept.GetScore(), got)
	}
	var names []string
	for _, t := range s.calibration.GetTierings() {
		names = append(names, t.GetTiering())
	}
	if !slices.Equal(names, []string{"ladder", "last"}) {
		t.Errorf("the tierings are kept as %v", names)
	}
	if got := name(s.result.Tiers[1], s.row("b")); got != "top" {
		t.Errorf("the second of three is %q, want top, within a half rounded up", got)
	}
	alone := bindTo(t, s.program, clone(s.calibration))
	f := frameOf(t, s.program, xs(1, 2, 3)...)
	for i, want := range []string{"rest", "top", "top"} {
		r := alone.Evaluate(f, engine.Options{AsOf: asOf})
		if got := name(r.Tiers[1], i); got != want {
			t.Errorf("customer %d is %q, want %q", i, got, want)
		}
	}
	if kept.GetCriteria()[0].GetCriterion() != "c" || s.calibration.GetCustomers() != 3 {
		t.Errorf("the calibration is %v", &echelonv1.Calibration{Scores: []*echelonv1.ScoreCalibration{kept}})
	}
}
