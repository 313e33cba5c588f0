package engine_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// box writes a model with a matrix of x and y.
func box(x, y, cells string) string {
	return attributes + scoreXY + "\ntierings: [{name: l, matrix: {x: {score: v, cuts: [" + x + "]}, y: {score: w, cuts: [" + y + "]}, cells: [" + cells + "]}}]\n"
}

func xy(id string, x, y float64) person {
	one := person{id, attrs{}}
	for name, value := range map[string]float64{"x": x, "y": y} {
		if !math.IsNaN(value) {
			one.attrs[name] = value
		}
	}
	return one
}

func TestMatrices(t *testing.T) {
	const (
		four  = "{x: 0, y: 0, name: SW}, {x: 0, y: 1, name: NW}, {x: 1, y: 0, name: SE}, {x: 1, y: 1, name: NE}"
		three = "{x: 0, y: 0, name: Low}, {x: 1, y: 0, name: Low}, {x: 2, y: 1, name: High}"
		six   = "{x: 0, y: 0, name: x0 y0}, {x: 1, y: 0, name: x1 y0}, {x: 2, y: 0, name: x2 y0}, " +
			"{x: 0, y: 1, name: x0 y1}, {x: 1, y: 1, name: x1 y1}, {x: 2, y: 1, name: x2 y1}"
	)
	tests := map[string]struct {
		x, y, cells string
		people      []person
		want        map[string]string
	}{
		"MATRIX-1 a cut is met at its line": {
			"{min_score: 50}", "{min_score: 50}", four, []person{xy("a", 50, 50), xy("b", 50, 49.99), xy("c", 49.99, 50), xy("d", 0, 0)},
			map[string]string{"a": "NE", "b": "SE", "c": "NW", "d": "SW"},
		},
		"MATRIX-1 the order of the cuts does not matter": {
			"{min_score: 80}, {min_score: 20}", "{min_score: 50}", three, []person{xy("a", 90, 60), xy("b", 50, 10), xy("c", 10, 10)},
			map[string]string{"a": "High", "b": "Low", "c": "Low"},
		},
		"MATRIX-7 a cell that is not declared is no persona": {
			"{min_score: 80}, {min_score: 20}", "{min_score: 50}", three, []person{xy("a", 90, 10), xy("b", 10, 90)},
			map[string]string{"a": null, "b": null},
		},
		"MATRIX-6 a null axis is no persona": {
			"{min_score: 50}", "{min_score: 50}", four, []person{xy("a", missing, 50), xy("b", 50, missing), xy("c", missing, missing)},
			map[string]string{"a": null, "b": null, "c": null},
		},
		"MATRIX-4 the median of an even number lies in between": {
			"{median: {}}", "{min_score: 0}", "{x: 0, y: 1, name: Low}, {x: 1, y: 1, name: High}",
			[]person{xy("a", 10, 1), xy("b", 20, 1), xy("c", 30, 1), xy("d", 40, 1)},
			map[string]string{"a": "Low", "b": "Low", "c": "High", "d": "High"},
		},
		"MATRIX-4 the median of an odd number is met by its customer": {
			"{median: {}}", "{min_score: 0}", "{x: 0, y: 1, name: Low}, {x: 1, y: 1, name: High}",
			[]person{xy("a", 10, 1), xy("b", 20, 1), xy("c", 30, 1)}, map[string]string{"a": "Low", "b": "High", "c": "High"},
		},
		"MATRIX-5 an axis' quantile is over all its scores, whether or not the other is null": {
			"{median: {}}", "{min_score: 0}", "{x: 0, y: 1, name: Low}, {x: 1, y: 1, name: High}",
			[]person{xy("a", 10, 1), xy("b", 20, 1), xy("c", 80, missing), xy("d", 90, missing), xy("e", 70, 1), xy("f", missing, 1)},
			map[string]string{"a": "Low", "b": "Low", "c": null, "d": null, "e": "High", "f": null},
		},
		"MATRIX-4 percentile 0 is met by all, 100 by the highest": {
			"{percentile: {p: 0}}, {percentile: {p: 100}}", "{min_score: 0}", "{x: 0, y: 1, name: None}, {x: 1, y: 1, name: Low}, {x: 2, y: 1, name: High}",
			[]person{xy("a", 10, 1), xy("b", 20, 1)}, map[string]string{"a": "Low", "b": "High"},
		},
		"MATRIX-8 three by two": {
			"{min_score: 30}, {min_score: 60}", "{min_score: 50}", six, []person{xy("a", 70, 10), xy("b", 40, 90), xy("c", 0, 0)},
			map[string]string{"a": "x2 y0", "b": "x1 y1", "c": "x0 y0"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, box(test.x, test.y, test.cells), test.people...)
			if diff := cmp.Diff(test.want, s.tiers()); diff != "" {
				t.Errorf("the personas differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCutsWithConditions(t *testing.T) {
	// MATRIX-3: the condition must hold too, and the line is drawn over all: it is the median of five although two of them meet the condition.
	s := evaluate(t, box("{median: {}, when: b}", "{min_score: 0}", "{x: 0, y: 1, name: Low}, {x: 1, y: 1, name: High}"),
		person{"a", attrs{"x": 10, "y": 1, "b": true}}, person{"b", attrs{"x": 20, "y": 1}}, person{"c", attrs{"x": 30, "y": 1, "b": true}},
		person{"d", attrs{"x": 40, "y": 1, "b": false}}, person{"e", attrs{"x": 50, "y": 1}})
	want := map[string]string{"a": "Low", "b": "Low", "c": "High", "d": "Low", "e": "Low"}
	if diff := cmp.Diff(want, s.tiers()); diff != "" {
		t.Errorf("the personas differ (-want +got):\n%s", diff)
	}
	if lines := s.calibration.GetTierings()[0].GetXLines(); !slices.Equal(lines, []float64{30}) {
		t.Errorf("the line stands at %v, want 30", lines)
	}
	// LADDER-8, EXPR-10
	if codes := s.codes("b", "tiers.l"); !slices.Equal(codes, []string{"MISSING", "DECIDED"}) {
		t.Errorf("the reasons are %v", codes)
	}
}

// referenceQuantile is type 7 in rationals, rounded once.
func referenceQuantile(values []float64, p float64) float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	at := new(big.Rat).Mul(new(big.Rat).SetFloat64(p), new(big.Rat).SetFrac64(int64(len(sorted)-1), 100))
	whole := new(big.Int).Quo(at.Num(), at.Denom())
	i := int(whole.Int64())
	if i == len(sorted)-1 {
		return sorted[i]
	}
	part := at.Sub(at, new(big.Rat).SetInt(whole))
	low, high := new(big.Rat).SetFloat64(sorted[i]), new(big.Rat).SetFloat64(sorted[i+1])
	nearest, _ := low.Add(low, part.Mul(part, high.Sub(high, low))).Float64()
	return nearest
}

func TestQuantilesAreTypeSeven(t *testing.T) {
	// MATRIX-4, MATRIX-5
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, 10, 25, 29, 50, 75, 90, 99.9, 100})).Draw(t, "p")
		program := compile(tb(t), box(fmt.Sprintf("{percentile: {p: %v}}", p), "{min_score: 50}", "{x: 0, y: 0, name: A}"))
		score := rapid.OneOf(rapid.Float64Range(0, 100), rapid.Map(rapid.IntRange(0, 5), func(i int) float64 { return float64(i) }))
		values := rapid.SliceOfN(score, 1, 60).Draw(t, "values")
		calibration := calibrate(tb(t), program, framesOf(tb(t), program, rapid.IntRange(1, 60).Draw(t, "rows"), numbered(values)...)...)
		line := calibration.GetTierings()[0].GetXLines()[0]
		// Scores pass through (x / 100) * 100, which may move them by a bit or two.
		if want := referenceQuantile(values, p); math.Abs(line-want) > 1e-11 {
			t.Fatalf("percentile %v of %v is %v, want %v", p, values, line, want)
		}
		if slices.Min(values) > line+1e-11 || line > slices.Max(values)+1e-11 {
			t.Fatalf("percentile %v of %v is %v", p, values, line)
		}
	})
}

