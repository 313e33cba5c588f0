package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
)

// families finds out, before anything else is learned, who belongs to which family, and adds the families up. All customers that can be read count,
// whether the model is about them or not: a parent is a parent.
func (c *calibrator) families(ctx context.Context, population Population) error {
	f := c.program.families
	if f == nil {
		return nil
	}
	var links family.Links
	err := c.all(ctx, population, func(batch *frame.Frame) {
		for row, id := range batch.IDs {
			links.Add(id, c.program.ParentOf(batch, row))
		}
	})
	if err != nil {
		return err
	}
	table, odd := links.Table(f.names, f.tieringNames)
	c.odd = odd
	if err := c.addUp(ctx, population, table); err != nil {
		return err
	}
	c.lines.families = table
	return c.deciding(ctx, population, table)
}

// all goes through all customers, those whom the model is not about too.
func (c *calibrator) all(ctx context.Context, population Population, do func(*frame.Frame)) error {
	for f, err := range population {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		do(f)
	}
	return ctx.Err()
}

// addUp goes through the customers once, where something is to be added up.
func (c *calibrator) addUp(ctx context.Context, population Population, table *family.Table) error {
	f := c.program.families
	needs := make(map[int]bool)
	sums := make([]family.Sums, len(f.functions))
	values := false
	for _, one := range f.functions {
		values = values || one.of != nil
		if one.item >= 0 {
			needs[one.item] = true
			for need := range c.program.ancestors(one.item) {
				needs[need] = true
			}
		}
	}
	if !values || table.Families() == 0 {
		return nil
	}
	err := c.all(ctx, population, func(batch *frame.Frame) {
		e := c.program.newEvaluation(batch, c.lines, c.asOf, nil)
		e.run(needs)
		for i, one := range f.functions {
			if one.of == nil {
				continue
			}
			column := &one.of.Eval(&e.scope).Column
			for row, id := range batch.IDs {
				if !column.Valid.Get(row) {
					continue
				}
				at, x := table.Of(id, ""), column.Numbers[row]
				if one.Function == expr.FamilyMax {
					family.Max(table, i, at, x)
				} else {
					sums[i].Add(at, x)
				}
			}
		}
	})
	if err != nil {
		return err
	}
	for i, one := range f.functions {
		if one.Function == expr.FamilySum {
			sums[i].Into(table, i)
		}
	}
	return nil
}

// deciding finds the families whose root decides for them: the model must be about it.
func (c *calibrator) deciding(ctx context.Context, population Population, table *family.Table) error {
	if len(c.program.families.tierings) == 0 || table.Families() == 0 {
		return nil
	}
	return c.all(ctx, population, func(batch *frame.Frame) {
		for _, id := range c.program.members(batch, c.lines, c.asOf).IDs {
			if at := table.Of(id, ""); at != family.Alone && table.Root(at) == id {
				table.Decide(at)
			}
		}
	})
}

// roots is the learner of what the roots of families decide in a tiering, whose lines are known.
func (c *calibrator) roots(place int) *learner {
	one := c.program.items[place]
	k := c.program.perFamily(one.index)
	n := &learner{place: place, needs: c.program.ancestors(place)}
	n.needs[place], n.needs[linesOf(place)] = true, true
	var all []map[int]uint32
	n.gatherer = func() gather {
		decided := make(map[int]uint32)
		all = append(all, decided)
		return func(e *evaluation, _ int) {
			column := e.columns[one.index]
			for row, at := range e.family {
				if at != family.Alone && c.lines.families.Root(at) == e.ids[row] && column.Valid.Get(row) {
					decided[at] = column.Codes[row]
				}
			}
		}
	}
	n.learn = func() {
		for _, decided := range all {
			for at, tier := range decided {
				c.lines.families.SetTier(k, at, tier)
			}
		}
	}
	return n
}

// linesOf is the place of the learner of a tiering's lines where another one, at the tiering's place, comes after it.
func linesOf(place int) int { return -1 - place }

// ParentFindings says what is odd about the parents of customers.
func ParentFindings(odd family.Findings) diag.List {
	var found diag.List
	say := func(o family.Oddity, remedy, what string) {
		if o.Count == 0 {
			return
		}
		examples := make([]string, len(o.Examples))
		for i, e := range o.Examples {
			examples[i] = fmt.Sprintf("%q names %q", e.ID, e.Parent) // whole, so that an erasure finds them
		}
		if o.Count > int64(len(examples)) {
			examples = append(examples, "…")
		}
		found.Warnf("parent", remedy, "customers that "+what+": %d (%s)", o.Count, strings.Join(examples, ", "))
	}
	say(odd.Missing, "store the parents, or correct their ids", "name a parent that is not there, and so count as having none")
	say(odd.Self, "leave the parent out", "name themselves as their parent, and so count as having none")
	say(odd.Cyclic, "correct the parents", "are on a cycle of parents, each of whom is a family of its own")
	return found
}
