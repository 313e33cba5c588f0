package tier

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// The order is that of the numbers, the largest score first, whatever its sign, and equal ones stay as they came.
func TestPlacesAreSortedByTheirScores(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 2, 5000} {
		scores, places := make([]float64, n), make([]place, n)
		for i := range scores {
			scores[i] = float64(random.IntN(2000)-1000) * []float64{1, 1e-300, 1e300, 0.1}[random.IntN(4)]
			places[i] = place{descending(scores[i]), i}
		}
		want := slices.Clone(places)
		slices.SortStableFunc(want, func(a, b place) int { return cmp.Compare(scores[b.at], scores[a.at]) })
		if got := byNumber(places); !slices.Equal(got, want) {
			t.Errorf("%d places are out of order", n)
		}
	}
}
