package snapshot

import (
	"github.com/echelonhq/echelon/engine/exact"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// count adds up the table.
type count struct {
	of        *Migration
	customers [][]int64
	// amounts are those in `to`, before those in `from`.
	amounts, before [][]exact.Sum
	deleted         int64
	// ofNow tells whether some amounts are of the customers as they are stored now.
	ofNow bool
}

func newCount(m *Migration) *count {
	c := &count{of: m}
	for range len(m.from.Tiers) + others {
		c.customers = append(c.customers, make([]int64, len(m.to.Tiers)+others))
		c.amounts = append(c.amounts, make([]exact.Sum, len(m.to.Tiers)+others))
		c.before = append(c.before, make([]exact.Sum, len(m.to.Tiers)+others))
	}
	return c
}

func (c *count) add(t *traveller, stored bool) {
	c.customers[t.was][t.is]++
	c.amounts[t.was][t.is].Add(t.after)
	if t.to.Outcomes == nil {
		c.amounts[t.was][t.is].Add(t.before)
	}
	c.before[t.was][t.is].Add(t.before)
	if !stored {
		c.deleted++
	}
}

// merge adds what another one counted.
func (c *count) merge(other *count) {
	for from, row := range other.customers {
		for to, n := range row {
			if n > 0 {
				c.customers[from][to] += n
				c.amounts[from][to].Merge(&other.amounts[from][to])
				c.before[from][to].Merge(&other.before[from][to])
			}
		}
	}
	c.deleted += other.deleted
	c.ofNow = c.ofNow || other.ofNow
}

// table returns what was counted.
func (c *count) table() *echelonv1.Migration {
	m := c.of
	table := &echelonv1.Migration{
		Tiering: m.tiering, FromTiers: m.from.Tiers, ToTiers: m.to.Tiers, Deleted: c.deleted, Amount: m.to.program.Model().GetAmount(),
		FromAmount: m.from.program.Model().GetAmount(), AmountsOfNow: c.ofNow,
	}
	for from, row := range c.customers {
		for to, n := range row {
			if n == 0 {
				continue
			}
			table.Cells = append(table.Cells, &echelonv1.MigrationCell{
				From: m.from.told(from), To: m.to.told(to), Customers: n, Amount: c.amounts[from][to].Float64(), FromAmount: c.before[from][to].Float64(),
			})
			switch {
			case from == len(m.from.Tiers)+absent:
				table.Newcomers += n
				continue
			case to == len(m.to.Tiers)+absent:
				table.Leavers += n
				continue
			}
			table.Both += n
			switch {
			case m.same(from, to):
				table.Stayed += n
			case m.direction(from, to) == echelonv1.Mover_PROMOTED:
				table.Promoted += n
			case m.direction(from, to) == echelonv1.Mover_DEMOTED:
				table.Demoted += n
			default:
				table.MovedOtherwise += n
			}
		}
	}
	return table
}
