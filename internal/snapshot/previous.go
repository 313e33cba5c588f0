package snapshot

import (
	"context"
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Previous tells the tiers in force of customers, by what is published, for a program that evaluates them anew.
type Previous struct {
	reader *Reader
	// tierings are, of each tiering of the program, the place of the one of the same name in the published model; none where there is none, or where
	// nothing depends on it.
	tierings []int
	// rows are those of the publication, of which the customers up to the present one are told; nil where they are looked up one by one.
	rows *merge
}

const none = -1

// OpenPrevious opens what is published for a program that goes through all customers, ascending by id. Where nothing is published, and for a program
// that depends on nothing that was before, it returns nil, which tells of nobody. Close it.
func OpenPrevious(ctx context.Context, c *catalog.Catalog, view storage.Reader, to *engine.Program) (*Previous, error) {
	p, err := newPrevious(c, view, to)
	if p != nil {
		p.rows = newMerge(ctx, p.reader, "")
	}
	return p, err
}

// Before is what an evaluation needs to know of what was in force: for each tiering of its program the tiers beneath overrides, and how the customers
// came to be in them. Its zero value knows of nobody.
type Before struct {
	Tiers     []*frame.Column
	Standings []*stability.Standings
}

// To tells an evaluation.
func (b Before) To(options *engine.Options) {
	options.Previous, options.Standings = b.Tiers, b.Standings
}

// PreviousOf returns what was in force of customers by what is published; nothing where nothing depends on it or nothing is published.
func PreviousOf(c *catalog.Catalog, view storage.Reader, to *engine.Program, ids ...string) (Before, error) {
	p, err := newPrevious(c, view, to)
	if p == nil || err != nil {
		return Before{}, err
	}
	before := p.none(len(ids))
	for i, id := range ids {
		row, found, err := p.reader.Row(id)
		if err != nil {
			return Before{}, err
		}
		if found {
			p.copy(before, i, row)
		}
	}
	return before, nil
}

func newPrevious(c *catalog.Catalog, view storage.Reader, to *engine.Program) (*Previous, error) {
	if !to.NeedsPrevious() {
		return nil, nil
	}
	reader, err := Open(c, view, to.Model().GetName(), "")
	if fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) || fault.Is(err, echelonv1.ErrorReason_MODEL_NOT_FOUND) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the published assignments: %w", err)
	}
	return previousBy(reader, to), nil
}

// previousBy returns what was in force by a reader, for a program.
func previousBy(reader *Reader, to *engine.Program) *Previous {
	p := &Previous{reader: reader}
	for i, tiering := range to.Model().GetTierings() {
		at := slices.IndexFunc(reader.program.Model().GetTierings(), func(t *echelonv1.Tiering) bool { return t.GetName() == tiering.GetName() })
		if !to.LooksBack(i) {
			at = none
		}
		p.tierings = append(p.tierings, at)
	}
	return p
}

// Close ends the reading.
func (p *Previous) Close() {
	if p != nil {
		p.rows.stop()
	}
}

// Of returns what was in force of customers, none of which was asked for before, ascending by id. Versions are the commits at which the customers were
// written, as the view sees them.
func (p *Previous) Of(ids []string, versions []storage.Commit) (Before, error) {
	if p == nil {
		return Before{}, nil
	}
	before := p.none(len(ids))
	for i, id := range ids {
		row, found, err := p.rows.find(storage.CustomerKey{ID: id, Version: versions[i]})
		if err != nil {
			return Before{}, err
		}
		if found {
			p.copy(before, i, row)
		}
	}
	return before, nil
}

// none returns what was in force of so many customers who are in no tier.
func (p *Previous) none(rows int) Before {
	before := Before{make([]*frame.Column, len(p.tierings)), make([]*stability.Standings, len(p.tierings))}
	for i, from := range p.tierings {
		if from != none {
			before.Tiers[i] = &frame.Column{
				Type: echelonv1.Attribute_STRING, Dict: p.reader.program.TierNames(from), Valid: frame.NewBitmap(rows), Codes: make([]uint32, rows),
			}
			before.Standings[i] = stability.NewStandings(rows)
		}
	}
	return before
}

// copy tells the tiers of a row, beneath overrides. Who was published while the tiering had no stability is there since that publication's day, as far
// as anybody knows.
func (p *Previous) copy(before Before, to int, row Row) {
	for i, from := range p.tierings {
		if from == none {
			continue
		}
		tiers := row.Result.Tiers[from]
		if settled := row.Result.Settled[from]; settled != nil {
			tiers = settled
		}
		if !tiers.Valid.Get(row.Index) {
			continue
		}
		before.Tiers[i].Valid.Set(to, true)
		before.Tiers[i].Codes[to] = tiers.Codes[row.Index]
		if standings := row.Result.Standings[from]; standings != nil {
			before.Standings[i].Copy(to, standings, row.Index)
		}
		if before.Standings[i].Since[to] == 0 {
			asOf := p.reader.run.GetAsOf()
			if row.AsOf != nil {
				asOf = row.AsOf
			}
			before.Standings[i].Since[to] = int32(p.reader.program.Day(asOf.AsTime()))
		}
	}
}

// Context fills in what an evaluation of stored customers depends on beside themselves: the tiers in force of them by what is published, and the
// families of the run whose calibration is used.
func Context(c *catalog.Catalog, view storage.Reader, p *engine.Program, run string, customers *frame.Frame, options *engine.Options) (err error) {
	before, err := PreviousOf(c, view, p, customers.IDs...)
	before.To(options)
	if err != nil || !p.NeedsFamilies() {
		return err
	}
	options.Families, err = Families(view, p, run, customers)
	return err
}
