package engine_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// three scores x, y and n, weights 50, 30 and 20, each as it is.
func three(rest string) string {
	return attributes + `
scores:
  - name: v
    criteria:
      - {name: x, expr: x, weight: 50, normalize: {linear: {min: 0, max: 100}}}
      - {name: y, expr: y, weight: 30, normalize: {linear: {min: 0, max: 100}}}
      - {name: n, expr: n, weight: 20, normalize: {linear: {min: 0, max: 100}}}
` + rest
}

func TestMissingCriteria(t *testing.T) {
	const (
		zero    = "    missing: ZERO\n"
		neutral = "    missing: NEUTRAL\n"
		fail    = "    missing: FAIL\n"
		most    = "    min_completeness: 0.7\n"
		all     = "    min_completeness: 1\n"
		half    = "    min_completeness: 0.5\n"
	)
	tests := map[string]struct {
		rest string
		attrs
		want, completeness float64
	}{
		"SCORE-1 the score is the weighted mean":                            {"", attrs{"x": 100, "y": 50, "n": 10}, 67, 1},
		"SCORE-3 REDISTRIBUTE drops the missing weight":                     {"", attrs{"x": 80, "n": 10}, 60, 0.7},
		"SCORE-3 REDISTRIBUTE leaves the one criterion that was read":       {"", attrs{"n": 10}, 10, 0.2},
		"SCORE-4 ZERO counts 0 and keeps the weight":                        {zero, attrs{"x": 80, "n": 10}, 42, 0.7},
		"SCORE-5 NEUTRAL counts 50 and keeps the weight":                    {neutral, attrs{"x": 80, "n": 10}, 57, 0.7},
		"SCORE-6 FAIL makes the score null":                                 {fail, attrs{"x": 80, "n": 10}, missing, 0.7},
		"SCORE-6 FAIL scores a customer of which all was read":              {fail, attrs{"x": 80, "y": 80, "n": 80}, 80, 1},
		"SCORE-7 REDISTRIBUTE of nothing is null":                           {"", attrs{}, missing, 0},
		"SCORE-7 ZERO of nothing is null":                                   {zero, attrs{}, missing, 0},
		"SCORE-7 NEUTRAL of nothing is null":                                {neutral, attrs{}, missing, 0},
		"SCORE-7 FAIL of nothing is null":                                   {fail, attrs{}, missing, 0},
		"SCORE-7 a minimum of 0 does not mend that":                         {zero + "    min_completeness: 0\n", attrs{}, missing, 0},
		"SCORE-8 completeness is given for null scores":                     {all, attrs{"x": 80, "y": 80}, missing, 0.8},
		"SCORE-9 a completeness of just the minimum suffices":               {most, attrs{"x": 80, "n": 10}, 60, 0.7},
		"SCORE-9 below the minimum the score is null":                       {most, attrs{"y": 80, "n": 10}, missing, 0.5},
		"SCORE-9 the minimum holds for ZERO":                                {zero + most, attrs{"y": 80, "n": 10}, missing, 0.5},
		"SCORE-9 the minimum holds for NEUTRAL":                             {neutral + half, attrs{"y": 80, "n": 10}, 51, 0.5},
		"SCORE-9 the whole is complete":                                     {all, attrs{"x": 1, "y": 1, "n": 1}, 1, 1},
		"SCORE-9 FAIL is not mended by a minimum that is met":               {fail + half, attrs{"x": 80, "n": 10}, missing, 0.7},
		"MODEL-22 REDISTRIBUTE and no minimum are the defaults":             {"", attrs{"n": 70}, 70, 0.2},
		"MISS-1 a zero that was read is no missing value":                   {"", attrs{"x": 0, "y": 0, "n": 0}, 0, 1},
		"SCORE-8 completeness counts what was read and not what was filled": {neutral, attrs{"x": 80}, 65, 0.5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, three(test.rest), person{"one", test.attrs})
			if got := s.score("one"); !same(got, test.want) {
				t.Errorf("the score is %v, want %v", got, test.want)
			}
			if got := s.completeness("one"); got != test.completeness {
				t.Errorf("completeness is %v, want %v", got, test.completeness)
			}
		})
	}
}

func TestInversionComesAfterClampingAndBeforeThePolicy(t *testing.T) {
	tests := map[string]struct {
		policy string
		x      any
		want   float64
	}{
		"SCORE-10 it turns the value round":                  {"ZERO", 30, 70},
		"SCORE-10 what lies above the range is clamped":      {"ZERO", 1000, 0},
		"SCORE-10 what lies below the range is clamped":      {"ZERO", -1000, 100},
		"SCORE-4 ZERO stays 0 where a criterion is inverted": {"ZERO", nil, 50},
		"SCORE-5 NEUTRAL stays 50":                           {"NEUTRAL", nil, 75},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, attributes+`
scores:
  - name: v
    missing: `+test.policy+`
    criteria:
      - {name: x, expr: x, weight: 1, invert: true, normalize: {linear: {min: 0, max: 100}}}
      - {name: y, expr: y, weight: 1, normalize: {linear: {min: 0, max: 100}}}
`, person{"one", attrs{"x": test.x, "y": 100}})
			// Of y there are always 50 points where x is missing.
			want := test.want
			if test.x != nil {
				want = (test.want + 100) / 2
			}
			if got := s.score("one"); got != want {
				t.Errorf("the score is %v, want %v", got, want)
			}
		})
	}
}

