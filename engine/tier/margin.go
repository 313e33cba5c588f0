package tier

import (
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// shifted returns the tiers of the batch if each score were so many points higher.
func (o *LadderOutcome) shifted(points float64) *frame.Column {
	if made, known := o.moved[points]; known {
		return made
	}
	score := *o.batch.score
	score.Numbers = slices.Clone(score.Numbers)
	for row := range score.Numbers {
		score.Numbers[row] += points
	}
	read := o.batch.with(&score)
	rows := len(o.Column.Codes)
	out := &LadderOutcome{ladder: o.ladder, lines: o.lines, batch: read, Column: frame.Column{
		Type: echelonv1.Attribute_STRING, Dict: o.Column.Dict, Valid: frame.NewBitmap(rows), Codes: make([]uint32, rows),
	}}
	out.decide(nil)
	if o.moved == nil {
		o.moved = make(map[float64]*frame.Column)
	}
	o.moved[points] = &out.Column
	return &out.Column
}

// Earned returns the tier that a row which was in one tier, and is computed into another, comes to if its score must be so many points past a line to
// come above it, and so many below to fall: the tier of a score that is so much less, or more, if that lies on the same side; else the one it was in.
func (o *LadderOutcome) Earned(row, from, computed int, promote, demote float64) int {
	points := demote
	if o.ladder.better(computed, from) {
		points = -promote
	} else if !o.ladder.better(from, computed) {
		return computed
	}
	column := o.shifted(points)
	if !column.Valid.Get(row) {
		return from
	}
	earned := int(column.Codes[row])
	if o.ladder.better(computed, from) && o.ladder.better(earned, from) || o.ladder.better(from, computed) && o.ladder.better(from, earned) {
		return earned
	}
	return from
}

// better reports whether a tier of the ladder is better than another.
func (l *Ladder) better(tier, than int) bool {
	if l.levels[tier] != nil && l.levels[than] != nil {
		return *l.levels[tier] < *l.levels[than]
	}
	return tier < than
}

// Distance returns by how many points a row that goes from one tier to another is past the line that it crosses first: that of the worst tier which is
// better, or of the one that it leaves. It is 0 where that has no line of scores.
func (o *LadderOutcome) Distance(row, from, to int) float64 {
	score := o.batch.score.Numbers[row]
	if !o.ladder.better(to, from) {
		return math.Max(0, o.line(row, from)-score)
	}
	crossed := to
	for tier := range o.ladder.names {
		if o.ladder.better(tier, from) && o.ladder.better(to, tier) {
			crossed = tier
		}
	}
	if line := o.line(row, crossed); !math.IsInf(line, -1) {
		return math.Max(0, score-line)
	}
	return 0
}

// line returns the score at which the line of a tier stands for a row; minus infinity where it has none.
func (o *LadderOutcome) line(row, tier int) float64 {
	part, lines := o.part(row)
	if at := slices.Index(part.tiers, tier); at != none {
		return part.line(at, lines)
	}
	return math.Inf(-1)
}

// line returns the score at which the line of a cut stands, that of its any included; minus infinity where it has none.
func (r *rungs) line(cut int, all *rungLines) float64 {
	c, at := &r.cuts[cut], math.Inf(-1)
	if c.declared.GetMinScore() > 0 {
		at = c.declared.GetMinScore()
	}
	if lines := all.of(cut); lines != nil {
		if lines.natural != nil {
			at = math.Max(at, *lines.natural)
		}
		for _, field := range []field{topCount, topShare, cumulativeShare, capacity} {
			if field == cumulativeShare && c.byAmount {
				continue
			}
			if where := field.line(lines).where(false); where != nil {
				at = math.Max(at, *where)
			}
		}
	}
	if len(c.any) == 0 {
		return at
	}
	least := math.Inf(1)
	for _, one := range c.any {
		least = math.Min(least, r.line(one, all))
	}
	return math.Max(at, least)
}

// Earned returns the persona that a row which had one persona, and is computed into another, comes to if its scores must be so many points past a cut to
// come above it, and so many below to fall. Each axis goes as far as it must from the level that the persona had, of its cells from the one that the
// row may stay in, or else is nearest.
func (o *MatrixOutcome) Earned(row, from, computed int, promote, demote float64) int {
	var low, high, at [2]int
	for a := range o.scores {
		low[a], high[a] = o.levels(a, row, promote, demote)
		at[a] = o.level(a, row)
	}
	best, nearest := computed, math.MaxInt
	height := len(o.matrix.axes[1].cuts) + 1
	for i, place := range o.matrix.cells {
		if place != from {
			continue
		}
		x, y := i/height, i%height
		toX, toY := min(max(x, low[0]), high[0]), min(max(y, low[1]), high[1])
		if toX == x && toY == y {
			return from
		}
		if far := abs(x-at[0]) + abs(y-at[1]); far < nearest {
			best, nearest = o.cell(toX, toY), far
		}
	}
	if best == none {
		return computed
	}
	return best
}

func abs(x int) int { return max(x, -x) }

// levels returns the least and the greatest level of an axis that a row may be on, by where it was before.
func (o *MatrixOutcome) levels(axis, row int, promote, demote float64) (low, high int) {
	score := o.scores[axis].Numbers[row]
	for cut, when := range o.when[axis] {
		line := o.lines.axes[axis][cut]
		if math.IsNaN(line) || when != nil && !(when.Column.Valid.Get(row) && when.Column.Bits.Get(row)) {
			continue
		}
		if score-promote >= line {
			low++
		}
		if score+demote >= line {
			high++
		}
	}
	return low, high
}

// Distance returns by how many points a row is past the nearest of the lines that lie between the personas, of their cells that are nearest to each
// other; 0 where none does.
func (o *MatrixOutcome) Distance(row, from, _ int) float64 {
	least := math.Inf(1)
	for axis := range o.scores {
		score, level := o.scores[axis].Numbers[row], o.level(axis, row)
		if o.hasLevel(axis, from, level) {
			continue
		}
		for cut := range o.when[axis] {
			if line := o.lines.axes[axis][cut]; !math.IsNaN(line) {
				least = math.Min(least, math.Abs(score-line))
			}
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// hasLevel reports whether a cell of a persona is at a level of an axis.
func (o *MatrixOutcome) hasLevel(axis, persona, level int) bool {
	height := len(o.matrix.axes[1].cuts) + 1
	for i, place := range o.matrix.cells {
		if place == persona && [2]int{i / height, i % height}[axis] == level {
			return true
		}
	}
	return false
}

// Earned returns the computed tier: a table has no lines of its own, so that a margin is nothing to it.
func (o *TableOutcome) Earned(_, _, computed int, _, _ float64) int { return computed }

// Distance returns 0: a table has no lines.
func (o *TableOutcome) Distance(_, _, _ int) float64 { return 0 }
