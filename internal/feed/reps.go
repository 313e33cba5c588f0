package feed

import (
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// repsOf writes the reps of a row into every other place of reps: those before into the even ones, those after into the odd ones. A role that the batch does
// not have yet gets a column, which is empty as far as the block goes.
func (b *batch) repsOf(row *snapshot.Row, after int) {
	for i := after; i < len(b.reps); i += 2 {
		b.reps[i] = ""
	}
	if row == nil || row.Result.Reps == nil {
		return
	}
	for role, column := range row.Result.Reps {
		if len(column) == 0 || column[row.Index] == "" {
			continue
		}
		at := b.role(row.Result.Program, role) // which may grow the list
		b.reps[2*at+after] = column[row.Index]
	}
}

// role returns the place of a program's role among those of the batch.
func (b *batch) role(p *engine.Program, role int) int {
	name := p.Roles()[role]
	at := slices.Index(b.head.GetRoles(), name)
	if at < 0 {
		at = len(b.head.GetRoles())
		b.head.Roles = append(b.head.Roles, name)
		b.reps = append(b.reps, "", "")
		for range 2 {
			b.block.Reps = append(b.block.Reps, &storagev1.RepColumn{Reps: make([]string, len(b.block.GetIds()))})
		}
	}
	return at
}

// sameReps reports whether the reps before and after are the same.
func (b *batch) sameReps() bool {
	for i := 0; i < len(b.reps); i += 2 {
		if b.reps[i] != b.reps[i+1] {
			return false
		}
	}
	return true
}

// repsFit reports whether a block of changes has a rep a customer in each of its columns, and as many columns as the batch had roles by then, or fewer.
func repsFit(head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock) bool {
	for _, column := range block.GetReps() {
		if len(column.GetReps()) != len(block.GetIds()) {
			return false
		}
	}
	return len(block.GetReps()) <= 2*len(head.GetRoles()) && len(block.GetReps())%2 == 0
}

// repMoves returns how the reps of a row changed.
func repMoves(head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock, row int) (moves []*echelonv1.RepMove) {
	for at := 0; at < len(block.GetReps()); at += 2 {
		from, to := repAt(block, at, row), repAt(block, at+1, row)
		if from != to {
			moves = append(moves, &echelonv1.RepMove{Role: head.GetRoles()[at/2], From: unlessEmpty(from), To: unlessEmpty(to)})
		}
	}
	return moves
}

// repOutcomes returns the reps of a row before the change (0), or after it (1).
func repOutcomes(head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock, row, after int) (reps []*echelonv1.RepOutcome) {
	for at := after; at < len(block.GetReps()); at += 2 {
		if rep := repAt(block, at, row); rep != "" {
			reps = append(reps, &echelonv1.RepOutcome{Role: head.GetRoles()[at/2], Rep: rep})
		}
	}
	return reps
}

func repAt(block *storagev1.SnapshotBlock, column, row int) string {
	return block.GetReps()[column].GetReps()[row]
}

func unlessEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
