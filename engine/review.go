package engine

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
)

// Brink is the line of scores that is nearest to a customer's score in a tiering.
type Brink struct {
	// Score is the place of the score, Value the customer's, and Line where the line stands, in points.
	Score       int
	Value, Line float64
	// Of names the line among those of its tiering: the tier that begins there, or the axis of a matrix and the place of the cut on it, from 1.
	Of string
}

// Brink returns the line that is nearest to a customer of a result, and whether there is one. Newcomers, those without a score or without a tier, those
// who inherit the tier of another, and the tiers of a table have none. The scorer must be the one whose lines the result was made with.
func (s *Scorer) Brink(r *Result, tiering, row int) (Brink, bool) {
	t, computed := s.program.tierings[tiering], r.ComputedTiers(tiering)
	if !computed.Valid.Get(row) || r.Inherits(tiering, row) {
		return Brink{}, false
	}
	switch {
	case t.ladder != nil:
		return s.brinkOfLadder(t, r, tiering, row, int(computed.Codes[row]))
	case t.matrix != nil:
		return s.brinkOfMatrix(t, r, tiering, row)
	}
	return Brink{}, false
}

func (s *Scorer) brinkOfLadder(t *tiering, r *Result, tiering, row, computed int) (Brink, bool) {
	score := r.Scores[t.scores[0]]
	if !score.Valid.Get(row) {
		return Brink{}, false
	}
	segment := 0
	if t.by >= 0 {
		segments := r.Segments[t.by]
		if ruled := r.computedSegments(t.by); ruled != nil {
			segments = ruled
		}
		if !segments.Valid.Get(row) {
			return Brink{}, false
		}
		segment = int(segments.Codes[row])
	}
	b := Brink{Score: t.scores[0], Value: score.Numbers[row]}
	line, of, ok := t.ladder.Nearest(s.lines.ladders[tiering], segment, computed, b.Value)
	if !ok {
		return Brink{}, false
	}
	b.Line, b.Of = line, t.ladder.Names()[of]
	return b, true
}

func (s *Scorer) brinkOfMatrix(t *tiering, r *Result, tiering, row int) (Brink, bool) {
	var values [2]float64
	for axis, place := range t.scores {
		if !r.Scores[place].Valid.Get(row) {
			return Brink{}, false
		}
		values[axis] = r.Scores[place].Numbers[row]
	}
	line, axis, cut, ok := t.matrix.Nearest(s.lines.matrices[tiering], values)
	if !ok {
		return Brink{}, false
	}
	return Brink{Score: t.scores[axis], Value: values[axis], Line: line, Of: fmt.Sprintf("%s %d", "xy"[axis:axis+1], cut+1)}, true
}

// ComputedTiers returns the column of the tiers that the cuts of a tiering alone give.
func (r *Result) ComputedTiers(tiering int) *frame.Column {
	if computed := r.Computed[tiering]; computed != nil {
		return computed
	}
	return r.Tiers[tiering]
}

// ComputedSegmentsOf returns the column of the segments that the rules of a segmentation give.
func (r *Result) ComputedSegmentsOf(segmentation int) *frame.Column {
	if computed := r.computedSegments(segmentation); computed != nil {
		return computed
	}
	return r.Segments[segmentation]
}

// Inherits reports whether a customer has the tier of its family's root.
func (r *Result) Inherits(tiering, row int) bool { return r.ownOf(tiering, row) > 0 }

// ScoresOf returns the places of the scores that a tiering reads; none of a table.
func (p *Program) ScoresOf(tiering int) []int {
	t := p.tierings[tiering]
	switch {
	case t.ladder != nil:
		return t.scores[:1]
	case t.matrix != nil:
		return t.scores[:]
	}
	return nil
}

// Onboards reports whether a place among the names of a tiering is that of its onboarding tier.
func (p *Program) Onboards(tiering, place int) bool {
	return p.tierings[tiering].ladder != nil && p.tierings[tiering].ladder.Onboards(place)
}

// Apart returns how many tiers of a ladder or a table lie between two, tiers of one level being one, and between two personas how many levels of both
// axes. Nobody moves from or to the onboarding tier: it is as far as any.
func (p *Program) Apart(tiering, from, to int) int {
	if p.Onboards(tiering, from) || p.Onboards(tiering, to) {
		return 0
	}
	if matrix := p.tierings[tiering].matrix; matrix != nil {
		return matrix.Apart(from, to)
	}
	ranks := p.Side(tiering, "").Ranks
	return max(ranks[from]-ranks[to], ranks[to]-ranks[from])
}
