package snapshot

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Reader reads one run's snapshot within a view of the store.
type Reader struct {
	view    storage.Reader
	run     *echelonv1.Run
	program *engine.Program
}

// Open opens the snapshot of a run; with an empty id that of the model's publication. NOTHING_PUBLISHED, RUN_NOT_FOUND, RUN_STATE.
func Open(c *catalog.Catalog, view storage.Reader, model, runID string) (*Reader, error) {
	if runID == "" {
		if _, err := catalog.Head(view, model); err != nil {
			return nil, err
		}
		current, err := catalog.Current(view, model)
		if err != nil {
			return nil, err
		}
		runID = current.GetRunId()
	}
	run := &echelonv1.Run{}
	err := view.Document(storage.KindRun, runID, run)
	switch {
	case errors.Is(err, storage.ErrNotFound) || err == nil && run.GetModel() != model:
		return nil, fault.New(echelonv1.ErrorReason_RUN_NOT_FOUND, "there is no run %q of the model %q: list the runs", runID, model)
	case err != nil:
		return nil, err
	case run.GetSnapshotRemoved():
		return nil, fault.New(echelonv1.ErrorReason_SNAPSHOT_REMOVED, "the snapshot of the run %q was removed, since newer runs are kept: take a newer one", runID)
	case run.GetState() != echelonv1.Run_READY && run.GetState() != echelonv1.Run_PUBLISHED:
		return nil, fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q is %s and has no snapshot: wait for it, or take another", runID, run.GetState())
	}
	program, err := c.Program(view, model, run.GetModelVersion())
	if err != nil {
		return nil, err
	}
	return &Reader{view: view, run: run, program: program}, nil
}

// Run returns the run.
func (r *Reader) Run() *echelonv1.Run { return r.run }

// Program returns the run's model, compiled.
func (r *Reader) Program() *engine.Program { return r.program }

// Provenance returns what made the snapshot's assignments.
func (r *Reader) Provenance() *echelonv1.Provenance {
	return catalog.RunProvenance(r.run, r.program)
}

// Get returns one customer's assignment. CUSTOMER_NOT_FOUND, ASSIGNMENT_NOT_FOUND.
func (r *Reader) Get(id string) (*echelonv1.Assignment, error) {
	stored, err := r.view.Customer(id, frame.NewSchema())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, "there is no customer %q", id)
	}
	if err != nil {
		return nil, err
	}
	block, err := r.view.SnapshotBlock(r.run.GetId(), id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	row, found := slices.BinarySearch(block.GetIds(), id)
	if !found {
		return nil, fault.New(echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND,
			"the customer %q has no assignment in the run %q: it was stored after it, or refused by it; start a run", id, r.run.GetId())
	}
	result, err := Decode(r.program, block)
	if err != nil {
		return nil, err
	}
	assignment := result.Assignment(row)
	assignment.Provenance = r.Provenance()
	assignment.Stale = r.stale(stored.Versions[0])
	return assignment, nil
}

// stale reports whether a customer that was written at a commit was written after the run read it.
func (r *Reader) stale(version storage.Commit) bool { return uint64(version) > r.run.GetReadPoint() }

// Row is one customer of a snapshot.
type Row struct {
	// Result has the customer at Index.
	Result *engine.Result
	Index  int
	// Stale tells whether the customer was written after the run read it.
	Stale bool
}

// Assignment returns the row as it goes over the wire, without its provenance.
func (row Row) Assignment() *echelonv1.Assignment {
	a := row.Result.Assignment(row.Index)
	a.Stale = row.Stale
	return a
}

// Rows goes through the customers after an id, ascending by bytes, leaving out those that were deleted.
func (r *Reader) Rows(ctx context.Context, after string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		next, stop := iter.Pull2(r.view.CustomerKeys(ctx, after))
		defer stop()
		key, err, more := next()
		for block, blockErr := range r.view.SnapshotBlocks(ctx, r.run.GetId(), after) {
			if blockErr != nil {
				yield(Row{}, blockErr)
				return
			}
			result, decodeErr := Decode(r.program, block)
			if decodeErr != nil {
				yield(Row{}, decodeErr)
				return
			}
			for i, id := range result.IDs {
				for more && err == nil && key.ID < id {
					key, err, more = next()
				}
				if err != nil {
					yield(Row{}, err)
					return
				}
				if id <= after || !more || key.ID != id {
					continue
				}
				if !yield(Row{Result: result, Index: i, Stale: r.stale(key.Version)}, nil) {
					return
				}
			}
		}
	}
}
