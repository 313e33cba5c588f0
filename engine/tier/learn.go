package tier

import (
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// LadderLines is what a ladder learned from its population: one entry, or where it has `by` one a segment, in the order of their codes.
type LadderLines struct {
	segments []*rungLines
}

// of returns the lines of a segment; nil lines have none.
func (l *LadderLines) of(segment int) *rungLines {
	if l == nil {
		return nil
	}
	return l.segments[segment]
}

// rungLines is what was learned from the customers that climb the same rungs in one segment.
type rungLines struct {
	scored int
	tiers  []tierLines
	// negative counts, for each tier, the amounts below 0 that its cumulative share took as 0, and negativeRoom those that its capacity did.
	negative, negativeRoom []int
}

// tierLines is the frozen lines of one cut; nil where the cut has no such field.
type tierLines struct {
	topCount, topShare, cumulative, capacity *line
	// natural is the score of a natural break; nil where the cut has none, or nobody is above it.
	natural *float64
}

// counts reports whether the lines that count customers take one.
func (l *tierLines) counts(breakers []tieBreaker, k *key) bool {
	for _, counted := range []*line{l.topCount, l.topShare, l.capacity} {
		if counted != nil && !counted.takes(breakers, k) {
			return false
		}
	}
	return true
}

// of returns the lines of a tier's cut; nil lines have none.
func (l *rungLines) of(tier int) *tierLines {
	if l == nil {
		return nil
	}
	return &l.tiers[tier]
}

// LadderLearner gathers the scored customers of a population.
type LadderLearner struct {
	ladder *Ladder
	// segments are those of each segment by its code.
	segments []*rungLearner
}

// Learner returns one that has seen nothing yet.
func (l *Ladder) Learner() *LadderLearner {
	n := &LadderLearner{ladder: l}
	for _, place := range l.of {
		n.segments = append(n.segments, newRungLearner(l.rungs[place]))
	}
	return n
}

// Add gathers a batch of the population.
func (n *LadderLearner) Add(scope *expr.Scope, ids []string, score *frame.Column) {
	b := n.ladder.read(scope, ids, score)
	for row := range scope.Rows {
		if b.climbs.Get(row) && !b.isNew(row) {
			segment := b.segment(row)
			n.segments[segment].add(b.parts[n.ladder.of[segment]], row)
		}
	}
}

// Merge takes in what another learner of the same ladder gathered, which is not used any more.
func (n *LadderLearner) Merge(other *LadderLearner) {
	for i, segment := range other.segments {
		n.segments[i].merge(segment)
	}
}

// Lines returns what was learned. It does not depend on the order in which the population came.
func (n *LadderLearner) Lines() *LadderLines {
	lines := &LadderLines{}
	for _, segment := range n.segments {
		lines.segments = append(lines.segments, segment.lines())
	}
	return lines
}

// rungLearner gathers the scored customers of one segment, in columns: a customer's place is that among those that came.
type rungLearner struct {
	*rungs
	// scores, ids and ties make up their keys; each has as many ties as there are tie breakers.
	scores []float64
	ids    []string
	ties   []tie
	// order is their places in the order of the ladder, once all came, and taken tells of whom a tier took already.
	order []int
	taken []bool
	// holds tells, for each tier and each customer, whether the customer meets the fields that need no line.
	holds [][]bool
	// amounts is, for each tier with a cumulative share and each customer, what the customer adds to it.
	amounts  [][]float64
	negative []int
	// room is the same for what each takes of a capacity.
	room         [][]float64
	negativeRoom []int
}

func newRungLearner(r *rungs) *rungLearner {
	tiers := len(r.cuts)
	return &rungLearner{
		rungs: r, holds: make([][]bool, tiers), amounts: make([][]float64, tiers), negative: make([]int, tiers),
		room: make([][]float64, tiers), negativeRoom: make([]int, tiers),
	}
}

func (n *rungLearner) add(p *part, row int) {
	n.scores, n.ids = append(n.scores, p.batch.score.Numbers[row]), append(n.ids, p.batch.ids[row])
	for _, t := range p.batch.ties {
		n.ties = append(n.ties, tieOf(&t.Column, row))
	}
	for tier := range n.cuts {
		n.holds[tier] = append(n.holds[tier], p.holds(tier, row))
		gather(p.of[tier], row, &n.amounts[tier], &n.negative[tier])
		gather(p.takenUp[tier], row, &n.room[tier], &n.negativeRoom[tier])
	}
}

// merge takes in the customers of another learner, behind its own.
func (n *rungLearner) merge(other *rungLearner) {
	n.scores, n.ids, n.ties = append(n.scores, other.scores...), append(n.ids, other.ids...), append(n.ties, other.ties...)
	for tier := range n.cuts {
		n.holds[tier] = append(n.holds[tier], other.holds[tier]...)
		n.amounts[tier] = append(n.amounts[tier], other.amounts[tier]...)
		n.room[tier] = append(n.room[tier], other.room[tier]...)
		n.negative[tier] += other.negative[tier]
		n.negativeRoom[tier] += other.negativeRoom[tier]
	}
}

// gather notes what a row adds up, where something is added up, and counts it where it is negative.
func gather(read *expr.Result, row int, amounts *[]float64, negative *int) {
	if read == nil {
		return
	}
	*amounts = append(*amounts, amountOf(read, row))
	if of := &read.Column; of.Valid.Get(row) && of.Numbers[row] < 0 {
		*negative++
	}
}

func (n *rungLearner) lines() *rungLines {
	n.order, n.taken = n.inOrder(n.scores), make([]bool, len(n.ids))
	lines := &rungLines{scored: len(n.ids), tiers: make([]tierLines, len(n.cuts)), negative: n.negative, negativeRoom: n.negativeRoom}
	n.divide(lines)
	for tier := range n.names {
		for _, one := range n.cuts[tier].any {
			n.draw(one, &lines.tiers[one])
		}
		n.draw(tier, &lines.tiers[tier])
		n.take(tier, lines)
	}
	return lines
}

// key returns a customer's place in the order of the ladder, without an amount.
func (n *rungLearner) key(at int) key {
	k := len(n.breakers)
	return key{score: n.scores[at], id: n.ids[at], ties: n.ties[at*k : (at+1)*k]}
}

// lineAt returns the line behind a customer.
func (n *rungLearner) lineAt(k key) *line {
	k.ties = slices.Clone(k.ties) // those of all others are let go
	return keyLine(k)
}

// inOrder returns the places of the customers by a number of each, the largest first. Whole keys are compared only where numbers are equal.
func (n *rungLearner) inOrder(numbers []float64) []int {
	order := make([]place, len(numbers))
	for at, x := range numbers {
		order[at] = place{descending(x), at}
	}
	order = byNumber(order)
	sorted := make([]int, len(order))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].number == order[from].number {
			to++
		}
		if equal := order[from:to]; len(equal) > 1 {
			slices.SortFunc(equal, func(a, b place) int {
				x, y := n.key(a.at), n.key(b.at)
				return compare(n.breakers, &x, &y)
			})
		}
		for ; from < to; from++ {
			sorted[from] = order[from].at
		}
	}
	return sorted
}

