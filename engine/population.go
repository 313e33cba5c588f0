package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// populationItem is what reasons call a model's population.
const populationItem = "population"

// population is a model's compiled condition of whom it is about.
type population struct {
	when *expr.Expr
	// needs are the derived attributes that it reads, directly or not.
	needs map[int]bool
}

// population compiles the condition of the customers that the model is about. It decides who is evaluated, and so reads nothing but what a
// customer brings along: attributes, given and derived.
func (c *compiler) population() {
	text := c.program.model.GetPopulation()
	if text == "" {
		return
	}
	when := c.expression(populationItem, text, expr.Boolean)
	if when == nil {
		return
	}
	needs := c.program.needsOf(when)
	for i := range c.program.items {
		if one := c.program.items[i]; needs[i] && one.kind != derivedKind {
			c.found.Mistakef(populationItem, "read attributes, given or derived, that need no other outcome",
				"it decides who is evaluated, and so cannot read %s, which is an outcome", one.variable)
			return
		}
	}
	c.program.population = &population{when: when, needs: needs}
}

// needsOf returns the places of all items that an expression needs, directly or not.
func (p *Program) needsOf(x *expr.Expr) map[int]bool {
	needs := make(map[int]bool)
	for i, one := range p.items {
		if !slices.Contains(x.Refs(), one.variable) {
			continue
		}
		needs[i] = true
		for ancestor := range p.ancestors(i) {
			needs[ancestor] = true
		}
	}
	return needs
}

// exclude finds out which rows the model is not about. What is evaluated afterwards has no outcome for them and no reason but this.
func (e *evaluation) exclude() {
	p := e.program.population
	if p == nil {
		return
	}
	reasons := e.reasons
	e.reasons = nil
	e.run(p.needs)
	e.reasons = reasons
	e.member = p.when.Eval(&e.scope)
	e.excluded = frame.NewBitmap(e.scope.Rows)
	for row := range e.scope.Rows {
		if e.member.Column.Valid.Get(row) && e.member.Column.Bits.Get(row) {
			continue
		}
		e.excluded.Set(row, true)
		e.reasons.Add(row, p.reason(e.member, row))
	}
	e.reasons.Close(e.excluded)
}

// reason says why a row is excluded.
func (p *population) reason(member *expr.Result, row int) reason.Reason {
	r := reason.Reason{Code: echelonv1.Reason_EXCLUDED, Item: populationItem}
	if member.Column.Valid.Get(row) {
		r.Message = fmt.Sprintf("%s: EXCLUDED, since %s does not hold", populationItem, p.when.Text())
		return r
	}
	cause := member.Cause(row)
	r.Attribute = cause.Missing
	r.Message = fmt.Sprintf("%s: EXCLUDED, since %s", populationItem, cause)
	return r
}

// explain returns how the condition stood to a row.
func (p *population) explain(member *expr.Result, row int) *echelonv1.RuleExplanation {
	tried := &echelonv1.RuleExplanation{Name: populationItem, When: p.when.Text(), Outcome: echelonv1.RuleExplanation_MATCHED}
	switch {
	case !member.Column.Valid.Get(row):
		tried.Outcome = echelonv1.RuleExplanation_NOT_READABLE
		tried.Unreadable = reason.Unreadable(populationItem, "", member.Cause(row)).Proto()
	case !member.Column.Bits.Get(row):
		tried.Outcome = echelonv1.RuleExplanation_NOT_MATCHED
	}
	return tried
}

// mask takes the outcomes of the rows that are excluded out of a column.
func (e *evaluation) mask(column *frame.Column) {
	for i := range e.excluded {
		column.Valid[i] &^= e.excluded[i]
	}
}

// members returns the rows of a frame that the model is about.
func (p *Program) members(f *frame.Frame, lines *lines, asOf time.Time) *frame.Frame {
	if p.population == nil {
		return f
	}
	e := p.newEvaluation(f, lines, asOf, nil)
	e.exclude()
	if e.excluded.Count() == 0 {
		return f
	}
	in := frame.NewBitmap(f.Len())
	for row := range f.Len() {
		in.Set(row, !e.excluded.Get(row))
	}
	return f.Select(in)
}
