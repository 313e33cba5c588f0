package kvstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/blockcodec"
)

const (
	// flushBytes is how many bytes of blocks are committed together: enough to make the commit's cost small, few enough to fit one.
	flushBytes = 4 << 20
	// deleteKeys is how many blocks are deleted in one commit.
	deleteKeys = 1024
)

var errEnded = fmt.Errorf("%w: the snapshot's writer was closed or aborted", storage.ErrInvalid)

// WriteSnapshot implements storage.Snapshots.
func (s *Store) WriteSnapshot(ctx context.Context, snapshot string) (storage.SnapshotWriter, error) {
	if snapshot == "" || len(snapshot) > storage.MaxKeyBytes || strings.ContainsRune(snapshot, 0) {
		return nil, fmt.Errorf("%w: the name of a snapshot has 1 to %d bytes and no zero byte, unlike %q",
			storage.ErrInvalid, storage.MaxKeyBytes, snapshot)
	}
	keys, err := s.someKeys(ctx, snapshotPrefix(snapshot), 1)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		return nil, fmt.Errorf("snapshot %q: %w", snapshot, storage.ErrExists)
	}
	return &snapshotWriter{ctx: ctx, store: s, snapshot: snapshot}, nil
}

// DeleteSnapshot implements storage.Snapshots.
func (s *Store) DeleteSnapshot(ctx context.Context, snapshot string) error {
	return s.deleteAll(ctx, snapshotPrefix(snapshot))
}

