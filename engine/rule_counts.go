package engine

import (
	"fmt"
	"time"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// RuleCounts counts which of a model's rules and cuts given customers meet: what cannot be known of all customers can be seen in these.
type RuleCounts struct {
	scorer    *Scorer
	lists     []*ruleList
	customers int64
}

// ruleList is the conditions of a segmentation, or those of a tiering's cuts.
type ruleList struct {
	// decides tells that they are a segmentation's rules, unique that its hit policy is UNIQUE.
	decides, unique bool
	names, paths    []string
	conditions      []*expr.Expr
	// met and won are how many customers meet each, and how many it is the first to match.
	met, won []int64
	// clashes are those of each rule with an earlier one.
	clashes []map[int]*clash
}

// clash is the customers whom two rules of UNIQUE match.
type clash struct {
	customers int64
	// first says who the first of them is.
	first string
}

// CountRules returns counts without a customer.
func (s *Scorer) CountRules() *RuleCounts {
	c := &RuleCounts{scorer: s}
	expressions := make(map[string]*expr.Expr)
	for _, one := range s.program.expressions {
		expressions[one.path] = one.Expr
	}
	add := func(list *ruleList, name, path string) {
		if expressions[path] != nil {
			list.names, list.paths, list.conditions = append(list.names, name), append(list.paths, path), append(list.conditions, expressions[path])
		}
	}
	for i, segmentation := range s.program.model.GetSegmentations() {
		list := &ruleList{decides: true, unique: segmentation.GetHitPolicy() == echelonv1.Segmentation_UNIQUE}
		for k, one := range segmentation.GetSegments() {
			add(list, one.GetName(), fmt.Sprintf("segmentations[%d].segments[%d].when", i, k))
		}
		c.lists = append(c.lists, list)
	}
	cuts := &ruleList{}
	for i, t := range s.program.model.GetTierings() {
		for k, one := range t.GetLinear().GetTiers() {
			add(cuts, one.GetName(), fmt.Sprintf("tierings[%d].linear.tiers[%d].cut.when", i, k))
		}
		for s, segment := range t.GetLinear().GetPerSegment() {
			for k, one := range segment.GetTiers() {
				add(cuts, one.GetName(), fmt.Sprintf("tierings[%d].linear.per_segment[%d].tiers[%d].cut.when", i, s, k))
			}
		}
		for a, axis := range []*echelonv1.Axis{t.GetMatrix().GetX(), t.GetMatrix().GetY()} {
			for k := range axis.GetCuts() {
				add(cuts, "", fmt.Sprintf("tierings[%d].matrix.%s.cuts[%d].when", i, "xy"[a:a+1], k))
			}
		}
	}
	c.lists = append(c.lists, cuts)
	for i, t := range s.program.model.GetTierings() {
		list := &ruleList{decides: true, unique: t.GetTable().GetHitPolicy() == echelonv1.Segmentation_UNIQUE}
		for k := range t.GetTable().GetRows() {
			add(list, fmt.Sprintf("row %d", k+1), fmt.Sprintf("tierings[%d].table.rows[%d].when", i, k))
		}
		c.lists = append(c.lists, list)
	}
	for _, list := range c.lists {
		n := len(list.conditions)
		list.met, list.won, list.clashes = make([]int64, n), make([]int64, n), make([]map[int]*clash, n)
	}
	return c
}

// Add counts those of a batch of customers whom the model is about, whose frame has the program's schema. Lines, where they are given, are those of the customers in their file.
func (c *RuleCounts) Add(f *frame.Frame, lines []int, asOf time.Time) {
	e := c.scorer.program.newEvaluation(f, c.scorer.lines, asOf, nil)
	e.exclude()
	e.run(nil)
	c.customers += int64(f.Len())
	if e.excluded != nil {
		c.customers -= int64(e.excluded.Count())
	}
	for _, list := range c.lists {
		results := make([]*expr.Result, len(list.conditions))
		for i, condition := range list.conditions {
			results[i] = condition.Eval(&e.scope)
		}
		for row, id := range f.IDs {
			if e.excluded != nil && e.excluded.Get(row) {
				continue
			}
			who := func() string {
				if lines == nil {
					return frame.Quote(id)
				}
				return fmt.Sprintf("%s in line %d", frame.Quote(id), lines[row])
			}
			list.add(results, row, who)
		}
	}
}

func (l *ruleList) add(results []*expr.Result, row int, who func() string) {
	first := -1
	for k, result := range results {
		if !result.Column.Valid.Get(row) || !result.Column.Bits.Get(row) {
			continue
		}
		l.met[k]++
		switch {
		case first < 0:
			first = k
			l.won[k]++
		case l.unique:
			l.clash(k, first, who)
		}
	}
}

func (l *ruleList) clash(k, earlier int, who func() string) {
	if l.clashes[k] == nil {
		l.clashes[k] = make(map[int]*clash)
	}
	if l.clashes[k][earlier] == nil {
		l.clashes[k][earlier] = &clash{first: who()}
	}
	l.clashes[k][earlier].customers++
}

// Findings returns what the customers show about the rules, as warnings: rules that none of them meets or reaches, and rules of UNIQUE of which
// several match one. Source says where the customers are, such as a file's name. That nobody meets or reaches a rule is not said again of those about
// which something was found before. Of no customers there is nothing to say.
func (c *RuleCounts) Findings(source string, before diag.List) diag.List {
	var found diag.List
	if c.customers == 0 {
		return nil
	}
	known := make(map[string]bool)
	for _, f := range before {
		known[f.Path] = true
	}
	for _, list := range c.lists {
		for k, path := range list.paths {
			switch {
			case known[path]:
			case list.met[k] == 0:
				found.Warnf(path, "mend the condition, or leave it where such customers are to come", "of %s in %s none meets the condition", count(c.customers, "customer"), source)
			case list.decides && !list.unique && list.won[k] == 0:
				found.Warnf(path, "move it up, or narrow what is before it",
					"earlier rules take all customers in %s who meet the condition, %d of %d", source, list.met[k], c.customers)
			}
			for earlier := range k {
				if one := list.clashes[k][earlier]; one != nil {
					found.Warnf(path, "narrow one of them, or write hit_policy: FIRST", "%q and %q both match %s in %s, the first is %s",
						list.names[earlier], list.names[k], count(one.customers, "customer"), source, one.first)
				}
			}
		}
	}
	return found
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
