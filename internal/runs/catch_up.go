package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

const (
	// catchUpRows is how many customers are evaluated, and written, at a time.
	catchUpRows = 500
	// catchUpPasses is how often at most is looked for customers that changed meanwhile before writes are held off.
	catchUpPasses = 10
	// firstTurn is how many times catchUpRows are taken in at most before writers get their turn again, in the first pass: some hundredths of a second.
	// Each pass doubles it, up to longestTurn: some tenths.
	firstTurn, longestTurn = 8, 64
)

// publication is one that is being prepared: customers that changed since its run read them are evaluated under it, and their rows are put into its
// overlay, which nobody reads before the pointer moves.
type publication struct {
	manager   *Manager
	published *catalog.Published
	// seen is the commit up to which changes were taken in.
	seen storage.Commit
	asOf time.Time
	// turn is how many batches are taken in at most before writers get their turn.
	turn int

	// change is what was compared, differs what came out, in blocks which nobody reads yet; nil before that.
	change  change
	differs *feed.Publication
	// moved tells whether it became current.
	moved bool
	// touched are the customers that changed since, and are to be compared again; leaver names those that were deleted.
	touched []string
	leaver  feed.Leaver
}

// preparePublication begins a publication; without one it returns the run for which nothing is to be done. A crash leaves an overlay that is of no
// publication, which is found by that.
func (m *Manager) preparePublication(ctx context.Context, look look) (*publication, *echelonv1.Run, error) {
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer view.Close()
	change, err := look(view)
	if err != nil || change.next == nil {
		return nil, change.run, err
	}
	now := m.now()
	published, err := m.catalog.OfRun(view, change.run, newID(now))
	if err != nil {
		return nil, nil, err
	}
	return &publication{manager: m, published: published, seen: storage.Commit(change.run.GetReadPoint()), asOf: published.AsOf(now), turn: firstTurn}, change.run, nil
}

// catchUp takes in the customers that changed, again and again until there are few, or no fewer though turns are as long as they may be. Rows are
// written while no customer is: a writer who changes the same customers all the time would make the transaction start over. Turns get longer, so that
// writers who are as fast as it is are slowed down, a little at a time, rather than held off in the end for as long as all that they wrote takes.
func (p *publication) catchUp(ctx context.Context) error {
	before := 0
	for range catchUpPasses {
		taken, err := p.catchUpOnce(ctx, p.turn)
		if err == nil {
			err = p.renew(ctx, p.manager.intake.Exclusive)
		}
		if err != nil || taken <= catchUpRows || p.turn == longestTurn && taken > before/2 {
			return err
		}
		p.turn, before = min(2*p.turn, longestTurn), taken
	}
	return nil
}

