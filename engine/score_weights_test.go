package engine_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
)

// TestScoresAreWeightedMeansOfAnyNumberOfCriteria compares scores with the mean as MODEL.md writes it, added up in declared order: few criteria, whose
// combinations have a place in a table, and many, which have none, give the same bits.
func TestScoresAreWeightedMeansOfAnyNumberOfCriteria(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "criteria")
		weights := rapid.SliceOfN(rapid.Float64Range(0.1, 50), n, n).Draw(t, "weights")
		missing := rapid.SampledFrom([]string{"REDISTRIBUTE", "ZERO", "NEUTRAL", "FAIL"}).Draw(t, "missing")
		minimum := rapid.SampledFrom([]float64{0, 0.3, 0.8}).Draw(t, "minimum")
		scorer := bindWeights(tb(t), weights, missing, minimum)
		rows := rapid.IntRange(1, 150).Draw(t, "rows")
		b := frame.NewBuilder(scorer.Program().Schema())
		values := make([][]float64, rows)
		for row := range values {
			values[row] = rapid.SliceOfN(rapid.SampledFrom([]float64{math.NaN(), 0, 12.5, 33.1, 99.9, 100}), n, n).Draw(t, "values")
			b.Start(fmt.Sprintf("c%03d", row))
			for i, x := range values[row] {
				if !math.IsNaN(x) {
					b.SetNumber(i, x)
				}
			}
			if refused := b.Commit(); refused != nil {
				t.Fatal(refused)
			}
		}
		r := scorer.Evaluate(b.Take(), engine.Options{Workspace: new(engine.Workspace)})
		for row := range values {
			want, share, has := weightedMean(values[row], weights, missing, minimum)
			got := r.Scores[0].Numbers[row]
			if r.Scores[0].Valid.Get(row) != has || has && got != want || r.Completeness[0][row] != share {
				t.Fatalf("%s of %v by %v: got %v (%v) of %v, want %v (%v) of %v", missing, values[row], weights,
					got, r.Scores[0].Valid.Get(row), r.Completeness[0][row], want, has, share)
			}
		}
	})
}

func bindWeights(t testing.TB, weights []float64, missing string, minimum float64) *engine.Scorer {
	var text strings.Builder
	text.WriteString("name: w\nattributes:\n")
	for i := range weights {
		fmt.Fprintf(&text, "  - {name: a%d, type: NUMBER}\n", i)
	}
	fmt.Fprintf(&text, "scores:\n  - name: s\n    missing: %s\n    min_completeness: %v\n    criteria:\n", missing, minimum)
	for i, weight := range weights {
		fmt.Fprintf(&text, "      - {name: c%d, expr: a%d, weight: %v, normalize: {linear: {min: 0, max: 100}}}\n", i, i, weight)
	}
	return bindTo(t, compile(t, text.String()), nil)
}

func weightedMean(values, weights []float64, missing string, minimum float64) (mean, share float64, has bool) {
	var sum, read, all float64
	for i, x := range values {
		all += weights[i]
		switch {
		case !math.IsNaN(x):
			sum += float64(weights[i] * (x / 100 * 100))
			read += weights[i]
		case missing == "NEUTRAL":
			sum += float64(weights[i] * 50)
		case missing == "FAIL":
			minimum = math.Inf(1)
		}
	}
	divisor := read
	if missing == "ZERO" || missing == "NEUTRAL" {
		divisor = all
	}
	return min(sum/divisor, 100), read / all, read != 0 && read/all >= minimum
}
