package rules

import "github.com/echelonhq/echelon/engine/expr"

// Unclear is a part of a condition of which is not known what it can be: the verdicts hold whatever it is, and there may be more to find.
type Unclear struct {
	// Text is the part, as it reads.
	Text string
	// Offset is where in the text of the condition it begins, in runes from 0; -1 where that is not known.
	Offset int
}

// Unclear returns the parts of a condition that are more than comparisons of free variables with constants, in the order of the text.
func (s *Space) Unclear(c expr.Condition) []Unclear {
	switch c := c.(type) {
	case expr.And:
		return append(s.Unclear(c.Left), s.Unclear(c.Right)...)
	case expr.Or:
		return append(s.Unclear(c.Left), s.Unclear(c.Right)...)
	case expr.Not:
		return s.Unclear(c.Of)
	case expr.If:
		return append(append(s.Unclear(c.Of), s.Unclear(c.Then)...), s.Unclear(c.Else)...)
	case expr.Comparison:
		return s.unclear(c.Term)
	case expr.Presence:
		return s.unclear(c.Variable)
	case expr.Opaque:
		return []Unclear{{c.Key, c.Offset}}
	}
	return nil
}

func (s *Space) unclear(term expr.Term) []Unclear {
	if s.steps--; s.steps < 0 {
		return nil
	}
	if means := s.means(term); means != nil && len(s.Unclear(means)) == 0 {
		return nil
	}
	if term.Variable && s.domains(term.Key).Free {
		return nil
	}
	return []Unclear{{term.Key, term.Offset}}
}