func TestScoresAreUnroundedEverywhere(t *testing.T) {
	// SCORE-11, SCORE-12: 1 / 3 * 100 is the double below a third of a hundred.
	s := evaluate(t, attributes+`
segmentations:
  - {name: seen, segments: [{name: below, when: "scores.v < 33.333333333333336"}, {name: above, when: "scores.v >= 33.333333333333336"}]}
scores:
  - {name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 3}}}]}
  - {name: again, criteria: [{name: v, expr: scores.v, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
tierings:
  - {name: l, linear: {score: v, tiers: [{name: top, cut: {min_score: 33.333333333333336}}, {name: mid, cut: {min_score: 33.33333333333333}}, {name: rest}]}}
`, xs(1)...)
	one, three := 1.0, 3.0 // Variables, since constants would be divided exactly.
	third := one / three * 100
	if got := s.score("a"); got != third {
		t.Errorf("the score is %v, want %v", got, third)
	}
	if got := s.segment("a"); got != "below" {
		t.Errorf("an expression sees %q, want below", got)
	}
	if got := s.tier("a"); got != "mid" {
		t.Errorf("the tier is %q, want mid", got)
	}
	if again := s.result.Scores[1].Numbers[0]; math.Abs(again-third) > 1e-9 {
		t.Errorf("the score of the score is %v, want %v", again, third)
	}
}

// randomScore draws a score of up to six criteria x0, x1 …, and the model that has it.
func randomScore(t *rapid.T) (*echelonv1.Model, *echelonv1.Score) {
	score := &echelonv1.Score{Name: "v", Missing: echelonv1.Score_Missing(rapid.IntRange(0, 3).Draw(t, "missing"))}
	model := &echelonv1.Model{Name: "m", Scores: []*echelonv1.Score{score}}
	for i := range rapid.IntRange(1, 6).Draw(t, "criteria") {
		name := fmt.Sprintf("x%d", i)
		model.Attributes = append(model.Attributes, &echelonv1.Attribute{Name: name, Type: echelonv1.Attribute_NUMBER})
		score.Criteria = append(score.Criteria, &echelonv1.Criterion{
			Name: name, Expr: name, Invert: rapid.Bool().Draw(t, "invert"),
			Weight:    rapid.OneOf(rapid.Float64Range(0.01, 100), rapid.Just(1.0), rapid.Just(0.1)).Draw(t, "weight"),
			Normalize: &echelonv1.Normalize{Kind: &echelonv1.Normalize_Linear_{Linear: &echelonv1.Normalize_Linear{Max: 1}}},
		})
	}
	if rapid.Bool().Draw(t, "minimum") {
		minimum := rapid.Float64Range(0, 1).Draw(t, "min_completeness")
		score.MinCompleteness = &minimum
	}
	return model, score
}

// referenceScore is the score by the words of the model, NaN where it is null; a NaN value is one that could not be read.
func referenceScore(score *echelonv1.Score, values []float64) (result, completeness float64) {
	var sum, divisor, read, weights float64
	failed := false
	for i, c := range score.GetCriteria() {
		weights += c.GetWeight()
		v := min(max(values[i]*100, 0), 100)
		switch {
		case !math.IsNaN(values[i]):
			read += c.GetWeight()
			if c.GetInvert() {
				v = 100 - v
			}
		case score.GetMissing() == echelonv1.Score_ZERO:
			v = 0
		case score.GetMissing() == echelonv1.Score_NEUTRAL:
			v = 50
		default:
			failed = failed || score.GetMissing() == echelonv1.Score_FAIL
			continue
		}
		sum += float64(c.GetWeight() * v)
		divisor += c.GetWeight()
	}
	completeness = read / weights
	if failed || read == 0 || completeness < score.GetMinCompleteness() {
		return missing, completeness
	}
	// A division may round up past the range of a score.
	return min(sum/divisor, 100), completeness
}

