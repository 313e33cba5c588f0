package rules

import (
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
)

// Verdict is what is certain about one rule of a list. The zero value says nothing.
type Verdict struct {
	// Never tells that nobody can meet its condition.
	Never bool
	// TakenBy are the places of earlier rules that together match everyone whom it matches; nil where that is not so, or not known.
	TakenBy []int
	// Overlaps are the earlier rules that match some customer whom it matches too, each with such a customer.
	Overlaps []Overlap
	// Undecided tells that the work was too much to say more.
	Undecided bool
}

// Overlap is a customer whom two rules match.
type Overlap struct {
	// With is the place of the other rule.
	With int
	// Witness is what the customer's attributes are, as far as they matter.
	Witness []Fact
}

// Fact is the value of an attribute.
type Fact struct {
	// Name is the attribute's.
	Name string
	// Missing tells that it has none.
	Missing bool
	// Value is its value; of a list only its kind is known.
	Value expr.Constant
}

// First judges a list of rules of which the first that matches wins.
func (s *Space) First(conditions []expr.Condition) []Verdict {
	regions, verdicts := s.each(conditions)
	for k, mine := range regions {
		if verdicts[k].Never || verdicts[k].Undecided {
			continue
		}
		verdicts[k].TakenBy = s.takers(mine, regions[:k])
		if s.spent() {
			verdicts[k] = Verdict{Undecided: true}
		}
	}
	return verdicts
}

// Unique judges a list of rules of which no two may match one customer.
func (s *Space) Unique(conditions []expr.Condition) []Verdict {
	regions, verdicts := s.each(conditions)
	for k, mine := range regions {
		for i, other := range regions[:k] {
			if witness, ok := s.witness(mine, other); ok {
				verdicts[k].Overlaps = append(verdicts[k].Overlaps, Overlap{i, witness})
			}
		}
		verdicts[k].Undecided = verdicts[k].Undecided || s.spent()
	}
	return verdicts
}

// Never reports whether it is certain that nobody can meet a condition.
func (s *Space) Never(condition expr.Condition) bool {
	return len(s.where(condition, true)) == 0 && !s.spent()
}

// Leaves reports whether rules may leave somebody whom none of them matches; of whom all could be read, where that is asked for. It is true where
// that is not known.
func (s *Space) Leaves(conditions []expr.Condition, readable bool) bool {
	left := everyone
	for _, c := range conditions {
		if readable {
			left = s.intersect(left, s.where(c, false))
		} else {
			left = s.minus(left, s.where(c, true))
		}
	}
	return len(left) > 0 || s.spent()
}

// each returns whom each condition matches, nobody where that is not known.
func (s *Space) each(conditions []expr.Condition) ([]region, []Verdict) {
	regions, verdicts := make([]region, len(conditions)), make([]Verdict, len(conditions))
	for i, c := range conditions {
		mine := s.where(c, true)
		if s.spent() {
			verdicts[i].Undecided = true
			continue
		}
		regions[i] = mine
		verdicts[i].Never = len(mine) == 0
	}
	return regions, verdicts
}

// takers returns earlier rules that take everyone of a region, nil where some are left.
func (s *Space) takers(mine region, earlier []region) []int {
	if s.leavesCorner(mine, earlier) {
		return nil
	}
	left := mine
	var takers []int
	for i, other := range earlier {
		if s.isApart(left, other) {
			continue
		}
		left = s.minus(left, other)
		takers = append(takers, i)
		if len(left) == 0 {
			break
		}
	}
	if len(left) > 0 || s.spent() {
		return nil
	}
	return s.needed(mine, earlier, takers)
}

// maxNeeded is of how many takers those are found out that are not needed.
const maxNeeded = 12

// needed leaves out takers without whom the others take everyone too.
func (s *Space) needed(mine region, earlier []region, takers []int) []int {
	for i := 0; len(takers) <= maxNeeded && i < len(takers); {
		fewer := slices.Delete(slices.Clone(takers), i, i+1)
		left := mine
		for _, other := range fewer {
			left = s.minus(left, earlier[other])
		}
		if len(left) > 0 || s.spent() {
			i++
			continue
		}
		takers = fewer
	}
	return takers
}

// leavesCorner reports whether no earlier rule takes one of the corners of a region: most rules are seen to be reached by that alone.
func (s *Space) leavesCorner(mine region, earlier []region) bool {
	for _, b := range mine {
		for _, corner := range s.corners(b) {
			taken := slices.ContainsFunc(earlier, func(r region) bool {
				return s.step(1) && slices.ContainsFunc(r, func(other box) bool { return other.has(corner) })
			})
			if s.spent() {
				return false
			}
			if !taken {
				return true
			}
		}
	}
	return false
}

// corners returns points of a box: the least and the greatest of its sides, where it has none what is missing.
func (s *Space) corners(b box) []point {
	low, high := make(point, len(s.axes)), make(point, len(s.axes))
	for i, a := range s.axes {
		low[i], high[i] = len(a.cells)-1, len(a.cells)-1
	}
	for _, side := range b {
		low[side.axis], high[side.axis] = side.cells.first(), side.cells.last()
	}
	return []point{low, high}
}

func (s *Space) isApart(a, b region) bool {
	for _, x := range a {
		for _, y := range b {
			if !s.step(1) || !apart(x, y) {
				return false
			}
		}
	}
	return true
}

// witness returns a customer of two regions, where it is certain that there can be one: it depends on nothing but free variables.
func (s *Space) witness(mine, other region) ([]Fact, bool) {
	for _, x := range mine {
		for _, y := range other {
			if !s.step(1) {
				return nil, false
			}
			if apart(x, y) {
				continue
			}
			s.step(makingSteps)
			if facts, ok := s.inhabitant(meet(x, y)); ok {
				return facts, true
			}
		}
	}
	return nil, false
}

func (s *Space) inhabitant(b box) ([]Fact, bool) {
	var facts []Fact
	for _, side := range b {
		a := s.axes[side.axis]
		if side.cells.count() == len(a.cells) {
			continue
		}
		fact, ok := a.fact(side.cells)
		if !ok {
			return nil, false
		}
		facts = append(facts, fact)
	}
	return facts, true
}

// fact returns a value that lies in one of the cells, the first that is no gap where there is one.
func (a *axis) fact(chosen cells) (Fact, bool) {
	if !a.free {
		return Fact{}, false
	}
	found := -1
	for i, one := range a.cells {
		if !chosen.has(i) || one.kind == missing && a.required {
			continue
		}
		if _, point := a.places[one.sample]; point && one.kind == values {
			found = i
			break
		}
		if found < 0 {
			found = i
		}
	}
	if found < 0 {
		return Fact{}, false
	}
	one := a.cells[found]
	return Fact{Name: a.name, Missing: one.kind == missing, Value: one.sample}, true
}
