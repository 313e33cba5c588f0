package engine

import (
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *checker) tierings() {
	var names []string
	drives := -1
	for i, t := range c.model.GetTierings() {
		names = append(names, t.GetName())
		path := diag.Index("tierings", i)
		if t.GetDrivesCoverage() {
			if drives >= 0 {
				c.found.Mistakef(diag.Field(path, "drives_coverage"), "let one tiering decide what is paid for; the others advise",
					"%s drives coverage already", diag.Index("tierings", drives))
			}
			drives = i
		}
		switch kind := t.GetKind().(type) {
		case *echelonv1.Tiering_Linear_:
			c.linear(diag.Field(path, "linear"), kind.Linear)
		case *echelonv1.Tiering_Matrix_:
			c.matrix(diag.Field(path, "matrix"), kind.Matrix)
		case *echelonv1.Tiering_Table_:
			c.table(diag.Field(path, "table"), kind.Table)
		default:
			c.found.Mistakef(path, "write `linear`, `matrix` or `table`", "it is neither a ladder, a matrix nor a table")
		}
	}
	c.words("tierings", names)
}

// scoreNamed finds a mistake where a tiering names a score that there is not.
func (c *checker) scoreNamed(path, name string) {
	if !c.given(path, name, "name the score that it cuts") {
		return
	}
	for _, known := range c.scores {
		if known == name {
			return
		}
	}
	remedy := diag.DidYouMean(name, c.scores)
	if remedy == "" {
		remedy = "declare it under scores"
	}
	c.found.Mistakef(path, remedy, "there is no score %q", name)
}

func (c *checker) linear(path string, l *echelonv1.Tiering_Linear) {
	c.scoreNamed(diag.Field(path, "score"), l.GetScore())
	tiers := diag.Field(path, "tiers")
	if len(l.GetTiers()) == 0 {
		c.found.Mistakef(tiers, "declare at least one, best first", "it has no tiers")
	}
	first := make(map[string]int)
	var names []string
	for i, t := range l.GetTiers() {
		at := diag.Index(tiers, i)
		names = append(names, t.GetName())
		c.free(diag.Field(at, "name"), t.GetName())
		c.unique(diag.Field(at, "name"), first, t.GetName(), i, tiers)
		c.engagement(at, t.GetEngagement())
		last := i == len(l.GetTiers())-1
		if last || !ofSegmentsAlone(l, t) {
			c.cutOf(at, t.Cut, last)
		}
		switch {
		case t.Exit != nil && last:
			c.found.Mistakef(diag.Field(at, "exit"), "remove it, or add a tier below", "nobody leaves the last tier for a worse one")
		case t.Exit != nil:
			c.exit(diag.Field(at, "exit"), t.GetExit())
		}
	}
	c.perSegment(path, l, names)
	c.capacities(path, l)
	var levels []*int32
	for _, t := range l.GetTiers() {
		levels = append(levels, t.Level)
	}
	c.levels(tiers, levels)
	if newcomers := l.GetOnboarding(); newcomers != nil {
		at := diag.Field(path, "onboarding")
		c.given(diag.Field(at, "while"), newcomers.GetWhile(), "write who is new, such as days_since(signed_up) < 90")
		c.free(diag.Field(at, "tier"), newcomers.GetTier())
		if _, taken := first[newcomers.GetTier()]; taken {
			c.found.Mistakef(diag.Field(at, "tier"), "give it a name of its own", "%q is a tier of the ladder", newcomers.GetTier())
		}
		c.engagement(at, newcomers.GetEngagement())
	}
	if _, known := first[l.GetUnscored()]; l.GetUnscored() != "" && !known {
		remedy := diag.DidYouMean(l.GetUnscored(), names)
		if remedy == "" {
			remedy = "name a tier of this ladder"
		}
		c.found.Mistakef(diag.Field(path, "unscored"), remedy, "there is no tier %q", l.GetUnscored())
	}
	for i, breaker := range l.GetTieBreakers() {
		c.given(diag.Field(diag.Index(diag.Field(path, "tie_breakers"), i), "expr"), breaker.GetExpr(), "write what is compared")
	}
}

func (c *checker) cut(path string, cut *echelonv1.Cut) {
	share := cut.GetCumulativeShare()
	counts := cut.TopCount != nil || cut.TopShare != nil || share != nil || cut.GetCapacity() != nil || cut.GetNaturalBreak() != nil
	if cut.MinScore == nil && cut.GetWhen() == "" && !counts && len(cut.GetAny()) == 0 {
		c.found.Mistakef(path, "write min_score, when, top_count, top_share, cumulative_share, capacity, natural_break or any", "the cut is empty")
	}
	if len(cut.GetAny()) > 0 && counts {
		c.found.Mistakef(diag.Field(path, "any"), "move what counts into the cuts of any", "beside any only min_score and when may stand")
	}
	for i, one := range cut.GetAny() {
		at := diag.Index(diag.Field(path, "any"), i)
		if len(one.GetAny()) > 0 {
			c.found.Mistakef(diag.Field(at, "any"), "write its cuts into the outer one", "a cut of any has an any of its own")
			continue
		}
		if one.GetNaturalBreak() != nil {
			c.found.Mistakef(diag.Field(at, "natural_break"), "write it beside, in a cut without any", "it divides all of the ladder, and cuts of any count for themselves")
		}
		c.cut(at, one)
	}
	c.within(diag.Field(path, "min_score"), cut.MinScore, 0, 100)
	if cut.TopCount != nil && cut.GetTopCount() < 1 {
		c.found.Mistakef(diag.Field(path, "top_count"), "write how many customers it takes", "%d is less than 1", cut.GetTopCount())
	}
	c.share(diag.Field(path, "top_share"), cut.TopShare)
	if share != nil {
		at := diag.Field(path, "cumulative_share")
		c.given(diag.Field(at, "of"), share.GetOf(), "write the amount, such as the name of an attribute")
		part := share.GetShare()
		c.share(diag.Field(at, "share"), &part)
	}
}

