package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Basis is what a customer is evaluated by: a model with its lines, and the families that these need.
type Basis struct {
	Scorer *Scorer
	// Families are as in Options.
	Families *family.Table
}

// Moment is one evaluation of a customer.
type Moment struct {
	Basis
	// Customer is what the customer was then. Attributes that the model does not have are left out.
	Customer *echelonv1.Customer
	AsOf     time.Time
	// InForce has the tiers in force by the names of their tierings; of those that it does not have it is the computed one.
	InForce map[string]InForce
}

// InForce is a tier in force.
type InForce struct {
	// Tier is its name, nil where there is none.
	Tier *string
	// Pinned tells that a person's override is in force.
	Pinned bool
}

// Differences tells what changed between two evaluations of one customer, and the one cause of each move.
//
// The old evaluation is turned into the new one a step at a time: time, the customer's data, the lines of the population, the model. The cause of a
// move is the last step at which the computed tier changes, since from there on the customer is where it is now. The order says what is looked at
// as given: time goes by whatever anybody does, and the customer's own doing comes before that of others, so that the base is only the cause
// where the customer's data does not explain the move, and the model only where nothing else does. An override that began, ended or changed goes before
// all, and where the computed tier is the same throughout, a hold ended or began, which is time.
//
// Between is the old model with its lines of the new population, where models differ and it is known: without it a move that both lines and model
// could have caused is the model's. It fails where a customer does not fit the model that it was evaluated by.
func Differences(before, now *Moment, between *Basis) (*echelonv1.Difference, error) {
	old, err := evaluateAt(before.Basis, before.Customer, before.AsOf)
	if err != nil {
		return nil, fmt.Errorf("the earlier customer: %w", err)
	}
	new, err := evaluateAt(now.Basis, now.Customer, now.AsOf)
	if err != nil {
		return nil, fmt.Errorf("the later customer: %w", err)
	}
	d := &echelonv1.Difference{}
	for i, one := range new.GetExplanation().GetScores() {
		name := one.GetScore()
		at := slices.IndexFunc(old.GetExplanation().GetScores(), func(s *echelonv1.ScoreExplanation) bool { return s.GetScore() == name })
		earlier := &echelonv1.ScoreExplanation{}
		if at >= 0 {
			earlier = old.GetExplanation().GetScores()[at]
		}
		d.Scores = append(d.Scores, scoreDifference(now.Scorer.program.model.GetScores()[i], earlier, one))
	}
	w := &walk{before: before, now: now, between: between, old: old, new: new}
	for _, t := range new.GetTiers() {
		if move := w.move(t.GetTiering()); move != nil {
			d.Moves = append(d.Moves, move)
		}
	}
	return d, nil
}

// evaluateAt evaluates one customer with all steps.
func evaluateAt(by Basis, customer *echelonv1.Customer, asOf time.Time) (*echelonv1.Assignment, error) {
	b := frame.NewBuilder(by.Scorer.program.schema)
	if fault := b.AddCustomer(customer, true); fault != nil {
		return nil, fmt.Errorf("%s", fault.GetMessage())
	}
	return by.Scorer.Evaluate(b.Take(), Options{AsOf: asOf, Explain: true, Families: by.Families}).Assignment(0), nil
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
		return tenth(*x)
	}
	text := fmt.Sprintf("%s %s → %s", what, said(d.From), said(d.To))
	if said(d.From) == said(d.To) {
		text = fmt.Sprintf("%s stays %s", what, said(d.To))
	}
	if from, to := tenth(d.GetWeightPercentFrom()), tenth(d.GetWeightPercentTo()); from != to {
		text += fmt.Sprintf(", weight %s %% → %s %%", from, to)
	}
	sign := ""
	if d.GetPoints() > 0 {
		sign = "+"
	}
	return fmt.Sprintf("%s: %s%s points", text, sign, tenth(d.GetPoints()))
}

// tenth writes a number with at most one decimal.
func tenth(x float64) string { return frame.FormatNumber(math.Round(x*10)/10 + 0) }
