package feed

import (
	"cmp"
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
