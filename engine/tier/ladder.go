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
	// levels are those of names, nil where one has none.
	levels []*int32
	// rungs are those that customers climb; of is, for each segment by its code, the place of its rungs, and has one entry where there is no `by`.
	rungs []*rungs
	of    []int
	// by is the segmentation within whose segments the cuts are drawn, and segments their names by their codes; nil where there is none.
	by       *expr.Expr
	segments []string
	breakers []tieBreaker
	// newcomers is the condition of the onboarding tier, the last of all; nil where there is none.
	newcomers *expr.Expr
	// unscored is the place of the tier of customers without a score, or none.
	unscored int
}

const none = -1

// LadderExprs is the compiled expressions of a ladder.
type LadderExprs struct {
	// Cuts has those of each tier, Ties one a tie breaker.
	Cuts []CutExprs
	Ties []*expr.Expr
	// Newcomers is the condition of the onboarding tier; nil where there is none.
	Newcomers *expr.Expr
	// By is the segmentation within whose segments the cuts are drawn, and Segments its segments in the order of their codes; nil where there is none.
	By       *expr.Expr
	Segments []string
	// PerSegment has the cuts of each segment's own ladder.
	PerSegment [][]CutExprs
}

// NewLadder returns the ladder of a checked declaration whose expressions are compiled.
func NewLadder(declared *echelonv1.Tiering, exprs LadderExprs) *Ladder {
	linear := declared.GetLinear()
	l := &Ladder{
		name: declared.GetName(), item: "tiers." + declared.GetName(), score: linear.GetScore(), newcomers: exprs.Newcomers, unscored: none,
		by: exprs.By, segments: exprs.Segments,
	}
	for i, tier := range linear.GetTiers() {
		l.names, l.levels = append(l.names, tier.GetName()), append(l.levels, tier.Level)
		if tier.GetName() == linear.GetUnscored() {
			l.unscored = i
		}
	}
	l.all = l.names
	if l.newcomers != nil {
		l.all = append(slices.Clip(l.names), linear.GetOnboarding().GetTier())
	}
	for i, breaker := range linear.GetTieBreakers() {
		l.breakers = append(l.breakers, tieBreaker{expr: exprs.Ties[i], ascending: breaker.GetOrder() == echelonv1.TieBreaker_ASC})
	}
	l.climb(linear, exprs)
	return l
}

// climb finds out which rungs the customers of each segment climb: those of all, or its own.
func (l *Ladder) climb(linear *echelonv1.Tiering_Linear, exprs LadderExprs) {
	common := &rungs{item: l.item, score: l.score, breakers: l.breakers}
	var cuts []CutExprs
	for i, tier := range linear.GetTiers() {
		if tier.Cut != nil || i == len(linear.GetTiers())-1 {
			common.add(i, tier.GetName(), fmt.Sprintf("linear.tiers[%d].cut", i), tier.GetCut(), exprs.Cuts[i])
			cuts = append(cuts, exprs.Cuts[i])
		}
	}
	l.rungs, l.of = []*rungs{common.seal(cuts)}, make([]int, max(1, len(l.segments)))
	for i, segment := range linear.GetPerSegment() {
		own := &rungs{item: l.item, score: l.score, breakers: l.breakers}
		for k, tier := range segment.GetTiers() {
			path := fmt.Sprintf("linear.per_segment[%d].tiers[%d].cut", i, k)
			own.add(slices.Index(l.names, tier.GetName()), tier.GetName(), path, tier.GetCut(), exprs.PerSegment[i][k])
		}
		l.of[slices.Index(l.segments, segment.GetSegment())] = len(l.rungs)
		l.rungs = append(l.rungs, own.seal(exprs.PerSegment[i]))
	}
}

// Names returns the tiers, best first, and then that of onboarding, where there is one.
func (l *Ladder) Names() []string { return l.all }

// Onboards reports whether a place in Names is that of the onboarding tier.
func (l *Ladder) Onboards(place int) bool { return l.newcomers != nil && place == len(l.names) }

// NeedsPopulation reports whether a cut counts customers or amounts.
func (l *Ladder) NeedsPopulation() bool {
	return slices.ContainsFunc(l.of, func(place int) bool { return l.rungs[place].needsPopulation() })
}

// batch is what a ladder reads of a batch.
type batch struct {
	ids   []string
	score *frame.Column
	// by has the rows' segments; nil where the ladder has no `by`.
	by *expr.Result
	// climbs is the set of rows with a score and, where the ladder asks for one, a segment.
	climbs frame.Bitmap
	// parts are what each of the ladder's rungs reads; nil of those that no segment climbs.
	parts []*part
	ties  []*expr.Result
	// newcomers is the condition of the onboarding tier; nil where there is none.
	newcomers *expr.Result
}

// isNew reports whether a row is a newcomer.
func (b *batch) isNew(row int) bool {
	return b.newcomers != nil && b.newcomers.Column.Valid.Get(row) && b.newcomers.Column.Bits.Get(row)
}

// segment returns the code of a row's segment; 0 where the ladder has no `by`.
func (b *batch) segment(row int) int {
	if b.by == nil {
		return 0
	}
	return int(b.by.Column.Codes[row])
}

