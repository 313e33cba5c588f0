package scoring

import (
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// steps is the number of percentiles; there is one breakpoint more.
const steps = 100

// Breakpoints returns the 101 breakpoints u[⌊k(n-1)/100⌋], k = 0…100, of the values, which it sorts; none where there is no value.
func Breakpoints(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	breakpoints := make([]float64, steps+1)
	for k := range breakpoints {
		breakpoints[k] = values[k*(len(values)-1)/steps]
	}
	return breakpoints
}

// rank returns the percentile rank, 0 to 100, by count against the breakpoints.
func rank(breakpoints []float64, ties echelonv1.Normalize_Percentile_Ties) numeric {
	return func(x float64) float64 {
		low, equal := slices.BinarySearch(breakpoints, x)
		upTo := low
		if equal {
			upTo = above(breakpoints, x)
		}
		high := max(0, upTo-1)
		switch {
		case !equal || ties == echelonv1.Normalize_Percentile_HIGH:
			return float64(high)
		case ties == echelonv1.Normalize_Percentile_LOW:
			return float64(low)
		}
		return float64(low+high) / 2
	}
}

// above returns how many values are at most x.
func above(sorted []float64, x float64) int {
	n, _ := slices.BinarySearchFunc(sorted, x, func(value, x float64) int {
		if value <= x {
			return -1
		}
		return 1
	})
	return n
}