func TestEqualLinesAreAWarning(t *testing.T) {
	// MATRIX-2
	t.Run("of scores, when the model is compiled", func(t *testing.T) {
		_, found := tryCompile(t, box("{min_score: 50}, {min_score: 20}, {min_score: 50}", "{min_score: 50}", "{x: 0, y: 0, name: A}"))
		if !has(found, "tierings[0].matrix.x.cuts[2]", "stands at the same score, 50, as cut 1") {
			t.Errorf("it is not found: %v", found)
		}
	})
	t.Run("of quantiles, when it is calibrated", func(t *testing.T) {
		s := evaluate(t, box("{min_score: 50}", "{median: {}}, {percentile: {p: 75}}", "{x: 0, y: 0, name: A}"), xy("a", 1, 7), xy("b", 1, 7))
		if !has(findingsOf(s.calibration), "tierings[0].matrix.y.cuts[1]", "stands at the same score, 7") {
			t.Errorf("it is not found: %v", s.calibration.GetFindings())
		}
	})
	t.Run("different lines are none", func(t *testing.T) {
		s := evaluate(t, box("{min_score: 50}, {median: {}}", "{min_score: 50}", "{x: 0, y: 0, name: A}"), xy("a", 1, 7), xy("b", 1, 7))
		if len(s.calibration.GetFindings()) > 0 {
			t.Errorf("the calibration finds %v", s.calibration.GetFindings())
		}
	})
}

