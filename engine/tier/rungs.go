package tier

import (
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// rungs are the tiers of a ladder that some customers climb, with their cuts: all customers, or those of certain segments.
type rungs struct {
	item, score string
	// tiers are their places among the ladder's, best first, names their names and paths those of their cuts within the tiering.
	tiers        []int
	names, paths []string
	// cuts are those of the tiers, in their order, and then those of the `any` of each.
	cuts     []cut
	breakers []tieBreaker
}

// cut is a compiled echelonv1.Cut; the last tier's takes everyone.
type cut struct {
	declared *echelonv1.Cut
	when     *expr.Expr
	// of is the amount of cumulative_share, and nil without one.
	of       *expr.Expr
	byAmount bool
	// room is what its capacity can take; nil without one.
	room *Room
	// any are the places of the cuts of which one must take the customer too; nil where there are none.
	any []int
	// within is the place of the cut in whose `any` this one stands, or none.
	within int
}

// CutExprs is the compiled expressions of a cut, nil where it has none.
type CutExprs struct {
	When, Of *expr.Expr
	// Room is what its capacity can take.
	Room *Room
	// Any has those of each cut of its `any`.
	Any []CutExprs
}

// Room is what the reps of an engagement's role can cover.
type Room struct {
	// Role is the role's name, Reps how many there are and PerRep what one can cover.
	Role         string
	Reps, PerRep float64
	// Of is what a customer takes of it; nil where each takes 1.
	Of *expr.Expr
}

func newCut(declared *echelonv1.Cut, exprs CutExprs, within int) cut {
	byAmount := declared.GetCumulativeShare().GetOrder() == echelonv1.CumulativeShare_AMOUNT
	return cut{declared: declared, when: exprs.When, of: exprs.Of, byAmount: byAmount, room: exprs.Room, within: within}
}

// add appends a tier of the ladder; all are added before seal.
func (r *rungs) add(place int, name, path string, declared *echelonv1.Cut, exprs CutExprs) {
	r.tiers, r.names, r.paths = append(r.tiers, place), append(r.names, name), append(r.paths, path)
	r.cuts = append(r.cuts, newCut(declared, exprs, none))
}

// seal appends the cuts that stand within an `any`, whose expressions are those of their tier's.
func (r *rungs) seal(exprs []CutExprs) *rungs {
	for i := range r.names {
		for k, one := range r.cuts[i].declared.GetAny() {
			r.cuts[i].any = append(r.cuts[i].any, len(r.cuts))
			r.cuts = append(r.cuts, newCut(one, exprs[i].Any[k], i))
		}
	}
	return r
}

// needsPopulation reports whether a cut counts customers or amounts.
func (r *rungs) needsPopulation() bool {
	return slices.ContainsFunc(r.cuts, func(c cut) bool { return c.needsPopulation() })
}

// tierOf returns the place of the tier that a cut is of.
func (r *rungs) tierOf(cut int) int {
	if within := r.cuts[cut].within; within != none {
		return within
	}
	return cut
}

// learns reports whether a tier's cut, or one of its `any`, counts customers or amounts.
func (r *rungs) learns(tier int) bool {
	return r.cuts[tier].needsPopulation() || slices.ContainsFunc(r.cuts[tier].any, r.learns)
}

// path returns the place of a cut within the tiering.
func (r *rungs) path(cut int) string {
	if within := r.cuts[cut].within; within != none {
		return fmt.Sprintf("%s.any[%d]", r.path(within), slices.Index(r.cuts[within].any, cut))
	}
	return r.paths[cut]
}

func (c *cut) needsPopulation() bool {
	return c.declared != nil && (c.declared.TopCount != nil || c.declared.TopShare != nil || c.of != nil || c.room != nil || c.breaks())
}

// counts reports whether the cut's lines count those whom no better tier took.
func (c *cut) counts() bool {
	return c.declared != nil && (c.declared.TopCount != nil || c.declared.TopShare != nil || c.room != nil)
}

// breaks reports whether the cut stands at a natural break.
func (c *cut) breaks() bool { return c.declared.GetNaturalBreak() != nil }

// part is what rungs read of a batch.
type part struct {
	*rungs
	batch *batch
	// when, of and takenUp are, for each cut, its condition, the amount of its cumulative share and what customers take of its capacity.
	when, of, takenUp []*expr.Result
}

func (r *rungs) read(scope *expr.Scope, b *batch) *part {
	n := len(r.cuts)
	read := results.Make(scope.Memory, 3*n)
	p := parts.New(scope.Memory)
	*p = part{rungs: r, batch: b, when: read[:n], of: read[n : 2*n], takenUp: read[2*n:]}
	for i := range r.cuts {
		if r.cuts[i].when != nil {
			p.when[i] = r.cuts[i].when.Eval(scope)
		}
		if r.cuts[i].of != nil {
			p.of[i] = r.cuts[i].of.Eval(scope)
		}
		if room := r.cuts[i].room; room != nil && room.Of != nil {
			p.takenUp[i] = room.Of.Eval(scope)
		}
	}
	return p
}

// amount returns what a row adds to a cumulative share.
func (p *part) amount(tier, row int) float64 { return amountOf(p.of[tier], row) }

// amountOf returns what a row adds up: missing and negative amounts count 0.
func amountOf(read *expr.Result, row int) float64 {
	of := &read.Column
	if !of.Valid.Get(row) || of.Numbers[row] < 0 {
		return 0
	}
	// Adding 0 makes -0 a 0, so that equal amounts have equal bits.
	return of.Numbers[row] + 0
}

// holds reports whether the fields that need no line take a row: min_score and when, of a cut and of the one that it stands within.
func (p *part) holds(tier, row int) bool {
	c := &p.cuts[tier]
	if c.declared == nil {
		return true
	}
	if c.within != none && !p.holds(c.within, row) {
		return false
	}
	if c.declared.MinScore != nil && p.batch.score.Numbers[row] < c.declared.GetMinScore() {
		return false
	}
	return p.when[tier] == nil || p.when[tier].Column.Valid.Get(row) && p.when[tier].Column.Bits.Get(row)
}

// takes reports whether a tier's whole cut takes a scored row.
func (p *part) takes(tier, row int, k *key, all *rungLines) bool {
	if !p.holds(tier, row) {
		return false
	}
	if any := p.cuts[tier].any; any != nil && !slices.ContainsFunc(any, func(one int) bool { return p.takes(one, row, k, all) }) {
		return false
	}
	lines := all.of(tier)
	if lines == nil {
		return true
	}
	if !lines.counts(p.breakers, k) || p.cuts[tier].breaks() && !(lines.natural != nil && k.score >= *lines.natural) {
		return false
	}
	if lines.cumulative == nil {
		return true
	}
	ordered := *k
	if p.cuts[tier].byAmount {
		ordered.amount = p.amount(tier, row)
	}
	return lines.cumulative.takes(p.breakers, &ordered)
}

// takesNumbers reports whether the lines of a cut take a row, where its score and its amount alone tell: they do unless they are those of a line.
func (p *part) takesNumbers(tier, row int, all *rungLines) (takes, known bool) {
	c, lines, score := &p.cuts[tier], all.of(tier), p.batch.score.Numbers[row]
	if lines == nil || c.any != nil {
		return false, false
	}
	if c.breaks() && !(lines.natural != nil && score >= *lines.natural) {
		return false, true
	}
	for _, counted := range [...]*line{lines.topCount, lines.topShare, lines.capacity} {
		if takes, known = counted.takesNumbers(0, score); !takes {
			return takes, known
		}
	}
	amount := 0.0
	if c.byAmount {
		amount = p.amount(tier, row)
	}
	return lines.cumulative.takesNumbers(amount, score)
}

// hold keeps the rows of a set that meet the fields of a tier's cut which need no line: min_score and when. Met is room to work in.
func (p *part) hold(tier int, rows, met frame.Bitmap) {
	c := &p.cuts[tier]
	if c.declared == nil {
		return
	}
	if c.declared.MinScore != nil {
		kernel.Compare(kernel.GreaterEqual, met, p.batch.score.Numbers, c.declared.GetMinScore())
		for w := range rows {
			rows[w] &= met[w]
		}
	}
	if when := p.when[tier]; when != nil {
		for w := range rows {
			rows[w] &= when.Column.Valid[w] & when.Column.Bits[w]
		}
	}
}
