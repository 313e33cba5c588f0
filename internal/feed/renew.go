package feed

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Renew takes in what was written since: it compares some customers anew, whose assignments in one of the publications may be others by now, and those that
// were deleted, as two readers of a newer view see them. The first reader is nil where that of Prepare was.
func (p *Publication) Renew(ctx context.Context, view storage.Reader, before, after *snapshot.Reader, ids []string) error {
	graves, err := snapshot.OpenGraves(ctx, view, p.seen)
	if err != nil {
		return err
	}
	var rough []int
	if len(graves) > 0 {
		if ids, rough, err = p.survey(ctx, view, graves, ids); err != nil {
			return err
		}
	}
	p.seen = view.ReadPoint()
	slices.Sort(ids)
	fresh, err := p.fresh(before, after, slices.Compact(ids))
	if err != nil {
		return err
	}
	lost, err := p.patch(ctx, fresh, rough)
	if err != nil || len(lost) == 0 {
		return err
	}
	// An erasure has taken the id that a block ended with.
	now, err := p.store.View(ctx)
	if err != nil {
		return err
	}
	defer now.Close()
	if _, rough, err = p.survey(ctx, now, nil, nil); err != nil {
		return err
	}
	if lost, err = p.patch(ctx, lost, rough); err == nil && len(lost) > 0 {
		err = storage.ErrConflict
	}
	return err
}

// survey looks at what the blocks have by now: erasures may have taken customers out of some, whose changes are to be numbered anew. It adds to ids the
// customers of blocks who were deleted.
func (p *Publication) survey(ctx context.Context, view storage.Reader, graves snapshot.Graves, ids []string) (_ []string, rough []int, err error) {
	p.blocks = nil
	clear(p.counts)
	for block, err := range view.SnapshotBlocks(ctx, storage.ChangesOf(p.id), "") {
		if err == nil {
			err = p.check(block)
		}
		if err != nil {
			return nil, nil, err
		}
		for _, id := range block.GetIds() {
			if graves.Of(id) > 0 {
				ids = append(ids, id)
			}
		}
		n, part := len(block.GetIds()), int(block.GetChangePart())
		p.counts[part] = int64(n)
		p.blocks = append(p.blocks, written{part, block.GetIds()[n-1]})
		if int(block.GetChangePlaces()[n-1]) != n-1 {
			rough = append(rough, part)
		}
	}
	return ids, rough, nil
}

// check returns what is wrong with a block that was prepared.
func (p *Publication) check(block *storagev1.SnapshotBlock) error {
	if int(block.GetChangePart()) >= len(p.counts) {
		return &storage.CorruptError{What: "a block of changes that is being prepared", Err: errors.New("it is of a part that there is not")}
	}
	return check(p.batch.head, block)
}

// difference is what a publication changes of a customer by now: a row of a block, or nothing.
type difference struct {
	id      string
	block   *storagev1.SnapshotBlock
	row     int
	reasons []uint32
}

// fresh compares customers, ascending.
func (p *Publication) fresh(before, after *snapshot.Reader, ids []string) ([]difference, error) {
	c := p.batch.comparer()
	for _, id := range ids {
		was, err := rowOf(before, id)
		if err != nil {
			return nil, err
		}
		is, err := rowOf(after, id)
		if err != nil {
			return nil, err
		}
		if err := c.compare(id, was, is); err != nil {
			return nil, err
		}
	}
	made := make([]difference, len(ids))
	for i, id := range ids {
		made[i].id = id
	}
	err := each(c.block, func(row int, reasons []uint32) error {
		i, _ := slices.BinarySearch(ids, c.block.Ids[row])
		made[i].block, made[i].row, made[i].reasons = c.block, row, reasons
		return nil
	})
	return made, err
}

// rowOf returns a customer's assignment; nil where there is none.
func rowOf(r *snapshot.Reader, id string) (*snapshot.Row, error) {
	if r == nil {
		return nil, nil
	}
	row, found, err := r.Row(id)
	if err != nil || !found {
		return nil, err
	}
	return &row, nil
}

// patchers is how many blocks are written at the same time: the store makes those durable together.
const patchers = 16

// patched is a block, the differences that it is to take in, and whether it was found.
type patched struct {
	at    *written
	some  []difference
	found bool
}

