package engine

import (
	"slices"

	"github.com/echelonhq/echelon/engine/compare"
)

// Side returns a tiering as one side of a comparison, named as is given. Its tiers rank by their levels or else by their order; personas by the
// sum of the levels of their cell, the highest of several cells, so that of a 4-box the best corner is first, the worst third, and those between
// are second. The onboarding tier ranks behind all.
func (p *Program) Side(tiering int, name string) compare.Side {
	t := p.tierings[tiering]
	side := compare.Side{Name: name, Tiers: t.names(), Ranks: make([]int, len(t.names()))}
	if t.matrix != nil {
		p.rankCells(tiering, side.Ranks)
		return side
	}
	rank, level := 0, int32(0)
	for i := range side.Ranks {
		if l := t.levels[i]; l == nil || *l != level {
			rank++
		}
		if t.levels[i] != nil {
			level = *t.levels[i]
		}
		side.Ranks[i] = rank
	}
	return side
}

// rankCells ranks the personas of a matrix.
func (p *Program) rankCells(tiering int, ranks []int) {
	names := p.TierNames(tiering)
	best := make([]int32, len(names))
	for _, cell := range p.model.GetTierings()[tiering].GetMatrix().GetCells() {
		at := slices.Index(names, cell.GetName())
		best[at] = max(best[at], cell.GetX()+cell.GetY())
	}
	sums := slices.Compact(slices.Sorted(slices.Values(best)))
	for i, sum := range best {
		ranks[i] = len(sums) - slices.Index(sums, sum)
	}
}

// Block returns the tiers in force of two tierings of a result, for a comparison; its customers say why where the result has reasons.
func (r *Result) Block(a, b int) compare.Block {
	why := func(tiering, row int) string {
		item, text := "tiers."+r.Program.tierings[tiering].name, ""
		for _, one := range r.Reasons.Of(row) {
			if one.GetItem() == item {
				text = one.GetMessage() // the last one tells what decided
			}
		}
		return text
	}
	return compare.Block{
		IDs: r.IDs, A: r.Tiers[a], B: r.Tiers[b], Amounts: r.Amounts, Excluded: r.Excluded,
		Why: func(row int) (string, string) { return why(a, row), why(b, row) },
	}
}
