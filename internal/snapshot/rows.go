package snapshot

import (
	"context"
	"errors"
	"iter"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Row is one customer's assignment.
type Row struct {
	// Result has the customer at Index.
	Result *engine.Result
	Index  int
	// Stale tells whether the customer was written after it was evaluated.
	Stale bool
	// AsOf is the instant as of which the customer was evaluated after the run; nil where the run evaluated it.
	AsOf *timestamppb.Timestamp
}

// ID returns the customer's id.
func (r *Row) ID() string { return r.Result.IDs[r.Index] }

// Get returns one customer's assignment. CUSTOMER_NOT_FOUND, ASSIGNMENT_NOT_FOUND.
func (r *Reader) Get(id string) (*echelonv1.Assignment, error) {
	stored, err := r.view.Customer(id, frame.NewSchema())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, "there is no customer %q", id)
	}
	if err != nil {
		return nil, err
	}
	row, found, err := r.row(id, stored.Versions[0])
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.New(echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND,
			"the customer %q has no assignment in the run %q: it was stored after it, or refused by it; start a run, or store it again with `assign`", id, r.run.GetId())
	}
	assignment := r.Assignment(row)
	if assignment.Provenance == nil {
		assignment.Provenance = r.Provenance()
	}
	return assignment, nil
}

// Row returns the assignment of one customer, such as the one in force before it is evaluated again, and whether there is one. A customer that is not
// stored has none.
func (r *Reader) Row(id string) (row Row, found bool, err error) {
	stored, err := r.view.Customer(id, frame.NewSchema())
	if errors.Is(err, storage.ErrNotFound) {
		return Row{}, false, nil
	}
	if err != nil {
		return Row{}, false, err
	}
	return r.row(id, stored.Versions[0])
}

// RowAt is Row of a customer of whom it is known at which commit it was written.
func (r *Reader) RowAt(id string, version storage.Commit) (row Row, found bool, err error) {
	return r.row(id, version)
}

// row returns the assignment of a customer that was written at a commit.
func (r *Reader) row(id string, version storage.Commit) (Row, bool, error) {
	if r.overlay != "" {
		over, err := r.view.OverlayRow(r.overlay, id)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return Row{}, false, err
		}
		if err == nil {
			row, valid, err := r.over(over, version)
			if err != nil || valid {
				return row, valid, err
			}
		}
	}
	if err := r.turnTo(id); err != nil || r.block == nil {
		return Row{}, false, err
	}
	place, found := slices.BinarySearch(r.block.IDs, id)
	if !found {
		return Row{}, false, nil
	}
	return r.under(r.block, place, version)
}

