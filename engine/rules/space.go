package rules

import (
	"github.com/echelonhq/echelon/engine/expr"
)

// Bounds of the work on one list of rules.
const (
	// maxSteps is how many pairs of boxes are looked at, some milliseconds' worth; to make a box of a pair takes makingSteps.
	maxSteps    = 200_000
	makingSteps = 10
	// maxBoxes is how many boxes a region has at most.
	maxBoxes = 256
)

// Space is the cells of all that some conditions read.
type Space struct {
	domains func(name string) Domain
	axes    []*axis
	index   map[string]int
	// steps is what is left of maxSteps. Below 0 nothing is known any more.
	steps int
}

// NewSpace cuts what the conditions read at their constants. Domains tells the values of the variables by name.
func NewSpace(domains func(name string) Domain, conditions ...expr.Condition) *Space {
	s := &Space{domains: domains, index: make(map[string]int), steps: maxSteps}
	g := &gatherer{space: s, means: make(map[string]bool), ordered: make(map[string]bool), constants: make(map[string][]expr.Constant)}
	for _, c := range conditions {
		g.condition(c)
	}
	for _, term := range g.terms {
		domain := Domain{}
		if term.Variable {
			domain = domains(term.Key)
		}
		s.index[term.Key] = len(s.axes)
		s.axes = append(s.axes, newAxis(term, domain, g.constants[term.Key], g.ordered[term.Key]))
	}
	return s
}

// gatherer finds the terms of conditions and the constants that they are compared with.
type gatherer struct {
	space *Space
	terms []expr.Term
	// means are the variables whose meaning was gone into.
	means     map[string]bool
	ordered   map[string]bool
	constants map[string][]expr.Constant
}

func (g *gatherer) condition(c expr.Condition) {
	switch c := c.(type) {
	case expr.And:
		g.condition(c.Left)
		g.condition(c.Right)
	case expr.Or:
		g.condition(c.Left)
		g.condition(c.Right)
	case expr.Not:
		g.condition(c.Of)
	case expr.If:
		g.condition(c.Of)
		g.condition(c.Then)
		g.condition(c.Else)
	case expr.Comparison:
		g.term(c.Term, c.Constants...)
		g.ordered[c.Term.Key] = g.ordered[c.Term.Key] || c.Op != expr.Equal && c.Op != expr.NotEqual && c.Op != expr.In
	case expr.Presence:
		g.term(c.Variable)
	case expr.Opaque:
		g.term(opaqueTerm(c))
	}
}

// opaqueTerm is a condition that cannot be looked into, as something that is true, false or not readable.
func opaqueTerm(c expr.Opaque) expr.Term { return expr.Term{Key: c.Key, Kind: expr.Boolean} }

func (g *gatherer) term(term expr.Term, constants ...expr.Constant) {
	if means := g.space.means(term); means != nil {
		if !g.means[term.Key] {
			g.means[term.Key] = true
			g.condition(means)
		}
		return
	}
	if _, known := g.constants[term.Key]; !known {
		g.terms = append(g.terms, term)
	}
	g.constants[term.Key] = append(g.constants[term.Key], constants...)
}

// means returns what a variable stands for, nil where it is a fact.
func (s *Space) means(term expr.Term) expr.Condition {
	if !term.Variable || term.Kind != expr.Boolean {
		return nil
	}
	return s.domains(term.Key).Means
}

// where returns the customers for whom a condition is true, or false.
func (s *Space) where(c expr.Condition, is bool) region {
	if s.steps--; s.steps < 0 {
		return nil
	}
	switch c := c.(type) {
	case expr.And:
		if is {
			return s.intersect(s.where(c.Left, true), s.where(c.Right, true))
		}
		return s.union(s.where(c.Left, false), s.where(c.Right, false))
	case expr.Or:
		if is {
			return s.union(s.where(c.Left, true), s.where(c.Right, true))
		}
		return s.intersect(s.where(c.Left, false), s.where(c.Right, false))
	case expr.Not:
		return s.where(c.Of, !is)
	case expr.If:
		return s.union(s.intersect(s.where(c.Of, true), s.where(c.Then, is)), s.intersect(s.where(c.Of, false), s.where(c.Else, is)))
	case expr.Truth:
		if bool(c) == is {
			return everyone
		}
		return nil
	case expr.Comparison:
		return s.compare(c, is)
	case expr.Presence:
		return s.present(c, is)
	case expr.Opaque:
		place := s.index[c.Key]
		return s.along(place, func(one cell) bool { return one.kind == values && one.sample.Bool == is })
	}
	return everyone
}

