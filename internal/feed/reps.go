package feed

import (
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// rolesOf returns the roles of a program; none where there is no program.
func rolesOf(p *engine.Program) []string {
	if p == nil {
		return nil
	}
	return p.Roles()
}

// tellReps writes the reps of a row into every other place of reps.
func (s *side) tellReps(row *snapshot.Row, reps []string) {
	for i, role := range s.roles {
		if reps[2*i] = ""; role != none && row != nil && role < len(row.Result.Reps) && len(row.Result.Reps[role]) > 0 {
			reps[2*i] = row.Result.Reps[role][row.Index]
		}
	}
}

// cellReps is tellReps of a cell.
func (s *side) cellReps(cell snapshot.Cell, reps []string) {
	for i, role := range s.roles {
		if reps[2*i] = ""; role != none && cell.Outcomes != nil {
			reps[2*i] = cell.Rep(role, cell.Row)
		}
	}
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

// addReps adds the reps of the customer that was added last. A block has columns of them from the first customer on who has any.
func (b *batch) addReps() {
	k := b.block
	if len(k.Reps) == 0 && slices.ContainsFunc(b.reps, func(rep string) bool { return rep != "" }) {
		for range b.reps {
			k.Reps = append(k.Reps, &storagev1.RepColumn{Reps: make([]string, len(k.Ids)-1)})
		}
	}
	for i, column := range k.Reps {
		column.Reps = append(column.Reps, b.reps[i])
	}
}

// repsFit reports whether a block of changes has no reps, or one a customer in each column.
func repsFit(head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock) bool {
	for _, column := range block.GetReps() {
		if len(column.GetReps()) != len(block.GetIds()) {
			return false
		}
	}
	return len(block.GetReps()) == 0 || len(block.GetReps()) == 2*len(head.GetRoles())
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
