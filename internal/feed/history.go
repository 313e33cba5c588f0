package feed

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// entry is a change of one customer.
type entry struct {
	head     *storagev1.ChangeBatch
	block    *storagev1.SnapshotBlock
	row      int
	sequence int64
}

// History returns the changes of a customer's assignment in a model that are kept, the newest first, and those before a number; 0 begins with the
// newest.
func (f *Feed) History(ctx context.Context, model, id string, before int64, limit int) ([]*echelonv1.AssignmentChange, error) {
	entries, err := f.entries(ctx, model, id)
	if err != nil {
		return nil, err
	}
	var list []*echelonv1.AssignmentChange
	for _, e := range entries {
		if before > 0 && e.sequence >= before {
			continue
		}
		if list = append(list, change(e.head, e.block, e.row, e.sequence)); len(list) == limit {
			break
		}
	}
	return list, nil
}

// At returns a customer's assignment at an instant, without scores, and whether any change that is kept tells it; nil where it had none. Where none tells, the
// customer's assignment did not change as far back as changes are kept.
func (f *Feed) At(ctx context.Context, model, id string, at time.Time) (a *echelonv1.Assignment, told bool, err error) {
	entries, err := f.entries(ctx, model, id)
	if err != nil || len(entries) == 0 {
		return nil, false, err
	}
	for _, e := range entries {
		if !e.head.GetTime().AsTime().After(at) {
			return e.assignment(1), true, nil
		}
	}
	return entries[len(entries)-1].assignment(0), true, nil
}

// assignment returns the assignment before a change (0), or after it (1); nil where there was none.
func (e entry) assignment(after int) *echelonv1.Assignment {
	kind := echelonv1.AssignmentChange_Kind(e.block.GetChangeKinds()[e.row])
	if kind == echelonv1.AssignmentChange_CREATED && after == 0 || kind == echelonv1.AssignmentChange_DELETED && after == 1 {
		return nil
	}
	a := &echelonv1.Assignment{CustomerId: e.block.GetIds()[e.row], Reps: repOutcomes(e.head, e.block, e.row, after)}
	if after == 1 {
		a.Reasons, a.Excluded = reasonsOf(e.block, e.row), e.block.GetExcluded()[e.row]
		a.Provenance = &echelonv1.Provenance{
			Model: e.head.GetModel(), ModelVersion: e.head.GetModelVersion(), CalibrationId: e.head.GetCalibrationId(), RunId: e.head.GetRunId(), AsOf: e.head.GetAsOf(),
			Online: e.head.GetBlock() != nil,
		}
	}
	named := func(column int) *string { return name(e.head, e.block.GetOutcomes()[column].GetCodes()[e.row]) }
	at := 0
	for _, tiering := range e.head.GetTierings() {
		outcome := &echelonv1.TierOutcome{Tiering: tiering, Tier: named(at + after)}
		if codes := codesAt(e.block, at, e.row); codes[after] != codes[2+after] {
			if outcome.ComputedTier = named(at + 2 + after); outcome.ComputedTier == nil {
				outcome.ComputedTier = new(string)
			}
		}
		a.Tiers = append(a.Tiers, outcome)
		at += 4
	}
	for _, segmentation := range e.head.GetSegmentations() {
		a.Segments = append(a.Segments, &echelonv1.SegmentOutcome{Segmentation: segmentation, Segment: named(at + after)})
		at += 2
	}
	return a
}

// entries returns the changes of a customer, the newest first.
func (f *Feed) entries(ctx context.Context, model, id string) ([]entry, error) {
	if err := f.Order(ctx); err != nil {
		return nil, err
	}
	view, err := f.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var list []entry
	for _, prefix := range []string{customerPrefix(id) + model + "/", publicationPrefix(model)} {
		for document, err := range view.Documents(storage.KindCustomerChange, storage.DocumentScan{Prefix: prefix}) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, err
			}
			e, found, err := find(view, batchOf(document.Key), id)
			if err != nil {
				return nil, err
			}
			if found {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(b.sequence, a.sequence) })
	return list, nil
}

// find returns a customer's change in a batch, if it has any there.
func find(view storage.Reader, batch, id string) (e entry, found bool, err error) {
	e.head, e.block = &storagev1.ChangeBatch{}, &storagev1.SnapshotBlock{}
	// Most publications do not change a customer: only of those that do all is read.
	block, err := view.SnapshotBlock(storage.ChangesOf(batch), id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return e, false, err
	}
	if err := view.Document(storage.KindChangeBatch, batch, e.head); err != nil {
		return e, false, err
	}
	if e.block = e.head.GetBlock(); e.block == nil {
		e.block = block
	}
	if e.row, found = slices.BinarySearch(e.block.GetIds(), id); !found {
		return e, false, nil
	}
	place := &storagev1.ChangePlace{}
	err = view.Document(storage.KindChangePlace, numberPrefix+batch, place)
	if errors.Is(err, storage.ErrNotFound) { // it was committed after the numbers were given: it has none yet, and is newer than all
		return e, false, nil
	}
	if err == nil {
		err = check(e.head, e.block)
	}
	if err == nil {
		e.sequence = sequenceOf(place, e.head, e.block, e.row)
	}
	return e, err == nil, err
}
