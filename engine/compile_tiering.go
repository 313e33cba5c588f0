package engine

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// tiering is a compiled tiering: a ladder, a matrix or a table.
type tiering struct {
	name string
	// ladder and its score's place, or matrix and those of its two scores, or table.
	ladder *tier.Ladder
	matrix *tier.Matrix
	table  *tier.Table
	scores [2]int
	// by is the place of the segmentation within whose segments a ladder's cuts are drawn, -1 where there is none.
	by int
	// stable is what holds customers in their tiers; nil where nothing does.
	stable *stability.Policy
	// engagements are the engagement of each of names, empty where it has none.
	engagements []string
	// levels are the level of each of a ladder's or a table's names, nil where it has none.
	levels []*int32
}

func (t *tiering) names() []string {
	switch {
	case t.ladder != nil:
		return t.ladder.Names()
	case t.table != nil:
		return t.table.Names()
	}
	return t.matrix.Names()
}

func (t *tiering) needsPopulation() bool {
	switch {
	case t.ladder != nil:
		return t.ladder.NeedsPopulation()
	case t.table != nil:
		return false
	}
	return t.matrix.NeedsPopulation()
}

func (c *compiler) tiering(path string, index int) {
	declared := c.program.model.GetTierings()[index]
	var compiled *tiering
	switch {
	case declared.GetLinear() != nil:
		compiled = c.ladder(path+".linear", declared)
	case declared.GetMatrix() != nil:
		compiled = c.matrix(path+".matrix", declared)
	case declared.GetTable() != nil:
		compiled = c.table(path+".table", declared)
	}
	if c.found.HasMistakes() {
		return
	}
	if compiled != nil {
		compiled.stable = c.stability(path, declared)
	}
	if c.found.HasMistakes() {
		return
	}
	c.program.tierings = grow(c.program.tierings, index)
	c.program.tierings[index] = compiled
}

func (c *compiler) ladder(path string, declared *echelonv1.Tiering) *tiering {
	linear := declared.GetLinear()
	var cuts []tier.CutExprs
	for i, t := range linear.GetTiers() {
		cuts = append(cuts, c.cut(fmt.Sprintf("%s.tiers[%d].cut", path, i), t.GetEngagement(), t.GetCut()))
	}
	var ties []*expr.Expr
	for i, breaker := range linear.GetTieBreakers() {
		at := fmt.Sprintf("%s.tie_breakers[%d].expr", path, i)
		ties = append(ties, c.expression(at, breaker.GetExpr(), expr.Number, expr.Boolean, expr.String, expr.Date, expr.Timestamp))
	}
	exprs := tier.LadderExprs{
		Cuts: cuts, Ties: ties, By: c.peers(path+".by", linear.GetBy()),
		Newcomers: c.expression(path+".onboarding.while", linear.GetOnboarding().GetWhile(), expr.Boolean),
	}
	for i, segment := range linear.GetPerSegment() {
		exprs.PerSegment = append(exprs.PerSegment, nil)
		for k, t := range segment.GetTiers() {
			exprs.PerSegment[i] = append(exprs.PerSegment[i], c.cut(fmt.Sprintf("%s.per_segment[%d].tiers[%d].cut", path, i, k), "", t.GetCut()))
		}
	}
	if c.found.HasMistakes() {
		return nil
	}
	by := c.segmentationOf(linear.GetBy())
	if by >= 0 {
		exprs.Segments = c.program.segmentations[by].Names()
	}
	compiled := &tiering{
		name: declared.GetName(), ladder: tier.NewLadder(declared, exprs), scores: [2]int{c.scoreAt(linear.GetScore()), -1}, by: by,
	}
	for _, t := range linear.GetTiers() {
		compiled.engagements = append(compiled.engagements, t.GetEngagement())
		compiled.levels = append(compiled.levels, t.Level)
	}
	if exprs.Newcomers != nil {
		compiled.engagements = append(compiled.engagements, linear.GetOnboarding().GetEngagement())
		compiled.levels = append(compiled.levels, nil)
	}
	return compiled
}

func (c *compiler) cut(path, engagement string, declared *echelonv1.Cut) tier.CutExprs {
	exprs := tier.CutExprs{
		When: c.expression(path+".when", declared.GetWhen(), expr.Boolean),
		Of:   c.expression(path+".cumulative_share.of", declared.GetCumulativeShare().GetOf(), expr.Number),
		Room: c.room(path, engagement, declared),
	}
	for i, one := range declared.GetAny() {
		exprs.Any = append(exprs.Any, c.cut(diag.Index(path+".any", i), engagement, one))
	}
	return exprs
}

func (c *compiler) matrix(path string, declared *echelonv1.Tiering) *tiering {
	m := declared.GetMatrix()
	var conditions [2][]*expr.Expr
	for a, axis := range []*echelonv1.Axis{m.GetX(), m.GetY()} {
		for i, cut := range axis.GetCuts() {
			at := fmt.Sprintf("%s.%s.cuts[%d].when", path, "xy"[a:a+1], i)
			conditions[a] = append(conditions[a], c.expression(at, cut.GetWhen(), expr.Boolean))
		}
	}
	if c.found.HasMistakes() {
		return nil
	}
	compiled := &tiering{
		name: declared.GetName(), matrix: tier.NewMatrix(declared, conditions[0], conditions[1]),
		scores: [2]int{c.scoreAt(m.GetX().GetScore()), c.scoreAt(m.GetY().GetScore())}, by: -1,
	}
	compiled.engagements = make([]string, len(compiled.matrix.Names()))
	for _, cell := range m.GetCells() {
		for i, name := range compiled.matrix.Names() {
			if name == cell.GetName() {
				compiled.engagements[i] = cell.GetEngagement()
			}
		}
	}
	return compiled
}

// scoreAt returns the place of the score of that name, which check has found to exist.
func (c *compiler) scoreAt(name string) int {
	for i, score := range c.program.model.GetScores() {
		if score.GetName() == name {
			return i
		}
	}
	panic("engine: a tiering's score was not checked")
}
