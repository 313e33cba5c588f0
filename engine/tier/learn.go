package tier

import (
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// LadderLines is what a ladder learned from its population.
type LadderLines struct {
	scored int
	tiers  []tierLines
	// negative counts, for each tier, the amounts below 0 that its cumulative share took as 0.
	negative []int
}

// of returns the lines of a tier's cut; nil lines have none.
func (l *LadderLines) of(tier int) *tierLines {
	if l == nil {
		return nil
	}
	return &l.tiers[tier]
}

// none reports whether a tier's cut has no lines.
func (l *LadderLines) none(tier int) bool {
	return l == nil || l.tiers[tier] == tierLines{}
}

// LadderLearner gathers the scored customers of a population.
type LadderLearner struct {
	ladder *Ladder
	// rows are the scored customers.
	rows []candidate
	// holds tells, for each tier and each customer as they came, whether the customer meets the fields that need no line.
	holds [][]bool
	// amounts is, for each tier with a cumulative share and each customer as they came, what the customer adds to it.
	amounts  [][]float64
	negative []int
}

// candidate is a scored customer of the population.
type candidate struct {
	key key
	// at is the customer's place among those that came.
	at    int
	taken bool
}

// Learner returns one that has seen nothing yet.
func (l *Ladder) Learner() *LadderLearner {
	tiers := len(l.cuts)
	return &LadderLearner{ladder: l, holds: make([][]bool, tiers), amounts: make([][]float64, tiers), negative: make([]int, tiers)}
}

// Add gathers a batch of the population.
func (n *LadderLearner) Add(scope *expr.Scope, ids []string, score *frame.Column) {
	l := n.ladder
	b := l.read(scope, ids, score)
	for row := range scope.Rows {
		if !score.Valid.Get(row) || b.isNew(row) {
			continue
		}
		n.rows = append(n.rows, candidate{key: b.key(row), at: len(n.rows)})
		for tier := range l.cuts {
			n.holds[tier] = append(n.holds[tier], l.holds(b, tier, row))
			if l.cuts[tier].of == nil {
				continue
			}
			n.amounts[tier] = append(n.amounts[tier], b.amount(tier, row))
			if of := &b.of[tier].Column; of.Valid.Get(row) && of.Numbers[row] < 0 {
				n.negative[tier]++
			}
		}
	}
}

// Lines returns what was learned. It does not depend on the order in which the population came.
func (n *LadderLearner) Lines() *LadderLines {
	l := n.ladder
	slices.SortFunc(n.rows, func(a, b candidate) int { return compare(l.breakers, &a.key, &b.key) })
	lines := &LadderLines{scored: len(n.rows), tiers: make([]tierLines, len(l.cuts)), negative: n.negative}
	for tier := range l.names {
		for _, one := range l.cuts[tier].any {
			n.draw(one, &lines.tiers[one])
		}
		n.draw(tier, &lines.tiers[tier])
		n.take(tier, lines)
	}
	return lines
}

// draw finds the lines of a cut.
func (n *LadderLearner) draw(tier int, lines *tierLines) {
	c := &n.ladder.cuts[tier]
	if !c.needsPopulation() {
		return
	}
	if c.declared.TopCount != nil {
		lines.topCount = n.first(tier, int(min(c.declared.GetTopCount(), int64(len(n.rows)+1))))
	}
	if c.declared.TopShare != nil {
		lines.topShare = n.first(tier, exact.CeilShare(c.declared.GetTopShare(), len(n.rows)))
	}
	if c.of != nil {
		lines.cumulative = n.cumulative(tier)
	}
}

// take takes a tier's customers from the worse tiers.
func (n *LadderLearner) take(tier int, lines *LadderLines) {
	for i := range n.rows {
		one := &n.rows[i]
		one.taken = one.taken || n.takes(tier, one, lines)
	}
}

// takes reports whether a cut takes a customer.
func (n *LadderLearner) takes(tier int, one *candidate, all *LadderLines) bool {
	if !n.holds[tier][one.at] {
		return false
	}
	if any := n.ladder.cuts[tier].any; any != nil && !slices.ContainsFunc(any, func(cut int) bool { return n.takes(cut, one, all) }) {
		return false
	}
	breakers, lines := n.ladder.breakers, &all.tiers[tier]
	for _, counted := range []*line{lines.topCount, lines.topShare} {
		if counted != nil && !counted.takes(breakers, &one.key) {
			return false
		}
	}
	if lines.cumulative == nil {
		return true
	}
	ordered := n.ordered(tier, one)
	return lines.cumulative.takes(breakers, &ordered)
}

// ordered returns a customer's key in the order of a tier's cumulative share.
func (n *LadderLearner) ordered(tier int, one *candidate) key {
	k := one.key
	if n.ladder.cuts[tier].byAmount {
		k.amount = n.amounts[tier][one.at]
	}
	return k
}

// first returns the line behind the first so many candidates of a tier: those that no better tier took and that hold its other fields.
func (n *LadderLearner) first(tier, count int) *line {
	if count == 0 {
		// There is nobody to take a share of.
		return &line{kind: echelonv1.DecisionLine_OPEN}
	}
	for i := range n.rows {
		if n.rows[i].taken || !n.holds[tier][n.rows[i].at] {
			continue
		}
		if count--; count == 0 {
			return keyLine(n.rows[i].key)
		}
	}
	return &line{kind: echelonv1.DecisionLine_OPEN}
}

// chunk is how many customers are added up before the sum is compared with the share.
const chunk = 1024

// cumulative returns the line behind the last customer before whom the amount is below the share of the total.
func (n *LadderLearner) cumulative(tier int) *line {
	order := make([]int, len(n.rows))
	for i := range order {
		order[i] = i
	}
	if n.ladder.cuts[tier].byAmount {
		slices.SortFunc(order, func(a, b int) int {
			x, y := n.ordered(tier, &n.rows[a]), n.ordered(tier, &n.rows[b])
			return compare(n.ladder.breakers, &x, &y)
		})
	}
	amounts := make([]float64, len(order))
	var total exact.Sum
	for i, place := range order {
		amounts[i] = n.amounts[tier][n.rows[place].at]
		total.Add(amounts[i])
	}
	taken := below(amounts, exact.ShareOf(n.ladder.cuts[tier].declared.GetCumulativeShare().GetShare(), &total))
	if taken == 0 {
		return &line{kind: echelonv1.DecisionLine_CLOSED}
	}
	return keyLine(n.ordered(tier, &n.rows[order[taken-1]]))
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
