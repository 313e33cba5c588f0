package scoring

import (
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// measure is what a criterion learned from its population.
type measure struct {
	// breakpoints are a percentile's, of each segment, or the one of all; nil where no value could be read.
	breakpoints [][]float64
	// ranks are those of the breakpoints.
	ranks []*kernel.Ranks
	// low and high are the least and the greatest value of a min_max, or the mean and the standard deviation of a z_score; neither is meant
	// where no value was known.
	low, high float64
	known     bool
	// negative counts the weights that count as 0.
	negative int
}

// measure learns from the samples of a criterion.
func (c *criterion) measure(samples []sample) *measure {
	m := &measure{known: len(samples[0].values) > 0}
	switch c.declared.GetKind().(type) {
	case *echelonv1.Normalize_MinMax_:
		if m.known {
			m.low, m.high = slices.Min(samples[0].values), slices.Max(samples[0].values)
		}
	case *echelonv1.Normalize_ZScore_:
		if m.known {
			m.low, m.high = spread(samples[0].values)
		}
	default:
		for _, s := range samples {
			if c.weightBy != nil {
				m.breakpoints = append(m.breakpoints, WeightedBreakpoints(s.values, s.weights))
			} else {
				m.breakpoints = append(m.breakpoints, Breakpoints(s.values))
			}
		}
		m.rank(c.declared.GetPercentile().GetTies())
	}
	return m
}

// spread returns the mean of values, rounded once, and their standard deviation about it, dividing by their number. The squares are added up
// exactly, and scaled so that none is lost or infinite; so neither depends on the order of the values.
func spread(values []float64) (mean, sd float64) {
	var sum exact.Sum
	for _, x := range values {
		sum.Add(x)
	}
	mean = sum.Mean(len(values))
	// Halves keep the distance of the largest doubles finite.
	scale := 1.0
	if math.IsInf(slices.Max(values)-slices.Min(values), 0) {
		scale = 0.5
	}
	var farthest float64
	for _, x := range values {
		farthest = max(farthest, math.Abs(float64(x*scale)-float64(mean*scale)))
	}
	if farthest == 0 {
		return mean, 0
	}
	var squares exact.Sum
	for _, x := range values {
		d := (float64(x*scale) - float64(mean*scale)) / farthest
		squares.Add(float64(d * d))
	}
	return mean, min(math.MaxFloat64, float64(farthest*math.Sqrt(squares.Mean(len(values))))/scale)
}

// normalizer returns the normaliser that what was learned makes, of a criterion without peers.
func (c *criterion) normalizer(m *measure) numeric {
	switch c.declared.GetKind().(type) {
	case *echelonv1.Normalize_MinMax_:
		if m.known {
			return each(m.minMax)
		}
	case *echelonv1.Normalize_ZScore_:
		if m.known {
			return each(m.zScore)
		}
	default:
		if m.ranks[0] != nil {
			return numeric{whole: true, of: m.ranks[0].Of}
		}
	}
	return nothing
}

// rank makes the ranks of the breakpoints.
func (m *measure) rank(ties echelonv1.Normalize_Percentile_Ties) {
	for _, breakpoints := range m.breakpoints {
		m.ranks = append(m.ranks, ranks(breakpoints, ties))
	}
}

func (m *measure) minMax(x float64) float64 {
	switch {
	case m.low == m.high:
		return beside(x, m.low)
	case x <= m.low:
		return 0
	case x >= m.high:
		return 100
	case math.IsInf(m.high-m.low, 0):
		return kernel.Clamp((x/2 - m.low/2) / (m.high/2 - m.low/2) * 100)
	}
	return kernel.Clamp((x - m.low) / (m.high - m.low) * 100)
}

func (m *measure) zScore(x float64) float64 {
	switch {
	case m.high == 0:
		return beside(x, m.low)
	case math.IsInf(x-m.low, 0):
		return kernel.Clamp(50 + float64((x/2-m.low/2)/(m.high/2)/3*50))
	}
	return kernel.Clamp(50 + float64((x-m.low)/m.high/3*50))
}

// beside returns what x counts where the population knew one value alone.
func beside(x, only float64) float64 {
	switch {
	case x < only:
		return 0
	case x > only:
		return 100
	}
	return 50
}