func TestAnAxisWithoutScoresHasNoLine(t *testing.T) {
	// MATRIX-4, MATRIX-6: a later customer stands on the lowest level of an axis that learned nothing, and nothing is said about equal lines.
	s := evaluate(t, box("{median: {}}, {percentile: {p: 75}}", "{min_score: 50}", "{x: 0, y: 0, name: Low}, {x: 1, y: 0, name: High}"), xy("a", missing, 1))
	if lines := s.calibration.GetTierings()[0].GetXLines(); len(lines) != 0 {
		t.Errorf("the lines are %v", lines)
	}
	if findings := findingsOf(s.calibration); has(findings, "tierings[0].matrix", "") {
		t.Errorf("the calibration finds %v", findings)
	}
	if got := s.then(xy("b", 99, 1)).tier("b"); got != "Low" {
		t.Errorf("the persona is %q, want Low", got)
	}
}

func TestEachCellHasItsOwnEngagement(t *testing.T) {
	// MATRIX-9: cells of one name are one persona; its engagement must be one too, or each cell's own.
	program, found := tryCompile(t, box("{min_score: 50}", "{min_score: 50}",
		"{x: 0, y: 0, name: Same, engagement: digital}, {x: 1, y: 0, name: Same, engagement: personal}, {x: 0, y: 1, name: Other}, {x: 1, y: 1, name: Other, engagement: personal}")+
		"engagements: [{name: digital}, {name: personal}]\n")
	if found.HasMistakes() {
		if !has(found, "tierings[0].matrix.cells[1]", "") {
			t.Errorf("another mistake was found: %v", found)
		}
		return
	}
	s := &study{TB: t, program: program, scorer: bindTo(t, program, nil)}
	s.see(frameOf(t, program, xy("a", 0, 0), xy("b", 99, 0), xy("c", 0, 99), xy("d", 99, 99)))
	for id, want := range map[string]string{"a": "digital", "b": "personal", "c": "", "d": "personal"} {
		if got := s.assignment(id).GetTiers()[0].GetEngagement(); got != want {
			t.Errorf("%s gets the engagement %q, want %q", id, got, want)
		}
	}
}