func (s *Space) compare(c expr.Comparison, is bool) region {
	if means := s.means(c.Term); means != nil {
		holds, fails := c.Holds(expr.Constant{Kind: expr.Boolean, Bool: true}) == is, c.Holds(expr.Constant{Kind: expr.Boolean}) == is
		var out region
		if holds {
			out = s.where(means, true)
		}
		if fails {
			out = s.union(out, s.where(means, false))
		}
		return out
	}
	place := s.index[c.Term.Key]
	a := s.axes[place]
	chosen := noCells(len(a.cells))
	switch c.Op {
	case expr.Equal, expr.NotEqual, expr.In:
		for _, one := range c.Constants {
			if at, ok := a.places[one]; ok {
				chosen.add(at)
			}
		}
	default:
		from, to := a.ordered(c.Op, c.Constants[0])
		for i := from; i < to; i++ {
			chosen.add(i)
		}
	}
	if is == (c.Op != expr.NotEqual) {
		return boxOf(place, chosen)
	}
	// What is no number is neither above nor below, nor equal.
	return boxOf(place, combine(a.readable, chosen, butNot))
}

func (s *Space) present(c expr.Presence, is bool) region {
	if means := s.means(c.Variable); means != nil {
		readable := s.union(s.where(means, true), s.where(means, false))
		if is {
			return readable
		}
		return s.minus(everyone, readable)
	}
	return s.along(s.index[c.Variable.Key], func(one cell) bool { return (one.kind != missing) == is })
}

// along returns the customers who are in the cells of an axis that are chosen.
func (s *Space) along(place int, chosen func(cell) bool) region {
	a := s.axes[place]
	set := noCells(len(a.cells))
	for i, one := range a.cells {
		if chosen(one) {
			set.add(i)
		}
	}
	return boxOf(place, set)
}

func boxOf(axis int, c cells) region {
	if c.empty() {
		return nil
	}
	return region{box{{axis, c}}}
}

// step counts work, and reports whether there may be more.
func (s *Space) step(n int) bool {
	s.steps -= n
	return s.steps >= 0
}

// spent reports whether the work was too much: regions are then worth nothing.
func (s *Space) spent() bool { return s.steps < 0 }

// add adds a box to a region, as a part of one that is there where that can be.
func (s *Space) add(r region, b box) region {
	for i, known := range r {
		if !s.step(1) {
			return nil
		}
		if one, ok := joined(known, b); ok {
			r[i] = one
			return r
		}
	}
	if len(r) == maxBoxes {
		s.steps = -1
		return nil
	}
	return append(r, b)
}

func (s *Space) union(a, b region) region {
	out := append(region(nil), a...)
	for _, one := range b {
		out = s.add(out, one)
	}
	return out
}

func (s *Space) intersect(a, b region) region {
	var out region
	for _, x := range a {
		for _, y := range b {
			if !s.step(1) {
				return nil
			}
			if apart(x, y) {
				continue
			}
			s.step(makingSteps)
			out = s.add(out, meet(x, y))
		}
	}
	return out
}

// minus returns the customers who are in a and not in b.
func (s *Space) minus(a, b region) region {
	for _, y := range b {
		var left region
		for i, x := range a {
			if !s.step(1) {
				return nil
			}
			if apart(x, y) {
				left = append(left, a[i])
				continue
			}
			s.step(makingSteps * len(y))
			left = append(left, s.outside(x, y)...)
		}
		if len(left) > maxBoxes {
			s.steps = -1
			return nil
		}
		a = left
	}
	return a
}

// outside cuts a box into those parts that are not in another: along each side of the other what lies beyond it, and goes on within it.
func (s *Space) outside(x, y box) region {
	var out region
	for _, limit := range y {
		has, _ := x.side(limit.axis)
		if has == nil {
			has = s.whole(limit.axis)
		}
		if beyond := combine(has, limit.cells, butNot); !beyond.empty() {
			out = append(out, x.with(limit.axis, beyond))
		}
		x = x.with(limit.axis, combine(has, limit.cells, both))
	}
	return out
}

// whole returns all cells of an axis.
func (s *Space) whole(place int) cells {
	n := len(s.axes[place].cells)
	all := noCells(n)
	for i := range n {
		all.add(i)
	}
	return all
}
