package exact_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/exact"
)

func finite() *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 {
		x := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return 1
		}
		return x
	})
}

// reference adds with rationals and rounds once.
func reference(terms []float64) float64 {
	total := new(big.Rat)
	for _, x := range terms {
		total.Add(total, new(big.Rat).SetFloat64(x))
	}
	nearest, _ := total.Float64()
	return nearest
}

func sum(terms []float64) *exact.Sum {
	var s exact.Sum
	for _, x := range terms {
		s.Add(x)
	}
	return &s
}

func TestSumIsTheRoundedTrueSumInAnyOrderAndSharding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.SliceOfN(finite(), 0, 50).Draw(t, "terms")
		want := reference(terms)
		if got := sum(terms).Float64(); got != want {
			t.Fatalf("sum of %v is %v, want %v", terms, got, want)
		}
		cut := rapid.IntRange(0, len(terms)).Draw(t, "cut")
		left, right := sum(terms[cut:]), sum(terms[:cut])
		left.Merge(right)
		if got := left.Float64(); got != want {
			t.Fatalf("merged at %d it is %v, want %v", cut, got, want)
		}
		rand.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
		if got := sum(terms).Float64(); got != want {
			t.Fatalf("shuffled it is %v, want %v", got, want)
		}
	})
}

func TestSumKeepsWhatDoublesLose(t *testing.T) {
	if got := sum([]float64{1e100, 1, -1e100}).Float64(); got != 1 {
		t.Errorf("1e100 + 1 - 1e100 is %v, want 1", got)
	}
	if got := sum([]float64{math.MaxFloat64, math.MaxFloat64}).Float64(); !math.IsInf(got, 1) {
		t.Errorf("twice the largest double is %v, want +Inf", got)
	}
}

func TestSharesAreOfTheDecimalThatWasWritten(t *testing.T) {
	ten := make([]float64, 10)
	for i := range ten {
		ten[i] = 0.1
	}
	total := sum(ten)
	share := exact.ShareOf(0.3, total)
	if !share.Above(sum(ten[:2])) || share.Above(sum(ten[:3])) {
		t.Error("0.3 of ten equal amounts must be reached by exactly three of them")
	}
	for _, c := range []struct {
		share float64
		n     int
		want  int
	}{{0.1, 10, 1}, {0.07, 100, 7}, {0.29, 100, 29}, {0.1, 11, 2}, {1, 7, 7}, {1e-9, 5, 1}, {0.5, 0, 0}} {
		if got := exact.CeilShare(c.share, c.n); got != c.want {
			t.Errorf("the ceiling of %v of %d is %d, want %d", c.share, c.n, got, c.want)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	var s exact.Sum
	for i := range b.N {
		s.Add(float64(i) * 1.1)
	}
}
