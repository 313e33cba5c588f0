package snapshot

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// EncodeRows returns the customers of a result as rows of an overlay, in their order. They share memory: do not change them.
func EncodeRows(r *engine.Result, asOf time.Time) []*storagev1.OverlayRow {
	rows, from, at := make([]*storagev1.OverlayRow, r.Len()), newPicker(Encode(r)), timestamppb.New(asOf)
	for i := range rows {
		rows[i] = &storagev1.OverlayRow{Block: from.pick(i), AsOf: at}
	}
	return rows
}

// Without returns a block without one of its customers, and with no reason that only that customer had; nil where nobody is left. The block stays as it
// is, and shares memory with the other. One whose reasons do not add up is a *storage.CorruptError.
func Without(block *storagev1.SnapshotBlock, id string) (*storagev1.SnapshotBlock, error) {
	row, found := slices.BinarySearch(block.GetIds(), id)
	if !found {
		return block, nil
	}
	if err := checkReasons(block); err != nil {
		return nil, err
	}
	var others []int
	for i := range block.GetIds() {
		if i != row {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	return newPicker(block).pick(others...), nil
}

// checkReasons returns what is wrong with a block's reasons, as Decode would.
func checkReasons(block *storagev1.SnapshotBlock) error {
	d := &decoder{rows: len(block.GetIds())}
	d.reasons(block)
	if d.err != nil {
		return d.fault()
	}
	return nil
}
