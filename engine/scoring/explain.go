package scoring

import (
	"cmp"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Explain returns what each criterion brought to a row's score. Contributions add up to the score within rounding.
func (o *Outcome) Explain(row int) *echelonv1.ScoreExplanation {
	s := o.score
	explained := &echelonv1.ScoreExplanation{Score: s.name, Completeness: o.Completeness[row]}
	scored := o.Column.Valid.Get(row)
	if scored {
		value := o.Column.Numbers[row] // a copy: the column's memory may be used again
		explained.Value = &value
	}
	divisor := o.divisor(row)
	for i := range s.criteria {
		c := &s.criteria[i]
		one := &echelonv1.CriterionExplanation{
			Criterion: c.name, Expr: c.expr.Text(), Weight: c.weight, Input: o.parts[i].input.Column.Value(row),
		}
		if value, counts := o.value(i, row); counts {
			one.Normalized = &value
			if divisor > 0 {
				one.WeightPercent = c.weight / divisor * 100
			}
			if scored {
				one.Contribution = c.weight * value / divisor
			}
		}
		if !o.parts[i].read.Get(row) {
			one.Unreadable = o.unreadable(i, row).Proto()
		}
		explained.Criteria = append(explained.Criteria, one)
	}
	rank(explained.Criteria)
	return explained
}

// rank numbers the criteria that count by what they bring.
func rank(criteria []*echelonv1.CriterionExplanation) {
	counted := slices.DeleteFunc(slices.Clone(criteria), func(c *echelonv1.CriterionExplanation) bool { return c.Normalized == nil })
	slices.SortStableFunc(counted, func(a, b *echelonv1.CriterionExplanation) int {
		return cmp.Compare(b.GetContribution(), a.GetContribution())
	})
	for i, one := range counted {
		one.Rank = int32(i + 1)
	}
}

// divisor returns the weight that a row's score divides by.
func (o *Outcome) divisor(row int) float64 {
	var divisor float64
	for i := range o.parts {
		if _, counts := o.value(i, row); counts {
			divisor += o.score.criteria[i].weight
		}
	}
	return divisor
}
