package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ScoreDifferences tells what each criterion did to the scores of a customer, by two explanations of which the later one is of the program. Of scores
// whose earlier criteria are not known, from is nil.
func (p *Program) ScoreDifferences(from, to *echelonv1.Explanation) []*echelonv1.ScoreDifference {
	var all []*echelonv1.ScoreDifference
	for _, one := range to.GetScores() {
		at := slices.IndexFunc(p.model.GetScores(), func(s *echelonv1.Score) bool { return s.GetName() == one.GetScore() })
		all = append(all, scoreDifference(p.model.GetScores()[at], scoreOf(from, one.GetScore()), one))
	}
	return all
}

// scoreOf returns the explanation of a score; an empty one where there is none.
func scoreOf(e *echelonv1.Explanation, name string) *echelonv1.ScoreExplanation {
	for _, s := range e.GetScores() {
		if s.GetScore() == name {
			return s
		}
	}
	return &echelonv1.ScoreExplanation{}
}

// scoreDifference tells what each criterion did to a score.
func scoreDifference(declared *echelonv1.Score, old, new *echelonv1.ScoreExplanation) *echelonv1.ScoreDifference {
	d := &echelonv1.ScoreDifference{Score: new.GetScore(), From: old.Value, To: new.Value}
	add := func(name string, from, to *echelonv1.CriterionExplanation) {
		one := &echelonv1.CriterionDifference{
			Criterion: name, From: from.Normalized, To: to.Normalized, WeightPercentFrom: from.GetWeightPercent(), WeightPercentTo: to.GetWeightPercent(),
			Points: to.GetContribution() - from.GetContribution(),
		}
		ranked := slices.ContainsFunc(declared.GetCriteria(), func(c *echelonv1.Criterion) bool {
			return c.GetName() == name && c.GetNormalize().GetPercentile() != nil
		})
		one.Message = differenceWords(one, ranked)
		d.Criteria = append(d.Criteria, one)
	}
	none := &echelonv1.CriterionExplanation{}
	for _, to := range new.GetCriteria() {
		add(to.GetCriterion(), criterionOf(old, to.GetCriterion(), none), to)
	}
	for _, from := range old.GetCriteria() {
		if criterionOf(new, from.GetCriterion(), nil) == nil {
			add(from.GetCriterion(), from, none)
		}
	}
	slices.SortStableFunc(d.Criteria, func(a, b *echelonv1.CriterionDifference) int {
		return cmp.Compare(math.Abs(b.GetPoints()), math.Abs(a.GetPoints()))
	})
	return d
}

func criterionOf(s *echelonv1.ScoreExplanation, name string, orElse *echelonv1.CriterionExplanation) *echelonv1.CriterionExplanation {
	for _, one := range s.GetCriteria() {
		if one.GetCriterion() == name {
			return one
		}
	}
	return orElse
}

// differenceWords says what a criterion did, such as "usage rank 71 → 38: -4.9 points".
func differenceWords(d *echelonv1.CriterionDifference, ranked bool) string {
	what := d.GetCriterion()
	if ranked {
		what += " rank"
	}
	said := func(x *float64) string {
		if x == nil {
			return "nothing"
		}
		return Tenth(*x)
	}
	text := fmt.Sprintf("%s %s → %s", what, said(d.From), said(d.To))
	if said(d.From) == said(d.To) {
		text = fmt.Sprintf("%s stays %s", what, said(d.To))
	}
	if from, to := Tenth(d.GetWeightPercentFrom()), Tenth(d.GetWeightPercentTo()); from != to {
		text += fmt.Sprintf(", weight %s %% → %s %%", from, to)
	}
	sign := ""
	if d.GetPoints() > 0 {
		sign = "+"
	}
	return fmt.Sprintf("%s: %s%s points", text, sign, Tenth(d.GetPoints()))
}

// Tenth writes a number with at most one decimal.
func Tenth(x float64) string { return frame.FormatNumber(math.Round(x*10)/10 + 0) }