func TestScoresAreThoseOfTheReference(t *testing.T) {
	// SCORE-1 to the bit, SCORE-13, SCORE-14, SCORE-2
	rapid.Check(t, func(t *rapid.T) {
		model, score := randomScore(t)
		program, found := engine.Compile(model)
		if found.HasMistakes() {
			t.Fatal(found)
		}
		var values []float64
		one := attrs{}
		for _, c := range score.GetCriteria() {
			x := rapid.OneOf(rapid.Float64Range(-0.5, 1.5), rapid.Just(missing), rapid.Just(1.0)).Draw(t, "x")
			if values = append(values, x); !math.IsNaN(x) {
				one[c.GetName()] = x
			}
		}
		s := &study{TB: tb(t), program: program, scorer: bindTo(tb(t), program, nil)}
		s.see(frameOf(tb(t), program, person{"one", one}))
		want, completeness := referenceScore(score, values)
		got := s.score("one")
		if !same(got, want) || s.completeness("one") != completeness {
			t.Fatalf("the score is %v (%v), want %v (%v)", got, s.completeness("one"), want, completeness)
		}
		if math.IsNaN(want) {
			return
		}
		var points, percent float64
		for _, c := range s.assignment("one").GetExplanation().GetScores()[0].GetCriteria() {
			points += c.GetContribution()
			percent += c.GetWeightPercent()
		}
		if math.Abs(points-got) > 1e-9 || math.Abs(percent-100) > 1e-9 {
			t.Errorf("contributions add up to %v, want %v; weights to %v %%", points, got, percent)
		}
	})
}

func TestFullMarksAreAHundredAndNoMore(t *testing.T) {
	// SCORE-14
	for _, weights := range [][]float64{{0.1, 0.2, 0.3}, {0.1, 0.1, 0.1}, {0.7, 0.1, 0.2}, {1, 2, 3}, {0.3, 0.3, 0.3}, {33.3, 33.3, 33.4}, {1e-9, 1e9}} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			var criteria []string
			for i, w := range weights {
				criteria = append(criteria, fmt.Sprintf("{name: c%d, expr: x, weight: %v, normalize: {linear: {min: 0, max: 100}}}", i, w))
			}
			s := evaluate(t, attributes+"scores: [{name: v, criteria: ["+strings.Join(criteria, ", ")+"]}]\n", xs(100)...)
			if got := s.score("a"); got > 100 || got < 100-1e-12 {
				t.Errorf("the score is %v, want 100", got)
			}
		})
	}
}

func TestScoresOfExtremeWeightsStayWithinTheirRange(t *testing.T) {
	// SCORE-2, SCORE-14: weights are finite and above 0; their products and sums must be so too, or the model is a mistake.
	for _, weights := range [][2]string{{"1e308", "1e308"}, {"1.7e308", "1"}, {"5e-324", "5e-324"}, {"1e-320", "3e-320"}} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			program, found := tryCompile(t, fmt.Sprintf(attributes+`
scores:
  - name: v
    criteria:
      - {name: x, expr: x, weight: %s, normalize: {linear: {min: 0, max: 100}}}
      - {name: y, expr: y, weight: %s, normalize: {linear: {min: 0, max: 100}}}
`, weights[0], weights[1]))
			if found.HasMistakes() {
				if !slices.ContainsFunc(found, func(f finding) bool { return strings.HasSuffix(f.Path, ".weight") }) {
					t.Errorf("another mistake was found: %v", found)
				}
				return
			}
			s := &study{TB: t, program: program, scorer: bindTo(t, program, nil)}
			s.see(frameOf(t, program, person{"one", attrs{"x": 30.5, "y": 30.5}}))
			if got := s.score("one"); math.Abs(got-30.5) > 1e-9 || s.completeness("one") != 1 {
				t.Errorf("a customer with 30.5 everywhere scores %v, completeness %v", got, s.completeness("one"))
			}
		})
	}
}

func TestACriterionThatCannotBeReadSaysWhy(t *testing.T) {
	// SCORE-15, NORM-12, WHY-4
	s := evaluate(t, attributes+`
scores:
  - name: v
    criteria:
      - {name: missing, expr: y, weight: 1, normalize: {linear: {min: 0, max: 1}}}
      - {name: infinite, expr: x / 0, weight: 1, normalize: {linear: {min: 0, max: 1}}}
      - {name: not a number, expr: x * 0 / 0, weight: 1, normalize: {log: {min: 1, max: 10}}}
      - {name: unlisted, expr: s, weight: 1, normalize: {lookup: {values: {a: 1}}}}
      - {name: read, expr: b, weight: 1, normalize: {boolean: {}}}
`, person{"one", attrs{"x": 1, "s": "b", "b": true}})
	want := []string{
		"MISSING scores.v, missing: y is missing",
		"UNREADABLE scores.v, infinite: the result is infinite",
		"UNREADABLE scores.v, not a number: the result is not a number",
		`UNLISTED scores.v, unlisted: the lookup does not list "b" and has no default`,
	}
	var got []string
	for _, r := range s.assignment("one").GetReasons() {
		got = append(got, r.GetCode().String()+" "+r.GetMessage())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the reasons are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s.score("one") != 100 || s.completeness("one") != 0.2 {
		t.Errorf("the score is %v, completeness %v", s.score("one"), s.completeness("one"))
	}
}