// levels checks that all tiers of a ladder have a level that does not fall on the way down, or none has.
func (c *checker) levels(path string, levels []*int32) {
	for i, level := range levels {
		at := diag.Field(diag.Index(path, i), "level")
		switch {
		case (level == nil) != (levels[0] == nil):
			c.found.Mistakef(at, "give each tier its level, or none", "some tiers of the ladder have a level and others have none")
			return
		case level != nil && *level < 1:
			c.found.Mistakef(at, "count from 1, the best", "%d is no level", *level)
		case level != nil && i > 0 && *level < *levels[i-1]:
			c.found.Mistakef(at, "order the tiers by level, the best first", "level %d stands below level %d, which is worse", *level, *levels[i-1])
		}
	}
}

// share finds a mistake where a share that is given is not above 0 and at most 1.
func (c *checker) share(path string, x *float64) {
	if x != nil && !(*x > 0 && *x <= 1) {
		c.found.Mistakef(path, "write a share such as 0.2, which is 20 %", "%s is not above 0 and at most 1", frame.FormatNumber(*x))
	}
}

func (c *checker) matrix(path string, m *echelonv1.Tiering_Matrix) {
	c.axis(diag.Field(path, "x"), m.GetX())
	c.axis(diag.Field(path, "y"), m.GetY())
	cells := diag.Field(path, "cells")
	if len(m.GetCells()) == 0 {
		c.found.Mistakef(cells, "name at least one, such as {x: 1, y: 1, name: Strategic Partnerships}", "it has no cells")
	}
	first := make(map[[2]int32]int)
	engagements := make(map[string]string)
	for i, cell := range m.GetCells() {
		at := diag.Index(cells, i)
		if before, known := engagements[cell.GetName()]; known && before != cell.GetEngagement() {
			c.found.Mistakef(at, "give all cells of one name the same engagement, or this one another name",
				"the persona %q has another engagement in an earlier cell", cell.GetName())
		}
		engagements[cell.GetName()] = cell.GetEngagement()
		c.free(diag.Field(at, "name"), cell.GetName())
		c.engagement(at, cell.GetEngagement())
		onX := c.level(diag.Field(at, "x"), cell.X, len(m.GetX().GetCuts()))
		if onY := c.level(diag.Field(at, "y"), cell.Y, len(m.GetY().GetCuts())); !onX || !onY {
			continue
		}
		place := [2]int32{cell.GetX(), cell.GetY()}
		if before, taken := first[place]; taken {
			c.found.Mistakef(at, "remove one of them", "the place x %d, y %d is taken by %s", cell.GetX(), cell.GetY(), diag.Index(cells, before))
			continue
		}
		first[place] = i
	}
}

func (c *checker) axis(path string, a *echelonv1.Axis) {
	c.scoreNamed(diag.Field(path, "score"), a.GetScore())
	if len(a.GetCuts()) == 0 {
		c.found.Mistakef(diag.Field(path, "cuts"), "write at least one, such as {median: {}}", "the axis has no cuts")
	}
	for i, cut := range a.GetCuts() {
		at := diag.Index(diag.Field(path, "cuts"), i)
		switch line := cut.GetLine().(type) {
		case nil:
			c.found.Mistakef(at, "write min_score, median or percentile", "the cut has no line")
		case *echelonv1.AxisCut_MinScore:
			c.within(diag.Field(at, "min_score"), &line.MinScore, 0, 100)
		case *echelonv1.AxisCut_Percentile_:
			c.declared(diag.Field(at, "percentile.p"), line.Percentile.P != nil, "write it, such as percentile: {p: 80}")
			c.within(diag.Field(at, "percentile.p"), line.Percentile.P, 0, 100)
		}
	}
}

// level reports whether a cell's level is there and is one of its axis.
func (c *checker) level(path string, level *int32, cuts int) bool {
	if !c.declared(path, level != nil, "write the level, such as 0, the lowest") {
		return false
	}
	if level == nil || *level >= 0 && int(*level) <= cuts {
		return true
	}
	c.found.Mistakef(path, "levels count the cuts that are met, 0 the lowest", "level %d lies outside 0 to %d", *level, cuts)
	return false
}
