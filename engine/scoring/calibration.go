package scoring

import (
	"math"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Proto returns the lines as a calibration keeps them.
func (s *Score) Proto(lines Lines) *echelonv1.ScoreCalibration {
	kept := &echelonv1.ScoreCalibration{Score: s.name}
	for i := range s.criteria {
		if s.criteria[i].learns {
			kept.Criteria = append(kept.Criteria, s.criteria[i].proto(lines[i]))
		}
	}
	return kept
}

func (c *criterion) proto(m *measure) *echelonv1.CriterionCalibration {
	kept := &echelonv1.CriterionCalibration{Criterion: c.name}
	switch c.declared.GetKind().(type) {
	case *echelonv1.Normalize_MinMax_:
		if m.known {
			kept.Min, kept.Max = &m.low, &m.high
		}
		return kept
	case *echelonv1.Normalize_ZScore_:
		if m.known {
			kept.Mean, kept.Sd = &m.low, &m.high
		}
		return kept
	}
	if c.by == nil {
		kept.Breakpoints = m.breakpoints[0]
		return kept
	}
	for segment, name := range c.segments {
		kept.Peers = append(kept.Peers, &echelonv1.PeerCalibration{Segment: name, Breakpoints: m.breakpoints[segment]})
	}
	return kept
}

// Lines returns the lines that a calibration kept, or false where it is none of this score's.
func (s *Score) Lines(kept *echelonv1.ScoreCalibration) (Lines, bool) {
	lines := make(Lines, len(s.criteria))
	next := 0
	for i := range s.criteria {
		c := &s.criteria[i]
		if !c.learns {
			continue
		}
		if next == len(kept.GetCriteria()) || kept.GetCriteria()[next].GetCriterion() != c.name {
			return nil, false
		}
		m, ok := c.kept(kept.GetCriteria()[next])
		if !ok {
			return nil, false
		}
		lines[i] = m
		next++
	}
	return lines, next == len(kept.GetCriteria())
}

// kept returns what a calibration kept of a criterion, or false where it cannot be this one's.
func (c *criterion) kept(from *echelonv1.CriterionCalibration) (*measure, bool) {
	low, high := [2]*float64{from.Min, from.Mean}, [2]*float64{from.Max, from.Sd}
	use := -1
	switch c.declared.GetKind().(type) {
	case *echelonv1.Normalize_MinMax_:
		use = 0
	case *echelonv1.Normalize_ZScore_:
		use = 1
	}
	for i := range low {
		if i != use && (low[i] != nil || high[i] != nil) {
			return nil, false
		}
	}
	if use < 0 {
		return c.keptRanks(from)
	}
	m := &measure{known: low[use] != nil}
	if m.known != (high[use] != nil) || len(from.GetBreakpoints())+len(from.GetPeers()) > 0 {
		return nil, false
	}
	if m.known {
		m.low, m.high = *low[use], *high[use]
	}
	least := m.low
	if use == 1 {
		least = 0
	}
	return m, finite(m.low) && finite(m.high) && m.high >= least
}

func (c *criterion) keptRanks(from *echelonv1.CriterionCalibration) (*measure, bool) {
	m := &measure{}
	if c.by == nil {
		m.breakpoints = [][]float64{from.GetBreakpoints()}
		m.rank(c.declared.GetPercentile().GetTies())
		return m, len(from.GetPeers()) == 0 && usable(from.GetBreakpoints())
	}
	if len(from.GetPeers()) != len(c.segments) || len(from.GetBreakpoints()) > 0 {
		return nil, false
	}
	for segment, peers := range from.GetPeers() {
		if peers.GetSegment() != c.segments[segment] || !usable(peers.GetBreakpoints()) {
			return nil, false
		}
		m.breakpoints = append(m.breakpoints, peers.GetBreakpoints())
	}
	m.rank(c.declared.GetPercentile().GetTies())
	return m, true
}

// usable reports whether breakpoints are none, or 101 that do not fall.
func usable(breakpoints []float64) bool {
	if len(breakpoints) == 0 {
		return true
	}
	if len(breakpoints) != steps+1 {
		return false
	}
	for k := 1; k < len(breakpoints); k++ {
		if !(breakpoints[k-1] <= breakpoints[k]) {
			return false
		}
	}
	return finite(breakpoints[0]) && finite(breakpoints[steps])
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