// draw finds the lines of a cut.
func (n *rungLearner) draw(tier int, lines *tierLines) {
	c := &n.cuts[tier]
	if !c.needsPopulation() {
		return
	}
	if c.declared.TopCount != nil {
		lines.topCount = n.first(tier, int(min(c.declared.GetTopCount(), int64(len(n.ids)+1))))
	}
	if c.declared.TopShare != nil {
		lines.topShare = n.first(tier, exact.CeilShare(c.declared.GetTopShare(), len(n.ids)))
	}
	if c.of != nil {
		lines.cumulative = n.cumulative(tier)
	}
	if c.room != nil {
		lines.capacity = n.fill(tier)
	}
}

// take takes a tier's customers from the worse tiers.
func (n *rungLearner) take(tier int, lines *rungLines) {
	for at := range n.taken {
		n.taken[at] = n.taken[at] || n.takes(tier, at, lines)
	}
}

// takes reports whether a cut takes a customer.
func (n *rungLearner) takes(tier, at int, all *rungLines) bool {
	if !n.holds[tier][at] {
		return false
	}
	if any := n.cuts[tier].any; any != nil && !slices.ContainsFunc(any, func(cut int) bool { return n.takes(cut, at, all) }) {
		return false
	}
	breakers, lines, k := n.breakers, &all.tiers[tier], n.key(at)
	if !lines.counts(breakers, &k) || n.cuts[tier].breaks() && !(lines.natural != nil && k.score >= *lines.natural) {
		return false
	}
	if lines.cumulative == nil {
		return true
	}
	ordered := n.ordered(tier, at)
	return lines.cumulative.takes(breakers, &ordered)
}