// patch puts differences into the blocks in which their customers are, or would be, and numbers those blocks anew, with some others. It returns the
// differences for which there was no such block as it should be.
func (p *Publication) patch(ctx context.Context, fresh []difference, rough []int) (lost []difference, err error) {
	write := func() func(context.Context, patched) (patched, error) {
		return func(ctx context.Context, one patched) (patched, error) {
			found, err := p.patchBlock(ctx, one.at, one.some)
			one.found = found
			return one, err
		}
	}
	empty := len(p.blocks) == 0
	for one, err := range parallel.OrderedBy(ctx, patchers, p.affected(fresh, rough), write) {
		if err != nil {
			return nil, err
		}
		if !one.found {
			lost = append(lost, one.some...)
		}
	}
	p.blocks = slices.DeleteFunc(p.blocks, func(w written) bool { return p.counts[w.part] == 0 })
	if empty {
		return nil, p.begin(ctx, fresh)
	}
	return lost, nil
}

// affected goes through the blocks that differences belong to, each with its own, and some others. Whom no block has, and none could have between its
// customers, belongs to the last.
func (p *Publication) affected(fresh []difference, rough []int) iter.Seq2[patched, error] {
	return func(yield func(patched, error) bool) {
		for i := range p.blocks {
			at, end := &p.blocks[i], 0
			for end < len(fresh) && (i == len(p.blocks)-1 || fresh[end].id <= at.last) {
				end++
			}
			some := fresh[:end]
			fresh = fresh[end:]
			if len(some) == 0 && !slices.Contains(rough, at.part) {
				continue
			}
			if !yield(patched{at: at, some: some}, nil) {
				return
			}
		}
	}
}

// patchBlock puts differences into one block, and says whether it was found.
func (p *Publication) patchBlock(ctx context.Context, at *written, fresh []difference) (bool, error) {
	count, last := 0, at.last
	found, err := p.store.RewriteBlock(ctx, storage.ChangesOf(p.id), at.last, func(old *storagev1.SnapshotBlock) (*storagev1.SnapshotBlock, error) {
		if err := p.check(old); err != nil {
			return nil, err
		}
		block, err := p.merged(old, fresh)
		if count = len(block.GetIds()); err != nil || count == 0 {
			return nil, err
		}
		p.number(block, at.part)
		last = block.Ids[count-1]
		return block, nil
	})
	if err == nil && found {
		p.counts[at.part], at.last = int64(count), last
	}
	return found, err
}

// merged returns a block with differences in place of what it had of their customers.
func (p *Publication) merged(old *storagev1.SnapshotBlock, fresh []difference) (*storagev1.SnapshotBlock, error) {
	c := p.batch.comparer()
	err := each(old, func(row int, reasons []uint32) error {
		id := old.GetIds()[row]
		for len(fresh) > 0 && fresh[0].id < id {
			if err := c.put(fresh[0]); err != nil {
				return err
			}
			fresh = fresh[1:]
		}
		if len(fresh) > 0 && fresh[0].id == id {
			return nil // it comes with the next, or at the end
		}
		return c.copy(old, row, reasons)
	})
	for _, one := range fresh {
		if err == nil {
			err = c.put(one)
		}
	}
	return c.block, err
}

// put adds a difference, if it is one.
func (c *comparer) put(d difference) error {
	if d.block == nil {
		return nil
	}
	return c.copy(d.block, d.row, d.reasons)
}

// begin writes the first blocks of a publication that has none.
func (p *Publication) begin(ctx context.Context, fresh []difference) error {
	block, err := p.merged(&storagev1.SnapshotBlock{}, fresh)
	if err != nil || len(block.Ids) == 0 {
		return err
	}
	writer, err := p.store.WriteSnapshot(ctx, storage.ChangesOf(p.id))
	if err != nil {
		return err
	}
	p.number(block, len(p.counts))
	if err = writer.Append(block); err == nil {
		err = writer.Close()
	}
	if err != nil {
		return errors.Join(err, writer.Abort())
	}
	p.blocks = append(p.blocks, written{len(p.counts), block.Ids[len(block.Ids)-1]})
	p.counts = append(p.counts, int64(len(block.Ids)))
	return nil
}

// kindIn returns what a change of a block is.
func kindIn(block *storagev1.SnapshotBlock, row int) echelonv1.AssignmentChange_Kind {
	return echelonv1.AssignmentChange_Kind(block.GetChangeKinds()[row])
}
