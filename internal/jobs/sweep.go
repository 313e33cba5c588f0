package jobs

import (
	"context"
	"errors"
	"time"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

const (
	// remembered is for how many times the retention a job is kept after it expired, so that whoever resumes it is told so.
	remembered = 4
	// sweptAtOnce is how many batches are removed in one commit.
	sweptAtOnce = 1000
)

// Sweep removes the batches of jobs that expired, and jobs that expired long ago, and returns how many jobs it changed. Cut off anywhere, the next
// one goes on.
func (l *Ledger) Sweep(ctx context.Context) (changed int, err error) {
	ids, err := l.due(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := l.sweep(ctx, id); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}

// due returns the jobs of which something must go.
func (l *Ledger) due(ctx context.Context) ([]string, error) {
	view, err := l.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var due []string
	for document, err := range view.Documents(storage.KindJob, storage.DocumentScan{}) {
		if err == nil {
			err = ctx.Err()
		}
		kept := &storagev1.Job{}
		if err == nil {
			err = document.Decode(kept)
		}
		if err != nil {
			return nil, err
		}
		if l.expired(kept) && !kept.GetForgotten() || l.old(kept) {
			due = append(due, document.Key)
		}
	}
	return due, nil
}

// old reports whether nobody need be told any more that a job expired.
func (l *Ledger) old(kept *storagev1.Job) bool {
	return l.now().After(kept.GetUseTime().AsTime().Add((1 + remembered) * l.retention))
}

// sweep lets a job expire for everybody before it removes the batches: one that is written at the same time wins or is told.
func (l *Ledger) sweep(ctx context.Context, id string) error {
	live, err := l.change(ctx, id, func(kept *storagev1.Job) { kept.Expired = true })
	if err != nil || live {
		return err
	}
	for more := true; more; {
		if more, err = l.removeBatches(ctx, id); err != nil {
			return err
		}
	}
	_, err = l.change(ctx, id, func(kept *storagev1.Job) { kept.Forgotten = true })
	return err
}

// change changes a job that expired, or removes it where it is old. It reports whether the job goes on, and is left alone.
func (l *Ledger) change(ctx context.Context, id string, how func(*storagev1.Job)) (live bool, err error) {
	err = l.store.Update(ctx, func(tx storage.Tx) error {
		kept := &storagev1.Job{}
		err := tx.Document(storage.KindJob, id, kept)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if live = !l.expired(kept); live {
			return nil
		}
		how(kept)
		if kept.GetForgotten() && l.old(kept) {
			return tx.DeleteDocument(storage.KindJob, id)
		}
		return tx.PutDocument(storage.KindJob, id, kept)
	})
	return live, err
}

// removeBatches removes some of a job's batches, and reports whether there may be more.
func (l *Ledger) removeBatches(ctx context.Context, id string) (more bool, err error) {
	err = l.store.Update(ctx, func(tx storage.Tx) error {
		var keys []string
		for document, err := range tx.Documents(storage.KindJobBatch, storage.DocumentScan{Prefix: batchPrefix(id)}) {
			if err != nil {
				return err
			}
			if keys = append(keys, document.Key); len(keys) == sweptAtOnce {
				break
			}
		}
		more = len(keys) == sweptAtOnce
		for _, key := range keys {
			if err := tx.DeleteDocument(storage.KindJobBatch, key); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

// sweepEvery is how often jobs that expired are looked for.
const sweepEvery = 10 * time.Minute

// SweepUntil sweeps now and then until ctx ends. What goes wrong is told and tried again.
func (l *Ledger) SweepUntil(ctx context.Context, tell func(error)) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if _, err := l.Sweep(ctx); err != nil && ctx.Err() == nil {
			tell(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