// ordered returns a customer's key in the order of a tier's cumulative share.
func (n *rungLearner) ordered(tier, at int) key {
	k := n.key(at)
	if n.cuts[tier].byAmount {
		k.amount = n.amounts[tier][at]
	}
	return k
}

// first returns the line behind the first so many candidates of a tier: those that no better tier took and that hold its other fields.
func (n *rungLearner) first(tier, count int) *line {
	if count == 0 {
		// There is nobody to take a share of.
		return &line{kind: echelonv1.DecisionLine_OPEN}
	}
	for _, at := range n.order {
		if n.taken[at] || !n.holds[tier][at] {
			continue
		}
		if count--; count == 0 {
			return n.lineAt(n.key(at))
		}
	}
	return &line{kind: echelonv1.DecisionLine_OPEN}
}

// fill returns the line behind the last candidate of a tier who fits into its capacity, together with those before.
func (n *rungLearner) fill(tier int) *line {
	room := n.cuts[tier].room
	if room.Of == nil {
		if count := exact.FloorProduct(room.Reps, room.PerRep, len(n.ids)+1); count > 0 {
			return n.first(tier, count)
		}
		return &line{kind: echelonv1.DecisionLine_CLOSED}
	}
	var sum exact.Sum
	most := exact.Product(room.Reps, room.PerRep)
	last := none
	for _, at := range n.order {
		if n.taken[at] || !n.holds[tier][at] {
			continue
		}
		if sum.Add(n.room[tier][at]); most.Below(&sum) {
			if last == none {
				return &line{kind: echelonv1.DecisionLine_CLOSED}
			}
			return n.lineAt(n.key(last))
		}
		last = at
	}
	return &line{kind: echelonv1.DecisionLine_OPEN}
}

// divide finds the natural breaks of the scores, one for each tier whose cut stands at one.
func (n *rungLearner) divide(lines *rungLines) {
	var tiers []int
	for tier := range n.names {
		if n.cuts[tier].breaks() {
			tiers = append(tiers, tier)
		}
	}
	if len(tiers) == 0 {
		return
	}
	scores := slices.Sorted(slices.Values(n.scores))
	breaks := naturalBreaks(scores, len(tiers)+1)
	for i, tier := range tiers {
		if i < len(breaks) {
			lines.tiers[tier].natural = &breaks[len(breaks)-1-i]
		}
	}
}

// chunk is how many customers are added up before the sum is compared with the share.
const chunk = 1024

// cumulative returns the line behind the last customer before whom the amount is below the share of the total.
func (n *rungLearner) cumulative(tier int) *line {
	order := n.order
	if n.cuts[tier].byAmount {
		order = n.inOrder(n.amounts[tier])
	}
	amounts := make([]float64, len(order))
	var total exact.Sum
	for i, at := range order {
		amounts[i] = n.amounts[tier][at]
		total.Add(amounts[i])
	}
	taken := below(amounts, exact.ShareOf(n.cuts[tier].declared.GetCumulativeShare().GetShare(), &total))
	if taken == 0 {
		return &line{kind: echelonv1.DecisionLine_CLOSED}
	}
	return n.lineAt(n.ordered(tier, order[taken-1]))
}

// below returns how many of the amounts, none of them negative, have less than the share before them.
func below(amounts []float64, share exact.Share) int {
	var before exact.Sum
	from := 0
	for ; from+chunk <= len(amounts); from += chunk {
		after := before
		for _, amount := range amounts[from : from+chunk] {
			after.Add(amount)
		}
		if !share.Above(&after) {
			break
		}
		before = after
	}
	for i := from; i < len(amounts); i++ {
		if !share.Above(&before) {
			return i
		}
		before.Add(amounts[i])
	}
	return len(amounts)
}
