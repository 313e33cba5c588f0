package runs

import (
	"context"
	"math"
	"slices"
	"time"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

const (
	// overlayKept is how long the overlay of a publication that was replaced is kept, for lists that go on in it.
	overlayKept = time.Hour
	// forgotten is how many tombstones are removed in one commit.
	forgotten = 1000
)

// Expire removes what nothing needs any more: the overlays of publications that were replaced an hour ago, what publications that failed had prepared, the
// tombstones of customers that no snapshot and no run under way can have read, and what is left of overrides that ended before.
func (m *Manager) Expire(ctx context.Context) error {
	if err := m.ExpireOverlays(ctx); err != nil {
		return err
	}
	if err := m.expireChanges(ctx); err != nil {
		return err
	}
	if err := m.ExpireTombstones(ctx); err != nil {
		return err
	}
	return m.forgetOverrides(ctx)
}

// ExpireOverlays removes the overlays of publications that were replaced an hour ago, and those that a crash left behind. While a publication is under
// way it does nothing.
func (m *Manager) ExpireOverlays(ctx context.Context) error {
	if !m.publishing.TryLock() {
		return nil
	}
	defer m.publishing.Unlock()
	view, err := m.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	kept, expired, err := m.overlays(view)
	if err != nil {
		return err
	}
	names, err := view.OverlayNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(expired, names...)))) {
		if kept[name] {
			continue
		}
		if err := m.dropOverlay(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// overlays tells the overlays that are current, or were so short ago, from those that were replaced before.
func (m *Manager) overlays(documents storage.Documents) (kept map[string]bool, expired []string, err error) {
	kept = make(map[string]bool)
	for document, err := range documents.Documents(storage.KindCurrent, storage.DocumentScan{}) {
		if err != nil {
			return nil, nil, err
		}
		current := &storagev1.Current{}
		if err := document.Decode(current); err != nil {
			return nil, nil, err
		}
		kept[storage.OverlayOf(current)] = true
	}
	limit := m.now().Add(-overlayKept)
	for document, err := range documents.Documents(storage.KindOverlay, storage.DocumentScan{}) {
		if err != nil {
			return nil, nil, err
		}
		overlay := &storagev1.Overlay{}
		if err := document.Decode(overlay); err != nil {
			return nil, nil, err
		}
		if overlay.GetReplaceTime().AsTime().After(limit) {
			kept[document.Key] = true
		} else {
			expired = append(expired, document.Key)
		}
	}
	return kept, expired, nil
}

// dropOverlay removes an overlay unless it is one that is kept. Its record goes first: a list that would go on in it is told so, rather than
// finding half of it.
func (m *Manager) dropOverlay(ctx context.Context, name string) error {
	current := false
	err := m.store.Update(ctx, func(tx storage.Tx) error {
		kept, _, err := m.overlays(tx)
		if err != nil {
			return err
		}
		if current = kept[name]; current {
			return nil
		}
		return tx.DeleteDocument(storage.KindOverlay, name)
	})
	if err != nil || current {
		return err
	}
	m.log.Info("removing an overlay that is of no publication any more", "overlay", name)
	return m.store.DeleteOverlay(ctx, name)
}

// ExpireTombstones removes the tombstones of customers that were deleted before all that is kept of runs, or is being made, was read.
func (m *Manager) ExpireTombstones(ctx context.Context) error {
	view, err := m.viewOfAllRuns(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	oldest, err := oldestRead(view)
	if err != nil {
		return err
	}
	var old []*storage.Tombstone
	for tombstone, err := range view.Tombstones(ctx, 0) {
		if err != nil {
			return err
		}
		if tombstone.Version > oldest {
			continue
		}
		if old = append(old, tombstone); len(old) == forgotten {
			if err := m.forget(ctx, old); err != nil {
				return err
			}
			old = nil
		}
	}
	return m.forget(ctx, old)
}

// viewOfAllRuns returns a view that no run has read behind without being recorded in it.
func (m *Manager) viewOfAllRuns(ctx context.Context) (storage.Reader, error) {
	m.starting.Lock()
	defer m.starting.Unlock()
	return m.store.View(ctx)
}

// oldestRead returns the earliest commit that a run read which has a snapshot, or is under way.
func oldestRead(view storage.Reader) (storage.Commit, error) {
	oldest := storage.Commit(math.MaxUint64)
	for document, err := range view.Documents(storage.KindRun, storage.DocumentScan{}) {
		if err != nil {
			return 0, err
		}
		run := &echelonv1.Run{}
		if err := document.Decode(run); err != nil {
			return 0, err
		}
		if storage.HasSnapshot(run) || run.GetState() == echelonv1.Run_RUNNING {
			oldest = min(oldest, storage.Commit(run.GetReadPoint()))
		}
	}
	return oldest, nil
}

func (m *Manager) forget(ctx context.Context, tombstones []*storage.Tombstone) error {
	if len(tombstones) == 0 {
		return nil
	}
	return m.store.Update(ctx, func(tx storage.Tx) error {
		for _, tombstone := range tombstones {
			if err := tx.ForgetTombstone(tombstone); err != nil {
				return err
			}
		}
		return nil
	})
}
