package feed

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// Publication is what a publication changes, in blocks that nobody reads before Commit. It is used by one goroutine.
type Publication struct {
	store storage.Store
	id    string
	batch *batch
	// parts is how many parts of the batch there were, a part a block.
	parts atomic.Int32
	// blocks are the parts that have changes, ascending by their customers. Parts are numbered as they come: blocks that grow become several.
	blocks []written
	// seen is the commit up to which deletions of customers were taken in.
	seen storage.Commit
}

// written is the block of a part.
type written struct {
	part int
	// last is the id that it ends with, count how many changes it has.
	last  string
	count int64
	// rough tells that its changes are to be numbered anew, missed that it does not end with last any more.
	rough, missed bool
}

// Prepare writes into blocks what differs between two publications, of which the first may be nil, as their readers see them. Others may write to the store
// meanwhile, and afterwards: Renew takes that in. It holds some blocks at a time. What is written before it fails is removed by Abandon, or at the next start.
func Prepare(ctx context.Context, store storage.Store, id string, head *storagev1.ChangeBatch, before, after *snapshot.Reader) (*Publication, error) {
	writer, err := store.WriteSnapshot(ctx, storage.ChangesOf(id))
	if err != nil {
		return nil, err
	}
	var was *engine.Program
	if before != nil {
		was = before.Program()
	}
	p := &Publication{store: store, id: id, batch: newBatch(head, was, after.Program()), seen: after.ReadPoint()}
	if err = p.write(ctx, before, after, writer); err == nil {
		err = writer.Close()
	}
	if err != nil {
		return nil, errors.Join(err, writer.Abort())
	}
	return p, nil
}

// write compares stretches of customers at the same time, and writes what differs in their order.
func (p *Publication) write(ctx context.Context, before, after *snapshot.Reader, writer storage.SnapshotWriter) error {
	compare := func() func(context.Context, *snapshot.Stretch) ([]*storagev1.SnapshotBlock, error) {
		return func(_ context.Context, stretch *snapshot.Stretch) (blocks []*storagev1.SnapshotBlock, err error) {
			c := p.batch.comparer()
			c.full = func(block *storagev1.SnapshotBlock) error { blocks = append(blocks, block); return nil }
			if err = stretch.Pairs(c.compareCells); err == nil {
				err = c.flush()
			}
			return blocks, err
		}
	}
	put := func(block *storagev1.SnapshotBlock) error {
		p.number(block, p.newPart())
		p.blocks = append(p.blocks, writtenOf(block))
		return writer.Append(block)
	}
	few := p.batch.comparer() // the changes of stretches that have few
	few.full = put
	for blocks, err := range parallel.Ordered(ctx, snapshot.Beside(ctx, before, after, ""), compare) {
		for _, block := range blocks {
			if err != nil {
				break
			}
			if len(block.Ids) < blockChanges {
				err = few.take(block)
				continue
			}
			if err = few.flush(); err == nil {
				err = put(block)
			}
		}
		if err != nil {
			return err
		}
	}
	return few.flush()
}

// newPart returns the number of a new part.
func (p *Publication) newPart() int { return int(p.parts.Add(1)) - 1 }

// number gives a block its place in the batch, and its changes theirs in the block.
func (p *Publication) number(block *storagev1.SnapshotBlock, part int) {
	block.ChangePart = uint32(part)
	block.ChangePlaces = block.ChangePlaces[:0]
	for i := range block.Ids {
		block.ChangePlaces = append(block.ChangePlaces, uint32(i))
	}
}

// take adds the changes of a block.
func (c *comparer) take(block *storagev1.SnapshotBlock) error {
	return each(block, func(row int, places []uint32) error { return c.copy(block, row, places) })
}

// copy adds a change of a block.
func (c *comparer) copy(block *storagev1.SnapshotBlock, row int, reasons []uint32) error {
	for i, column := range block.GetOutcomes() {
		c.codes[i] = column.GetCodes()[row]
	}
	for i := range c.reps {
		if c.reps[i] = ""; len(block.GetReps()) > 0 {
			c.reps[i] = repAt(block, i, row)
		}
	}
	return c.add(block.GetIds()[row], kindIn(block, row), block.GetExcluded()[row], block.GetReasons(), reasons)
}

// each goes through the changes of a block, with the places of their reasons among the block's.
func each(block *storagev1.SnapshotBlock, hand func(row int, reasons []uint32) error) error {
	start := uint32(0)
	for row, count := range block.GetReasonCounts() {
		if err := hand(row, block.GetReasonRefs()[start:start+count]); err != nil {
			return err
		}
		start += count
	}
	return nil
}

// Commit notes the changes in the commit that publishes.
func (p *Publication) Commit(tx storage.Tx, now time.Time) error {
	head := p.batch.head
	head.Time, head.Changes, head.Parts = timestamppb.New(now), 0, make([]int64, p.parts.Load())
	for _, block := range p.blocks {
		head.Parts[block.part] = head.Changes
		head.Changes += block.count
	}
	if head.Changes == 0 {
		return nil
	}
	key := publicationPrefix(head.GetModel()) + p.id
	if err := tx.PutDocument(storage.KindCustomerChange, key, &storagev1.ChangePlace{}); err != nil {
		return err
	}
	return put(tx, p.id, head)
}

// Abandon removes the blocks of a publication that does not become current.
func Abandon(ctx context.Context, store storage.Store, id string) error {
	return store.DeleteSnapshot(ctx, storage.ChangesOf(id))
}
