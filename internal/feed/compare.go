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
	codes []uint32
	// from are the reasons of which some were taken last, and places their places among the block's, and one; 0 for those that are not taken.
	from   []*echelonv1.Reason
	places []uint32
	// reps are those of the customer that is compared, before and after in turns, by the roles of the head.
	reps []string
}

// side is how the outcomes of a program are found and told: for each tiering and segmentation of a batch the place in the program, and for each name
// of the program its code in the batch.
type side struct {
	tierings, segmentations []place
	// meanings are, of each column of outcomes, the codes of its names: of a tiering twice, for what is in force and what is computed.
	meanings [][]uint32
	// roles are, of each role of the batch, the place among the program's; none where it has none of that name.
	roles []int
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
		for _, role := range rolesOf(p) {
			head.Roles = addName(head.Roles, role)
		}
	}
	b.before, b.after = b.side(before), b.side(after)
	b.codes = make([]uint32, 4*len(head.Tierings)+2*len(head.Segmentations))
	b.reps = make([]string, 2*len(head.Roles))
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
		at := b.place(i, p.TierNames)
		s.tierings, s.meanings = append(s.tierings, at), append(s.meanings, at.codes, at.codes)
	}
	for _, name := range b.head.Segmentations {
		i := slices.IndexFunc(segmentations, func(t *echelonv1.Segmentation) bool { return t.GetName() == name })
		at := b.place(i, p.SegmentNames)
		s.segmentations, s.meanings = append(s.segmentations, at), append(s.meanings, at.codes)
	}
	for _, role := range b.head.Roles {
		s.roles = append(s.roles, slices.Index(rolesOf(p), role))
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
	b.from, b.places = nil, nil
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
	b.before.tellReps(before, b.reps)
	b.after.tellReps(after, b.reps[min(1, len(b.reps)):])
	kind := kindOf(before != nil, after != nil)
	if kind == echelonv1.AssignmentChange_MOVED && b.same() && b.sameReps() && excluded(before) == excluded(after) {
		return nil
	}
	var all []*echelonv1.Reason
	var places []uint32
	if after != nil {
		list := after.Result.Reasons
		all, places = list.Reasons, list.Refs[list.Offsets[after.Index]:list.Offsets[after.Index+1]]
	}
	return b.add(id, kind, excluded(after), all, places)
}

// kindOf returns what a change is, by whether there is an assignment before and after it.
func kindOf(before, after bool) echelonv1.AssignmentChange_Kind {
	switch {
	case !before:
		return echelonv1.AssignmentChange_CREATED
	case !after:
		return echelonv1.AssignmentChange_DELETED
	}
	return echelonv1.AssignmentChange_MOVED
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

// add adds a change of the outcomes in codes, with some of a list of reasons.
func (b *batch) add(id string, kind echelonv1.AssignmentChange_Kind, excluded bool, all []*echelonv1.Reason, places []uint32) error {
	k := b.block
	k.Ids = append(k.Ids, id)
	k.ChangeKinds = append(k.ChangeKinds, uint32(kind))
	k.ChangePlaces = append(k.ChangePlaces, uint32(len(k.ChangePlaces)))
	k.Excluded = append(k.Excluded, excluded)
	for i, code := range b.codes {
		k.Outcomes[i].Codes = append(k.Outcomes[i].Codes, code)
	}
	b.addReps()
	b.reasons(all, places)
	b.head.Changes++
	if b.full != nil && len(k.Ids) == blockChanges {
		return b.flush()
	}
	return nil
}

// reasons adds some of a list of reasons to the last change. A list that comes again and again is told by where it lies.
func (b *batch) reasons(all []*echelonv1.Reason, places []uint32) {
	k := b.block
	k.ReasonCounts = append(k.ReasonCounts, uint32(len(places)))
	if len(places) == 0 {
		return
	}
	if len(all) != len(b.from) || &all[0] != &b.from[0] {
		b.from, b.places = all, slices.Grow(b.places[:0], len(all))[:len(all)]
		clear(b.places)
	}
	for _, place := range places {
		if b.places[place] == 0 {
			k.Reasons = append(k.Reasons, all[place])
			b.places[place] = uint32(len(k.Reasons))
		}
		k.ReasonRefs = append(k.ReasonRefs, b.places[place]-1)
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
