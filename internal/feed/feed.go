package feed

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// Feed is the changes of a store in one order. It may be used by several goroutines.
type Feed struct {
	store storage.Store

	// ordering is held by whoever gives numbers.
	ordering sync.Mutex

	mu sync.Mutex
	// changed is closed when something may have changed, and replaced.
	changed chan struct{}
}

// New returns the feed of a store.
func New(store storage.Store) *Feed { return &Feed{store: store, changed: make(chan struct{})} }

// Changed returns a channel that is closed when there may be more changes than now.
func (f *Feed) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// Wake tells whoever waits that something was committed.
func (f *Feed) Wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// orderBatches is how many batches get their numbers in one commit.
const orderBatches = 500

// orderEvery is how long changes wait at most for their numbers where nobody asks for them.
const orderEvery = time.Second

// OrderUntil gives numbers to what is committed, until ctx ends.
func (f *Feed) OrderUntil(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(orderEvery)
	defer ticker.Stop()
	for {
		changed := f.Changed()
		err := f.Order(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if err == nil { // else it is tried again, though nobody commits anything
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// errOrdered means that another process has given the numbers.
var errOrdered = errors.New("the batch has its numbers already")

// Order gives numbers to the changes that were committed before it was called, in the order of the commits. A crash leaves batches with theirs, or as
// they were.
func (f *Feed) Order(ctx context.Context) error {
	f.ordering.Lock()
	defer f.ordering.Unlock()
	ids, err := f.pending(ctx)
	for err == nil && len(ids) > 0 {
		some := ids[:min(orderBatches, len(ids))]
		err = f.store.Update(ctx, func(tx storage.Tx) error { return order(tx, some) })
		ids = ids[len(some):]
		if errors.Is(err, errOrdered) {
			ids, err = f.pending(ctx)
		}
	}
	return err
}

// waiting is a batch without a number.
type waiting struct {
	id      string
	version storage.Commit
	changes int64
}

// pendingIn returns the batches of a view that have no numbers, in the order of their commits.
func pendingIn(view storage.Reader) (all []waiting, err error) {
	for document, err := range view.Documents(storage.KindChangePlace, storage.DocumentScan{Prefix: pendingPrefix}) {
		if err != nil {
			return nil, err
		}
		place := &storagev1.ChangePlace{}
		if err := document.Decode(place); err != nil {
			return nil, err
		}
		all = append(all, waiting{place.GetBatch(), document.Version, place.GetChanges()})
	}
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.id, b.id)) })
	return all, nil
}

func (f *Feed) pending(ctx context.Context) ([]string, error) {
	view, err := f.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	all, err := pendingIn(view)
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = one.id
	}
	return ids, err
}

// order gives numbers to batches.
func order(tx storage.Tx, ids []string) error {
	next, err := nextNumber(tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		place := &storagev1.ChangePlace{}
		err := tx.Document(storage.KindChangePlace, pendingPrefix+id, place)
		if errors.Is(err, storage.ErrNotFound) {
			return errOrdered
		}
		if err != nil {
			return err
		}
		place.FirstSequence = next
		next += place.GetChanges()
		for _, key := range []string{logKey(place.GetFirstSequence()), numberPrefix + id} {
			if err := tx.PutDocument(storage.KindChangePlace, key, place); err != nil {
				return err
			}
		}
		if err := tx.DeleteDocument(storage.KindChangePlace, pendingPrefix+id); err != nil {
			return err
		}
	}
	return tx.PutDocument(storage.KindChangePlace, headKey, &storagev1.ChangePlace{FirstSequence: next})
}

// nextNumber returns the number of the next change.
func nextNumber(documents storage.Documents) (int64, error) {
	head := &storagev1.ChangePlace{}
	err := documents.Document(storage.KindChangePlace, headKey, head)
	if errors.Is(err, storage.ErrNotFound) {
		return 1, nil
	}
	return head.GetFirstSequence(), err
}

// Last returns the number of the last change that a view sees. Of changes that have none yet it is known which they will get.
func Last(view storage.Reader) (int64, error) {
	next, err := nextNumber(view)
	if err != nil {
		return 0, err
	}
	all, err := pendingIn(view)
	for _, one := range all {
		next += one.changes
	}
	return next - 1, err
}
