package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// variableOf returns the name by which expressions read what a condition of a table is about; "" where it says nothing.
func variableOf(one *echelonv1.TableCondition) string {
	switch of := one.GetOf().(type) {
	case *echelonv1.TableCondition_Segmentation:
		return "segments." + of.Segmentation
	case *echelonv1.TableCondition_Tiering:
		return "tiers." + of.Tiering
	case *echelonv1.TableCondition_Score:
		return "scores." + of.Score
	}
	return ""
}

// rowText returns a row of a table as an expression.
func rowText(row *echelonv1.TableRow) string {
	var parts []string
	for _, one := range row.GetWhen() {
		variable := variableOf(one)
		if len(one.GetIn()) > 0 {
			var names []string
			for _, name := range one.GetIn() {
				names = append(names, strconv.Quote(name))
			}
			parts = append(parts, variable+" in ["+strings.Join(names, ", ")+"]")
		}
		if one.From != nil {
			parts = append(parts, variable+" >= "+frame.FormatNumber(one.GetFrom()))
		}
		if one.Below != nil {
			parts = append(parts, variable+" < "+frame.FormatNumber(one.GetBelow()))
		}
	}
	if len(parts) == 0 {
		return "true"
	}
	return strings.Join(parts, " && ")
}

func (c *compiler) table(path string, declared *echelonv1.Tiering) *tiering {
	var rows []*expr.Expr
	for i, row := range declared.GetTable().GetRows() {
		rows = append(rows, c.expression(fmt.Sprintf("%s.rows[%d].when", path, i), rowText(row), expr.Boolean))
	}
	if c.found.HasMistakes() {
		return nil
	}
	compiled := &tiering{name: declared.GetName(), table: tier.NewTable(declared, rows), scores: [2]int{-1, -1}, by: -1}
	for _, t := range declared.GetTable().GetTiers() {
		compiled.engagements = append(compiled.engagements, t.GetEngagement())
		compiled.levels = append(compiled.levels, t.Level)
	}
	return compiled
}

// table finds the mistakes of a decision table.
func (c *checker) table(path string, t *echelonv1.Tiering_Table) {
	tiers := diag.Field(path, "tiers")
	if len(t.GetTiers()) == 0 {
		c.found.Mistakef(tiers, "declare at least one, best first", "it has no tiers")
	}
	first := make(map[string]int)
	var names []string
	var levels []*int32
	for i, one := range t.GetTiers() {
		at := diag.Index(tiers, i)
		names, levels = append(names, one.GetName()), append(levels, one.Level)
		c.free(diag.Field(at, "name"), one.GetName())
		c.unique(diag.Field(at, "name"), first, one.GetName(), i, tiers)
		c.engagement(at, one.GetEngagement())
	}
	c.levels(tiers, levels)
	given := func(path, name string) {
		if !slices.Contains(names, name) {
			c.found.Mistakef(path, orElse(diag.DidYouMean(name, names), "declare it under the table's tiers"), "there is no tier %q", name)
		}
	}
	rows := diag.Field(path, "rows")
	if len(t.GetRows()) == 0 {
		c.found.Mistakef(rows, "write at least one, such as {when: [{score: value, from: 60}], tier: high-touch}", "it has no rows")
	}
	for i, row := range t.GetRows() {
		at := diag.Index(rows, i)
		if c.given(diag.Field(at, "tier"), row.GetTier(), "write which tier the row gives") {
			given(diag.Field(at, "tier"), row.GetTier())
		}
		about := make(map[string]int)
		for k, one := range row.GetWhen() {
			c.tableCondition(diag.Index(diag.Field(at, "when"), k), one)
			if before, taken := about[variableOf(one)]; taken && variableOf(one) != "" {
				c.found.Mistakef(diag.Index(diag.Field(at, "when"), k), "make them one", "%s is about %s already", diag.Index("when", before), variableOf(one))
			}
			about[variableOf(one)] = k
		}
	}
	if t.GetOtherwise() != "" {
		given(diag.Field(path, "otherwise"), t.GetOtherwise())
	}
	if t.GetUnknown() != "" {
		given(diag.Field(path, "unknown"), t.GetUnknown())
	}
}

