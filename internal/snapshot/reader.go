package snapshot

import (
	"errors"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Reader reads the assignments of one run, or of one publication of it, within a view of the store. It is used by one goroutine.
type Reader struct {
	view    storage.Reader
	run     *echelonv1.Run
	program *engine.Program
	// overlay lies over the run's snapshot; empty where the run is read as it was made.
	overlay string
	// block is the block of the snapshot in which a customer was looked up last: those who are looked up in order share it.
	block *engine.Result
}

// Open opens the snapshot of a run, as the run left it; with an empty id what is published of the model, with what was evaluated since.
// NOTHING_PUBLISHED, RUN_NOT_FOUND, RUN_STATE, SNAPSHOT_REMOVED.
func Open(c *catalog.Catalog, view storage.Reader, model, runID string) (*Reader, error) {
	if runID != "" {
		return open(c, view, model, runID, "")
	}
	if _, err := catalog.Head(view, model); err != nil {
		return nil, err
	}
	current, err := catalog.Current(view, model)
	if err != nil {
		return nil, err
	}
	return open(c, view, model, current.GetRunId(), storage.OverlayOf(current))
}

// Reopen opens what was opened before, of the run and with the overlay that it had: a list goes on in the publication that it began with.
// PUBLICATION_REPLACED where that was replaced so long ago that its overlay is gone.
func Reopen(c *catalog.Catalog, view storage.Reader, model, runID, overlay string) (*Reader, error) {
	if overlay != "" {
		current, err := catalog.Current(view, model)
		if err != nil {
			return nil, err
		}
		if storage.OverlayOf(current) != overlay {
			err = view.Document(storage.KindOverlay, overlay, &storagev1.Overlay{})
		}
		if errors.Is(err, storage.ErrNotFound) {
			return nil, fault.New(echelonv1.ErrorReason_PUBLICATION_REPLACED,
				"another run of the model %q was published since the list began, and what was evaluated under the one before is gone: begin again without the token", model)
		}
		if err != nil {
			return nil, err
		}
	}
	return open(c, view, model, runID, overlay)
}

// OpenOverlay opens the snapshot of a run with an overlay that need not be current, such as that of a publication that is being prepared.
func OpenOverlay(c *catalog.Catalog, view storage.Reader, run *echelonv1.Run, overlay string) (*Reader, error) {
	return open(c, view, run.GetModel(), run.GetId(), overlay)
}

func open(c *catalog.Catalog, view storage.Reader, model, runID, overlay string) (*Reader, error) {
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
	return &Reader{view: view, run: run, program: program, overlay: overlay}, nil
}

// Overlay returns the name of the overlay that is read; empty where none is.
func (r *Reader) Overlay() string { return r.overlay }

// Run returns the run.
func (r *Reader) Run() *echelonv1.Run { return r.run }

// Program returns the run's model, compiled.
func (r *Reader) Program() *engine.Program { return r.program }

// ReadPoint returns the commit that the reader's view sees.
func (r *Reader) ReadPoint() storage.Commit { return r.view.ReadPoint() }

// Provenance returns what made the snapshot's assignments.
func (r *Reader) Provenance() *echelonv1.Provenance {
	return catalog.RunProvenance(r.run, r.program)
}