// deleteAll removes all keys with a prefix, in several commits.
func (s *Store) deleteAll(ctx context.Context, prefix []byte) error {
	for {
		keys, err := s.someKeys(ctx, prefix, deleteKeys)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = s.update(ctx, func(txn Txn) error {
			for _, key := range keys {
				if err := txn.Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// someKeys returns the first keys with a prefix.
func (s *Store) someKeys(ctx context.Context, prefix []byte, most int) ([][]byte, error) {
	txn, err := s.begin(ctx, false)
	if err != nil {
		return nil, err
	}
	defer s.end(txn)
	var keys [][]byte
	for item, err := range txn.Scan(Range{Prefix: prefix, KeysOnly: true}) {
		if err != nil {
			return nil, err
		}
		if keys = append(keys, bytes.Clone(item.Key)); len(keys) == most {
			break
		}
	}
	return keys, nil
}

// snapshotWriter collects blocks and commits several at a time, while the next are collected.
type snapshotWriter struct {
	ctx      context.Context
	store    *Store
	snapshot string
	last     string
	format   int // that the blocks need
	blocks   []Item
	size     int
	// flushing gives how the commit that is under way ended; nil where none is.
	flushing chan error
	failed   error
}

// Append implements storage.SnapshotWriter.
func (w *snapshotWriter) Append(block *storagev1.SnapshotBlock) error {
	if w.failed == nil {
		w.failed = w.append(block)
	}
	return w.failed
}

func (w *snapshotWriter) append(block *storagev1.SnapshotBlock) error {
	if len(block.GetIds()) == 0 {
		return fmt.Errorf("%w: a block of a snapshot has no ids", storage.ErrInvalid)
	}
	for _, id := range block.GetIds() {
		if id <= w.last {
			return fmt.Errorf("%w: in a snapshot the id %q follows %q, and ids must ascend", storage.ErrInvalid, id, w.last)
		}
		w.last = id
	}
	item, err := blockItem(w.snapshot, block)
	if err != nil {
		return err
	}
	w.blocks, w.format = append(w.blocks, item), max(w.format, formatOfBlock(block))
	if w.size += len(item.Value); w.size >= flushBytes {
		return w.flush()
	}
	return nil
}

// blockItem returns a block as it is stored.
func blockItem(snapshot string, block *storagev1.SnapshotBlock) (Item, error) {
	data, err := blockcodec.Append(nil, block)
	if err != nil {
		return Item{}, fmt.Errorf("%w: a block of a snapshot cannot be encoded: %w", storage.ErrInvalid, err)
	}
	key := snapshotKey(snapshot, block.GetIds()[len(block.GetIds())-1])
	return Item{Key: key, Value: seal(key, data)}, nil
}

// flush begins to commit the blocks that were collected, when the commit before is over.
func (w *snapshotWriter) flush() error {
	if err := w.wait(); err != nil {
		return err
	}
	blocks, format, done := w.blocks, w.format, make(chan error, 1)
	w.blocks, w.size, w.flushing = nil, 0, done
	go func() { done <- w.commit(blocks, format) }()
	return nil
}

// wait waits for the commit that is under way, and returns how it ended.
func (w *snapshotWriter) wait() error {
	if w.flushing == nil {
		return nil
	}
	err := <-w.flushing
	w.flushing = nil
	return err
}

func (w *snapshotWriter) commit(blocks []Item, format int) error {
	return w.store.update(w.ctx, func(txn Txn) error {
		if err := raiseFormat(txn, max(format, packedFormat)); err != nil {
			return err
		}
		for _, block := range blocks {
			if err := txn.Set(block.Key, block.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close implements storage.SnapshotWriter.
func (w *snapshotWriter) Close() error {
	if w.failed == nil {
		w.failed = w.flush()
	}
	if err := w.wait(); w.failed == nil {
		w.failed = err
	}
	if w.failed != nil {
		return w.failed
	}
	w.failed = errEnded
	return nil
}

// Abort implements storage.SnapshotWriter.
func (w *snapshotWriter) Abort() error {
	_ = w.wait() // what it wrote is removed
	if errors.Is(w.failed, errEnded) {
		return nil
	}
	w.failed = errEnded
	w.blocks = nil
	return w.store.DeleteSnapshot(context.WithoutCancel(w.ctx), w.snapshot)
}

// RewriteBlock implements storage.Snapshots.
func (s *Store) RewriteBlock(ctx context.Context, snapshot, id string, rewrite storage.Rewrite) (found bool, err error) {
	err = s.update(ctx, func(txn Txn) error {
		found = false
		var old []byte
		var block *storagev1.SnapshotBlock
		for item, err := range txn.Scan(Range{Prefix: snapshotPrefix(snapshot), From: snapshotKey(snapshot, id)}) {
			if err == nil {
				block, err = openBlock(snapshot, item)
			}
			if err != nil {
				return err
			}
			old = bytes.Clone(item.Key)
			break
		}
		if _, found = slices.BinarySearch(block.GetIds(), id); !found {
			return nil
		}
		blocks, err := rewrite(block)
		if err == nil {
			err = txn.Delete(old)
		}
		for _, block := range blocks {
			if err == nil {
				err = setBlock(txn, snapshot, block)
			}
		}
		return err
	})
	return found && err == nil, err
}

func setBlock(txn Txn, snapshot string, block *storagev1.SnapshotBlock) error {
	if len(block.GetIds()) == 0 {
		return nil
	}
	item, err := blockItem(snapshot, block)
	if err == nil {
		err = raiseFormat(txn, formatOfBlock(block))
	}
	if err != nil {
		return err
	}
	return txn.Set(item.Key, item.Value)
}

// SnapshotBlock implements storage.Reader.
func (r *reader) SnapshotBlock(snapshot, id string) (*storagev1.SnapshotBlock, error) {
	for item, err := range r.scan(context.Background(), Range{Prefix: snapshotPrefix(snapshot), From: snapshotKey(snapshot, id)}) {
		if err != nil {
			return nil, err
		}
		return r.store.blocks.open(snapshot, item)
	}
	return nil, storage.ErrNotFound
}

// SnapshotBlocks implements storage.Reader.
func (r *reader) SnapshotBlocks(ctx context.Context, snapshot, after string) iter.Seq2[*storagev1.SnapshotBlock, error] {
	keys := Range{Prefix: snapshotPrefix(snapshot), From: After(snapshotKey(snapshot, after))}
	return func(yield func(*storagev1.SnapshotBlock, error) bool) {
		for item, err := range r.scan(ctx, keys) {
			var block *storagev1.SnapshotBlock
			if err == nil {
				err = r.ended(ctx)
			}
			if err == nil {
				block, err = openBlock(snapshot, item)
			}
			if !yield(block, err) || err != nil {
				return
			}
		}
	}
}

// SnapshotPages implements storage.Reader.
func (r *reader) SnapshotPages(ctx context.Context, snapshot, after string) iter.Seq2[storage.SnapshotPage, error] {
	keys := Range{Prefix: snapshotPrefix(snapshot), From: After(snapshotKey(snapshot, after))}
	return func(yield func(storage.SnapshotPage, error) bool) {
		for item, err := range r.scan(ctx, keys) {
			if err == nil {
				err = r.ended(ctx)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			kept := Item{Key: bytes.Clone(item.Key), Value: bytes.Clone(item.Value), Version: item.Version}
			if !yield(&snapshotPage{snapshot, kept}, nil) {
				return
			}
		}
	}
}

// snapshotPage is a storage.SnapshotPage.
type snapshotPage struct {
	snapshot string
	item     Item
}

// Last implements storage.SnapshotPage.
func (p *snapshotPage) Last() string { return string(p.item.Key[len(snapshotPrefix(p.snapshot)):]) }

// Decode implements storage.SnapshotPage.
func (p *snapshotPage) Decode() (*storagev1.SnapshotBlock, error) {
	return openBlock(p.snapshot, p.item)
}

// SnapshotNames implements storage.Reader. It goes from name to name, not through all blocks.
func (r *reader) SnapshotNames(ctx context.Context) ([]string, error) {
	return r.names(ctx, snapshotSpace)
}

// names returns the names under which there are blocks or rows in a space.
func (r *reader) names(ctx context.Context, space []byte) ([]string, error) {
	var names []string
	from := space
	for {
		var name string
		for item, err := range r.scan(ctx, Range{Prefix: space, From: from, KeysOnly: true}) {
			if err != nil {
				return nil, err
			}
			name, _ = snapshotName(item.Key)
			break
		}
		if name == "" {
			return names, nil
		}
		names = append(names, name)
		from = End(append(append(bytes.Clone(space), name...), 0))
	}
}

func openBlock(snapshot string, item Item) (*storagev1.SnapshotBlock, error) {
	var block *storagev1.SnapshotBlock
	data, err := unseal(item)
	if err == nil {
		block, err = blockcodec.Decode(data)
	}
	if err != nil {
		last := item.Key[len(snapshotPrefix(snapshot)):]
		return nil, &storage.CorruptError{What: fmt.Sprintf("the block of snapshot %q that ends with customer %q", snapshot, last), Err: err}
	}
	return block, nil
}
