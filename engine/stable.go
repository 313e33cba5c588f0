package engine

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// HasExitRules reports whether a tiering has exit rules: whether the tiers in force depend on those that were in force before.
func (p *Program) HasExitRules(tiering int) bool { return p.tierings[tiering].stable != nil }

// NeedsPrevious reports whether any outcome depends on the tiers that were in force before.
func (p *Program) NeedsPrevious() bool {
	for i := range p.tierings {
		if p.HasExitRules(i) {
			return true
		}
	}
	return false
}

// settle decides which tiers are in force, once all is computed. It returns the columns of those, and for each tiering in which somebody is held
// the column of the computed ones.
func (e *evaluation) settle(previous []*frame.Column) (inForce, computed []*frame.Column) {
	inForce, computed = make([]*frame.Column, len(e.columns)), make([]*frame.Column, len(e.columns))
	for i, t := range e.program.tierings {
		inForce[i] = e.columns[i]
		if t.stable == nil || previous == nil {
			continue
		}
		out := t.stable.Eval(&e.scope, e.climbing(i), e.columns[i], previous[i], e.reasons)
		e.stable[i] = out
		if out.Held.Count() > 0 {
			inForce[i], computed[i] = &out.Column, e.columns[i]
		}
	}
	return inForce, computed
}

// climbing returns the scores of those whom a ladder's cuts are about.
func (e *evaluation) climbing(tiering int) *frame.Column {
	column := e.scores[e.program.tierings[tiering].scores[0]].Column
	column.Valid = e.tiers[tiering].(*tier.LadderOutcome).Climbs()
	return &column
}

// exitRules compiles those of a ladder; nil where it has none.
func (c *compiler) exitRules(path string, declared *echelonv1.Tiering) *stability.Ladder {
	var exprs []stability.ExitExprs
	for i, t := range declared.GetLinear().GetTiers() {
		exprs = append(exprs, c.exitRule(fmt.Sprintf("%s.tiers[%d].exit", path, i), t.GetExit()))
	}
	if c.found.HasMistakes() {
		return nil
	}
	return stability.NewLadder(declared, exprs)
}

func (c *compiler) exitRule(path string, declared *echelonv1.Exit) stability.ExitExprs {
	exprs := stability.ExitExprs{When: c.expression(path+".when", declared.GetWhen(), expr.Boolean)}
	for i, one := range declared.GetAny() {
		exprs.Any = append(exprs.Any, c.exitRule(diag.Index(path+".any", i), one))
	}
	return exprs
}

// exit checks an exit rule.
func (c *checker) exit(path string, exit *echelonv1.Exit) {
	if exit.Below == nil && exit.GetWhen() == "" && len(exit.GetAny()) == 0 {
		c.found.Mistakef(path, "write below, when or any, such as {below: 60}", "the exit rule is empty: nobody would ever leave")
	}
	if below := exit.Below; below != nil && !(*below > 0 && *below <= 100) {
		c.found.Mistakef(diag.Field(path, "below"), "write a score above 0 and up to 100", "no score is below %s, or every one is", frame.FormatNumber(*below))
	}
	for i, one := range exit.GetAny() {
		at := diag.Index(diag.Field(path, "any"), i)
		if len(one.GetAny()) > 0 {
			c.found.Mistakef(diag.Field(at, "any"), "write its rules into the outer one", "an exit rule of any has an any of its own")
			continue
		}
		c.exit(at, one)
	}
}

// lintExits finds exit rules that hold nobody: whoever falls out of the tier by its line is past the exit's line already.
func lintExits(path string, l *echelonv1.Tiering_Linear, found *diag.List) {
	for i, t := range l.GetTiers() {
		exit, cut := t.GetExit(), t.GetCut()
		if exit == nil || exit.Below == nil || exit.GetWhen() != "" || len(exit.GetAny()) > 0 || cut.GetMinScore() > exit.GetBelow() || !onlyMinScore(cut) {
			continue
		}
		found.Warnf(fmt.Sprintf("%s.linear.tiers[%d].exit.below", path, i), "write a score below min_score",
			"the exit rule of tier %q holds nobody: who falls below min_score %s is below %s too", t.GetName(), frame.FormatNumber(cut.GetMinScore()), frame.FormatNumber(exit.GetBelow()))
	}
}

// onlyMinScore reports whether a cut has a min_score and nothing else.
func onlyMinScore(cut *echelonv1.Cut) bool {
	return cut.GetWhen() == "" && cut != nil && cut.MinScore != nil && takesAll(cut)
}
