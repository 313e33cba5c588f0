package snapshot

import (
	"context"
	"iter"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// kept goes through what the reader has, after an id: of a run, whatever it evaluated, those too that were deleted since; of a publication, what is
// published. A row is followed by the rest of its Result where whole is set.
func (r *Reader) kept(ctx context.Context, after string) iter.Seq2[stretch, error] {
	return func(yield func(stretch, error) bool) {
		if r.overlay != "" {
			for row, err := range r.Rows(ctx, after) {
				if !yield(stretch{Row: row}, err) {
					return
				}
			}
			return
		}
		for block, err := range r.view.SnapshotBlocks(ctx, r.run.GetId(), after) {
			var result *engine.Result
			if err == nil {
				result, err = Decode(r.program, block)
			}
			if err != nil {
				yield(stretch{}, err)
				return
			}
			first := 0
			for first < result.Len() && result.IDs[first] <= after && after != "" {
				first++
			}
			if first < result.Len() && !yield(stretch{Row: Row{Result: result, Index: first}, whole: true}, nil) {
				return
			}
		}
	}
}

// stretch is a row, or with whole it and all that follow in its Result.
type stretch struct {
	Row
	whole bool
}

// track looks at the next row of stretches.
type track struct{ *pull[stretch] }

func newTrack(all iter.Seq2[stretch, error]) track { return track{newPull(all)} }

func (t track) id() string { return t.value.ID() }

// row returns a row that stays what it is when the track goes on.
func (t track) row() *Row {
	row := t.value.Row
	return &row
}

func (t track) step() {
	if t.value.whole && t.value.Index+1 < t.value.Result.Len() {
		t.value.Index++
		return
	}
	t.next()
}

func (t track) err() error { return t.pull.err }

// worth is the amounts of some customers.
type worth struct {
	ids     []string
	amounts *frame.Column
}

// amounts goes through the amounts of the customers that are stored, by the model of `to` as of its run; of nobody where it has none.
func (m *Migration) amounts(ctx context.Context, view storage.Reader, after string) (iter.Seq2[worth, error], error) {
	program, run := m.to.program, m.to.run
	if program.Model().GetAmount() == "" {
		return func(func(worth, error) bool) {}, nil
	}
	if err := m.catalog.CheckReadable(view, run.GetModel(), run.GetModelVersion()); err != nil {
		return nil, err
	}
	published, err := m.catalog.OfRun(view, run, "")
	if err != nil {
		return nil, err
	}
	return func(yield func(worth, error) bool) {
		for batch, err := range view.Customers(ctx, program.Schema(), storage.CustomerScan{After: after}) {
			if err != nil {
				yield(worth{}, err)
				return
			}
			options := engine.Options{AsOf: run.GetAsOf().AsTime(), Amounts: true}
			made := worth{ids: batch.Frame.IDs}
			if program.NeedsFamilies() {
				if options.Families, err = Families(view, program, run.GetId(), batch.Frame); err != nil {
					yield(worth{}, err)
					return
				}
				made.amounts = published.Scorer.Evaluate(batch.Frame, options).Amounts
			} else {
				made.amounts = published.Scorer.Amounts(batch.Frame, options.AsOf)
			}
			if !yield(made, nil) {
				return
			}
		}
	}, nil
}

// purse is the place in the batch of amounts that is looked at.
type purse struct{ at int }

// of returns the amount of a customer, 0 where it is missing. Customers come ascending.
func (p *purse) of(id string, all *pull[worth]) float64 {
	for all.more() {
		ids := all.value.ids
		for p.at < len(ids) && ids[p.at] < id {
			p.at++
		}
		switch {
		case p.at == len(ids):
			all.next()
			p.at = 0
		case ids[p.at] == id && all.value.amounts.Valid.Get(p.at):
			return all.value.amounts.Numbers[p.at]
		default:
			return 0
		}
	}
	return 0
}

// count adds up the table.
type count struct {
	of        *Migration
	customers [][]int64
	amounts   [][]exact.Sum
	deleted   int64
}

func newCount(m *Migration) *count {
	c := &count{of: m}
	for range len(m.from.Tiers) + others {
		c.customers = append(c.customers, make([]int64, len(m.to.Tiers)+others))
		c.amounts = append(c.amounts, make([]exact.Sum, len(m.to.Tiers)+others))
	}
	return c
}

func (c *count) add(t *traveller, from, to int) {
	c.customers[from][to]++
	c.amounts[from][to].Add(t.amount)
	if !t.stored {
		c.deleted++
	}
}

// table returns what was counted.
func (c *count) table() *echelonv1.Migration {
	m := c.of
	table := &echelonv1.Migration{
		Tiering: m.tiering, FromTiers: m.from.Tiers, ToTiers: m.to.Tiers, Deleted: c.deleted, Amount: m.to.program.Model().GetAmount(),
	}
	for from, row := range c.customers {
		for to, n := range row {
			if n == 0 {
				continue
			}
			table.Cells = append(table.Cells, &echelonv1.MigrationCell{From: m.from.told(from), To: m.to.told(to), Customers: n, Amount: c.amounts[from][to].Float64()})
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
