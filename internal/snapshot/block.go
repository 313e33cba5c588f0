package snapshot

import (
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Encode returns the block of a result. It shares ids and reasons with the result, and nothing of the memory in which that was evaluated.
func Encode(r *engine.Result) *storagev1.SnapshotBlock {
	block := &storagev1.SnapshotBlock{Ids: r.IDs, Reasons: r.Reasons.Reasons, ReasonRefs: r.Reasons.Refs}
	for _, column := range r.Segments {
		block.Segments = append(block.Segments, encodeNames(column, r.Len()))
	}
	for i, column := range r.Scores {
		kept := &storagev1.ScoreColumn{
			Values: slices.Clone(column.Numbers), Completeness: slices.Clone(r.Completeness[i]), Valid: make([]bool, r.Len()),
		}
		for row := range kept.Valid {
			kept.Valid[row] = column.Valid.Get(row)
		}
		block.Scores = append(block.Scores, kept)
	}
	for _, column := range r.Tiers {
		block.Tiers = append(block.Tiers, encodeNames(column, r.Len()))
	}
	block.ComputedTiers = encodeOthers(r.Computed, r.Tiers, r.Len())
	encodeStanding(block, r)
	encodeReps(block, r)
	if r.Excluded != nil && r.Excluded.Count() > 0 {
		block.Excluded = make([]bool, r.Len())
		for row := range block.Excluded {
			block.Excluded[row] = r.Excluded.Get(row)
		}
	}
	encodeFamilies(block, r)
	block.Amounts = encodeAmounts(r)
	encodeCriteria(block, r)
	block.ReasonCounts = make([]uint32, r.Len())
	for row := range block.ReasonCounts {
		block.ReasonCounts[row] = r.Reasons.Count(row)
	}
	return block
}

// encodeAmounts returns the amounts of a result, 0 where one is missing; nothing where it has none.
func encodeAmounts(r *engine.Result) []float64 {
	if r.Amounts == nil {
		return nil
	}
	amounts := make([]float64, r.Len())
	for row := range amounts {
		if r.Amounts.Valid.Get(row) {
			amounts[row] = r.Amounts.Numbers[row]
		}
	}
	return amounts
}

// amounts returns the amounts that are kept, where a missing one is 0; nil where none are.
func (d *decoder) amounts(block *storagev1.SnapshotBlock) *frame.Column {
	if len(block.GetAmounts()) == 0 {
		return nil
	}
	d.expect("amounts", len(block.GetAmounts()), d.rows)
	out := &frame.Column{Type: echelonv1.Attribute_NUMBER, Numbers: block.GetAmounts(), Valid: frame.NewBitmap(d.rows)}
	for row := range d.rows {
		out.Valid.Set(row, true)
	}
	return out
}

// encodeOthers returns the columns that stand beside others where they differ from them; nothing where all are nil.
func encodeOthers(columns, beside []*frame.Column, rows int) []*storagev1.NameColumn {
	if !slices.ContainsFunc(columns, func(column *frame.Column) bool { return column != nil }) {
		return nil
	}
	var encoded []*storagev1.NameColumn
	for i, column := range columns {
		if column == nil {
			column = beside[i]
		}
		encoded = append(encoded, encodeNames(column, rows))
	}
	return encoded
}

func encodeNames(column *frame.Column, rows int) *storagev1.NameColumn {
	codes := make([]uint32, rows)
	for row := range codes {
		if column.Valid.Get(row) {
			codes[row] = column.Codes[row] + 1
		}
	}
	return &storagev1.NameColumn{Codes: codes}
}

// Decode returns the result that a block was made of. A block that is none of the program's is a *storage.CorruptError.
func Decode(p *engine.Program, block *storagev1.SnapshotBlock) (*engine.Result, error) {
	d := &decoder{rows: len(block.GetIds())}
	model := p.Model()
	d.expect("segmentations", len(block.GetSegments()), len(model.GetSegmentations()))
	d.expect("scores", len(block.GetScores()), len(model.GetScores()))
	d.expect("tierings", len(block.GetTiers()), len(model.GetTierings()))
	if d.err != nil {
		return nil, d.fault()
	}
	r := &engine.Result{Program: p, IDs: block.GetIds()}
	for i, column := range block.GetSegments() {
		r.Segments = append(r.Segments, d.names(column, p.SegmentNames(i)))
	}
	for _, column := range block.GetScores() {
		r.Scores = append(r.Scores, d.score(column))
		r.Completeness = append(r.Completeness, column.GetCompleteness())
	}
	for i, column := range block.GetTiers() {
		r.Tiers = append(r.Tiers, d.names(column, p.TierNames(i)))
	}
	r.Computed = d.others("tierings of computed tiers", block.GetComputedTiers(), p.TierNames, len(r.Tiers))
	d.standing(p, block, r)
	r.Reps = d.reps(p, block)
	r.Reasons = d.reasons(block)
	r.Excluded = d.excluded(block)
	r.Own = d.own(p, block)
	r.Criteria = d.criteria(p, block)
	r.Amounts = d.amounts(block)
	if d.err != nil {
		return nil, d.fault()
	}
	return r, nil
}

// decoder keeps the first thing that is wrong with a block.
type decoder struct {
	rows int
	err  error
}

func (d *decoder) fault() error {
	return &storage.CorruptError{What: "a block of a snapshot", Err: d.err}
}

func (d *decoder) expect(what string, got, want int) {
	if d.err == nil && got != want {
		d.err = fmt.Errorf("it has %d %s, not %d", got, what, want)
	}
}

func (d *decoder) names(column *storagev1.NameColumn, names []string) *frame.Column {
	d.expect("codes", len(column.GetCodes()), d.rows)
	out := &frame.Column{Type: echelonv1.Attribute_STRING, Dict: names, Valid: frame.NewBitmap(d.rows), Codes: make([]uint32, d.rows)}
	for row, code := range column.GetCodes() {
		switch {
		case d.err != nil:
			return out
		case int(code) > len(names):
			d.err = fmt.Errorf("the code %d is larger than %d", code, len(names))
		case code > 0:
			out.Valid.Set(row, true)
			out.Codes[row] = code - 1
		}
	}
	return out
}

// others returns columns that stand beside others, nil where they are the same.
func (d *decoder) others(what string, columns []*storagev1.NameColumn, names func(i int) []string, n int) []*frame.Column {
	out := make([]*frame.Column, n)
	if len(columns) == 0 {
		return out
	}
	d.expect(what, len(columns), n)
	for i, column := range columns {
		if d.err != nil {
			return out
		}
		out[i] = d.names(column, names(i))
	}
	return out
}

func (d *decoder) excluded(block *storagev1.SnapshotBlock) frame.Bitmap {
	if len(block.GetExcluded()) == 0 {
		return nil
	}
	d.expect("exclusions", len(block.GetExcluded()), d.rows)
	out := frame.NewBitmap(d.rows)
	for row, excluded := range block.GetExcluded() {
		if d.err == nil {
			out.Set(row, excluded)
		}
	}
	return out
}

func (d *decoder) score(column *storagev1.ScoreColumn) *frame.Column {
	d.expect("scores", len(column.GetValues()), d.rows)
	d.expect("validities", len(column.GetValid()), d.rows)
	d.expect("completenesses", len(column.GetCompleteness()), d.rows)
	out := &frame.Column{Type: echelonv1.Attribute_NUMBER, Numbers: column.GetValues(), Valid: frame.NewBitmap(d.rows)}
	for row, valid := range column.GetValid() {
		if d.err == nil {
			out.Valid.Set(row, valid)
		}
	}
	return out
}

func (d *decoder) reasons(block *storagev1.SnapshotBlock) *reason.List {
	d.expect("reason counts", len(block.GetReasonCounts()), d.rows)
	list := &reason.List{Reasons: block.GetReasons(), Refs: block.GetReasonRefs(), Offsets: make([]uint32, 1, d.rows+1)}
	for _, count := range block.GetReasonCounts() {
		last := list.Offsets[len(list.Offsets)-1]
		if d.err == nil && uint64(last)+uint64(count) > uint64(len(list.Refs)) {
			d.err = fmt.Errorf("it has %d reasons, fewer than its customers' counts add up to", len(list.Refs))
		}
		list.Offsets = append(list.Offsets, last+count)
	}
	d.expect("reasons", len(list.Refs), int(list.Offsets[len(list.Offsets)-1]))
	for _, ref := range list.Refs {
		if d.err == nil && int(ref) >= len(list.Reasons) {
			d.err = fmt.Errorf("the reason %d is larger than %d", ref, len(list.Reasons)-1)
		}
	}
	return list
}
