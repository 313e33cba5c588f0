package scoring

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
)

// NeedsPopulation reports whether the score has a criterion that learns from the population.
func (s *Score) NeedsPopulation() bool { return len(s.Learning()) > 0 }

// Learning returns the places of the criteria that learn from the population.
func (s *Score) Learning() []int {
	var list []int
	for i := range s.criteria {
		if s.criteria[i].learns {
			list = append(list, i)
		}
	}
	return list
}

// Learner gathers the values of a population that a score learns from.
type Learner struct {
	score *Score
	// samples are, for each criterion that learns, those of each segment, or the one of all.
	samples [][]sample
	// negative counts, for each criterion, the weights below 0 that count as 0.
	negative []int
}

// sample is the values of some customers, with their weights where they have any.
type sample struct {
	values, weights []float64
}

// Learner returns one that has seen nothing yet.
func (s *Score) Learner() *Learner {
	l := &Learner{score: s, samples: make([][]sample, len(s.criteria)), negative: make([]int, len(s.criteria))}
	for i := range s.criteria {
		if s.criteria[i].learns {
			l.samples[i] = make([]sample, max(1, len(s.criteria[i].segments)))
		}
	}
	return l
}

// Add gathers a batch of the population.
func (l *Learner) Add(scope *expr.Scope) {
	for i := range l.score.criteria {
		if l.score.criteria[i].learns {
			l.add(i, scope)
		}
	}
}

func (l *Learner) add(i int, scope *expr.Scope) {
	c := &l.score.criteria[i]
	read := c.expr.Eval(scope)
	var by, weight *expr.Result
	if c.by != nil {
		by = c.by.Eval(scope)
	}
	if c.weightBy != nil {
		weight = c.weightBy.Eval(scope)
	}
	for row, x := range read.Column.Numbers {
		if !read.Column.Valid.Get(row) || by != nil && !by.Column.Valid.Get(row) {
			continue
		}
		to := &l.samples[i][0]
		if by != nil {
			to = &l.samples[i][by.Column.Codes[row]]
		}
		// Adding 0 makes -0 a 0, so that the order of equal values cannot be seen.
		to.values = append(to.values, x+0)
		if weight != nil {
			to.weights = append(to.weights, l.weigh(i, weight, row))
		}
	}
}

// weigh returns a row's weight: missing and negative ones count 0.
func (l *Learner) weigh(i int, weight *expr.Result, row int) float64 {
	switch {
	case !weight.Column.Valid.Get(row):
		return 0
	case weight.Column.Numbers[row] < 0:
		l.negative[i]++
		return 0
	}
	return weight.Column.Numbers[row]
}

// Merge takes in what another learner of the same score gathered, which is not used any more.
func (l *Learner) Merge(other *Learner) {
	for i, samples := range other.samples {
		l.negative[i] += other.negative[i]
		for k := range samples {
			l.samples[i][k].values = append(l.samples[i][k].values, samples[k].values...)
			l.samples[i][k].weights = append(l.samples[i][k].weights, samples[k].weights...)
		}
	}
}

// Lines returns what was learned. It does not depend on the order in which the population came.
func (l *Learner) Lines() Lines {
	lines := make(Lines, len(l.samples))
	for i, samples := range l.samples {
		if samples != nil {
			lines[i] = l.score.criteria[i].measure(samples)
			lines[i].negative = l.negative[i]
		}
	}
	return lines
}

// Findings returns what the lines show about the score. Path is its place in the model.
func (s *Score) Findings(path string, lines Lines) diag.List {
	var found diag.List
	for i, learned := range lines {
		if learned != nil && learned.negative > 0 {
			found.Warnf(fmt.Sprintf("%s.criteria[%d].normalize.percentile.weight_by", path, i), "check the data, or write max(0, …)",
				"%d customers have a negative %s, which counts as 0", learned.negative, s.criteria[i].weightBy.Text())
		}
	}
	return found
}
