package intake

import (
	"context"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// LeaveOut takes out of a run that has ended, and whose record is still to be stored, the customers that were erased since it read them; it has no
// calibration where it ended badly. Call it within Exclusive.
func LeaveOut(ctx context.Context, store storage.Store, run *echelonv1.Run, calibration *echelonv1.Calibration) error {
	view, err := store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	erased := make(map[string]bool)
	for tombstone, err := range view.Tombstones(ctx, storage.Commit(run.GetReadPoint())) {
		if err != nil {
			return err
		}
		if tombstone.Erased {
			erased[tombstone.Hash] = true
		}
	}
	if len(erased) == 0 {
		return nil
	}
	gone := func(id string) bool { return erased[storage.TombstoneHash(id)] }
	forgetRefused(run, gone)
	forgetFound(run.GetFindings(), gone)
	forgetFound(calibration.GetFindings(), gone)
	if _, err := (&lineEnds{gone: gone, view: view}).replace(ctx, calibration); err != nil {
		return err
	}
	for block, err := range view.SnapshotBlocks(ctx, run.GetId(), "") {
		if err != nil {
			return err
		}
		for _, id := range block.GetIds() {
			if !gone(id) {
				continue
			}
			if _, err := redact(ctx, store, run.GetId(), id); err != nil {
				return err
			}
		}
	}
	return nil
}
