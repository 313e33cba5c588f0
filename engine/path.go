package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// pathfinder finds out what of one customer alone would bring it into a better tier.
type pathfinder struct {
	scorer  *Scorer
	options Options
	e       *evaluation
	row     int
	// room is the customer, as often as a frame for trying has rows.
	room *frame.Frame
}

// maxTried is how many values are tried at once.
const maxTried = 64

// paths returns the paths of a row of a batch that was evaluated, one a ladder.
func (s *Scorer) paths(e *evaluation, f *frame.Frame, options Options, row int) []*echelonv1.TierPath {
	if e.excluded != nil && e.excluded.Get(row) {
		return nil
	}
	p := &pathfinder{scorer: s, e: e, row: row, room: f.Repeat(row, maxTried), options: Options{AsOf: options.AsOf, Families: options.Families}}
	var paths []*echelonv1.TierPath
	for i, t := range s.program.tierings {
		if t.ladder != nil {
			paths = append(paths, p.path(i))
		}
	}
	return paths
}

func (p *pathfinder) path(tiering int) *echelonv1.TierPath {
	t := p.scorer.program.tierings[tiering]
	column := p.e.columns[tiering]
	path := &echelonv1.TierPath{Tiering: t.name, Tier: text(column, p.row)}
	item := "tiers." + t.name
	switch {
	case p.e.own[tiering] != nil && p.e.own[tiering][p.row] > 0:
		path.Note = item + ": the root of the customer's family decides"
		return path
	case column.Valid.Get(p.row) && t.ladder.Onboards(int(column.Codes[p.row])):
		path.Note = item + ": newcomers stand in no cut yet"
		return path
	case !p.e.cutScores(tiering)[0].Valid.Get(p.row):
		path.Note = item + ": the customer stands in no cut, since it has no score or no segment"
		return path
	case !p.canRise(tiering):
		path.Note = item + ": the customer is in the best tier"
		return path
	}
	for i, field := range p.scorer.program.model.GetAttributes() {
		if step := p.step(tiering, i, field); step != nil {
			path.Steps = append(path.Steps, step)
		}
	}
	slices.SortStableFunc(path.Steps, func(a, b *echelonv1.PathStep) int { return int(a.GetOutcome()) - int(b.GetOutcome()) })
	return path
}

// canRise reports whether there is a tier better than the customer's.
func (p *pathfinder) canRise(tiering int) bool {
	return slices.ContainsFunc(p.scorer.program.tierings[tiering].names(), func(name string) bool {
		return p.better(tiering, slices.Index(p.scorer.program.tierings[tiering].names(), name))
	})
}

// better reports whether a place is that of a tier that is better than the customer's: further up, and of another level where there are levels.
func (p *pathfinder) better(tiering, place int) bool {
	t := p.scorer.program.tierings[tiering]
	now := int(p.e.columns[tiering].Codes[p.row])
	if place < 0 || place >= now || t.ladder.Onboards(place) {
		return false
	}
	return t.levels[now] == nil || *t.levels[place] < *t.levels[now]
}

// step says what one attribute alone could do; nil where the tiering does not depend on it.
func (p *pathfinder) step(tiering, attribute int, declared *echelonv1.Attribute) *echelonv1.PathStep {
	name := declared.GetName()
	if !p.depends(tiering, name) {
		return nil
	}
	value := p.e.scope.Columns[p.slot(name)]
	step := &echelonv1.PathStep{Attribute: name, From: value.Value(p.row)}
	w := &wayfinder{pathfinder: p, tiering: tiering, attribute: attribute, declared: declared, step: step}
	switch declared.GetType() {
	case echelonv1.Attribute_BOOLEAN, echelonv1.Attribute_STRING:
		w.choose()
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_DATE:
		trend := p.trend(tiering, name)
		switch {
		case trend == expr.Still:
			return nil
		case trend == expr.Erratic:
			w.unknown()
		case !value.Valid.Get(p.row):
			step.Outcome = echelonv1.PathStep_MISSING
			step.Message = fmt.Sprintf("%s is missing: fill it in to see how far it is", name)
		default:
			w.search(trend == expr.Rising)
		}
	default:
		w.unknown()
	}
	return step
}

