package engine

import echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"

// Criteria returns how many criteria the scores have together.
func (p *Program) Criteria() int {
	n := 0
	for _, s := range p.scores {
		n += s.Criteria()
	}
	return n
}

// keepCriteria notes what can be told later of each criterion.
func (e *evaluation) keepCriteria(r *Result) {
	r.Criteria = make([][]byte, 0, e.program.Criteria())
	for _, out := range e.scores {
		r.Criteria = append(r.Criteria, out.Kept()...)
	}
}

// ExplainKept tells of the scores of a row what Criteria has; nil where that was not kept, or the model is not about the customer.
func (r *Result) ExplainKept(row int) *echelonv1.Explanation {
	if r.Criteria == nil || r.Excluded != nil && r.Excluded.Get(row) {
		return nil
	}
	explained, at := &echelonv1.Explanation{}, 0
	for i, s := range r.Program.scores {
		var value *float64
		if r.Scores[i].Valid.Get(row) {
			number := r.Scores[i].Numbers[row]
			value = &number
		}
		explained.Scores = append(explained.Scores, s.ExplainKept(r.Criteria[at:at+s.Criteria()], row, value, r.Completeness[i][row]))
		at += s.Criteria()
	}
	return explained
}