func (l *Ladder) read(scope *expr.Scope, ids []string, score *frame.Column) *batch {
	b := batches.New(scope.Memory)
	*b = batch{ids: ids, score: score, climbs: score.Valid, parts: partPlaces.Make(scope.Memory, len(l.rungs))}
	for _, place := range l.of {
		if b.parts[place] == nil {
			b.parts[place] = l.rungs[place].read(scope, b)
		}
	}
	if l.by != nil {
		b.by = l.by.Eval(scope)
		b.climbs = scope.Memory.Bitmap(scope.Rows)
		for w := range b.climbs {
			b.climbs[w] = score.Valid[w] & b.by.Column.Valid[w]
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

// with returns the batch with other scores.
func (b *batch) with(score *frame.Column) *batch {
	other := *b
	other.score, other.parts = score, make([]*part, len(b.parts))
	for i, p := range b.parts {
		if p != nil {
			read := *p
			read.batch = &other
			other.parts[i] = &read
		}
	}
	return &other
}

// key returns a row's place in the ladder's order, without an amount.
func (b *batch) key(row int) key {
	k := key{score: b.score.Numbers[row], id: b.ids[row]}
	for _, t := range b.ties {
		k.ties = append(k.ties, tieOf(&t.Column, row))
	}
	return k
}

// LadderOutcome is a ladder's outcome for a batch.
type LadderOutcome struct {
	ladder *Ladder
	lines  *LadderLines
	batch  *batch
	// Column has each row's tier, as a text whose dictionary is Names; not valid where there is none.
	Column frame.Column
	// moved are the tiers of scores that lie so many points higher, as far as somebody asked.
	moved map[float64]*frame.Column
	// said are the reasons of rungs.
	said reason.Memo
}

// What a batch becomes, in memory of the batch.
var (
	results        = kernel.NewKind[*expr.Result]()
	parts          = kernel.NewKind[part]()
	partPlaces     = kernel.NewKind[*part]()
	batches        = kernel.NewKind[batch]()
	ladderOutcomes = kernel.NewKind[LadderOutcome]()
	matrixOutcomes = kernel.NewKind[MatrixOutcome]()
)

// Eval puts a batch onto the ladder. Score is the column of the ladder's score; lines may be nil where the ladder does not need the population.
func (l *Ladder) Eval(scope *expr.Scope, ids []string, score *frame.Column, lines *LadderLines, reasons *reason.Table) *LadderOutcome {
	out := ladderOutcomes.New(scope.Memory)
	out.ladder, out.lines, out.batch, out.Column, out.said.Item = l, lines, l.read(scope, ids, score), newColumn(scope, l.all), l.item
	out.decide(scope.Memory)
	if reasons != nil {
		for row := range scope.Rows {
			out.explain(row, out.place(row), reasons)
		}
	}
	return out
}

// Climbs returns the set of rows that the ladder's cuts are about, newcomers or not: those with a score and, where it has `by`, a segment.
func (o *LadderOutcome) Climbs() frame.Bitmap { return o.batch.climbs }

// place returns the place of a row's tier, or none.
func (o *LadderOutcome) place(row int) int {
	if !o.Column.Valid.Get(row) {
		return none
	}
	return int(o.Column.Codes[row])
}

// part returns what the rungs read that a row climbs, and their lines.
func (o *LadderOutcome) part(row int) (*part, *rungLines) {
	segment := o.batch.segment(row)
	return o.batch.parts[o.ladder.of[segment]], o.lines.of(segment)
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
		took[w] = open[w] &^ b.climbs[w]
		open[w] &= b.climbs[w]
	}
	if l.unscored != none {
		o.assign(codes, took, took, l.unscored)
	}
	if len(l.rungs) == 1 {
		o.climb(b.parts[0], codes, open, took, met)
		codes.Codes(o.Column.Codes)
		return
	}
	mine := memory.Bitmap(rows)
	for place, part := range b.parts {
		if part == nil {
			continue
		}
		clear(mine)
		kernel.Each(open, func(row int) { mine.Set(row, l.of[b.segment(row)] == place) })
		o.climb(part, codes, mine, took, met)
	}
	codes.Codes(o.Column.Codes)
}

// climb gives the rows of a set the first of some tiers whose cut takes them. Took and met are room to work in.
func (o *LadderOutcome) climb(p *part, codes kernel.Planes, open, took, met frame.Bitmap) {
	for tier, place := range p.tiers {
		copy(took, open)
		p.hold(tier, took, met)
		o.beyondLines(p, tier, took)
		o.assign(codes, open, took, place)
	}
}

// assign puts the rows of a set onto a tier, and takes them from those that are open.
func (o *LadderOutcome) assign(codes kernel.Planes, open, rows frame.Bitmap, tier int) {
	codes.Put(rows, tier)
	for w, word := range rows {
		o.Column.Valid[w] |= word
		open[w] &^= word
	}
}

// beyondLines takes the rows out of a set, which meet the fields that need no line, that a tier's lines, or all cuts of its any, do not take. Whole keys
// are put together only where numbers do not tell.
func (o *LadderOutcome) beyondLines(p *part, tier int, rows frame.Bitmap) {
	if p.cuts[tier].any == nil && !p.cuts[tier].needsPopulation() {
		return
	}
	kernel.Each(rows, func(row int) {
		lines := o.lines.of(o.batch.segment(row))
		takes, known := p.takesNumbers(tier, row, lines)
		if !known {
			k := o.batch.key(row)
			takes = p.takes(tier, row, &k, lines)
		}
		if !takes {
			rows.Set(row, false)
		}
	})
}

func newColumn(scope *expr.Scope, names []string) frame.Column {
	memory, rows := scope.Memory, scope.Rows
	return frame.Column{Type: echelonv1.Attribute_STRING, Dict: names, Valid: memory.Bitmap(rows), Codes: memory.Codes(rows)}
}