// turnTo reads the block of the snapshot that may name a customer, unless it is the one that was read last.
func (r *Reader) turnTo(id string) error {
	if r.block != nil && r.block.IDs[0] <= id && id <= r.block.IDs[r.block.Len()-1] {
		return nil
	}
	r.block = nil
	block, err := r.view.SnapshotBlock(r.run.GetId(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err == nil {
		r.block, err = Decode(r.program, block)
	}
	return err
}

// over returns the row of the overlay for a customer that was written at a commit, and whether it is of that customer rather than of one of that id
// that was deleted since.
func (r *Reader) over(row *storage.OverlayRow, version storage.Commit) (Row, bool, error) {
	valid, err := r.outlives(row.ID, row.Version, version)
	if err != nil || !valid {
		return Row{}, false, err
	}
	result, err := Decode(r.program, row.Row.GetBlock())
	if err != nil {
		return Row{}, false, err
	}
	return Row{Result: result, Stale: version > row.Version, AsOf: row.Row.GetAsOf()}, true, nil
}

// under returns the row of the snapshot likewise.
func (r *Reader) under(result *engine.Result, place int, version storage.Commit) (Row, bool, error) {
	read := storage.Commit(r.run.GetReadPoint())
	valid, err := r.outlives(result.IDs[place], read, version)
	return Row{Result: result, Index: place, Stale: version > read}, valid && err == nil, err
}

// outlives reports whether what was made of a customer at a commit is of the one that was written at a version: that is so unless one was deleted in
// between. Only who was written later can have been deleted before.
func (r *Reader) outlives(id string, made, version storage.Commit) (bool, error) {
	if version <= made {
		return true, nil
	}
	tombstone, err := r.view.Tombstone(id)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return err == nil && tombstone.Version <= made, err
}

// Assignment returns the row as it goes over the wire; its provenance is absent where the run made it.
func (r *Reader) Assignment(row Row) *echelonv1.Assignment {
	a := row.Result.Assignment(row.Index)
	a.Stale = row.Stale
	if row.AsOf != nil {
		a.Provenance = catalog.RunProvenance(r.run, r.program)
		a.Provenance.AsOf, a.Provenance.Online = row.AsOf, true
	}
	return a
}

// Rows goes through the customers after an id, ascending by bytes, leaving out those that were deleted.
func (r *Reader) Rows(ctx context.Context, after string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		m := newMerge(ctx, r, after)
		defer m.stop()
		for key, err := range r.view.CustomerKeys(ctx, after) {
			row, found := Row{}, false
			if err == nil {
				row, found, err = m.find(key)
			}
			if err != nil {
				yield(Row{}, err)
				return
			}
			if found && !yield(row, nil) || !found && m.ended() {
				return
			}
		}
	}
}

// merge goes through the overlay and the snapshot at the same time, in the order of ids.
type merge struct {
	reader *Reader
	over   *pull[*storage.OverlayRow]
	blocks *pull[*storagev1.SnapshotBlock]

	result *engine.Result // of the block that is gone through, nil before the first
	place  int
}

func newMerge(ctx context.Context, r *Reader, after string) *merge {
	over := func(func(*storage.OverlayRow, error) bool) {}
	if r.overlay != "" {
		over = r.view.OverlayRows(ctx, r.overlay, after)
	}
	return &merge{
		reader: r, over: newPull(over),
		blocks: newPull(r.view.SnapshotBlocks(ctx, r.run.GetId(), after)),
	}
}

func (m *merge) stop() {
	m.over.stop()
	m.blocks.stop()
}

// ended reports whether neither overlay nor snapshot has more.
func (m *merge) ended() bool {
	return !m.over.more() && m.over.err == nil && m.result == nil && !m.blocks.more() && m.blocks.err == nil
}

// find returns the assignment of a stored customer; it is called for one after the other.
func (m *merge) find(key storage.CustomerKey) (Row, bool, error) {
	for m.over.more() && m.over.value.ID < key.ID {
		m.over.next()
	}
	if m.over.err != nil {
		return Row{}, false, m.over.err
	}
	if m.over.more() && m.over.value.ID == key.ID {
		row, valid, err := m.reader.over(m.over.value, key.Version)
		if err != nil || valid {
			return row, valid, err
		}
	}
	for {
		if m.result == nil {
			if !m.blocks.more() {
				return Row{}, false, m.blocks.err
			}
			result, err := Decode(m.reader.program, m.blocks.value)
			if err != nil {
				return Row{}, false, err
			}
			m.result, m.place = result, 0
			m.blocks.next()
		}
		for m.place < m.result.Len() && m.result.IDs[m.place] < key.ID {
			m.place++
		}
		if m.place < m.result.Len() {
			break
		}
		m.result = nil
	}
	if m.result.IDs[m.place] != key.ID {
		return Row{}, false, nil
	}
	return m.reader.under(m.result, m.place, key.Version)
}

// pull looks at the next value of a sequence.
type pull[T any] struct {
	value T
	err   error

	step func() (T, error, bool)
	stop func()
	open bool
}

func newPull[T any](seq iter.Seq2[T, error]) *pull[T] {
	p := &pull[T]{}
	p.step, p.stop = iter.Pull2(seq)
	p.next()
	return p
}

// more reports whether value is one.
func (p *pull[T]) more() bool { return p.open }

func (p *pull[T]) next() {
	value, err, ok := p.step()
	p.value, p.open = value, ok && err == nil
	if err != nil {
		p.err = err
	}
}
