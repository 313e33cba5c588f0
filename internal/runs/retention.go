package runs

import (
	"context"
	"errors"
	"time"

	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// sweepEvery is how often old snapshots are looked for.
const sweepEvery = 10 * time.Minute

// Retention says which snapshots are kept: those of a model's newest runs, and those of the last days. What is current is always kept, what a
// roll back would make current, and what is to be published on a day to come. The zero value keeps all.
type Retention struct {
	// Runs is how many of a model's runs keep their snapshot, published or not.
	Runs int
	// Days is for how many days after its end a run keeps its snapshot.
	Days int
	// ChangeDays is for how many days changes of assignments are kept; 0 keeps all.
	ChangeDays int
}

// all reports whether everything is kept.
func (r Retention) all() bool { return r.Runs <= 0 && r.Days <= 0 }

// KeepOnly removes old snapshots, and what nothing needs any more of overlays and tombstones, now and then, until Close.
func (m *Manager) KeepOnly(retention Retention) {
	m.wait.Go(func() {
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		for {
			if _, err := m.Sweep(m.ctx, retention); err != nil && m.ctx.Err() == nil {
				m.log.Warn("old snapshots could not be removed; it is tried again later", "error", err)
			}
			if _, err := m.SweepChanges(m.ctx, retention.ChangeDays); err != nil && m.ctx.Err() == nil {
				m.log.Warn("old changes of assignments could not be removed; it is tried again later", "error", err)
			}
			if err := m.Expire(m.ctx); err != nil && m.ctx.Err() == nil {
				m.log.Warn("what is left of old publications and deleted customers could not be removed; it is tried again later", "error", err)
			}
			select {
			case <-m.ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	m.wait.Go(m.expireOverrides)
	m.wait.Go(m.publishScheduled)
	m.wait.Go(m.orderChanges)
}

// Sweep removes the snapshots that need not be kept, and returns their runs, the newest first. The runs themselves stay, with their tables.
func (m *Manager) Sweep(ctx context.Context, retention Retention) ([]string, error) {
	if retention.all() {
		return nil, nil
	}
	old, err := m.old(ctx, retention)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, id := range old {
		gone, err := m.removeSnapshot(ctx, id)
		if err != nil {
			return removed, err
		}
		if gone {
			m.log.Info("removed the snapshot of an old run", "run", id)
			removed = append(removed, id)
		}
	}
	return removed, nil
}

// old returns the runs whose snapshots are neither among the newest nor young, the newest first.
func (m *Manager) old(ctx context.Context, retention Retention) ([]string, error) {
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	limit := m.now().AddDate(0, 0, -retention.Days)
	var old []string
	// What-ifs are counted by themselves: a few of them must not take the snapshots of runs that wait to be approved and published.
	type kind struct {
		model  string
		whatIf bool
	}
	newer := make(map[kind]int) // runs with a snapshot
	for document, err := range view.Documents(storage.KindRun, storage.DocumentScan{Descending: true}) {
		if err != nil {
			return nil, err
		}
		run := &echelonv1.Run{}
		if err := document.Decode(run); err != nil {
			return nil, err
		}
		if !storage.HasSnapshot(run) {
			continue
		}
		of := kind{run.GetModel(), run.GetWhatIf()}
		newer[of]++
		young := retention.Days > 0 && run.GetEndTime().AsTime().After(limit)
		if newer[of] > retention.Runs && !young {
			old = append(old, run.GetId())
		}
	}
	return old, nil
}

// removeSnapshot removes the snapshot of a run, unless it is current, would be after a roll back, or waits for its day. The run says so first: a crash after that leaves
// blocks that nobody reads, and the next start removes them.
func (m *Manager) removeSnapshot(ctx context.Context, id string) (removed bool, err error) {
	err = m.store.Update(ctx, func(tx storage.Tx) error {
		removed = false
		run, err := read(tx, id)
		if err != nil {
			return err
		}
		current := &storagev1.Current{}
		if err := tx.Document(storage.KindCurrent, run.GetModel(), current); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if n := len(current.GetHistory()); current.GetRunId() == id || n > 0 && current.GetHistory()[n-1].GetRunId() == id {
			return nil
		}
		if waits, err := waiting(tx, run); err != nil || waits {
			return err
		}
		run.SnapshotRemoved, removed = true, true
		return tx.PutDocument(storage.KindRun, id, run)
	})
	if err != nil || !removed {
		return false, err
	}
	return true, m.store.DeleteSnapshot(ctx, id)
}

// errRemoved is the fault of a run whose snapshot was removed.
func errRemoved(run *echelonv1.Run) error {
	return fault.New(echelonv1.ErrorReason_SNAPSHOT_REMOVED,
		"the snapshot of the run %q was removed, since newer runs are kept: start a new run", run.GetId())
}
