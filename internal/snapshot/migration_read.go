package snapshot

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/parallel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// traveller is a customer of one side or of both: where it was and is, with its amounts there.
type traveller struct {
	id            string
	from, to      Cell
	was, is       int
	before, after float64
}

// Walk goes through the customers of both after an id, ascending. Movers that are stored are offered to take, made on demand, until it says that it takes no
// more. The table is of all customers after the id; without all the walk ends with what take wants, and there is no table.
func (m *Migration) Walk(ctx context.Context, view storage.Reader, after string, all bool,
	take func(mover func() (*echelonv1.Mover, error)) (more bool, err error)) (*echelonv1.Migration, error) {
	var enough atomic.Bool
	var counts []*count
	walk := func() func(context.Context, *Stretch) ([]traveller, error) {
		var own *count
		if all {
			own = newCount(m)
			counts = append(counts, own)
		}
		return func(ctx context.Context, stretch *Stretch) ([]traveller, error) {
			return m.leg(ctx, view, stretch, own, &enough)
		}
	}
	for movers, err := range parallel.Ordered(ctx, Beside(ctx, m.from.Reader, m.to.Reader, after), walk) {
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(movers) && !enough.Load(); i++ {
			more, err := take(func() (*echelonv1.Mover, error) { return m.mover(movers[i]) })
			if err != nil {
				return nil, err
			}
			enough.Store(!more)
		}
		if enough.Load() && !all {
			break
		}
	}
	if !all {
		return nil, nil
	}
	total := newCount(m)
	for _, own := range counts {
		total.merge(own)
	}
	return total.table(), nil
}

// leg goes through a stretch, counts its customers, unless count is nil, and returns its movers, unless those before are enough.
func (m *Migration) leg(ctx context.Context, view storage.Reader, stretch *Stretch, count *count, enough *atomic.Bool) (movers []traveller, err error) {
	now := &purse{of: m, view: view, after: stretch.from.after}
	defer now.close()
	err = stretch.Pairs(func(id string, from, to Cell) error {
		t := traveller{id: id, from: from, to: to, was: m.from.place(from), is: m.to.place(to)}
		stored, err := isStored(view, stretch.graves, id)
		if err == nil {
			t.before, err = now.amount(ctx, &m.from, from, id)
		}
		if err == nil {
			t.after, err = now.amount(ctx, &m.to, to, id)
		}
		if err != nil {
			return err
		}
		if count != nil {
			count.add(&t, stored)
		}
		if stored && from.Outcomes != nil && to.Outcomes != nil && !m.same(t.was, t.is) && !enough.Load() {
			movers = append(movers, t)
		}
		return nil
	})
	if count != nil {
		count.ofNow = count.ofNow || now.open != nil
	}
	return movers, err
}

// isStored reports whether a customer is stored that was when graves begin: those who were not deleted since are.
func isStored(view storage.Reader, graves Graves, id string) (bool, error) {
	if graves.Of(id) == 0 {
		return true, nil
	}
	_, err := view.Customer(id, frame.NewSchema())
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// purse finds the amounts of customers of whom a snapshot keeps none: those of the customers as they are stored now. Customers come ascending.
type purse struct {
	of    *Migration
	view  storage.Reader
	after string
	open  *pull[worth] // nil before it is needed
	at    int
}

func (p *purse) close() {
	if p.open != nil {
		p.open.stop()
	}
}

// amount returns the amount of a cell, 0 where there is none.
func (p *purse) amount(ctx context.Context, s *station, cell Cell, id string) (float64, error) {
	if cell.Outcomes == nil || s.program.Model().GetAmount() == "" {
		return 0, nil
	}
	if amount, kept := cell.Amount(cell.Row); kept {
		return amount, nil
	}
	return p.now(ctx, id)
}

// now returns the amount of a customer as it is stored, 0 where it is missing.
func (p *purse) now(ctx context.Context, id string) (float64, error) {
	if p.open == nil {
		amounts, err := p.of.amounts(ctx, p.view, p.after)
		if err != nil {
			return 0, err
		}
		p.open = newPull(amounts)
	}
	return p.stored(id), p.open.err
}

// stored looks for the amount of a customer in what was opened.
func (p *purse) stored(id string) float64 {
	for p.open.more() {
		ids := p.open.value.ids
		for p.at < len(ids) && ids[p.at] < id {
			p.at++
		}
		switch {
		case p.at == len(ids):
			p.open.next()
			p.at = 0
		case ids[p.at] == id && p.open.value.amounts.Valid.Get(p.at):
			return p.open.value.amounts.Numbers[p.at]
		default:
			return 0
		}
	}
	return 0
}

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
