package snapshot

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/family"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// picker takes blocks of some customers out of a block, each in the time that those take. What it gives shares memory with the block.
type picker struct {
	block    *storagev1.SnapshotBlock
	starts   []int // where each customer's reasons begin
	families func(ids []string) *echelonv1.FamilyTable
	// places are the places of the block's reasons in the block that is made, and one; 0 where a reason is not in it yet.
	places []uint32
	// others are the columns that pick does not know by name, nil where there are none.
	others *storagev1.SnapshotBlock
}

func newPicker(block *storagev1.SnapshotBlock) *picker {
	return &picker{
		block: block, starts: reasonStarts(block), families: family.Parts(block.GetFamilies()), places: make([]uint32, len(block.GetReasons())),
		others: othersOf(block),
	}
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

// pick returns a block of some of the customers. Every column has one entry a customer, those included that a later version adds; the reasons and the
// families are what differs.
func (p *picker) pick(rows ...int) *storagev1.SnapshotBlock {
	block := p.block
	picked := &storagev1.SnapshotBlock{
		Ids: at(block.GetIds(), rows), Segments: namesAt(block.GetSegments(), rows), Scores: scoresAt(block.GetScores(), rows),
		Tiers: namesAt(block.GetTiers(), rows), ComputedTiers: namesAt(block.GetComputedTiers(), rows), OwnTiers: namesAt(block.GetOwnTiers(), rows),
		SettledTiers: namesAt(block.GetSettledTiers(), rows), ComputedSegments: namesAt(block.GetComputedSegments(), rows),
		Standings: standingsAt(block.GetStandings(), rows), ReasonCounts: at(block.GetReasonCounts(), rows), Excluded: at(block.GetExcluded(), rows),
		Amounts: at(block.GetAmounts(), rows),
	}
	picked.Criteria = criteriaAt(block.GetCriteria(), rows)
	picked.Families = p.families(picked.Ids)
	if p.others != nil {
		pickColumns(p.others.ProtoReflect(), picked.ProtoReflect(), rows)
	}
	p.reasons(picked, rows)
	return picked
}

// reasons gives a block those of its customers, in the order in which they come.
func (p *picker) reasons(picked *storagev1.SnapshotBlock, rows []int) {
	clear(p.places)
	for _, row := range rows {
		if row >= len(p.starts) {
			continue
		}
		start := p.starts[row]
		for _, ref := range p.block.GetReasonRefs()[start : start+int(p.block.GetReasonCounts()[row])] {
			if p.places[ref] == 0 {
				picked.Reasons = append(picked.Reasons, p.block.GetReasons()[ref])
				p.places[ref] = uint32(len(picked.Reasons))
			}
			picked.ReasonRefs = append(picked.ReasonRefs, p.places[ref]-1)
		}
	}
}

// at returns the values of rows. A column without so many stays shorter, as an empty one has it that has an entry only where there is something to say.
func at[T any](column []T, rows []int) []T {
	if len(column) == 0 {
		return nil
	}
	if len(rows) == 1 && rows[0] < len(column) {
		return column[rows[0] : rows[0]+1 : rows[0]+1]
	}
	some := make([]T, 0, len(rows))
	for _, row := range rows {
		if row < len(column) {
			some = append(some, column[row])
		}
	}
	return some
}

func namesAt(columns []*storagev1.NameColumn, rows []int) []*storagev1.NameColumn {
	if len(columns) == 0 {
		return nil
	}
	made, some := make([]storagev1.NameColumn, len(columns)), make([]*storagev1.NameColumn, len(columns))
	for i, column := range columns {
		made[i].Codes = at(column.GetCodes(), rows)
		some[i] = &made[i]
	}
	return some
}

func scoresAt(columns []*storagev1.ScoreColumn, rows []int) []*storagev1.ScoreColumn {
	if len(columns) == 0 {
		return nil
	}
	made, some := make([]storagev1.ScoreColumn, len(columns)), make([]*storagev1.ScoreColumn, len(columns))
	for i, column := range columns {
		made[i].Values, made[i].Valid, made[i].Completeness = at(column.GetValues(), rows), at(column.GetValid(), rows), at(column.GetCompleteness(), rows)
		some[i] = &made[i]
	}
	return some
}

func standingsAt(columns []*storagev1.StandingColumn, rows []int) []*storagev1.StandingColumn {
	if len(columns) == 0 {
		return nil
	}
	made, some := make([]storagev1.StandingColumn, len(columns)), make([]*storagev1.StandingColumn, len(columns))
	for i, column := range columns {
		one := &made[i]
		one.Since, one.Moves, one.Pending = at(column.GetSince(), rows), at(column.GetMoves(), rows), at(column.GetPending(), rows)
		one.Holds, one.Until = at(column.GetHolds(), rows), at(column.GetUntil(), rows)
		some[i] = one
	}
	return some
}

// known are the fields of a block that pick takes by name.
var known = func() map[protoreflect.FieldNumber]bool {
	of := make(map[protoreflect.FieldNumber]bool)
	fields := (*storagev1.SnapshotBlock)(nil).ProtoReflect().Descriptor().Fields()
	for _, name := range []protoreflect.Name{
		"ids", "segments", "scores", "tiers", "reasons", "reason_counts", "reason_refs", "excluded", "computed_tiers", "families", "own_tiers",
		"standings", "settled_tiers", "computed_segments", "amounts", "criteria",
	} {
		of[fields.ByName(name).Number()] = true
	}
	return of
}()

// othersOf returns the columns of a block that pick does not know by name, such as those that a later version adds.
func othersOf(block *storagev1.SnapshotBlock) *storagev1.SnapshotBlock {
	var others *storagev1.SnapshotBlock
	block.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !known[field.Number()] {
			if others == nil {
				others = &storagev1.SnapshotBlock{}
			}
			others.ProtoReflect().Set(field, value)
		}
		return true
	})
	return others
}

// pickColumns copies the rows of every list of values, and goes into every list of columns. An empty list stays empty.
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
		default:
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
