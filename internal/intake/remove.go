package intake

import (
	"context"
	"errors"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// remove removes a customer as part of a commit, ends what was decided on it, and notes of each publication that its assignment is gone. The changes of one that is
// erased are erased with it: then whoever knows it from them is told, too.
func (i *Intake) remove(ctx context.Context, tx storage.Tx, id string, erase bool) (existed bool, err error) {
	version, err := tx.CustomerVersion(id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	if erase {
		existed, err = tx.EraseCustomer(id)
	} else {
		existed, err = tx.DeleteCustomer(id)
	}
	if err != nil || id == "" || !existed && !erase {
		return existed, err
	}
	i.leavers.note(id)
	if err := endDecisions(tx, id); err != nil {
		return existed, err
	}
	published, err := i.assigning(tx, nil)
	if fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return existed, nil
	}
	if err != nil {
		return existed, err
	}
	view, err := i.store.View(ctx)
	if err != nil {
		return existed, err
	}
	defer view.Close()
	for _, p := range published {
		if err := i.removed(ctx, tx, view, p, id, version, erase); err != nil {
			return existed, err
		}
	}
	return existed, nil
}

// removed notes that the assignment of a customer, written at a version or not stored, is gone from a publication.
func (i *Intake) removed(ctx context.Context, tx storage.Tx, view storage.Reader, p *catalog.Published, id string, version storage.Commit, erase bool) error {
	now := i.now()
	head := by(ctx, p.Changes(echelonv1.AssignmentChange_CUSTOMER_DELETED, now, p.AsOf(now)))
	var row snapshot.Row
	found := false
	if version > 0 {
		before, err := i.before(view, p)
		if err == nil {
			row, found, err = before.RowAt(id, version)
		}
		if err != nil {
			return err
		}
	}
	if erase {
		named, err := feed.Names(view, p.Model(), id)
		if err != nil || !named && !found {
			return err
		}
		return feed.WriteErased(tx, feed.NewID(now), head, id)
	}
	if !found {
		return nil
	}
	return feed.Write(tx, feed.NewID(now), head, p.Scorer.Program(), []feed.Pair{{ID: id, Before: &row}})
}

// before opens the assignments of a publication as a view has them, which is that of a Tx or newer: what was changed since makes the Tx try again.
func (i *Intake) before(view storage.Reader, p *catalog.Published) (*snapshot.Reader, error) {
	run := &echelonv1.Run{}
	if err := view.Document(storage.KindRun, p.RunID(), run); err != nil {
		return nil, err
	}
	return snapshot.OpenOverlay(i.catalog, view, run, p.Overlay)
}

// by says in the head of a batch who makes its changes.
func by(ctx context.Context, head *storagev1.ChangeBatch) *storagev1.ChangeBatch {
	who := feed.WhoIn(ctx)
	head.Actor, head.OnBehalfOf = who.Actor, who.OnBehalfOf
	return head
}
