package scoring

import (
	"cmp"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// steps is the number of percentiles; there is one breakpoint more.
const steps = 100

// Breakpoints returns the 101 breakpoints u[⌊k(n-1)/100⌋], k = 0…100, of the values in ascending order; none where there is no value.
func Breakpoints(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	places := make([]int, steps+1)
	for k := range places {
		places[k] = k * (len(values) - 1) / steps
	}
	return kernel.AtPlaces(values, places)
}

// chunk is how many weights are added up before their sum is compared with a percentile.
const chunk = 128

// WeightedBreakpoints returns the 101 breakpoints of weighted values, none of whose weights is negative; none where all weights are 0. With the
// values in ascending order, those of one value by weight, those that weigh nothing left out, C(i) the sum of the weights up to i, W that of all
// and w that of the last, u[k] is the first value with C(i) > k/100·(W − w), compared exactly. Equal weights give the breakpoints of no weights.
func WeightedBreakpoints(values, weights []float64) []float64 {
	order := make([]int, 0, len(values))
	for i := range values {
		if weights[i] > 0 {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return nil
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(values[a], values[b]), cmp.Compare(weights[a], weights[b]))
	})
	var total exact.Sum
	// befores are the sums before each chunk.
	var befores []exact.Sum
	for i, place := range order {
		if i%chunk == 0 {
			befores = append(befores, total)
		}
		total.Add(weights[place])
	}
	total.Add(-weights[order[len(order)-1]])
	breakpoints, at := make([]float64, steps+1), 0
	for k := range breakpoints {
		share := exact.FractionOf(int64(k), steps, &total)
		for at+1 < len(befores) && !share.Below(&befores[at+1]) {
			at++
		}
		sum, i := befores[at], at*chunk
		for sum.Add(weights[order[i]]); !share.Below(&sum); sum.Add(weights[order[i]]) {
			i++
		}
		breakpoints[k] = values[order[i]]
	}
	return breakpoints
}

// ranks returns the percentile ranks, 0 to 100, by count against the breakpoints; nil where there are none.
func ranks(breakpoints []float64, ties echelonv1.Normalize_Percentile_Ties) *kernel.Ranks {
	if len(breakpoints) == 0 {
		return nil
	}
	return kernel.NewRanks(breakpoints, func(first, last int) float64 {
		switch ties {
		case echelonv1.Normalize_Percentile_HIGH:
			return float64(last)
		case echelonv1.Normalize_Percentile_LOW:
			return float64(first)
		}
		return float64(first+last) / 2
	})
}
