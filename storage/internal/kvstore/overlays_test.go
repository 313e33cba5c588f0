package kvstore

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// Whatever stands under the key of a row or a tombstone, it is one or it is damaged.
func FuzzOverlaysAndTombstones(f *testing.F) {
	good, err := proto.Marshal(&storagev1.OverlayRow{Block: &storagev1.SnapshotBlock{ReasonCounts: []uint32{0}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("acme", good, true)
	f.Add("acme", []byte{}, true)
	f.Add("", []byte{8, 1}, true)
	f.Add("acme", good, false)
	f.Fuzz(func(t *testing.T, id string, data []byte, whole bool) {
		var corrupt *storage.CorruptError
		key := overlayKey("o", id)
		value := data
		if whole {
			value = seal(key, append([]byte(nil), data...))
		}
		row, err := openOverlayRow("o", Item{Key: key, Value: value, Version: 7})
		switch {
		case err != nil && !errors.As(err, &corrupt):
			t.Fatalf("the error is a %T: %v", err, err)
		case err == nil && (row.ID != id || row.Version != 7 || len(row.Row.GetBlock().GetIds()) != 1):
			t.Fatalf("the row of %q is %+v", id, row)
		}
		key = tombstoneKey(storage.TombstoneHash(id))
		value = data
		if whole {
			value = seal(key, append([]byte(nil), data...))
		}
		if tombstone, err := openTombstone(Item{Key: key, Value: value}); err != nil && !errors.As(err, &corrupt) {
			t.Fatalf("the error is a %T: %v", err, err)
		} else if err == nil && tombstone.Hash != storage.TombstoneHash(id) {
			t.Fatalf("the tombstone of %q is %+v", id, tombstone)
		}
	})
}
