package snapshot

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Previous tells the tiers in force of customers by a published run, for a program that evaluates them anew. It holds one block at a time.
type Previous struct {
	reader *Reader
	// tierings are, of each tiering of the program, the place of the one of the same name in the published model; none where there is none, or where
	// nothing depends on it.
	tierings []int
	next     func() (*storagev1.SnapshotBlock, error, bool)
	stop     func()
	// block is the one that is read; row the first that was not told.
	block *engine.Result
	row   int
}

const none = -1

// OpenPrevious opens what a run published for a program. Without a run, and for a program that depends on nothing that was before, it returns nil,
// which tells of nobody. Customers are asked for ascending by id. Close it.
func OpenPrevious(ctx context.Context, c *catalog.Catalog, view storage.Reader, to *engine.Program, runID string) (*Previous, error) {
	p, err := newPrevious(c, view, to, runID)
	if p == nil || err != nil {
		return nil, err
	}
	p.next, p.stop = iter.Pull2(view.SnapshotBlocks(ctx, runID, ""))
	return p, nil
}

// PreviousOf returns, for each tiering of a program, the tier in force of one customer by a model's publication, as a column of one row; nil where
// nothing depends on it or nothing is published.
func PreviousOf(c *catalog.Catalog, view storage.Reader, to *engine.Program, model, id string) ([]*frame.Column, error) {
	current := &storagev1.Current{}
	if err := view.Document(storage.KindCurrent, model, current); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	p, err := newPrevious(c, view, to, current.GetRunId())
	if p == nil || err != nil {
		return nil, err
	}
	block, err := view.SnapshotBlock(current.GetRunId(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p.block, err = Decode(p.reader.program, block); err != nil {
		return nil, err
	}
	columns := p.columns(1)
	if row, found := slices.BinarySearch(p.block.IDs, id); found {
		p.copy(columns, 0, row)
	}
	return columns, nil
}

func newPrevious(c *catalog.Catalog, view storage.Reader, to *engine.Program, runID string) (*Previous, error) {
	if runID == "" || !to.NeedsPrevious() {
		return nil, nil
	}
	reader, err := Open(c, view, to.Model().GetName(), runID)
	if err != nil {
		return nil, fmt.Errorf("opening the published assignments: %w", err)
	}
	p := &Previous{reader: reader}
	for i, tiering := range to.Model().GetTierings() {
		at := slices.IndexFunc(reader.program.Model().GetTierings(), func(t *echelonv1.Tiering) bool { return t.GetName() == tiering.GetName() })
		if !to.HasExitRules(i) {
			at = none
		}
		p.tierings = append(p.tierings, at)
	}
	return p, nil
}

// Close ends the reading.
func (p *Previous) Close() {
	if p != nil {
		p.stop()
	}
}

// Of returns, for each tiering of the program, a column with the tiers in force of customers, none of which was asked for before, ascending by id.
func (p *Previous) Of(ids []string) ([]*frame.Column, error) {
	if p == nil {
		return nil, nil
	}
	columns := p.columns(len(ids))
	for i, id := range ids {
		if more, err := p.seek(id); err != nil || !more {
			return columns, err
		}
		if p.block.IDs[p.row] == id {
			p.copy(columns, i, p.row)
		}
	}
	return columns, nil
}

// seek goes on to the first row that does not come before an id, and reports whether there is one.
func (p *Previous) seek(id string) (bool, error) {
	for {
		if p.block != nil {
			for p.row < p.block.Len() && p.block.IDs[p.row] < id {
				p.row++
			}
			if p.row < p.block.Len() {
				return true, nil
			}
		}
		block, err, more := p.next()
		if err != nil || !more {
			return false, err
		}
		if p.block, err = Decode(p.reader.program, block); err != nil {
			return false, err
		}
		p.row = 0
	}
}

// columns returns columns of so many customers who are in no tier.
func (p *Previous) columns(rows int) []*frame.Column {
	columns := make([]*frame.Column, len(p.tierings))
	for i, from := range p.tierings {
		if from != none {
			columns[i] = &frame.Column{
				Type: echelonv1.Attribute_STRING, Dict: p.reader.program.TierNames(from), Valid: frame.NewBitmap(rows), Codes: make([]uint32, rows),
			}
		}
	}
	return columns
}

// copy tells the tiers of a row of the block.
func (p *Previous) copy(columns []*frame.Column, to, row int) {
	for i, from := range p.tierings {
		if from != none && p.block.Tiers[from].Valid.Get(row) {
			columns[i].Valid.Set(to, true)
			columns[i].Codes[to] = p.block.Tiers[from].Codes[row]
		}
	}
}
