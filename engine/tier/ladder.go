package tier

import (
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Ladder is a compiled linear tiering. It is immutable.
type Ladder struct {
	name  string
	item  string
	score string
	names []string
	all   []string
	// cuts are those of the tiers, in their order, and then those of the `any` of each.
	cuts     []cut
	breakers []tieBreaker
	// newcomers is the condition of the onboarding tier, the last of names; nil where there is none.
	newcomers *expr.Expr
	// unscored is the place of the tier of customers without a score, or none.
	unscored int
}

// cut is a compiled echelonv1.Cut; the last tier's takes everyone.
type cut struct {
	declared *echelonv1.Cut
	when     *expr.Expr
	// of is the amount of cumulative_share, and nil without one.
	of       *expr.Expr
	byAmount bool
	// any are the places of the cuts of which one must take the customer too; nil where there are none.
	any []int
	// within is the place of the cut in whose `any` this one stands, or none.
	within int
}

const none = -1

// CutExprs is the compiled expressions of a cut, nil where it has none.
type CutExprs struct {
	When, Of *expr.Expr
	// Any has those of each cut of its `any`.
	Any []CutExprs
}

// NewLadder returns the ladder of a checked declaration whose expressions are compiled, one entry a tier and one a tie breaker.
func NewLadder(declared *echelonv1.Tiering, cuts []CutExprs, ties []*expr.Expr, newcomers *expr.Expr) *Ladder {
	linear := declared.GetLinear()
	l := &Ladder{name: declared.GetName(), item: "tiers." + declared.GetName(), score: linear.GetScore(), newcomers: newcomers, unscored: none}
	for i, tier := range linear.GetTiers() {
		l.names = append(l.names, tier.GetName())
		if tier.GetName() == linear.GetUnscored() {
			l.unscored = i
		}
		l.cuts = append(l.cuts, newCut(tier.GetCut(), cuts[i], none))
	}
	for i, tier := range linear.GetTiers() {
		for k, one := range tier.GetCut().GetAny() {
			l.cuts[i].any = append(l.cuts[i].any, len(l.cuts))
			l.cuts = append(l.cuts, newCut(one, cuts[i].Any[k], i))
		}
	}
	l.all = l.names
	if newcomers != nil {
		l.all = append(slices.Clip(l.names), linear.GetOnboarding().GetTier())
	}
	for i, breaker := range linear.GetTieBreakers() {
		l.breakers = append(l.breakers, tieBreaker{expr: ties[i], ascending: breaker.GetOrder() == echelonv1.TieBreaker_ASC})
	}
	return l
}

func newCut(declared *echelonv1.Cut, exprs CutExprs, within int) cut {
	byAmount := declared.GetCumulativeShare().GetOrder() == echelonv1.CumulativeShare_AMOUNT
	return cut{declared: declared, when: exprs.When, of: exprs.Of, byAmount: byAmount, within: within}
}

// Names returns the tiers, best first, and then that of onboarding, where there is one.
func (l *Ladder) Names() []string { return l.all }

// Onboards reports whether a place in Names is that of the onboarding tier.
func (l *Ladder) Onboards(place int) bool { return l.newcomers != nil && place == len(l.names) }

// NeedsPopulation reports whether a cut counts customers or amounts.
func (l *Ladder) NeedsPopulation() bool {
	for i := range l.cuts {
		if l.cuts[i].needsPopulation() {
			return true
		}
	}
	return false
}

// tierOf returns the place of the tier that a cut is of.
func (l *Ladder) tierOf(cut int) int {
	if within := l.cuts[cut].within; within != none {
		return within
	}
	return cut
}

// learns reports whether a tier's cut, or one of its `any`, counts customers or amounts.
func (l *Ladder) learns(tier int) bool {
	return l.cuts[tier].needsPopulation() || slices.ContainsFunc(l.cuts[tier].any, l.learns)
}

func (c *cut) needsPopulation() bool {
	return c.declared != nil && (c.declared.TopCount != nil || c.declared.TopShare != nil || c.of != nil)
}

// tierLines is the frozen lines of one cut; nil where the cut has no such field.
type tierLines struct {
	topCount, topShare, cumulative *line
}

// batch is what a ladder reads of a batch.
type batch struct {
	ids   []string
	score *frame.Column
	when  []*expr.Result
	of    []*expr.Result
	ties  []*expr.Result
	// newcomers is the condition of the onboarding tier; nil where there is none.
	newcomers *expr.Result
}

// isNew reports whether a row is a newcomer.
func (b *batch) isNew(row int) bool {
	return b.newcomers != nil && b.newcomers.Column.Valid.Get(row) && b.newcomers.Column.Bits.Get(row)
}

func (l *Ladder) read(scope *expr.Scope, ids []string, score *frame.Column) *batch {
	b := &batch{ids: ids, score: score, when: make([]*expr.Result, len(l.cuts)), of: make([]*expr.Result, len(l.cuts))}
	for i := range l.cuts {
		if l.cuts[i].when != nil {
			b.when[i] = l.cuts[i].when.Eval(scope)
		}
		if l.cuts[i].of != nil {
			b.of[i] = l.cuts[i].of.Eval(scope)
		}
	}
	if l.newcomers != nil {
		b.newcomers = l.newcomers.Eval(scope)
	}
	if l.NeedsPopulation() {
		for _, breaker := range l.breakers {
			b.ties = append(b.ties, breaker.expr.Eval(scope))
		}
	}
	return b
}

// key returns a row's place in the ladder's order, without an amount.
func (b *batch) key(row int) key {
	k := key{score: b.score.Numbers[row], id: b.ids[row]}
	for _, t := range b.ties {
		k.ties = append(k.ties, tieOf(&t.Column, row))
	}
	return k
}

// amount returns what a row adds to a cumulative share: missing and negative amounts count 0.
func (b *batch) amount(tier, row int) float64 {
	of := &b.of[tier].Column
	if !of.Valid.Get(row) || of.Numbers[row] < 0 {
		return 0
	}
	// Adding 0 makes -0 a 0, so that equal amounts have equal bits.
	return of.Numbers[row] + 0
}

// holds reports whether the fields that need no line take a row: min_score and when, of a cut and of the one that it stands within.
func (l *Ladder) holds(b *batch, tier, row int) bool {
	c := &l.cuts[tier]
	if c.declared == nil {
		return true
	}
	if c.within != none && !l.holds(b, c.within, row) {
		return false
	}
	if c.declared.MinScore != nil && b.score.Numbers[row] < c.declared.GetMinScore() {
		return false
	}
	return b.when[tier] == nil || b.when[tier].Column.Valid.Get(row) && b.when[tier].Column.Bits.Get(row)
}

// takes reports whether a tier's whole cut takes a scored row.
func (l *Ladder) takes(b *batch, tier, row int, k *key, all *LadderLines) bool {
	if !l.holds(b, tier, row) {
		return false
	}
	if any := l.cuts[tier].any; any != nil && !slices.ContainsFunc(any, func(one int) bool { return l.takes(b, one, row, k, all) }) {
		return false
	}
	lines := all.of(tier)
	if lines == nil {
		return true
	}
	for _, counted := range []*line{lines.topCount, lines.topShare} {
		if counted != nil && !counted.takes(l.breakers, k) {
			return false
		}
	}
	if lines.cumulative == nil {
		return true
	}
	ordered := *k
	if l.cuts[tier].byAmount {
		ordered.amount = b.amount(tier, row)
	}
	return lines.cumulative.takes(l.breakers, &ordered)
}

// LadderOutcome is a ladder's outcome for a batch.
type LadderOutcome struct {
	ladder *Ladder
	lines  *LadderLines
	batch  *batch
	// Column has each row's tier, as a text whose dictionary is Names; not valid where there is none.
	Column frame.Column
}

// Eval puts a batch onto the ladder. Score is the column of the ladder's score; lines may be nil where the ladder does not need the population.
func (l *Ladder) Eval(scope *expr.Scope, ids []string, score *frame.Column, lines *LadderLines, reasons *reason.Table) *LadderOutcome {
	out := &LadderOutcome{ladder: l, lines: lines, batch: l.read(scope, ids, score), Column: newColumn(scope, l.all)}
	out.decide(scope.Memory)
	if reasons != nil {
		for row := range scope.Rows {
			l.explain(out.batch, row, out.place(row), reasons)
		}
	}
	return out
}

// place returns the place of a row's tier, or none.
func (o *LadderOutcome) place(row int) int {
	if !o.Column.Valid.Get(row) {
		return none
	}
	return int(o.Column.Codes[row])
}

// decide gives each row its tier: newcomers theirs, the others the first whose cut takes them, or the unscored one.
func (o *LadderOutcome) decide(memory *kernel.Arena) {
	l, b := o.ladder, o.batch
	rows := len(o.Column.Codes)
	open, took, met := memory.All(rows), memory.Bitmap(rows), memory.Bitmap(rows)
	codes := memory.NewPlanes(rows, len(l.all)-1)
	if b.newcomers != nil {
		for w := range open {
			took[w] = b.newcomers.Column.Valid[w] & b.newcomers.Column.Bits[w]
		}
		o.assign(codes, open, took, len(l.names))
	}
	for w := range open {
		took[w] = open[w] &^ b.score.Valid[w]
		open[w] &= b.score.Valid[w]
	}
	if l.unscored != none {
		o.assign(codes, took, took, l.unscored)
	}
	for tier := range l.names {
		copy(took, open)
		l.hold(b, tier, took, met)
		o.beyondLines(tier, took)
		o.assign(codes, open, took, tier)
	}
	codes.Codes(o.Column.Codes)
}

// assign puts the rows of a set onto a tier, and takes them from those that are open.
func (o *LadderOutcome) assign(codes kernel.Planes, open, rows frame.Bitmap, tier int) {
	codes.Put(rows, tier)
	for w, word := range rows {
		o.Column.Valid[w] |= word
		open[w] &^= word
	}
}

// hold keeps the rows of a set that meet the fields of a tier's cut which need no line: min_score and when. Met is room to work in.
func (l *Ladder) hold(b *batch, tier int, rows, met frame.Bitmap) {
	c := &l.cuts[tier]
	if c.declared == nil {
		return
	}
	if c.declared.MinScore != nil {
		kernel.Compare(kernel.GreaterEqual, met, b.score.Numbers, c.declared.GetMinScore())
		for w := range rows {
			rows[w] &= met[w]
		}
	}
	if when := b.when[tier]; when != nil {
		for w := range rows {
			rows[w] &= when.Column.Valid[w] & when.Column.Bits[w]
		}
	}
}

// beyondLines takes the rows out of a set that a tier's lines, or all cuts of its any, do not take.
func (o *LadderOutcome) beyondLines(tier int, rows frame.Bitmap) {
	l := o.ladder
	if l.cuts[tier].any == nil && o.lines.none(tier) {
		return
	}
	kernel.Each(rows, func(row int) {
		k := o.batch.key(row)
		if !l.takes(o.batch, tier, row, &k, o.lines) {
			rows.Set(row, false)
		}
	})
}

func newColumn(scope *expr.Scope, names []string) frame.Column {
	memory, rows := scope.Memory, scope.Rows
	return frame.Column{Type: echelonv1.Attribute_STRING, Dict: names, Valid: memory.Bitmap(rows), Codes: memory.Codes(rows)}
}

// explain gives a row the reasons of its tier: what decided, and which better cuts could not be read.
func (l *Ladder) explain(b *batch, row, tier int, reasons *reason.Table) {
	if b.newcomers != nil && !b.newcomers.Column.Valid.Get(row) {
		reasons.Add(row, reason.Unreadable(l.item, l.all[len(l.names)], b.newcomers.Cause(row)))
	}
	if b.isNew(row) {
		reasons.Add(row, reason.Reason{
			Code: echelonv1.Reason_DECIDED, Item: l.item, Part: l.all[tier],
			Message: fmt.Sprintf("%s: %s, while %s", l.item, l.all[tier], l.newcomers.Text()),
		})
		return
	}
	if !b.score.Valid.Get(row) {
		reasons.Add(row, reason.Reason{
			Code: echelonv1.Reason_UNSCORED, Item: l.item, Message: fmt.Sprintf("%s: UNSCORED, since scores.%s is null", l.item, l.score),
		})
		return
	}
	for better := range tier {
		for _, cut := range append([]int{better}, l.cuts[better].any...) {
			if when := b.when[cut]; when != nil && !when.Column.Valid.Get(row) {
				reasons.Add(row, reason.Unreadable(l.item, l.names[better], when.Cause(row)))
			}
		}
	}
	r := reason.Reason{Code: echelonv1.Reason_DECIDED, Item: l.item, Part: l.names[tier]}
	if l.cuts[tier].declared == nil {
		r.Code = echelonv1.Reason_LAST_TIER
		r.Message = fmt.Sprintf("%s: %s, since no better cut took it", l.item, l.names[tier])
	} else {
		r.Message = fmt.Sprintf("%s: %s, %s", l.item, l.names[tier], short(l.words(tier)))
	}
	reasons.Add(row, r)
}
