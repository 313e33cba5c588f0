package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/echelonhq/echelon/engine/kernel"
)

// populations are values of many kinds: spread evenly, over all magnitudes and both signs, few different ones, and all but a few close together.
var populations = map[string]func(random *rand.Rand) float64{
	"even":     func(random *rand.Rand) float64 { return random.Float64() * 100 },
	"all bits": func(random *rand.Rand) float64 { return math.Ldexp(random.Float64()-0.5, random.IntN(1200)-600) },
	"few":      func(random *rand.Rand) float64 { return float64(random.IntN(7) - 3) },
	"one":      func(*rand.Rand) float64 { return -2.5 },
	"close together": func(random *rand.Rand) float64 {
		return []float64{1 + random.Float64()*1e-13, 0, -math.MaxFloat64, math.MaxFloat64, math.Inf(1)}[max(0, random.IntN(2000)-1995)]
	},
}

func TestValuesAtPlacesAreThoseOfTheSortedValues(t *testing.T) {
	for name, draw := range populations {
		for _, n := range []int{1, 2, 100, 4096, 4097, 60_000} {
			t.Run(fmt.Sprintf("%s, %d", name, n), func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, uint64(n)))
				values := make([]float64, n)
				for i := range values {
					values[i] = draw(random) + 0
				}
				var places []int
				for range 101 {
					places = append(places, random.IntN(n))
				}
				places = append(places, 0, n-1)
				slices.Sort(places)
				before, sorted := slices.Clone(values), slices.Sorted(slices.Values(values))
				got := kernel.AtPlaces(values, places)
				for i, place := range places {
					if got[i] != sorted[place] {
						t.Errorf("at %d stands %v, want %v", place, got[i], sorted[place])
					}
				}
				if !slices.Equal(values, before) {
					t.Error("the values were changed")
				}
			})
		}
	}
}

func TestAtNoPlacesThereAreNoValues(t *testing.T) {
	if got := kernel.AtPlaces(nil, nil); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func BenchmarkAtPlaces(b *testing.B) {
	const n = 1_000_000
	random, places := rand.New(rand.NewPCG(1, 2)), make([]int, 101)
	for k := range places {
		places[k] = k * (n - 1) / 100
	}
	for _, name := range []string{"even", "all bits", "few"} {
		values := make([]float64, n)
		for i := range values {
			values[i] = populations[name](random)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				kernel.AtPlaces(values, places)
			}
		})
	}
}
