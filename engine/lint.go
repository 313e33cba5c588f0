package engine

import (
	"fmt"
	"regexp"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var (
	// touchWords say how a customer is served, which is a tier's business.
	touchWords = regexp.MustCompile(`(?i)\b((high|mid|low|tech|no)[ -]?touch|white[ -]?glove|dedicated|pooled|digital[ -]?led|self[ -]?serve)\b`)
	// segmentWords say who a customer is, which is a segment's business.
	segmentWords = regexp.MustCompile(`(?i)\b(enterprise|mid[ -]?market|smb|sme|small business|start-?up)\b`)
)

// lint returns what a model that compiles probably does not mean.
func (p *Program) lint() diag.List {
	var found diag.List
	p.lintNames(&found)
	p.lintCurrency(&found)
	for i, score := range p.model.GetScores() {
		path := diag.Index("scores", i)
		if len(score.GetCriteria()) == 1 {
			found.Warnf(path, "add criteria, or use the attribute itself in a rule", "score %q has only one criterion", score.GetName())
		}
		if score.GetMissing() == echelonv1.Score_REDISTRIBUTE && score.MinCompleteness == nil && len(score.GetCriteria()) > 1 {
			found.Warnf(path, "write min_completeness, such as 0.6",
				"score %q redistributes missing weight without bound: a customer with one known criterion can rank first", score.GetName())
		}
	}
	for i, t := range p.tierings {
		declared, path := p.model.GetTierings()[i], diag.Index("tierings", i)
		if m := declared.GetMatrix(); m != nil {
			lintCells(path, m, &found)
		}
		if t.table != nil {
			p.lintTable(diag.Field(path, "table"), declared.GetTable(), &found)
		}
		if l := declared.GetLinear(); l != nil {
			p.lintRatios(path, l, &found)
			lintExits(path, l, &found)
			p.lintPerSegment(path, t, l, &found)
		}
		if !t.needsPopulation() {
			found.Add(t.findings(i, nil)...)
		}
	}
	found.Add(p.lintRules(found)...)
	return found
}

// lintNames finds segments that are named like tiers, and tiers that are named like segments.
func (p *Program) lintNames(found *diag.List) {
	segment := func(path, name string) {
		if word := touchWords.FindString(name); word != "" {
			found.Warnf(path, "name it by who the customers are", "a segment is named by how customers are served, %q; that is what tiers are for", word)
		}
	}
	for i, s := range p.model.GetSegmentations() {
		for k, one := range s.GetSegments() {
			segment(fmt.Sprintf("segmentations[%d].segments[%d].name", i, k), one.GetName())
		}
		segment(fmt.Sprintf("segmentations[%d].otherwise", i), s.GetOtherwise())
		segment(fmt.Sprintf("segmentations[%d].unknown", i), s.GetUnknown())
	}
	tier := func(path, name string) {
		if word := segmentWords.FindString(name); word != "" {
			found.Warnf(path, "name it by what customers get", "a tier is named by who customers are, %q; that is what segments are for", word)
		}
	}
	for i, t := range p.model.GetTierings() {
		for k, one := range t.GetLinear().GetTiers() {
			tier(fmt.Sprintf("tierings[%d].linear.tiers[%d].name", i, k), one.GetName())
		}
		tier(fmt.Sprintf("tierings[%d].linear.onboarding.tier", i), t.GetLinear().GetOnboarding().GetTier())
		for k, one := range t.GetTable().GetTiers() {
			tier(fmt.Sprintf("tierings[%d].table.tiers[%d].name", i, k), one.GetName())
		}
		for k, one := range t.GetMatrix().GetCells() {
			tier(fmt.Sprintf("tierings[%d].matrix.cells[%d].name", i, k), one.GetName())
		}
	}
}

// lintCells finds the cells of a matrix that have no name.
func lintCells(path string, m *echelonv1.Tiering_Matrix, found *diag.List) {
	declared := make(map[[2]int32]bool)
	for _, cell := range m.GetCells() {
		declared[[2]int32{cell.GetX(), cell.GetY()}] = true
	}
	for x := range len(m.GetX().GetCuts()) + 1 {
		for y := range len(m.GetY().GetCuts()) + 1 {
			if !declared[[2]int32{int32(x), int32(y)}] {
				found.Warnf(path+".matrix.cells", fmt.Sprintf("name it: {x: %d, y: %d, name: …}", x, y),
					"the cell at x %d, y %d has no name; customers there have no persona", x, y)
			}
		}
	}
}

// lintRatios finds tiers whose reps cover fewer customers than those of a better tier: coverage should thin out on the way down.
func (p *Program) lintRatios(path string, l *echelonv1.Tiering_Linear, found *diag.List) {
	type coverage struct {
		tier  string
		level int32
		per   float64
	}
	above := make(map[string]coverage)
	for i, t := range l.GetTiers() {
		for _, role := range p.engagement(t.GetEngagement()).GetRoles() {
			capacity := role.GetCapacity()
			if capacity == nil {
				continue
			}
			counted := role.GetRole() + " " + capacity.GetDriver().String()
			if better, known := above[counted]; known && capacity.GetPerRep() <= better.per && (t.Level == nil || t.GetLevel() > better.level) {
				found.Warnf(fmt.Sprintf("%s.linear.tiers[%d].engagement", path, i), "let a rep of a better tier cover fewer",
					"a %s of tier %q covers no more than one of the better tier %q", role.GetRole(), t.GetName(), better.tier)
			}
			above[counted] = coverage{t.GetName(), t.GetLevel(), capacity.GetPerRep()}
		}
	}
}

func (p *Program) engagement(name string) *echelonv1.Engagement {
	for _, e := range p.model.GetEngagements() {
		if e.GetName() == name {
			return e
		}
	}
	return nil
}
