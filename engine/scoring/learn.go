package scoring

import (
	"math"

	"github.com/echelonhq/echelon/engine/expr"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// NeedsPopulation reports whether the score has a criterion that is ranked within the population.
func (s *Score) NeedsPopulation() bool {
	for i := range s.criteria {
		if s.criteria[i].percentile != nil {
			return true
		}
	}
	return false
}

// Learner gathers the values of a population that a score ranks within.
type Learner struct {
	score  *Score
	values [][]float64
}

// Learner returns one that has seen nothing yet.
func (s *Score) Learner() *Learner {
	return &Learner{score: s, values: make([][]float64, len(s.criteria))}
}

// Add gathers a batch of the population.
func (l *Learner) Add(scope *expr.Scope) {
	for i := range l.score.criteria {
		c := &l.score.criteria[i]
		if c.percentile == nil {
			continue
		}
		read := c.expr.Eval(scope)
		for row, x := range read.Column.Numbers {
			if read.Column.Valid.Get(row) {
				// Adding 0 makes -0 a 0, so that the order of equal values cannot be seen.
				l.values[i] = append(l.values[i], x+0)
			}
		}
	}
}

// Lines returns what was learned. It does not depend on the order in which the population came.
func (l *Learner) Lines() Lines {
	lines := make(Lines, len(l.values))
	for i, values := range l.values {
		lines[i] = Breakpoints(values)
	}
	return lines
}

// Proto returns the lines as a calibration keeps them.
func (s *Score) Proto(lines Lines) *echelonv1.ScoreCalibration {
	kept := &echelonv1.ScoreCalibration{Score: s.name}
	for i := range s.criteria {
		if s.criteria[i].percentile != nil {
			kept.Criteria = append(kept.Criteria, &echelonv1.CriterionCalibration{Criterion: s.criteria[i].name, Breakpoints: lines[i]})
		}
	}
	return kept
}

// Lines returns the lines that a calibration kept, or false where it is none of this score's.
func (s *Score) Lines(kept *echelonv1.ScoreCalibration) (Lines, bool) {
	lines := make(Lines, len(s.criteria))
	next := 0
	for i := range s.criteria {
		if s.criteria[i].percentile == nil {
			continue
		}
		if next == len(kept.GetCriteria()) || kept.GetCriteria()[next].GetCriterion() != s.criteria[i].name {
			return nil, false
		}
		breakpoints := kept.GetCriteria()[next].GetBreakpoints()
		if !usable(breakpoints) {
			return nil, false
		}
		lines[i] = breakpoints
		next++
	}
	return lines, next == len(kept.GetCriteria())
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
	return !math.IsInf(breakpoints[0], 0) && !math.IsInf(breakpoints[steps], 0)
}
