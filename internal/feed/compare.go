package feed

import (
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// blockChanges is how many changes a block holds.
const blockChanges = 1024

// batch is changes that are being collected: what differs between assignments before and after, in columns.
type batch struct {
	head          *storagev1.ChangeBatch
	before, after *side
	// full takes a block of blockChanges; nil where all changes fit one.
	full  func(*storagev1.SnapshotBlock) error
	block *storagev1.SnapshotBlock
	refs  map[*echelonv1.Reason]uint32
	codes []uint32
	// reps are those of the customer that is compared, before and after in turns, by the roles of the head.
	reps []string
}

// side is how the outcomes of a program are found and told: for each tiering and segmentation of a batch the place in the program, and for each name
// of the program its code in the batch.
type side struct {
	tierings, segmentations []place
}

// place is a tiering or a segmentation of a program; its index is none where the program has none of that name.
type place struct {
	index int
	codes []uint32
}

const none = -1

// newBatch begins a batch between assignments of two programs; before may be nil.
func newBatch(head *storagev1.ChangeBatch, before, after *engine.Program) *batch {
	b := &batch{head: head}
	for _, p := range []*engine.Program{after, before} {
		for _, t := range modelOf(p).GetTierings() {
			head.Tierings = addName(head.Tierings, t.GetName())
		}
		for _, s := range modelOf(p).GetSegmentations() {
			head.Segmentations = addName(head.Segmentations, s.GetName())
		}
	}
	b.before, b.after = b.side(before), b.side(after)
	b.codes = make([]uint32, 4*len(head.Tierings)+2*len(head.Segmentations))
	b.begin()
	return b
}

// modelOf returns the model of a program; nil where there is none.
func modelOf(p *engine.Program) *echelonv1.Model {
	if p == nil {
		return nil
	}
	return p.Model()
}

func addName(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func (b *batch) side(p *engine.Program) *side {
	s := &side{}
	tierings, segmentations := modelOf(p).GetTierings(), modelOf(p).GetSegmentations()
	for _, name := range b.head.Tierings {
		i := slices.IndexFunc(tierings, func(t *echelonv1.Tiering) bool { return t.GetName() == name })
		s.tierings = append(s.tierings, b.place(i, p.TierNames))
	}
	for _, name := range b.head.Segmentations {
		i := slices.IndexFunc(segmentations, func(t *echelonv1.Segmentation) bool { return t.GetName() == name })
		s.segmentations = append(s.segmentations, b.place(i, p.SegmentNames))
	}
	return s
}

func (b *batch) place(index int, namesOf func(int) []string) place {
	at := place{index: index}
	if index < 0 {
		return place{index: none}
	}
	for _, name := range namesOf(index) {
		b.head.Names = addName(b.head.Names, name)
		at.codes = append(at.codes, uint32(slices.Index(b.head.Names, name))+1)
	}
	return at
}

// begin begins a block.
func (b *batch) begin() {
	b.block = &storagev1.SnapshotBlock{}
	for range b.codes {
		b.block.Outcomes = append(b.block.Outcomes, &storagev1.NameColumn{})
	}
	for range b.reps {
		b.block.Reps = append(b.block.Reps, &storagev1.RepColumn{})
	}
	b.refs = make(map[*echelonv1.Reason]uint32)
}

// code returns the code of a row's outcome in a column.
func (at place) code(columns []*frame.Column, row int) uint32 {
	if at.index == none || !columns[at.index].Valid.Get(row) {
		return 0
	}
	return at.codes[columns[at.index].Codes[row]]
}

// computedCode is code of what is computed, which stands beside what is in force where it differs.
func (at place) computedCode(inForce, computed []*frame.Column, row int) uint32 {
	if at.index != none && at.index < len(computed) && computed[at.index] != nil {
		return at.code(computed, row)
	}
	return at.code(inForce, row)
}

// tell writes the outcomes of a row into every other place of codes: before into the even ones, after into the odd ones.
func (s *side) tell(row *snapshot.Row, codes []uint32) {
	if row == nil {
		for i := 0; i < len(codes); i += 2 {
			codes[i] = 0
		}
		return
	}
	r, at := row.Result, 0
	for _, t := range s.tierings {
		codes[at] = t.code(r.Tiers, row.Index)
		codes[at+2] = t.computedCode(r.Tiers, r.Computed, row.Index)
		at += 4
	}
	for _, t := range s.segmentations {
		codes[at] = t.code(r.Segments, row.Index)
		at += 2
	}
}

// compare adds what differs between a customer's assignments, of which one may be nil. Customers come ascending by their ids.
func (b *batch) compare(id string, before, after *snapshot.Row) error {
	if before == nil && after == nil {
		return nil
	}
	b.before.tell(before, b.codes)
	b.after.tell(after, b.codes[min(1, len(b.codes)):]) // of a model that has neither there are none
	b.repsOf(before, 0)
	b.repsOf(after, 1)
	kind := echelonv1.AssignmentChange_MOVED
	switch {
	case before == nil:
		kind = echelonv1.AssignmentChange_CREATED
	case after == nil:
		kind = echelonv1.AssignmentChange_DELETED
	case b.same() && b.sameReps() && excluded(before) == excluded(after):
		return nil
	}
	b.add(id, kind, after)
	if b.full != nil && len(b.block.Ids) == blockChanges {
		return b.flush()
	}
	return nil
}

func (b *batch) same() bool {
	for i := 0; i < len(b.codes); i += 2 {
		if b.codes[i] != b.codes[i+1] {
			return false
		}
	}
	return true
}

func excluded(row *snapshot.Row) bool {
	return row != nil && row.Result.Excluded != nil && row.Result.Excluded.Get(row.Index)
}

func (b *batch) add(id string, kind echelonv1.AssignmentChange_Kind, after *snapshot.Row) {
	k := b.block
	k.Ids = append(k.Ids, id)
	k.ChangeKinds = append(k.ChangeKinds, uint32(kind))
	k.ChangePlaces = append(k.ChangePlaces, uint32(b.head.Changes))
	k.Excluded = append(k.Excluded, excluded(after))
	for i, code := range b.codes {
		k.Outcomes[i].Codes = append(k.Outcomes[i].Codes, code)
	}
	for i, rep := range b.reps {
		k.Reps[i].Reps = append(k.Reps[i].Reps, rep)
	}
	b.head.Changes++
	if after == nil {
		k.ReasonCounts = append(k.ReasonCounts, 0)
		return
	}
	list := after.Result.Reasons
	from, to := list.Offsets[after.Index], list.Offsets[after.Index+1]
	k.ReasonCounts = append(k.ReasonCounts, to-from)
	for _, ref := range list.Refs[from:to] {
		reason := list.Reasons[ref]
		place, known := b.refs[reason]
		if !known {
			place = uint32(len(k.Reasons))
			b.refs[reason] = place
			k.Reasons = append(k.Reasons, reason)
		}
		k.ReasonRefs = append(k.ReasonRefs, place)
	}
}

// flush hands on the block, if it has changes.
func (b *batch) flush() error {
	if len(b.block.Ids) == 0 {
		return nil
	}
	full := b.block
	b.begin()
	return b.full(full)
}