func (c *checker) tableCondition(path string, one *echelonv1.TableCondition) {
	switch of := one.GetOf().(type) {
	case *echelonv1.TableCondition_Score:
		c.scoreNamed(diag.Field(path, "score"), of.Score)
		c.band(path, one)
	case *echelonv1.TableCondition_Segmentation:
		var known []string
		for _, s := range c.model.GetSegmentations() {
			known = append(known, s.GetName())
		}
		c.listed(path, "segmentation", of.Segmentation, known, c.segmentsOf("segments."+of.Segmentation), one)
	case *echelonv1.TableCondition_Tiering:
		var known []string
		for _, t := range c.model.GetTierings() {
			known = append(known, t.GetName())
		}
		c.listed(path, "tiering", of.Tiering, known, c.tiersOf(of.Tiering), one)
	default:
		c.found.Mistakef(path, "write segmentation, tiering or score", "it does not say what it is about")
	}
}

// band checks the condition on a score.
func (c *checker) band(path string, one *echelonv1.TableCondition) {
	if len(one.GetIn()) > 0 {
		c.found.Mistakef(diag.Field(path, "in"), "write from, below or both", "a score is a number, and no list of names")
	}
	if one.From == nil && one.Below == nil {
		c.found.Mistakef(path, "write from, below or both", "it does not say which scores")
	}
	c.within(diag.Field(path, "from"), one.From, 0, 100)
	c.within(diag.Field(path, "below"), one.Below, 0, 100)
	if one.From != nil && one.Below != nil && !(one.GetFrom() < one.GetBelow()) || one.Below != nil && one.GetBelow() == 0 {
		c.found.Mistakef(path, "write a band such as {from: 40, below: 70}", "no score is in it")
	}
}

// listed checks the condition on a segment or a tier: what it is about, and what of it.
func (c *checker) listed(path, field, name string, known, names []string, one *echelonv1.TableCondition) {
	if one.From != nil || one.Below != nil {
		c.found.Mistakef(path, "write `in`", "only scores have `from` and `below`")
	}
	if !c.given(diag.Field(path, field), name, "name it") {
		return
	}
	if !slices.Contains(known, name) {
		c.found.Mistakef(diag.Field(path, field), orElse(diag.DidYouMean(name, known), "declare it"), "there is no %s %q", field, name)
		return
	}
	if len(one.GetIn()) == 0 {
		c.found.Mistakef(diag.Field(path, "in"), "write which of them, such as ["+quoted(names, ", ")+"]", "it does not say which")
	}
	first := make(map[string]int)
	for i, wanted := range one.GetIn() {
		at := diag.Index(diag.Field(path, "in"), i)
		c.unique(at, first, wanted, i, diag.Field(path, "in"))
		if !slices.Contains(names, wanted) {
			c.found.Mistakef(at, orElse(diag.DidYouMean(wanted, names), "it can be "+quoted(names, "or")), "%s is never %s", name, frame.Quote(wanted))
		}
	}
}

// tiersOf returns the tiers or personas that a tiering can give.
func (c *checker) tiersOf(name string) []string {
	var names []string
	for _, t := range c.model.GetTierings() {
		if t.GetName() != name {
			continue
		}
		for _, one := range t.GetLinear().GetTiers() {
			names = append(names, one.GetName())
		}
		names = append(names, given(t.GetLinear().GetOnboarding().GetTier())...)
		for _, one := range t.GetMatrix().GetCells() {
			names = append(names, one.GetName())
		}
		for _, one := range t.GetTable().GetTiers() {
			names = append(names, one.GetName())
		}
	}
	return names
}
