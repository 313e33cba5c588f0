package engine

import (
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// kind is what an item of a model is.
type kind int

const (
	derivedKind kind = iota
	segmentationKind
	scoreKind
	tieringKind
)

// item is something that a model computes: a derived attribute, a segmentation, a score or a tiering.
type item struct {
	kind kind
	// index is its place in the model's list of its kind.
	index int
	// variable is the name by which expressions read it.
	variable string
	path     string
	// texts are its expressions.
	texts []string
	// needs are the places, among the items, of those that it reads.
	needs []int
	// slot is the place of its variable among the environment's.
	slot int
}

// items lists what a model computes, in declared order.
func items(model *echelonv1.Model) []*item {
	var list []*item
	for i, d := range model.GetDerived() {
		list = append(list, &item{kind: derivedKind, index: i, variable: d.GetName(), path: diag.Index("derived", i), texts: []string{d.GetExpr()}})
	}
	for i, s := range model.GetSegmentations() {
		one := &item{kind: segmentationKind, index: i, variable: "segments." + s.GetName(), path: diag.Index("segmentations", i)}
		for _, segment := range s.GetSegments() {
			one.texts = append(one.texts, segment.GetWhen())
		}
		list = append(list, one)
	}
	for i, s := range model.GetScores() {
		one := &item{kind: scoreKind, index: i, variable: "scores." + s.GetName(), path: diag.Index("scores", i)}
		for _, criterion := range s.GetCriteria() {
			percentile := criterion.GetNormalize().GetPercentile()
			one.texts = append(one.texts, given(criterion.GetExpr(), percentile.GetBy(), percentile.GetWeightBy())...)
		}
		list = append(list, one)
	}
	for i, t := range model.GetTierings() {
		one := &item{kind: tieringKind, index: i, variable: "tiers." + t.GetName(), path: diag.Index("tierings", i)}
		one.texts = tieringTexts(model, t)
		list = append(list, one)
	}
	return list
}

// tieringTexts returns all that a tiering reads: its expressions and, as expressions, its scores.
func tieringTexts(model *echelonv1.Model, t *echelonv1.Tiering) []string {
	var texts []string
	if linear := t.GetLinear(); linear != nil {
		texts = append(texts, "scores."+linear.GetScore(), linear.GetBy())
		for i, one := range cutsOf(linear) {
			engagement := ""
			if i < len(linear.GetTiers()) {
				engagement = linear.GetTiers()[i].GetEngagement()
			}
			for _, cut := range append([]*echelonv1.Cut{one}, one.GetAny()...) {
				texts = append(texts, cut.GetWhen(), cut.GetCumulativeShare().GetOf(), capacityText(model, engagement, cut))
			}
		}
		texts = append(texts, linear.GetOnboarding().GetWhile())
		for _, breaker := range linear.GetTieBreakers() {
			texts = append(texts, breaker.GetExpr())
		}
	}
	for _, row := range t.GetTable().GetRows() {
		texts = append(texts, rowText(row))
	}
	if matrix := t.GetMatrix(); matrix != nil {
		for _, axis := range []*echelonv1.Axis{matrix.GetX(), matrix.GetY()} {
			texts = append(texts, "scores."+axis.GetScore())
			for _, cut := range axis.GetCuts() {
				texts = append(texts, cut.GetWhen())
			}
		}
	}
	return given(texts...)
}

// cutsOf returns the cuts of a ladder's tiers, those of segments too; nil where a tier has none.
func cutsOf(linear *echelonv1.Tiering_Linear) []*echelonv1.Cut {
	var cuts []*echelonv1.Cut
	for _, tier := range linear.GetTiers() {
		cuts = append(cuts, tier.GetCut())
	}
	for _, segment := range linear.GetPerSegment() {
		for _, tier := range segment.GetTiers() {
			cuts = append(cuts, tier.GetCut())
		}
	}
	return cuts
}

// written is the expressions of a place of a model.
type written struct {
	path  string
	texts []string
}

// allTexts returns all expressions of a model: those of its items, and those that no item needs, since they are evaluated before or after all items.
func allTexts(model *echelonv1.Model, list []*item) []written {
	all := []written{{"population", given(model.GetPopulation())}, {"amount", given(model.GetAmount())}}
	for _, one := range list {
		all = append(all, written{one.path, one.texts})
	}
	for i, t := range model.GetTierings() {
		all = append(all, written{diag.Index("tierings", i), exitTexts(t)})
	}
	return all
}

// exitTexts returns the expressions of the exit rules and the freeze of a tiering. They are none of what it needs: they may read its own outcome.
func exitTexts(t *echelonv1.Tiering) []string {
	texts := []string{t.GetStability().GetFreeze().GetBefore()}
	for _, tier := range t.GetLinear().GetTiers() {
		for _, exit := range append([]*echelonv1.Exit{tier.GetExit()}, tier.GetExit().GetAny()...) {
			texts = append(texts, exit.GetWhen())
		}
	}
	return given(texts...)
}

// given returns the texts that are there.
func given(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

// connect fills in what each item needs. The environment knows all names, whatever their kinds.
func connect(list []*item, names *expr.Env) {
	places := make(map[string]int, len(list))
	for i, one := range list {
		if _, taken := places[one.variable]; !taken {
			places[one.variable] = i
		}
	}
	for _, one := range list {
		for _, text := range one.texts {
			for _, name := range names.Refs(text) {
				if place, ok := places[name]; ok && !slices.Contains(one.needs, place) {
					one.needs = append(one.needs, place)
				}
			}
		}
	}
}

// order returns the items' places so that each comes after what it needs, in declared order otherwise. Every cycle is a mistake.
func order(list []*item, found *diag.List) []int {
	const (
		unseen = iota
		entered
		done
	)
	var sorted, way []int
	state := make([]int, len(list))
	var visit func(i int)
	visit = func(i int) {
		switch state[i] {
		case done:
			return
		case entered:
			found.Mistakef(list[i].path, "break the cycle: nothing can be computed from itself", "%s", cycle(list, way, i))
			return
		}
		state[i] = entered
		way = append(way, i)
		for _, need := range list[i].needs {
			visit(need)
		}
		way = way[:len(way)-1]
		state[i] = done
		sorted = append(sorted, i)
	}
	for i := range list {
		visit(i)
	}
	return sorted
}

// cycle says how an item comes to need itself.
func cycle(list []*item, way []int, again int) string {
	var names []string
	for _, i := range way[slices.Index(way, again):] {
		names = append(names, list[i].variable)
	}
	return strings.Join(append(names, list[again].variable), " → ")
}
