package feed

import (
	"context"
	"errors"
	"slices"

	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// Leaver names a customer that was deleted, of whom a tombstone tells no more than a hash, as snapshot.Graves has it; false where it is not known.
type Leaver func(hash [16]byte) (id string, known bool)

// Renew takes in what was written since: it compares some customers anew, whose assignments in one of the publications may be others by now, and those that
// were deleted, as two readers of a newer view see them. The first reader is nil where that of Prepare was. It holds some blocks at a time, and the ids.
func (p *Publication) Renew(ctx context.Context, view storage.Reader, before, after *snapshot.Reader, ids []string, leaver Leaver) error {
	graves, err := snapshot.OpenGraves(ctx, view, p.seen)
	if err != nil {
		return err
	}
	if ids, err = p.deleted(ctx, view, graves, leaver, ids); err != nil {
		return err
	}
	p.seen = view.ReadPoint()
	slices.Sort(ids)
	for some, err := range p.differences(ctx, before, after, slices.Compact(ids)) {
		if err == nil {
			err = p.takeIn(ctx, some)
		}
		if err != nil {
			return err
		}
	}
	return p.takeIn(ctx, nil) // what a survey found
}

// deleted adds to ids those of the customers that were deleted since, as far as blocks have them. Where one of them is not known, all blocks are looked
// through for it.
func (p *Publication) deleted(ctx context.Context, view storage.Reader, graves snapshot.Graves, leaver Leaver, ids []string) ([]string, error) {
	for hash := range graves {
		id, known := leaver(hash)
		if !known {
			return p.survey(ctx, view, graves, ids)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// survey looks at what the blocks have by now: erasures may have taken customers out of some, whose changes are to be numbered anew. It adds to ids the
// customers of blocks who were deleted.
func (p *Publication) survey(ctx context.Context, view storage.Reader, graves snapshot.Graves, ids []string) ([]string, error) {
	p.blocks = nil
	for block, err := range view.SnapshotBlocks(ctx, storage.ChangesOf(p.id), "") {
		if err == nil {
			err = p.check(block)
		}
		if err != nil {
			return nil, err
		}
		for _, id := range block.GetIds() {
			if graves.Of(id) > 0 {
				ids = append(ids, id)
			}
		}
		p.blocks = append(p.blocks, writtenOf(block))
	}
	return ids, nil
}

// takeIn puts differences into blocks.
func (p *Publication) takeIn(ctx context.Context, fresh []difference) error {
	left, missed, err := p.patch(ctx, fresh)
	if err != nil || !missed {
		return err
	}
	// An erasure has taken the id that a block ended with.
	if err := p.findMissed(ctx); err != nil {
		return err
	}
	if _, missed, err = p.patch(ctx, left); err == nil && missed {
		err = storage.ErrConflict
	}
	return err
}

// findMissed looks for the blocks that do not end with the customer that they ended with: between the one before them and the one after.
func (p *Publication) findMissed(ctx context.Context) error {
	view, err := p.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	after, found := "", make([]written, 0, len(p.blocks))
	for _, at := range p.blocks {
		if at.missed {
			now, is, err := p.blockAfter(ctx, view, after)
			if err != nil {
				return err
			}
			if !is || now.part != at.part {
				continue // all that it had were erased
			}
			at = now
		}
		found, after = append(found, at), at.last
	}
	p.blocks = found
	return nil
}

// blockAfter returns the first block with customers after an id, if there is one.
func (p *Publication) blockAfter(ctx context.Context, view storage.Reader, after string) (at written, is bool, err error) {
	for block, err := range view.SnapshotBlocks(ctx, storage.ChangesOf(p.id), after) {
		if err == nil {
			err = p.check(block)
		}
		if err != nil {
			return written{}, false, err
		}
		return writtenOf(block), true, nil
	}
	return written{}, false, nil
}

// writtenOf returns what is known of a block that was read and checked.
func writtenOf(block *storagev1.SnapshotBlock) written {
	n := len(block.GetIds())
	return written{
		part: int(block.GetChangePart()), last: block.GetIds()[n-1], count: int64(n), rough: int(block.GetChangePlaces()[n-1]) != n-1,
	}
}

// check returns what is wrong with a block that was prepared.
func (p *Publication) check(block *storagev1.SnapshotBlock) error {
	if int(block.GetChangePart()) >= int(p.parts.Load()) || len(block.GetIds()) == 0 {
		return &storage.CorruptError{What: "a block of changes that is being prepared", Err: errors.New("it is of a part that there is not, or has nobody")}
	}
	return check(p.batch.head, block)
}
