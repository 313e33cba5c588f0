package tier

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNaturalBreaksOfScores(t *testing.T) {
	for name, test := range map[string]struct {
		scores  []float64
		classes int
		want    []float64
	}{
		"three heaps":                {[]float64{1, 2, 3, 50, 51, 90, 92}, 3, []float64{50, 90}},
		"a heap is not divided":      {[]float64{1, 1, 1, 1, 9}, 2, []float64{9}},
		"more classes than scores":   {[]float64{1, 2}, 5, []float64{2}},
		"one score":                  {[]float64{7, 7}, 3, nil},
		"nobody":                     {nil, 3, nil},
		"of equals the lowest break": {[]float64{0, 10, 20}, 2, []float64{10}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, naturalBreaks(test.scores, test.classes)); diff != "" {
				t.Errorf("the breaks differ (-want +got):\n%s", diff)
			}
		})
	}
}

// deviations adds up the squared deviations of the classes that breaks make of scores.
func deviations(scores, breaks []float64) float64 {
	total := 0.0
	for class := 0; class <= len(breaks); class++ {
		var mine []float64
		for _, x := range scores {
			if (class == 0 || x >= breaks[class-1]) && (class == len(breaks) || x < breaks[class]) {
				mine = append(mine, x)
			}
		}
		mean := 0.0
		for _, x := range mine {
			mean += x / float64(len(mine))
		}
		for _, x := range mine {
			total += (x - mean) * (x - mean)
		}
	}
	return total
}

// bestOf tries all breaks.
func bestOf(scores, values, breaks []float64, left int) float64 {
	if left == 0 {
		return deviations(scores, breaks)
	}
	best := math.Inf(1)
	for i, x := range values {
		best = min(best, bestOf(scores, values[i+1:], append(slices.Clip(breaks), x), left-1))
	}
	return best
}

func TestNaturalBreaksAreTheBestOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score := rapid.OneOf(rapid.Float64Range(0, 100), rapid.Map(rapid.IntRange(0, 9), func(i int) float64 { return float64(i) }))
		scores := rapid.SliceOfN(score, 1, 12).Draw(t, "scores")
		slices.Sort(scores)
		values := slices.Compact(slices.Clone(scores))
		classes := rapid.IntRange(2, 4).Draw(t, "classes")
		breaks := naturalBreaks(scores, classes)
		if len(breaks) != min(classes, len(values))-1 || !slices.IsSorted(breaks) {
			t.Fatalf("of %d different scores and %d classes the breaks are %v", len(values), classes, breaks)
		}
		got, want := deviations(scores, breaks), bestOf(scores, values[1:], nil, len(breaks))
		if got > want+1e-9*(1+want) {
			t.Fatalf("the breaks %v leave %g, and others %g", breaks, got, want)
		}
	})
}

func TestNaturalBreaksOfManyScores(t *testing.T) {
	// Four heaps of a population, whatever the noise: a break lies between two of them each.
	random := rand.New(rand.NewPCG(1, 2))
	var scores []float64
	for i := range 40_000 {
		scores = append(scores, float64(i%4)*25+random.Float64()*15)
	}
	slices.Sort(scores)
	for i, x := range naturalBreaks(scores, 4) {
		if low := float64(i+1) * 25; x < low || x > low+0.1 {
			t.Errorf("break %d is at %g, want the first above %g", i, x, low)
		}
	}
}
