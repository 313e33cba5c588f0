package runs

import (
	"context"
	"errors"
	"time"

	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// expireChanges removes the blocks of changes of publications that did not become current, and could not remove them. While a publication is under way it
// does nothing.
func (m *Manager) expireChanges(ctx context.Context) error {
	if !m.publishing.TryLock() {
		return nil
	}
	defer m.publishing.Unlock()
	view, err := m.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	names, err := view.SnapshotNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if batch, changes := storage.BatchOf(name); changes {
			if err := m.dropChanges(ctx, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropChanges removes the blocks of changes that a publication had prepared which did not become current.
func (m *Manager) dropChanges(ctx context.Context, batch string) error {
	view, err := m.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	err = view.Document(storage.KindChangeBatch, batch, &storagev1.ChangeBatch{})
	if errors.Is(err, storage.ErrNotFound) {
		return feed.Abandon(ctx, m.store, batch)
	}
	return err
}

// orderChanges gives changes their numbers, until Close.
func (m *Manager) orderChanges() {
	m.intake.Feed().OrderUntil(m.ctx, func(err error) {
		m.log.Warn("changes of assignments could not be given their numbers; it is tried again later", "error", err)
	})
}

// SweepChanges removes the changes of assignments that were made more than so many days ago; 0 days keep all.
func (m *Manager) SweepChanges(ctx context.Context, days int) (int, error) {
	if days <= 0 {
		return 0, nil
	}
	return m.intake.Feed().Sweep(ctx, m.now().Add(-time.Duration(days)*24*time.Hour))
}
