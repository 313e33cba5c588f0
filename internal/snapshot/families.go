package snapshot

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// encodeFamilies adds to a block what it holds of families, where the model has them.
func encodeFamilies(block *storagev1.SnapshotBlock, r *engine.Result) {
	block.Families = r.Families()
	if block.Families == nil {
		return
	}
	for _, own := range r.Own {
		block.OwnTiers = append(block.OwnTiers, &storagev1.NameColumn{Codes: slices.Clone(own)})
	}
}

// own returns what customers compute by themselves who inherit.
func (d *decoder) own(p *engine.Program, block *storagev1.SnapshotBlock) [][]uint32 {
	if len(block.GetOwnTiers()) == 0 {
		return nil
	}
	d.expect("columns of own tiers", len(block.GetOwnTiers()), len(block.GetTiers()))
	var all [][]uint32
	for i, column := range block.GetOwnTiers() {
		codes := column.GetCodes()
		if len(codes) == 0 {
			all = append(all, nil)
			continue
		}
		d.expect("own tiers", len(codes), d.rows)
		if d.err == nil && int(slices.Max(codes)) > len(p.TierNames(i))+1 {
			d.err = fmt.Errorf("the code of an own tier is larger than %d", len(p.TierNames(i))+1)
		}
		all = append(all, codes)
	}
	return all
}

// Families returns what a run knew of the families of a batch's customers and of the parents that they name, for Options.Families. SNAPSHOT_REMOVED.
func Families(view storage.Reader, p *engine.Program, run string, f *frame.Frame) (*family.Table, error) {
	record := &echelonv1.Run{}
	if err := view.Document(storage.KindRun, run, record); err != nil {
		return nil, fmt.Errorf("reading the run of a calibration: %w", err)
	}
	if !storage.HasSnapshot(record) {
		return nil, fault.New(echelonv1.ErrorReason_SNAPSHOT_REMOVED,
			"the families of the run %q were removed with its snapshot, since newer runs are kept: take the calibration of a newer run", run)
	}
	table, _ := p.Families(nil)
	if err := take(view, p, run, table, f.IDs); err != nil {
		return nil, err
	}
	var parents []string
	for row, id := range f.IDs {
		if parent := p.ParentOf(f, row); parent != "" && !table.Knows(id) {
			parents = append(parents, parent)
		}
	}
	return table, take(view, p, run, table, parents)
}

// take adds to a table what a run's snapshot holds of customers. They are looked for in order, so that each block is read once.
func take(view storage.Reader, p *engine.Program, run string, to *family.Table, ids []string) error {
	ids = slices.Sorted(slices.Values(ids))
	var block *family.Table
	last := ""
	for _, id := range ids {
		if to.Knows(id) || len(id) > frame.MaxIDBytes {
			continue
		}
		if block == nil || id > last {
			read, err := view.SnapshotBlock(run, id)
			if errors.Is(err, storage.ErrNotFound) {
				return nil // the ids that follow are larger still
			}
			if err != nil {
				return err
			}
			last = read.GetIds()[len(read.GetIds())-1]
			var ok bool
			if block, ok = p.Families(read.GetFamilies()); !ok {
				return &storage.CorruptError{What: fmt.Sprintf("the families of customer %q in the run %q", id, run), Err: errors.New("they are not of this model")}
			}
		}
		to.Take(block, id)
	}
	return nil
}

// FamilyOf returns what the run knew of the family of a stored customer, and the customer's place in it: Alone where it is one by itself. The model must
// have families.
func (r *Reader) FamilyOf(customer *frame.Frame) (*family.Table, int, error) {
	table, err := Families(r.view, r.program, r.run.GetId(), customer)
	if err != nil {
		return nil, family.Alone, err
	}
	return table, table.Of(customer.IDs[0], r.program.ParentOf(customer, 0)), nil
}

// Members goes through the customers of a family, by its root, after an id: ascending by bytes, as the run found them. It reads the snapshot from there on.
func (r *Reader) Members(ctx context.Context, root, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for block, err := range r.view.SnapshotBlocks(ctx, r.run.GetId(), after) {
			if err != nil {
				yield("", err)
				return
			}
			kept := block.GetFamilies()
			table, ok := r.program.Families(kept)
			if !ok {
				yield("", &storage.CorruptError{What: "the families of the run " + r.run.GetId(), Err: errors.New("they are not of its model")})
				return
			}
			for _, id := range kept.GetCustomers() {
				if at := table.Of(id, ""); id <= after || at == family.Alone || table.Root(at) != root {
					continue
				}
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}
