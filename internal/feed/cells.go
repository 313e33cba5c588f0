package feed

import (
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// comparer collects what differs between assignments as blocks have them. Several of one batch may work at the same time.
type comparer struct {
	batch
	was, is lens
}

// lens reads the outcomes of a block as codes of a batch: a column and what its codes mean for each place; no column where the program has no such
// tiering or segmentation.
type lens struct {
	side   *side
	of     *snapshot.Outcomes
	column [][]uint32
}

// comparer returns one that collects changes of the batch by itself.
func (b *batch) comparer() *comparer {
	c := &comparer{was: lens{side: b.before}, is: lens{side: b.after}}
	c.batch = batch{head: &storagev1.ChangeBatch{}, before: b.before, after: b.after, codes: make([]uint32, len(b.codes)), reps: make([]string, len(b.reps))}
	c.begin()
	return c
}

// compareCells is compare of cells.
func (c *comparer) compareCells(id string, before, after snapshot.Cell) error {
	c.was.tell(before, c.codes)
	c.is.tell(after, c.codes[min(1, len(c.codes)):])
	c.before.cellReps(before, c.reps)
	c.after.cellReps(after, c.reps[min(1, len(c.reps)):])
	kind := kindOf(before.Outcomes != nil, after.Outcomes != nil)
	if kind == echelonv1.AssignmentChange_MOVED && c.same() && c.sameReps() && before.Leaves(before.Row) == after.Leaves(after.Row) {
		return nil
	}
	if after.Outcomes == nil {
		return c.add(id, kind, false, nil, nil)
	}
	all, places := after.ReasonsOf(after.Row)
	return c.add(id, kind, after.Leaves(after.Row), all, places)
}

// tell writes the outcomes of a cell into every other place of codes.
func (l *lens) tell(cell snapshot.Cell, codes []uint32) {
	if cell.Outcomes == nil {
		for i := 0; i < len(codes); i += 2 {
			codes[i] = 0
		}
		return
	}
	if l.of != cell.Outcomes {
		l.of, l.column = cell.Outcomes, l.side.columns(cell.Outcomes, l.column[:0])
	}
	for i, column := range l.column {
		code := uint32(0)
		if column != nil {
			if code = column[cell.Row]; code > 0 {
				code = l.side.meanings[i][code-1]
			}
		}
		codes[2*i] = code
	}
}

// columns appends the columns of a block in the order of a batch's codes.
func (s *side) columns(o *snapshot.Outcomes, to [][]uint32) [][]uint32 {
	for _, t := range s.tierings {
		if t.index == none {
			to = append(to, nil, nil)
			continue
		}
		to = append(to, o.TierCodes(t.index), o.ComputedCodes(t.index))
	}
	for _, t := range s.segmentations {
		if t.index == none {
			to = append(to, nil)
			continue
		}
		to = append(to, o.SegmentCodes(t.index))
	}
	return to
}
