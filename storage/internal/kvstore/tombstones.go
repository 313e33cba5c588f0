package kvstore

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// DeleteCustomer implements storage.Tx.
func (t *tx) DeleteCustomer(id string) (existed bool, err error) {
	if id == "" || len(id) > frame.MaxIDBytes {
		return false, nil // there cannot be one
	}
	return t.bury(id, &storagev1.Tombstone{})
}

// EraseCustomer implements storage.Tx.
func (t *tx) EraseCustomer(id string) (existed bool, err error) {
	if id == "" || len(id) > frame.MaxIDBytes {
		return false, nil
	}
	return t.bury(id, &storagev1.Tombstone{Erased: true})
}

// bury removes a customer, if there is one, and writes its tombstone. One that is erased gets it in any case: a run may have read it before it was
// deleted. An erasure is not forgotten by a later deletion, for the same cause.
func (t *tx) bury(id string, tombstone *storagev1.Tombstone) (existed bool, err error) {
	key := customerKey(id)
	_, existed, err = t.txn.Get(key)
	if err != nil || !existed && !tombstone.Erased {
		return false, t.fail(err)
	}
	if existed {
		if err := t.txn.Delete(key); err != nil {
			return false, t.fail(err)
		}
	}
	hash := storage.TombstoneHash(id)
	before, err := readTombstone(t.txn, hash)
	switch {
	case err == nil:
		tombstone.Erased = tombstone.Erased || before.Erased
	case !errors.Is(err, storage.ErrNotFound):
		return false, t.fail(err)
	}
	data, err := proto.Marshal(tombstone)
	if err != nil {
		return false, t.fail(err)
	}
	key = tombstoneKey(hash)
	return existed, t.fail(t.txn.Set(key, seal(key, data)))
}

// CustomerVersion implements storage.Tx.
func (t *tx) CustomerVersion(id string) (storage.Commit, error) {
	if id == "" || len(id) > frame.MaxIDBytes {
		return 0, storage.ErrNotFound
	}
	item, found, err := t.txn.Get(customerKey(id))
	if err == nil && !found {
		err = storage.ErrNotFound
	}
	return storage.Commit(item.Version), err
}

// ForgetTombstone implements storage.Tx.
func (t *tx) ForgetTombstone(tombstone *storage.Tombstone) error {
	now, err := readTombstone(t.txn, tombstone.Hash)
	if errors.Is(err, storage.ErrNotFound) || err == nil && now.Version != tombstone.Version {
		return nil
	}
	if err != nil {
		return t.fail(err)
	}
	return t.fail(t.txn.Delete(tombstoneKey(tombstone.Hash)))
}

// Tombstone implements storage.Tombstones.
func (r *reader) Tombstone(id string) (*storage.Tombstone, error) {
	if err := r.use(); err != nil {
		return nil, err
	}
	defer r.done()
	return readTombstone(r.txn, storage.TombstoneHash(id))
}

func readTombstone(txn Txn, hash string) (*storage.Tombstone, error) {
	item, found, err := txn.Get(tombstoneKey(hash))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, storage.ErrNotFound
	}
	return openTombstone(item)
}

func openTombstone(item Item) (*storage.Tombstone, error) {
	data, err := unseal(item)
	kept := &storagev1.Tombstone{}
	if err == nil {
		err = proto.Unmarshal(data, kept)
	}
	if err != nil {
		return nil, &storage.CorruptError{What: what(item.Key), Err: err}
	}
	return &storage.Tombstone{Hash: string(item.Key[1:]), Version: storage.Commit(item.Version), Erased: kept.GetErased()}, nil
}

// Tombstones implements storage.Tombstones.
func (r *reader) Tombstones(ctx context.Context, after storage.Commit) iter.Seq2[*storage.Tombstone, error] {
	return func(yield func(*storage.Tombstone, error) bool) {
		for item, err := range r.scan(ctx, Range{Prefix: tombstoneSpace, Since: uint64(after)}) {
			var tombstone *storage.Tombstone
			if err == nil {
				tombstone, err = openTombstone(item)
			}
			if !yield(tombstone, err) || err != nil {
				return
			}
		}
	}
}
