package engine

import (
	"fmt"
	"time"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// LooksBack reports whether the tiers in force of a tiering depend on those that were in force before: it has exit rules, or stability.
func (p *Program) LooksBack(tiering int) bool { return p.tierings[tiering].stable != nil }

// HasStandings reports whether the tiers in force of a tiering depend on how customers came to be in theirs: it has stability.
func (p *Program) HasStandings(tiering int) bool {
	stable := p.tierings[tiering].stable
	return stable != nil && stable.HasStandings()
}

// CapsMoves reports whether a tiering admits only so many moves in a review period, so that all customers must be seen before any moves.
func (p *Program) CapsMoves() bool {
	for _, t := range p.tierings {
		if t.stable != nil && t.stable.Caps() {
			return true
		}
	}
	return false
}

// NeedsPrevious reports whether any outcome depends on the tiers that were in force before.
func (p *Program) NeedsPrevious() bool {
	for i := range p.tierings {
		if p.LooksBack(i) {
			return true
		}
	}
	return false
}

// Day returns the calendar day, in the model's time zone, that holds an instant, in days since 1970-01-01.
func (p *Program) Day(asOf time.Time) int64 { return frame.DayIn(asOf, p.zone) }

// settle decides which tiers are in force, once all is computed: overrides come after it.
func (e *evaluation) settle(options *Options, r *Result) {
	p := e.program
	memory, tierings := e.scope.Memory, len(e.columns)
	r.Tiers, r.Computed, r.Settled = columnPlaces.Make(memory, tierings), columnPlaces.Make(memory, tierings), columnPlaces.Make(memory, tierings)
	copy(r.Tiers, e.columns)
	r.Day, r.Standings, r.candidates = p.Day(options.AsOf), standingsPlaces.Make(memory, tierings), candidateLists.Make(memory, tierings)
	for i, t := range p.tierings {
		if t.stable == nil || options.Previous == nil && !t.stable.HasStandings() {
			continue
		}
		in := &stability.Input{Scope: &e.scope, IDs: e.ids, Computed: e.columns[i], Day: r.Day, Lines: e.tiers[i], Reasons: e.reasons}
		in.Scores = e.cutScores(i)
		if options.Previous != nil {
			in.Previous = options.Previous[i]
		}
		if options.Standings != nil {
			in.Standings = options.Standings[i]
		}
		if options.Admissions != nil {
			in.Admission = options.Admissions[i]
		}
		out := t.stable.Eval(in)
		e.stable[i], r.Standings[i], r.candidates[i] = out, out.After, out.Candidates
		if out.Held.Count() > 0 {
			r.Tiers[i], r.Computed[i] = &out.Column, e.columns[i]
		}
	}
}

// cutScores returns the columns of the scores that a tiering cuts; those of a ladder are of the customers whom its cuts are about.
func (e *evaluation) cutScores(tiering int) []*frame.Column {
	var columns []*frame.Column
	for _, score := range e.program.tierings[tiering].scores {
		if score >= 0 {
			column := e.scores[score].Column
			columns = append(columns, &column)
		}
	}
	if ladder, ok := e.tiers[tiering].(*tier.LadderOutcome); ok {
		columns[0].Valid = ladder.Climbs()
	}
	return columns
}

// stability compiles what holds customers in the tiers of a tiering; nil where nothing does.
func (c *compiler) stability(path string, declared *echelonv1.Tiering) *stability.Policy {
	var exprs []stability.ExitExprs
	for i, t := range declared.GetLinear().GetTiers() {
		exprs = append(exprs, c.exitRule(fmt.Sprintf("%s.linear.tiers[%d].exit", path, i), t.GetExit()))
	}
	freeze := c.expression(path+".stability.freeze.before", declared.GetStability().GetFreeze().GetBefore(), expr.Date)
	if c.found.HasMistakes() {
		return nil
	}
	return stability.New(declared, exprs, freeze)
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
