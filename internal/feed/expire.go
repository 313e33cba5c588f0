package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// Sweep removes the changes that were made before an instant, the oldest first, with the history that they are, and returns how many batches.
func (f *Feed) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	if err := f.Order(ctx); err != nil {
		return 0, err
	}
	for {
		place, err := f.oldest(ctx)
		if err != nil || place == nil || !place.GetTime().AsTime().Before(before) {
			return removed, err
		}
		if err := f.remove(ctx, place); err != nil {
			return removed, err
		}
		removed++
	}
}

// oldest returns the place of the first batch that is kept; nil where there is none.
func (f *Feed) oldest(ctx context.Context) (*storagev1.ChangePlace, error) {
	view, err := f.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	for document, err := range view.Documents(storage.KindChangePlace, storage.DocumentScan{Prefix: logPrefix}) {
		if err != nil {
			return nil, err
		}
		place := &storagev1.ChangePlace{}
		return place, document.Decode(place)
	}
	return nil, nil
}

// remove removes a batch: first all that leads to it, in one commit, then its blocks.
func (f *Feed) remove(ctx context.Context, place *storagev1.ChangePlace) error {
	id := place.GetBatch()
	err := f.store.Update(ctx, func(tx storage.Tx) error {
		head := &storagev1.ChangeBatch{}
		if err := tx.Document(storage.KindChangeBatch, id, head); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		for _, customer := range head.GetBlock().GetIds() {
			if err := tx.DeleteDocument(storage.KindCustomerChange, customerKey(customer, head.GetModel(), id)); err != nil {
				return err
			}
		}
		if err := tx.DeleteDocument(storage.KindCustomerChange, publicationPrefix(head.GetModel())+id); err != nil {
			return err
		}
		for _, key := range []string{logKey(place.GetFirstSequence()), numberPrefix + id} {
			if err := tx.DeleteDocument(storage.KindChangePlace, key); err != nil {
				return err
			}
		}
		return tx.DeleteDocument(storage.KindChangeBatch, id)
	})
	if err != nil {
		return err
	}
	return f.store.DeleteSnapshot(ctx, storage.ChangesOf(id))
}

// Erase removes a customer from the changes that were made before a commit, but for those of publications, whose blocks are rewritten with the other
// snapshots. The numbers of the others stay, those of what is removed are left out.
func Erase(ctx context.Context, store storage.Store, view storage.Reader, id string, before storage.Commit) error {
	for document, err := range view.Documents(storage.KindCustomerChange, storage.DocumentScan{Prefix: customerPrefix(id)}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if document.Version > before {
			continue
		}
		err := store.Update(ctx, func(tx storage.Tx) error {
			head := &storagev1.ChangeBatch{}
			err := tx.Document(storage.KindChangeBatch, batchOf(document.Key), head)
			if err == nil {
				var left *storagev1.SnapshotBlock
				if left, err = snapshot.Without(head.GetBlock(), id); left == nil {
					left = &storagev1.SnapshotBlock{}
				}
				if len(left.GetIds()) == 0 {
					left = emptyBlock(head)
				}
				head.Block = left
				if err == nil {
					err = tx.PutDocument(storage.KindChangeBatch, batchOf(document.Key), head)
				}
			}
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			return tx.DeleteDocument(storage.KindCustomerChange, document.Key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// emptyBlock is what is left of the block of a batch whose customers were all erased.
func emptyBlock(head *storagev1.ChangeBatch) *storagev1.SnapshotBlock {
	block := &storagev1.SnapshotBlock{}
	for range 4*len(head.GetTierings()) + 2*len(head.GetSegmentations()) {
		block.Outcomes = append(block.Outcomes, &storagev1.NameColumn{})
	}
	return block
}

// Names reports whether a change of a model that is kept names a customer.
func Names(view storage.Reader, model, id string) (bool, error) {
	for _, err := range view.Documents(storage.KindCustomerChange, storage.DocumentScan{Prefix: customerPrefix(id) + model + "/"}) {
		return err == nil, err
	}
	for document, err := range view.Documents(storage.KindCustomerChange, storage.DocumentScan{Prefix: publicationPrefix(model)}) {
		if err != nil {
			return false, err
		}
		block, err := view.SnapshotBlock(storage.ChangesOf(batchOf(document.Key)), id)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return false, err
		}
		if _, found := slices.BinarySearch(block.GetIds(), id); found {
			return true, nil
		}
	}
	return false, nil
}
