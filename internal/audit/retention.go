package audit

import (
	"context"
	"time"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// sweepBatch is how many entries are removed in one commit, so that writers wait for none that is long.
const sweepBatch = 500

// Sweep removes the entries of changes that were made before an instant, the oldest first, and returns how many. The newest one is always kept:
// from it a log that is opened again knows how far sequences went, so that no cursor ever points at another entry than it did.
func (l *Log) Sweep(ctx context.Context, before time.Time) (removed int64, err error) {
	for {
		old, err := l.old(ctx, before)
		if err != nil || len(old) == 0 {
			return removed, err
		}
		err = l.store.Update(ctx, func(tx storage.Tx) error {
			for _, key := range old {
				if err := tx.DeleteDocument(storage.KindAudit, key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return removed, err
		}
		removed += int64(len(old))
	}
}

// old returns the keys of the oldest entries, of those that need not be kept, as many as fit a commit.
func (l *Log) old(ctx context.Context, before time.Time) ([]string, error) {
	view, err := l.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var keys []string
	last := "" // the entry before, which is old, and is not the newest once another one follows
	for document, err := range view.Documents(storage.KindAudit, storage.DocumentScan{Prefix: logPrefix}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if last != "" {
			keys = append(keys, last)
		}
		e := &echelonv1.AuditEntry{}
		if err := document.Decode(e); err != nil {
			return nil, err
		}
		if !e.GetTime().AsTime().Before(before) || len(keys) == sweepBatch {
			break
		}
		last = document.Key
	}
	return keys, nil
}
