package tier

import "math"

// Nearest returns the line of scores that is nearest to a customer of a segment who is computed into a tier: that of its own tier, which it stands on or
// above, or of a better one, which it stands below. Of is the place of the tier that the line is of; none where ok is false, as for newcomers. What a
// cut asks for beside scores is not looked at, since outcomes alone do not tell.
func (l *Ladder) Nearest(lines *LadderLines, segment, computed int, score float64) (line float64, of int, ok bool) {
	if l.Onboards(computed) {
		return 0, none, false
	}
	climbed, learned := l.rungs[l.of[segment]], lines.of(segment)
	least := math.Inf(1)
	for cut, place := range climbed.tiers {
		at := climbed.line(cut, learned)
		if math.IsInf(at, 0) || place == computed && score < at || place != computed && (score >= at || !l.better(place, computed)) {
			continue
		}
		if away := math.Abs(score - at); away < least {
			least, line, of, ok = away, at, place, true
		}
	}
	return line, of, ok
}

// Nearest returns the line of scores that is nearest to a customer, the axis on which it stands, x before y, and its place there from the lowest; ok is
// false where no axis has a line. Conditions beside scores are not looked at, since outcomes alone do not tell. Lines may be nil where the matrix does
// not need the population.
func (m *Matrix) Nearest(lines *MatrixLines, scores [2]float64) (line float64, axis, cut int, ok bool) {
	if lines == nil {
		lines = m.fixed
	}
	least := math.Inf(1)
	for a, score := range scores {
		for i, at := range lines.axes[a] {
			if away := math.Abs(score - at); away < least { // never of a line that is NaN
				least, line, axis, cut, ok = away, at, a, i, true
			}
		}
	}
	return line, axis, cut, ok
}

// Apart returns how many levels of both axes lie between two personas, of their cells that are nearest to each other.
func (m *Matrix) Apart(from, to int) int {
	height, least := len(m.axes[1].cuts)+1, math.MaxInt
	for i, a := range m.cells {
		for k, b := range m.cells {
			if a == from && b == to {
				least = min(least, abs(i/height-k/height)+abs(i%height-k%height))
			}
		}
	}
	return least
}
