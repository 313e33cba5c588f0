package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Position is where a reader is: behind a change.
type Position struct {
	// Sequence is the change's number.
	Sequence int64
	// ID is its customer, where the changes of its commit stand in blocks by customer and it is not the last of them.
	ID string
	// Batch is the batch that the change is of, where that is known: after a restore other changes may have the same numbers.
	Batch string
}

// looked is how many changes are looked at in one reading, however few of them are wanted.
const looked = 100_000

// Page is what a reading found.
type Page struct {
	Changes []*echelonv1.AssignmentChange
	// Next is behind the last change that was looked at, wanted or not.
	Next Position
	// More tells that there was more than was looked at.
	More bool
}

// Read returns the changes behind a position of those that are wanted, in order, until full says that so many of so many bytes are enough, and without
// those that have no numbers yet. CHANGES_EXPIRED, INVALID_REQUEST.
func (f *Feed) Read(ctx context.Context, at Position, full func(changes, bytes int) bool, wants func(*echelonv1.AssignmentChange) bool) (*Page, error) {
	view, err := f.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	if at.Batch, err = known(view, at); err != nil {
		return nil, err
	}
	key, err := start(view, at.Sequence)
	if err != nil {
		return nil, err
	}
	page, seen, bytes := &Page{Next: at}, 0, 0
	for document, err := range view.Documents(storage.KindChangePlace, storage.DocumentScan{Prefix: logPrefix, After: key}) {
		if err != nil {
			return nil, err
		}
		place := &storagev1.ChangePlace{}
		if err := document.Decode(place); err != nil {
			return nil, err
		}
		for change, err := range changes(ctx, view, place, page.Next) {
			if err != nil {
				return nil, err
			}
			if full(len(page.Changes), bytes) || seen == looked {
				page.More = true
				return page, nil
			}
			seen++
			page.Next = Position{change.GetSequence(), change.GetCustomerId(), place.GetBatch()}
			if wants(change) {
				page.Changes = append(page.Changes, change)
				bytes += proto.Size(change)
			}
		}
		page.Next = Position{Sequence: place.GetFirstSequence() + place.GetChanges() - 1, Batch: place.GetBatch()}
	}
	return page, nil
}

// known returns the batch of a position; empty where that is not kept, or there is none. CHANGES_EXPIRED where the position is of another history than the
// store's, such as of one that a restore took back.
func known(view storage.Reader, at Position) (string, error) {
	for document, err := range view.Documents(storage.KindChangePlace, storage.DocumentScan{Prefix: logPrefix, After: logKey(at.Sequence + 1), Descending: true}) {
		if err != nil {
			return "", err
		}
		place := &storagev1.ChangePlace{}
		if err := document.Decode(place); err != nil {
			return "", err
		}
		switch batch := place.GetBatch(); {
		case at.Sequence >= place.GetFirstSequence()+place.GetChanges():
		case at.Batch != "" && at.Batch != batch:
			return "", fault.New(echelonv1.ErrorReason_CHANGES_EXPIRED, "change %d is another one than the cursor's: the store was restored to a time before it; "+
				"export the assignments anew, and watch from the sequence that the export gives", at.Sequence)
		default:
			return batch, nil
		}
		break
	}
	return "", nil
}

// start returns the key of the log after which the batch of the change behind a sequence is, or will be. CHANGES_EXPIRED, INVALID_REQUEST.
func start(view storage.Reader, sequence int64) (string, error) {
	next, err := nextNumber(view)
	switch {
	case err != nil:
		return "", err
	case sequence >= next:
		return "", fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "there is no change %d yet, the last one is %d: give a number that an export or a watch of this store gave",
			sequence, next-1).With("last_sequence", strconv.FormatInt(next-1, 10))
	case sequence == next-1:
		return logKey(sequence), nil
	}
	for document, err := range view.Documents(storage.KindChangePlace, storage.DocumentScan{Prefix: logPrefix, After: logKey(sequence + 2), Descending: true}) {
		if err != nil {
			return "", err
		}
		place := &storagev1.ChangePlace{}
		if err := document.Decode(place); err != nil {
			return "", err
		}
		return logKey(place.GetFirstSequence() - 1), nil
	}
	return "", fault.New(echelonv1.ErrorReason_CHANGES_EXPIRED,
		"changes after %d are not kept any more: export the assignments anew, and watch from the sequence that the export gives", sequence)
}

