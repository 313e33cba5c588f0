package runs

import (
	"context"
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/snapshot"
	"github.com/echelonhq/echelon/storage"
)

// compare writes into blocks, which nobody reads yet, what differs from what is published, while customers go on being written: what changes meanwhile is
// compared again.
func (p *publication) compare(ctx context.Context, look look) error {
	view, err := p.manager.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	if p.change, err = look(view); err != nil || p.change.next == nil {
		return err
	}
	before, after, err := p.sides(view)
	if err != nil {
		return err
	}
	head := p.published.Changes(p.change.origin, p.manager.now(), p.change.run.GetAsOf().AsTime())
	who := feed.WhoIn(ctx)
	head.Actor, head.OnBehalfOf = who.Actor, who.OnBehalfOf
	if p.differs, err = feed.Prepare(ctx, p.manager.store, p.published.Overlay, head, before, after); err != nil {
		return fmt.Errorf("writing down what the publication changes: %w", err)
	}
	return nil
}

// sides opens what is published, nil where nothing is, and what will be.
func (p *publication) sides(view storage.Reader) (before, after *snapshot.Reader, err error) {
	if was := p.change.current; was.GetRunId() != "" {
		if before, err = snapshot.Reopen(p.manager.catalog, view, p.change.run.GetModel(), was.GetRunId(), storage.OverlayOf(was)); err != nil {
			return nil, nil, err
		}
	}
	after, err = snapshot.OpenOverlay(p.manager.catalog, view, p.change.run, p.published.Overlay)
	return before, after, err
}

// touch notes customers that are to be compared again.
func (p *publication) touch(batch *storage.CustomerBatch) {
	if p.differs == nil {
		return // nothing was compared yet
	}
	p.touched = append(p.touched, batch.Frame.IDs...)
	for _, refused := range batch.Errors {
		p.touched = append(p.touched, refused.GetCustomerId())
	}
}

// renew compares the customers again that changed since, a turn at a time.
func (p *publication) renew(ctx context.Context, turn func(func() error) error) error {
	if p.differs == nil {
		return nil
	}
	view, err := p.manager.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	before, after, err := p.sides(view)
	if err != nil {
		return err
	}
	slices.Sort(p.touched)
	for begun := false; !begun || len(p.touched) > 0; begun = true {
		n := min(p.turn*catchUpRows, len(p.touched))
		some := p.touched[:n:n]
		p.touched = p.touched[n:]
		err := turn(func() error { return p.differs.Renew(ctx, view, before, after, some, p.leaver) })
		if err != nil {
			return fmt.Errorf("comparing again the customers that changed: %w", err)
		}
	}
	p.touched = nil
	return nil
}

// sameBase reports whether what is published is what a change was compared with.
func sameBase(now, compared change) bool {
	return compared.next != nil && storage.OverlayOf(now.current) == storage.OverlayOf(compared.current)
}
