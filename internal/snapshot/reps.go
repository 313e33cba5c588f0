package snapshot

import (
	"slices"

	"github.com/echelonhq/echelon/engine"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// encodeReps adds to a block who is pinned as the rep of its customers.
func encodeReps(block *storagev1.SnapshotBlock, r *engine.Result) {
	if !slices.ContainsFunc(r.Reps, func(column []string) bool { return unlessZero(column) != nil }) {
		return
	}
	for _, column := range r.Reps {
		block.Reps = append(block.Reps, &storagev1.RepColumn{Reps: unlessZero(column)})
	}
}

// reps returns who is pinned as the rep of a block's customers.
func (d *decoder) reps(p *engine.Program, block *storagev1.SnapshotBlock) [][]string {
	if len(block.GetReps()) == 0 {
		return nil
	}
	d.expect("roles of reps", len(block.GetReps()), len(p.Roles()))
	var columns [][]string
	for _, column := range block.GetReps() {
		if len(column.GetReps()) > 0 {
			d.expect("reps", len(column.GetReps()), d.rows)
		}
		columns = append(columns, column.GetReps())
	}
	return columns
}
