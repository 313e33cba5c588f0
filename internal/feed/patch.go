package feed

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/echelonhq/echelon/internal/parallel"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

const (
	// patchers is how many blocks are written at the same time: the store makes those durable together.
	patchers = 16
	// mostChanges is how many changes a block has at most: one that would have more becomes several.
	mostChanges = 2 * blockChanges
)

// patched is a block, by its place among the blocks, the differences that it is to take in, and what became of it; nothing of one that was not found.
type patched struct {
	place  int
	some   []difference
	pieces []written
	found  bool
}

// patch puts differences into the blocks in which their customers are, or would be, and numbers those blocks anew, with those that are rough. Some may not
// be found as they should be: it returns the differences of these, and marks them.
func (p *Publication) patch(ctx context.Context, fresh []difference) (left []difference, missed bool, err error) {
	if len(p.blocks) == 0 {
		return nil, false, p.begin(ctx, fresh)
	}
	work := func() func(context.Context, patched) (patched, error) { return p.patchBlock }
	became := make(map[int]patched)
	for one, err := range parallel.OrderedBy(ctx, patchers, p.affected(fresh), work) {
		if err != nil {
			return nil, false, err
		}
		became[one.place] = one
		if !one.found {
			left, missed = append(left, one.some...), true
		}
	}
	if len(became) == 0 {
		return nil, false, nil
	}
	blocks := make([]written, 0, len(p.blocks)+len(became))
	for i, at := range p.blocks {
		switch one, was := became[i]; {
		case !was:
			blocks = append(blocks, at)
		case !one.found:
			at.missed = true
			blocks = append(blocks, at)
		default:
			blocks = append(blocks, one.pieces...)
		}
	}
	p.blocks = blocks
	return left, missed, nil
}

// affected goes through the blocks that differences belong to, each with its own, and those that are rough. Whom no block has, and none could have between
// its customers, belongs to the last.
func (p *Publication) affected(fresh []difference) iter.Seq2[patched, error] {
	return func(yield func(patched, error) bool) {
		for i, at := range p.blocks {
			end := 0
			for end < len(fresh) && (i == len(p.blocks)-1 || fresh[end].id <= at.last) {
				end++
			}
			some := fresh[:end]
			fresh = fresh[end:]
			if len(some) == 0 && !at.rough {
				continue
			}
			if !yield(patched{place: i, some: some}, nil) {
				return
			}
		}
	}
}

// patchBlock puts differences into one block.
func (p *Publication) patchBlock(ctx context.Context, one patched) (patched, error) {
	at := p.blocks[one.place]
	found, err := p.store.RewriteBlock(ctx, storage.ChangesOf(p.id), at.last, func(old *storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error) {
		if err := p.check(old); err != nil {
			return nil, err
		}
		blocks, err := p.merged(old, one.some)
		one.pieces = p.numberAll(blocks, at.part)
		return blocks, err
	})
	one.found = found
	return one, err
}

// numberAll numbers the pieces of a block: the first is the part that the block was, the others are new ones.
func (p *Publication) numberAll(blocks []*storagev1.SnapshotBlock, part int) (pieces []written) {
	for i, block := range blocks {
		if i > 0 {
			part = p.newPart()
		}
		p.number(block, part)
		pieces = append(pieces, writtenOf(block))
	}
	return pieces
}

// merged returns a block with differences in place of what it had of their customers: as blocks of blockChanges where there are too many for one.
func (p *Publication) merged(old *storagev1.SnapshotBlock, fresh []difference) (blocks []*storagev1.SnapshotBlock, err error) {
	c := p.batch.comparer()
	if len(old.GetIds())+len(fresh) > mostChanges {
		c.full = func(block *storagev1.SnapshotBlock) error { blocks = append(blocks, block); return nil }
	}
	err = each(old, func(row int, reasons []uint32) error {
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
	if len(c.block.Ids) > 0 {
		blocks = append(blocks, c.block)
	}
	return blocks, err
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
	blocks, err := p.merged(&storagev1.SnapshotBlock{}, fresh)
	if err != nil || len(blocks) == 0 {
		return err
	}
	writer, err := p.store.WriteSnapshot(ctx, storage.ChangesOf(p.id))
	if err != nil {
		return err
	}
	pieces := p.numberAll(blocks, p.newPart())
	for _, block := range blocks {
		if err == nil {
			err = writer.Append(block)
		}
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		return errors.Join(err, writer.Abort())
	}
	p.blocks = slices.Clip(pieces)
	return nil
}
