package feed

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Pair is a customer's assignments before and after a commit; nil where there is none.
type Pair struct {
	ID            string
	Before, After *snapshot.Row
}

// Write notes in a commit what it changes of the assignments of a model, whose program made them; of two pairs of one customer the later counts. The head
// says who makes the changes, and when. Where nothing differs, nothing is written.
func Write(tx storage.Tx, id string, head *storagev1.ChangeBatch, program *engine.Program, pairs []Pair) error {
	slices.SortStableFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.ID, b.ID) })
	b := newBatch(head, program, program)
	for i, pair := range pairs {
		if i+1 < len(pairs) && pairs[i+1].ID == pair.ID {
			continue
		}
		if err := b.compare(pair.ID, pair.Before, pair.After); err != nil {
			return err
		}
	}
	if head.Changes == 0 {
		return nil
	}
	head.Block = b.block
	for _, customer := range b.block.Ids {
		if err := tx.PutDocument(storage.KindCustomerChange, customerKey(customer, head.GetModel(), id), &storagev1.ChangePlace{}); err != nil {
			return err
		}
	}
	return put(tx, id, head)
}

// WriteErased notes in the commit that erases a customer that its assignment is gone, for whoever knows it from the changes before, which are erased. It
// names the customer by a hash, and does not tell what it was.
func WriteErased(tx storage.Tx, id string, head *storagev1.ChangeBatch, customer string) error {
	head.Changes = 1
	head.Block = &storagev1.SnapshotBlock{
		Ids: []string{Erased(customer)}, ChangeKinds: []uint32{uint32(echelonv1.AssignmentChange_DELETED)}, ChangePlaces: []uint32{0},
		Excluded: []bool{false}, ReasonCounts: []uint32{0},
	}
	return put(tx, id, head)
}

// put stores a batch, which gets its numbers later.
func put(tx storage.Tx, id string, head *storagev1.ChangeBatch) error {
	if err := tx.PutDocument(storage.KindChangeBatch, id, head); err != nil {
		return err
	}
	return tx.PutDocument(storage.KindChangePlace, pendingPrefix+id, &storagev1.ChangePlace{Batch: id, Changes: head.GetChanges(), Time: head.GetTime()})
}

// Publication is what a publication changes, in blocks that nobody reads before Commit.
type Publication struct {
	id   string
	head *storagev1.ChangeBatch
}

// Prepare writes into blocks what differs between two publications, of which the first may be nil, as their readers see them; nobody may write to the
// store meanwhile. It holds a block at a time. What is written before it fails is removed by Abandon, or at the next start.
func Prepare(ctx context.Context, store storage.Store, id string, head *storagev1.ChangeBatch, before, after *snapshot.Reader) (*Publication, error) {
	writer, err := store.WriteSnapshot(ctx, storage.ChangesOf(id))
	if err != nil {
		return nil, err
	}
	var was *engine.Program
	if before != nil {
		was = before.Program()
	}
	b := newBatch(head, was, after.Program())
	b.full = writer.Append
	err = differences(ctx, before, after, b.compare)
	if err == nil {
		err = b.flush()
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		return nil, errors.Join(err, writer.Abort())
	}
	return &Publication{id, head}, nil
}

// Commit notes the changes in the commit that publishes.
func (p *Publication) Commit(tx storage.Tx) error {
	if p.head.Changes == 0 {
		return nil
	}
	key := publicationPrefix(p.head.GetModel()) + p.id
	if err := tx.PutDocument(storage.KindCustomerChange, key, &storagev1.ChangePlace{}); err != nil {
		return err
	}
	return put(tx, p.id, p.head)
}

// Abandon removes the blocks of a publication that does not become current.
func Abandon(ctx context.Context, store storage.Store, id string) error {
	return store.DeleteSnapshot(ctx, storage.ChangesOf(id))
}

// differences goes through the customers of both publications, ascending.
func differences(ctx context.Context, before, after *snapshot.Reader, hand func(id string, before, after *snapshot.Row) error) error {
	was, is := newRows(ctx, before), newRows(ctx, after)
	defer was.stop()
	defer is.stop()
	for was.open || is.open {
		id := is.id()
		if !is.open || was.open && was.id() < id {
			id = was.id()
		}
		if err := hand(id, was.at(id), is.at(id)); err != nil {
			return err
		}
		was.pass(id)
		is.pass(id)
	}
	return errors.Join(was.err, is.err)
}