func (p *pathfinder) slot(name string) int {
	return slices.IndexFunc(p.scorer.program.variables, func(v expr.Variable) bool { return v.Name == name })
}

// expressionsOf returns the expressions of an item that decide its computed outcome.
func (p *Program) expressionsOf(one *item) []*expr.Expr {
	var list []*expr.Expr
	for _, placed := range p.expressions {
		later := strings.Contains(placed.path, ".exit.") || strings.HasPrefix(placed.path, one.path+".stability.")
		if strings.HasPrefix(placed.path, one.path+".") && !later {
			list = append(list, placed.Expr)
		}
	}
	return list
}

// depends reports whether a tiering may depend on an attribute, directly or by other items.
func (p *pathfinder) depends(tiering int, attribute string) bool {
	program := p.scorer.program
	for i := range program.needed(tiering) {
		for _, x := range program.expressionsOf(program.items[i]) {
			// A call that adds up families reads what it adds up, too.
			if slices.ContainsFunc(x.Refs(), func(name string) bool { return name == attribute || program.observes(attribute, name) }) {
				return true
			}
		}
	}
	return false
}

// needed returns the places of the items of a tiering and of all that it needs.
func (p *Program) needed(tiering int) map[int]bool {
	at := slices.IndexFunc(p.items, func(one *item) bool { return one.kind == tieringKind && one.index == tiering })
	needs := p.ancestors(at)
	needs[at] = true
	return needs
}

// adds reports whether a variable is a call that adds up over families what depends on an attribute.
func (p *pathfinder) adds(variable string, known map[string]expr.Trend) bool {
	f := p.scorer.program.families
	return f != nil && slices.ContainsFunc(f.functions, func(one familyFunction) bool { return one.String() == variable && known[one.Of] != expr.Still })
}

// observes reports whether an attribute says when another was observed.
func (p *Program) observes(attribute, of string) bool {
	for _, a := range p.model.GetAttributes() {
		if a.GetName() == of && a.GetObservedAt() == attribute {
			return true
		}
	}
	return false
}

// trend returns how a tiering goes with an attribute of the customer.
func (p *pathfinder) trend(tiering int, attribute string) expr.Trend {
	program := p.scorer.program
	for _, a := range program.model.GetAttributes() {
		if a.GetObservedAt() == attribute {
			return expr.Erratic
		}
	}
	known := map[string]expr.Trend{attribute: expr.Rising}
	variable := func(name string) expr.Trend {
		if p.adds(name, known) {
			return expr.Erratic
		}
		return known[name]
	}
	of := func(x *expr.Expr) expr.Trend { return x.Trend(variable, &p.e.scope, p.row) }
	if program.population != nil {
		program.trends(program.population.needs, known, of)
		if of(program.population.when) != expr.Still {
			return expr.Erratic
		}
	}
	program.trends(program.needed(tiering), known, of)
	return known["tiers."+program.tierings[tiering].name]
}

// trends finds out how items go with an attribute, in their order.
func (p *Program) trends(needed map[int]bool, known map[string]expr.Trend, of func(*expr.Expr) expr.Trend) {
	for _, i := range p.order {
		one := p.items[i]
		if !needed[i] {
			continue
		}
		switch t := one.index; one.kind {
		case derivedKind:
			known[one.variable] = of(p.derived[t])
		case scoreKind:
			known[one.variable] = p.scores[t].Trend(of)
		case tieringKind:
			if ladder := p.tierings[t].ladder; ladder != nil {
				known[one.variable] = ladder.Trend(known["scores."+p.model.GetScores()[p.tierings[t].scores[0]].GetName()], of)
				continue
			}
			known[one.variable] = p.still(one, of)
			for _, score := range p.tierings[t].scores {
				if score >= 0 && known["scores."+p.model.GetScores()[score].GetName()] != expr.Still {
					known[one.variable] = expr.Erratic
				}
			}
		default:
			known[one.variable] = p.still(one, of)
		}
	}
}

// still is Still where no expression of an item depends on the attribute, and Erratic otherwise.
func (p *Program) still(one *item, of func(*expr.Expr) expr.Trend) expr.Trend {
	if slices.ContainsFunc(p.expressionsOf(one), func(x *expr.Expr) bool { return of(x) != expr.Still }) {
		return expr.Erratic
	}
	return expr.Still
}