// catchUpOnce takes in the customers that changed since the last time, and returns how many. Each turn is twice as long as the one before, up to so many
// batches.
func (p *publication) catchUpOnce(ctx context.Context, longest int) (taken int, err error) {
	turn := 1
	var waiting []*storage.CustomerBatch
	give := func(view storage.Reader) error {
		batches := waiting
		waiting, turn = nil, min(2*turn, longest)
		return p.manager.intake.Exclusive(func() error {
			for _, batch := range batches {
				if err := p.take(ctx, view, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = p.changes(ctx, func(view storage.Reader, batch *storage.CustomerBatch) error {
		taken += batch.Frame.Len() + len(batch.Errors)
		if waiting = append(waiting, batch); len(waiting) < turn {
			return nil
		}
		return give(view)
	}, give)
	return taken, err
}

// take evaluates customers and puts their rows into the overlay. The caller holds writes off.
func (p *publication) take(ctx context.Context, view storage.Reader, batch *storage.CustomerBatch) error {
	rows, err := p.evaluate(view, batch)
	if err != nil {
		return err
	}
	return p.manager.store.Update(ctx, func(tx storage.Tx) error { return p.put(tx, batch, rows) })
}

// changes hands out the customers that changed since the last time, as the new model reads them, and says when those were all. Those that it refuses have
// no row: their snapshot's is stale, if they have one.
func (p *publication) changes(ctx context.Context, hand func(storage.Reader, *storage.CustomerBatch) error, all func(storage.Reader) error) error {
	view, err := p.manager.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	if view.ReadPoint() == p.seen {
		return nil // nobody has written anything since
	}
	scan := storage.CustomerScan{Since: p.seen, BatchRows: catchUpRows}
	for batch, err := range view.Customers(ctx, p.published.Scorer.Program().Schema(), scan) {
		if err == nil {
			p.touch(batch)
			err = hand(view, batch)
		}
		if err != nil {
			return fmt.Errorf("catching up with the customers that changed: %w", err)
		}
	}
	if err := p.overridden(view, hand); err != nil {
		return fmt.Errorf("catching up with the overrides that changed: %w", err)
	}
	if err := all(view); err != nil {
		return fmt.Errorf("catching up with what changed: %w", err)
	}
	p.seen = view.ReadPoint()
	return nil
}

// overridden hands out the customers, written before, whose overrides changed since the last time.
func (p *publication) overridden(view storage.Reader, hand func(storage.Reader, *storage.CustomerBatch) error) error {
	scan := storage.DocumentScan{Prefix: storage.OverrideKey(p.published.Model(), "")}
	for document, err := range view.Documents(storage.KindOverride, scan) {
		if err != nil {
			return err
		}
		_, id := storage.OverrideOf(document.Key)
		if id == "" || document.Version <= p.seen {
			continue
		}
		batch, err := view.Customer(id, p.published.Scorer.Program().Schema())
		if err == nil {
			p.touch(batch)
		}
		if errors.Is(err, storage.ErrNotFound) || err == nil && (batch.Frame.Len() == 0 || batch.Versions[0] > p.seen) {
			continue
		}
		if err == nil {
			err = hand(view, batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// evaluate evaluates customers under the new publication, as its run did the others: those that it moves were in the tiers of the one that it replaces.
func (p *publication) evaluate(view storage.Reader, batch *storage.CustomerBatch) ([]*storagev1.OverlayRow, error) {
	if batch.Frame.Len() == 0 {
		return nil, nil
	}
	observe := func(customers int) func() { return p.manager.hears().Evaluating(p.published.Model(), customers) }
	result, err := intake.Evaluate(p.manager.catalog, view, view, p.published, batch.Frame, engine.Options{AsOf: p.asOf, Reasons: true, Amounts: true, Observe: observe})
	if err != nil {
		return nil, err
	}
	return snapshot.EncodeRows(result, p.asOf), nil
}

// put writes the rows of the customers that are still as they were read. The Tx has read that they are; whoever changed since comes with a later pass.
func (p *publication) put(tx storage.Tx, batch *storage.CustomerBatch, rows []*storagev1.OverlayRow) error {
	for i, row := range rows {
		version, err := tx.CustomerVersion(batch.Frame.IDs[i])
		if errors.Is(err, storage.ErrNotFound) || err == nil && version != batch.Versions[i] {
			continue
		}
		if err == nil {
			err = tx.PutOverlayRow(p.published.Overlay, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commit takes in the last customers and moves the pointer, while no write commits.
func (p *publication) commit(ctx context.Context, look look) (run *echelonv1.Run, err error) {
	err = p.manager.intake.Exclusive(func() error {
		take := func(view storage.Reader, batch *storage.CustomerBatch) error { return p.take(ctx, view, batch) }
		if err := p.changes(ctx, take, func(storage.Reader) error { return nil }); err != nil {
			return err
		}
		if err := p.renew(ctx, func(do func() error) error { return do() }); err != nil {
			return err
		}
		return p.manager.store.Update(ctx, func(tx storage.Tx) error {
			run, err = p.move(tx, look)
			return err
		})
	})
	if err != nil {
		p.moved = false
		return nil, err
	}
	p.manager.intake.Feed().Wake()
	return run, nil
}

// move makes the publication current; what was current leaves its overlay to the sweeper.
func (p *publication) move(tx storage.Tx, look look) (*echelonv1.Run, error) {
	m, err := look(tx)
	if p.moved = err == nil && m.next != nil; !p.moved {
		return m.run, err
	}
	if !sameBase(m, p.change) {
		return nil, fmt.Errorf("what was published changed while this publication was compared with it: %w", storage.ErrConflict)
	}
	if err := p.manager.tookEffect(tx, m.run); err != nil {
		return nil, err
	}
	at := p.manager.now()
	if err := p.differs.Commit(tx, at); err != nil {
		return nil, err
	}
	now := timestamppb.New(at)
	if replaced := storage.OverlayOf(m.current); replaced != "" {
		record := &storagev1.Overlay{Model: m.run.GetModel(), RunId: m.current.GetRunId(), ReplaceTime: now}
		if err := tx.PutDocument(storage.KindOverlay, replaced, record); err != nil {
			return nil, err
		}
	}
	m.next.Overlay, m.next.PublishTime, m.run.PublishTime = p.published.Overlay, now, now
	return m.run, put(tx, m.run, m.next)
}

// abandon removes the overlay of a publication that did not become current. Where it fails, the sweeper does it later.
func (p *publication) abandon(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	err := errors.Join(p.manager.dropOverlay(ctx, p.published.Overlay), p.manager.dropChanges(ctx, p.published.Overlay))
	if err != nil {
		p.manager.log.Warn("what a publication that failed had prepared could not be removed; it is tried again later", "error", err)
	}
}
