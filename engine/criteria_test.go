package engine_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
)

func TestWhatIsKeptOfCriteriaTellsWhatEachBrought(t *testing.T) {
	// WHY-294
	for _, missing := range []string{"REDISTRIBUTE", "ZERO", "NEUTRAL", "FAIL"} {
		text := strings.Replace(changing, "  - name: v\n", "  - name: v\n    missing: "+missing+"\n", 1)
		scorer := learned(t, text, xs(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)...)
		rapid.Check(t, func(r *rapid.T) {
			var people []person
			for i := range rapid.IntRange(1, 5).Draw(r, "people") {
				one := attrs{}
				for _, name := range []string{"x", "y"} {
					if rapid.Bool().Draw(r, "there") {
						one[name] = rapid.Float64Range(-10, 120).Draw(r, name)
					}
				}
				if rapid.Bool().Draw(r, "there") {
					one["d"] = "2025-12-25"
				}
				people = append(people, person{string(rune('a' + i)), one})
			}
			result := scorer.Evaluate(frameOf(t, scorer.Program(), people...), engine.Options{AsOf: asOf, Explain: true, Criteria: true})
			for row := range people {
				want, got := result.Assignment(row).GetExplanation().GetScores()[0], result.ExplainKept(row).GetScores()[0]
				if (want.Value == nil) != (got.Value == nil) || want.GetValue() != got.GetValue() || want.GetCompleteness() != got.GetCompleteness() {
					r.Fatalf("the score is %v, kept as %v", want, got)
				}
				sum := 0.0
				for i, c := range want.GetCriteria() {
					kept := got.GetCriteria()[i]
					sum += kept.GetContribution()
					if kept.GetCriterion() != c.GetCriterion() || (kept.Normalized == nil) != (c.Normalized == nil) || math.Abs(kept.GetNormalized()-c.GetNormalized()) > 0.001 ||
						math.Abs(kept.GetWeightPercent()-c.GetWeightPercent()) > 1e-9 {
						r.Fatalf("%v is kept as %v", c, kept)
					}
				}
				if math.Abs(sum-want.GetValue()) > 0.01 {
					r.Fatalf("what is kept adds up to %g of %g", sum, want.GetValue())
				}
			}
		})
	}
}
