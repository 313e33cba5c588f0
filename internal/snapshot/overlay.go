package snapshot

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/family"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// EncodeRows returns the customers of a result as rows of an overlay, in their order.
func EncodeRows(r *engine.Result, asOf time.Time) []*storagev1.OverlayRow {
	block := Encode(r)
	rows := make([]*storagev1.OverlayRow, r.Len())
	from := newPicker(block)
	for i := range rows {
		rows[i] = &storagev1.OverlayRow{Block: from.pick(i), AsOf: timestamppb.New(asOf)}
	}
	return rows
}

// Without returns a block without one of its customers, and with no reason that only that customer had; nil where nobody is left. The block stays as it
// is. One whose reasons do not add up is a *storage.CorruptError.
func Without(block *storagev1.SnapshotBlock, id string) (*storagev1.SnapshotBlock, error) {
	row, found := slices.BinarySearch(block.GetIds(), id)
	if !found {
		return block, nil
	}
	if err := checkReasons(block); err != nil {
		return nil, err
	}
	var others []int
	for i := range block.GetIds() {
		if i != row {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	return newPicker(block).pick(others...), nil
}

// checkReasons returns what is wrong with a block's reasons, as Decode would.
func checkReasons(block *storagev1.SnapshotBlock) error {
	d := &decoder{rows: len(block.GetIds())}
	d.reasons(block)
	if d.err != nil {
		return d.fault()
	}
	return nil
}

// reasonStarts returns for each customer where its reasons begin among the block's.
func reasonStarts(block *storagev1.SnapshotBlock) []int {
	starts := make([]int, len(block.GetReasonCounts()))
	next := 0
	for i, count := range block.GetReasonCounts() {
		starts[i], next = next, next+int(count)
	}
	return starts
}

// picker takes blocks of some customers out of a block, each in the time that those take.
type picker struct {
	block    *storagev1.SnapshotBlock
	starts   []int
	families func(ids []string) *echelonv1.FamilyTable
}

func newPicker(block *storagev1.SnapshotBlock) *picker {
	return &picker{block, reasonStarts(block), family.Parts(block.GetFamilies())}
}

// pick returns a block of some of the customers. Every column has one entry a customer, those included that a later version adds; the reasons and the
// families are what differs.
func (p *picker) pick(rows ...int) *storagev1.SnapshotBlock {
	block, picked := p.block, &storagev1.SnapshotBlock{}
	pickColumns(block.ProtoReflect(), picked.ProtoReflect(), rows)
	picked.Reasons, picked.ReasonRefs = nil, nil
	picked.Families = p.families(picked.GetIds())
	places := make(map[uint32]uint32)
	for _, row := range rows {
		start := p.starts[row]
		for _, ref := range block.GetReasonRefs()[start : start+int(block.GetReasonCounts()[row])] {
			place, known := places[ref]
			if !known {
				place = uint32(len(picked.Reasons))
				places[ref] = place
				picked.Reasons = append(picked.Reasons, proto.CloneOf(block.GetReasons()[ref]))
			}
			picked.ReasonRefs = append(picked.ReasonRefs, place)
		}
	}
	return picked
}

var reasonName = (*echelonv1.Reason)(nil).ProtoReflect().Descriptor().FullName()

// pickColumns copies the rows of every list of values, and goes into every list of columns. An empty list stays empty, as one has it that has an
// entry only where there is something to say.
func pickColumns(from, to protoreflect.Message, rows []int) {
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case !field.IsList():
			to.Set(field, value)
		case field.Message() == nil:
			all, some := value.List(), to.Mutable(field).List()
			for _, row := range rows {
				if row < all.Len() {
					some.Append(all.Get(row))
				}
			}
		case field.Message().FullName() != reasonName:
			columns, some := value.List(), to.Mutable(field).List()
			for i := range columns.Len() {
				column := some.NewElement()
				pickColumns(columns.Get(i).Message(), column.Message(), rows)
				some.Append(column)
			}
		}
		return true
	})
}
