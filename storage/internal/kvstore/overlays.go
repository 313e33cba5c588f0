package kvstore

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// PutOverlayRow implements storage.OverlayWriter.
func (t *tx) PutOverlayRow(overlay string, row *storagev1.OverlayRow) error {
	ids := row.GetBlock().GetIds()
	if overlay == "" || len(overlay) > storage.MaxKeyBytes || strings.ContainsRune(overlay, 0) {
		return t.fail(fmt.Errorf("%w: the name of an overlay has 1 to %d bytes and no zero byte, unlike %q", storage.ErrInvalid, storage.MaxKeyBytes, overlay))
	}
	if len(ids) != 1 || ids[0] == "" || len(ids[0]) > frame.MaxIDBytes {
		return t.fail(fmt.Errorf("%w: the row of an overlay is of one customer, whose id has 1 to %d bytes; it names %q", storage.ErrInvalid, frame.MaxIDBytes, ids))
	}
	row.Block.Ids = nil
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(row)
	row.Block.Ids = ids
	if err != nil {
		return t.fail(fmt.Errorf("%w: the row of an overlay cannot be encoded: %w", storage.ErrInvalid, err))
	}
	key := overlayKey(overlay, ids[0])
	return t.fail(t.txn.Set(key, seal(key, data)))
}

// DeleteOverlayRow implements storage.OverlayWriter.
func (t *tx) DeleteOverlayRow(overlay, id string, before storage.Commit) (existed bool, err error) {
	key := overlayKey(overlay, id)
	item, found, err := t.txn.Get(key)
	if err != nil || !found || storage.Commit(item.Version) >= before {
		return false, t.fail(err)
	}
	return true, t.fail(t.txn.Delete(key))
}

// DeleteOverlay implements storage.Store.
func (s *Store) DeleteOverlay(ctx context.Context, overlay string) error {
	return s.deleteAll(ctx, overlayPrefix(overlay))
}

// OverlayRow implements storage.Overlays.
func (r *reader) OverlayRow(overlay, id string) (*storage.OverlayRow, error) {
	if err := r.use(); err != nil {
		return nil, err
	}
	defer r.done()
	item, found, err := r.txn.Get(overlayKey(overlay, id))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, storage.ErrNotFound
	}
	return openOverlayRow(overlay, item)
}

// openOverlayRow returns the row that an item holds, with the id that its key has.
func openOverlayRow(overlay string, item Item) (*storage.OverlayRow, error) {
	id := string(item.Key[len(overlayPrefix(overlay)):])
	data, err := unseal(item)
	row := &storagev1.OverlayRow{}
	if err == nil {
		err = proto.Unmarshal(data, row)
	}
	if err == nil && (row.GetBlock() == nil || len(row.GetBlock().GetIds()) > 0) {
		err = fmt.Errorf("it is no row of one customer")
	}
	if err != nil {
		return nil, &storage.CorruptError{What: what(item.Key), Err: err}
	}
	row.Block.Ids = []string{id}
	return &storage.OverlayRow{ID: id, Version: storage.Commit(item.Version), Row: row}, nil
}

// OverlayRows implements storage.Overlays.
func (r *reader) OverlayRows(ctx context.Context, overlay, after string) iter.Seq2[*storage.OverlayRow, error] {
	keys := Range{Prefix: overlayPrefix(overlay), From: After(overlayKey(overlay, after))}
	return func(yield func(*storage.OverlayRow, error) bool) {
		for item, err := range r.scan(ctx, keys) {
			var row *storage.OverlayRow
			if err == nil {
				row, err = openOverlayRow(overlay, item)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// OverlayNames implements storage.Overlays.
func (r *reader) OverlayNames(ctx context.Context) ([]string, error) {
	return r.names(ctx, overlaySpace)
}
