package snapshot

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Outcomes is a block of assignments as it is stored, whose columns were checked: those who compare millions read the codes that are stored, rather than a
// Result of each block.
type Outcomes struct {
	*storagev1.SnapshotBlock
	program *engine.Program
	// made is the commit as of which customers were read, asOf the instant as of which they were evaluated after the run; nil where the run did it.
	made storage.Commit
	asOf *timestamppb.Timestamp
	// starts are where each customer's reasons begin among the block's, and where the last one's end.
	starts []uint32
	result *engine.Result
}

// newOutcomes checks what of a block is read by its columns. One that is none of the program's is a *storage.CorruptError.
func newOutcomes(p *engine.Program, block *storagev1.SnapshotBlock, made storage.Commit) (*Outcomes, error) {
	model, d := p.Model(), &decoder{rows: len(block.GetIds())}
	d.expect("segmentations", len(block.GetSegments()), len(model.GetSegmentations()))
	d.expect("tierings", len(block.GetTiers()), len(model.GetTierings()))
	d.codes(block.GetSegments(), p.SegmentNames)
	d.codes(block.GetTiers(), p.TierNames)
	if len(block.GetComputedTiers()) > 0 {
		d.expect("tierings of computed tiers", len(block.GetComputedTiers()), len(model.GetTierings()))
		d.codes(block.GetComputedTiers(), p.TierNames)
	}
	if len(block.GetExcluded()) > 0 {
		d.expect("exclusions", len(block.GetExcluded()), d.rows)
	}
	if len(block.GetAmounts()) > 0 {
		d.expect("amounts", len(block.GetAmounts()), d.rows)
	}
	d.reps(p, block)
	starts := d.reasons(block).Offsets
	if d.err != nil {
		return nil, d.fault()
	}
	return &Outcomes{SnapshotBlock: block, program: p, made: made, starts: starts}, nil
}

// codes looks that columns have a code for each row, and none but those of the names.
func (d *decoder) codes(columns []*storagev1.NameColumn, names func(int) []string) {
	for i, column := range columns {
		codes := column.GetCodes()
		d.expect("codes", len(codes), d.rows)
		if d.err != nil {
			return
		}
		if most := len(names(i)); len(codes) > 0 && int(slices.Max(codes)) > most {
			d.err = fmt.Errorf("the code %d is larger than %d", slices.Max(codes), most)
		}
	}
}

// TierCodes returns the tiers in force of a tiering, a code a row: 0 for none, or the place from 1 among the program's names.
func (o *Outcomes) TierCodes(tiering int) []uint32 { return o.GetTiers()[tiering].GetCodes() }

// ComputedCodes returns likewise the tiers that the cuts alone give.
func (o *Outcomes) ComputedCodes(tiering int) []uint32 {
	if len(o.GetComputedTiers()) == 0 {
		return o.TierCodes(tiering)
	}
	return o.GetComputedTiers()[tiering].GetCodes()
}

// SegmentCodes returns likewise the segments in force of a segmentation.
func (o *Outcomes) SegmentCodes(segmentation int) []uint32 {
	return o.GetSegments()[segmentation].GetCodes()
}

// Leaves reports whether the population leaves out the customer of a row.
func (o *Outcomes) Leaves(row int) bool { return len(o.GetExcluded()) > 0 && o.GetExcluded()[row] }

// Amount returns the model's amount of a row, 0 where it is missing, and whether amounts are kept.
func (o *Outcomes) Amount(row int) (amount float64, kept bool) {
	if len(o.GetAmounts()) == 0 {
		return 0, false
	}
	return o.GetAmounts()[row], true
}

// Rep returns who is pinned as the rep of a row in a role, by its place among the program's; empty where nobody is.
func (o *Outcomes) Rep(role, row int) string {
	if role >= len(o.GetReps()) || len(o.GetReps()[role].GetReps()) == 0 {
		return ""
	}
	return o.GetReps()[role].GetReps()[row]
}

// ReasonsOf returns all reasons of the block, and the places of a row's among them.
func (o *Outcomes) ReasonsOf(row int) (all []*echelonv1.Reason, places []uint32) {
	return o.GetReasons(), o.GetReasonRefs()[o.starts[row]:o.starts[row+1]]
}

// Cell is one customer's assignment in Outcomes; of nobody where those are nil.
type Cell struct {
	*Outcomes
	Row int
}

// whole returns all that is known of a cell. It is called by one goroutine at a time.
func (c Cell) whole() (*Row, error) {
	o := c.Outcomes
	if o.result == nil {
		result, err := Decode(o.program, o.SnapshotBlock)
		if err != nil {
			return nil, err
		}
		o.result = result
	}
	return &Row{Result: o.result, Index: c.Row, AsOf: o.asOf}, nil
}