// changes goes through the changes of a batch behind a position.
func changes(ctx context.Context, view storage.Reader, place *storagev1.ChangePlace, at Position) iter.Seq2[*echelonv1.AssignmentChange, error] {
	return func(yield func(*echelonv1.AssignmentChange, error) bool) {
		head := &storagev1.ChangeBatch{}
		if err := view.Document(storage.KindChangeBatch, place.GetBatch(), head); err != nil {
			yield(nil, fmt.Errorf("reading the batch of changes %q: %w", place.GetBatch(), err))
			return
		}
		for block, err := range blocksOf(ctx, view, place, head, at) {
			if err == nil {
				err = check(head, block)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for row := range block.GetIds() {
				sequence := sequenceOf(place, head, block, row)
				if sequence > at.Sequence && !yield(change(head, block, row, sequence), nil) {
					return
				}
			}
		}
	}
}

// blocksOf returns the blocks of a batch that may have changes behind a position.
func blocksOf(ctx context.Context, view storage.Reader, place *storagev1.ChangePlace, head *storagev1.ChangeBatch, at Position) iter.Seq2[*storagev1.SnapshotBlock, error] {
	if head.GetBlock() != nil {
		return func(yield func(*storagev1.SnapshotBlock, error) bool) { yield(head.GetBlock(), nil) }
	}
	after := ""
	if at.Sequence >= place.GetFirstSequence() {
		after = at.ID
	}
	return view.SnapshotBlocks(ctx, storage.ChangesOf(place.GetBatch()), after)
}

// sequenceOf returns the number of a row of a block.
func sequenceOf(place *storagev1.ChangePlace, head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock, row int) int64 {
	sequence := place.GetFirstSequence() + int64(block.GetChangePlaces()[row])
	if parts := head.GetParts(); len(parts) > 0 {
		sequence += parts[block.GetChangePart()]
	}
	return sequence
}

// check returns what is wrong with a block of changes.
func check(head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock) error {
	n := len(block.GetIds())
	whole := len(block.GetChangeKinds()) == n && len(block.GetChangePlaces()) == n && len(block.GetExcluded()) == n && len(block.GetReasonCounts()) == n &&
		len(block.GetOutcomes()) == 4*len(head.GetTierings())+2*len(head.GetSegmentations()) && repsFit(head, block)
	if parts := len(head.GetParts()); parts > 0 {
		whole = whole && int(block.GetChangePart()) < parts
	}
	for _, column := range block.GetOutcomes() {
		whole = whole && len(column.GetCodes()) == n
		for _, code := range column.GetCodes() {
			whole = whole && int(code) <= len(head.GetNames())
		}
	}
	refs := uint64(0)
	for _, count := range block.GetReasonCounts() {
		refs += uint64(count)
	}
	whole = whole && refs == uint64(len(block.GetReasonRefs()))
	for _, ref := range block.GetReasonRefs() {
		whole = whole && int(ref) < len(block.GetReasons())
	}
	if !whole {
		return &storage.CorruptError{What: "a block of changes of the model " + strconv.Quote(head.GetModel()), Err: errors.New("its columns do not fit one another")}
	}
	return nil
}

// change returns a row of a block that was checked.
func change(head *storagev1.ChangeBatch, block *storagev1.SnapshotBlock, row int, sequence int64) *echelonv1.AssignmentChange {
	c := &echelonv1.AssignmentChange{
		Sequence: sequence, Model: head.GetModel(), CustomerId: block.GetIds()[row], Kind: echelonv1.AssignmentChange_Kind(block.GetChangeKinds()[row]),
		Origin: head.GetOrigin(), Excluded: block.GetExcluded()[row], RunId: head.GetRunId(), ModelVersion: head.GetModelVersion(),
		CalibrationId: head.GetCalibrationId(), Actor: head.GetActor(), OnBehalfOf: head.GetOnBehalfOf(), Time: head.GetTime(), AsOf: head.GetAsOf(),
		Reasons: reasonsOf(block, row), Reps: repMoves(head, block, row),
	}
	named := func(column int) *string { return name(head, block.GetOutcomes()[column].GetCodes()[row]) }
	at := 0
	for _, tiering := range head.GetTierings() {
		if code := codesAt(block, at, row); code[0] != code[1] || code[2] != code[3] {
			c.Tiers = append(c.Tiers, &echelonv1.TierMove{Tiering: tiering, From: named(at), To: named(at + 1), ComputedFrom: named(at + 2), ComputedTo: named(at + 3)})
		}
		at += 4
	}
	for _, segmentation := range head.GetSegmentations() {
		if block.GetOutcomes()[at].GetCodes()[row] != block.GetOutcomes()[at+1].GetCodes()[row] {
			c.Segments = append(c.Segments, &echelonv1.SegmentMove{Segmentation: segmentation, From: named(at), To: named(at + 1)})
		}
		at += 2
	}
	return c
}

// codesAt returns the four codes of a tiering.
func codesAt(block *storagev1.SnapshotBlock, at, row int) (codes [4]uint32) {
	for i := range codes {
		codes[i] = block.GetOutcomes()[at+i].GetCodes()[row]
	}
	return codes
}

// name returns the name that a code means; nil where it means none.
func name(head *storagev1.ChangeBatch, code uint32) *string {
	if code == 0 {
		return nil
	}
	return &head.Names[code-1]
}

func reasonsOf(block *storagev1.SnapshotBlock, row int) (list []*echelonv1.Reason) {
	from := 0
	for _, count := range block.GetReasonCounts()[:row] {
		from += int(count)
	}
	for _, ref := range block.GetReasonRefs()[from : from+int(block.GetReasonCounts()[row])] {
		list = append(list, block.GetReasons()[ref])
	}
	return list
}
