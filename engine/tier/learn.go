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

// rungLearner gathers the scored customers of one segment.
type rungLearner struct {
	*rungs
	// counting is the last tier whose lines count those whom no better tier took, or none: for it and those before, what customers hold is gathered.
	counting int
	gathered []*gathered
	// taken tells of whom a tier took already, by their places, while the lines are found.
	taken                  []bool
	negative, negativeRoom []int
}

func newRungLearner(r *rungs) *rungLearner {
	tiers := len(r.cuts)
	n := &rungLearner{rungs: r, counting: none, negative: make([]int, tiers), negativeRoom: make([]int, tiers)}
	for tier := range r.names {
		if r.cuts[tier].counts() || slices.ContainsFunc(r.cuts[tier].any, func(one int) bool { return r.cuts[one].counts() }) {
			n.counting = tier
		}
	}
	return n
}

func (n *rungLearner) add(p *part, row int) {
	to := n.room()
	to.scores, to.ids = append(to.scores, p.batch.score.Numbers[row]), append(to.ids, p.batch.ids[row])
	for _, t := range p.batch.ties {
		to.ties = append(to.ties, tieOf(&t.Column, row))
	}
	for tier := range n.cuts {
		if n.tierOf(tier) <= n.counting {
			to.holds[tier] = append(to.holds[tier], p.holds(tier, row))
		}
		gather(p.of[tier], row, &to.amounts[tier], &n.negative[tier])
		gather(p.takenUp[tier], row, &to.room[tier], &n.negativeRoom[tier])
	}
}

// merge takes in the customers of another learner, behind its own.
func (n *rungLearner) merge(other *rungLearner) {
	n.gathered = append(n.gathered, other.gathered...)
	for tier := range n.cuts {
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
	if n.counting != none {
		n.taken = make([]bool, len(n.gathered)*gatheredAtOnce)
	}
	lines := &rungLines{scored: n.customers(), tiers: make([]tierLines, len(n.cuts)), negative: n.negative, negativeRoom: n.negativeRoom}
	n.divide(lines)
	for tier := range n.names {
		for _, one := range n.cuts[tier].any {
			n.draw(one, &lines.tiers[one])
		}
		n.draw(tier, &lines.tiers[tier])
		if tier < n.counting {
			n.take(tier, lines)
		}
	}
	n.taken = nil // other segments follow
	return lines
}

// lineAt returns the line behind a customer.
func (n *rungLearner) lineAt(k key) *line {
	k.ties = slices.Clone(k.ties) // those of all others are let go
	return keyLine(k)
}

// draw finds the lines of a cut.
func (n *rungLearner) draw(tier int, lines *tierLines) {
	c := &n.cuts[tier]
	if !c.needsPopulation() {
		return
	}
	if c.declared.TopCount != nil {
		lines.topCount = n.first(tier, int(min(c.declared.GetTopCount(), int64(n.customers()+1))))
	}
	if c.declared.TopShare != nil {
		lines.topShare = n.first(tier, exact.CeilShare(c.declared.GetTopShare(), n.customers()))
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
	for at := range n.all() {
		n.taken[at] = n.taken[at] || n.takes(tier, at, lines)
	}
}

// takes reports whether a cut takes a customer.
func (n *rungLearner) takes(tier, at int, all *rungLines) bool {
	if !n.holds(tier, at) {
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
		k.amount = n.amount(tier, at)
	}
	return k
}

// candidates are the customers whom a tier counts: those that no better tier took and that hold its other fields.
func (n *rungLearner) candidates(tier int) []place {
	return n.places(n.scoreOf, func(at int) bool { return !n.taken[at] && n.holds(tier, at) })
}

// first returns the line behind the first so many candidates of a tier.
func (n *rungLearner) first(tier, count int) *line {
	if count == 0 {
		// There is nobody to take a share of.
		return &line{kind: echelonv1.DecisionLine_OPEN}
	}
	candidates := n.candidates(tier)
	if len(candidates) < count {
		return &line{kind: echelonv1.DecisionLine_OPEN}
	}
	var one exact.Sum
	one.Add(1)
	all := exact.FractionOf(int64(count), 1, &one)
	last, _ := n.seek(candidates, func(int) float64 { return 1 }, func(sum *exact.Sum) bool { return !all.Above(sum) })
	return n.lineAt(n.key(last))
}

// fill returns the line behind the last candidate of a tier who fits into its capacity, together with those before.
func (n *rungLearner) fill(tier int) *line {
	room := n.cuts[tier].room
	if room.Of == nil {
		if count := exact.FloorProduct(room.Reps, room.PerRep, n.customers()+1); count > 0 {
			return n.first(tier, count)
		}
		return &line{kind: echelonv1.DecisionLine_CLOSED}
	}
	most := exact.Product(room.Reps, room.PerRep)
	beyond, found := n.seek(n.candidates(tier), func(at int) float64 { return n.takenUp(tier, at) }, most.Below)
	if !found {
		return &line{kind: echelonv1.DecisionLine_OPEN}
	}
	last, found := n.before(n.candidates(tier), beyond)
	if !found {
		return &line{kind: echelonv1.DecisionLine_CLOSED}
	}
	return n.lineAt(n.key(last))
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
	scores := make([]float64, 0, n.customers())
	for _, g := range n.gathered {
		scores = append(scores, g.scores...)
	}
	slices.Sort(scores)
	breaks := naturalBreaks(scores, len(tiers)+1)
	for i, tier := range tiers {
		if i < len(breaks) {
			lines.tiers[tier].natural = &breaks[len(breaks)-1-i]
		}
	}
}

// cumulative returns the line behind the last customer before whom the amount is below the share of the total.
func (n *rungLearner) cumulative(tier int) *line {
	var total, nothing exact.Sum
	amount := func(at int) float64 { return n.amount(tier, at) }
	for _, g := range n.gathered {
		for _, x := range g.amounts[tier] {
			total.Add(x)
		}
	}
	share := exact.ShareOf(n.cuts[tier].declared.GetCumulativeShare().GetShare(), &total)
	if !share.Above(&nothing) {
		return &line{kind: echelonv1.DecisionLine_CLOSED}
	}
	number := n.scoreOf
	if n.cuts[tier].byAmount {
		number = amount
	}
	// With the last of them the share is reached: there is one, since a share is no more than the total.
	last, _ := n.seek(n.places(number, func(int) bool { return true }), amount, func(sum *exact.Sum) bool { return !share.Above(sum) })
	return n.lineAt(n.ordered(tier, last))
}
