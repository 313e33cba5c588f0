package runs

import (
	"context"
	"errors"
	"slices"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// historyKept is how many publications before the current one are kept for rolling back.
const historyKept = 100

// change is a publication that moves the pointer.
type change struct {
	// run is what becomes current.
	run *echelonv1.Run
	// current is what is current, next what will be; nil where nothing is to be done.
	current, next *storagev1.Current
	// origin is what makes assignments change.
	origin echelonv1.AssignmentChange_Origin
}

// look finds out what a publication changes, as the store is.
type look func(documents storage.Documents) (change, error)

// publish moves the pointer as look says. One publication is under way at a time.
func (m *Manager) publish(ctx context.Context, look look) (*echelonv1.Run, error) {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	p, run, err := m.preparePublication(ctx, look)
	if err != nil || p == nil {
		return run, err
	}
	leaver, stop := m.intake.Leavers()
	defer stop()
	p.leaver = leaver
	err = p.catchUp(ctx)
	if err == nil {
		err = p.compare(ctx, look)
	}
	if err == nil {
		err = p.catchUp(ctx) // with what was written while it compared
	}
	if err == nil {
		run, err = p.commit(ctx, look)
	}
	if !p.moved {
		p.abandon(ctx)
	}
	if err != nil {
		return nil, err
	}
	return run, nil
}

// Publish makes a run's snapshot current. Customers that changed since the run read them are evaluated under it, and what becomes of them lies over
// the snapshot. Publishing the current run changes nothing. RUN_NOT_FOUND, RUN_STATE, RUN_OUTDATED, GUARD_EXCEEDED, AS_OF_GOES_BACK,
// APPROVAL_REQUIRED, PRINCIPALS_UNKNOWN.
func (m *Manager) Publish(ctx context.Context, id string) (*echelonv1.Run, error) {
	ctx, span := begin(ctx, "run.publish", &echelonv1.Run{Id: id})
	defer span.End()
	return m.publish(ctx, m.toPublish(ctx, id))
}

// toPublish returns what publishing a run changes.
func (m *Manager) toPublish(ctx context.Context, id string) look {
	return func(documents storage.Documents) (change, error) {
		run, current, err := m.candidate(ctx, documents, id)
		if err != nil || current.GetRunId() == id {
			return change{run: run}, err
		}
		history := slices.Clone(current.GetHistory())
		if current.GetRunId() != "" {
			history = append(history, &storagev1.Publication{
				RunId: current.GetRunId(), ModelVersion: current.GetModelVersion(), CalibrationId: current.GetCalibrationId(),
			})
		}
		run.State = echelonv1.Run_PUBLISHED
		return change{run: run, current: current, origin: echelonv1.AssignmentChange_PUBLISHED, next: &storagev1.Current{
			RunId: id, ModelVersion: run.GetModelVersion(), CalibrationId: id, History: history[max(0, len(history)-historyKept):],
		}}, nil
	}
}

// candidate returns a run that its publisher may make current, or that is so, and what is current.
func (m *Manager) candidate(ctx context.Context, documents storage.Documents, id string) (*echelonv1.Run, *storagev1.Current, error) {
	run, err := read(documents, id)
	if err != nil {
		return nil, nil, err
	}
	current := &storagev1.Current{}
	err = documents.Document(storage.KindCurrent, run.GetModel(), current)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, nil, err
	}
	if current.GetRunId() == id {
		return run, current, nil
	}
	if err := m.publishable(documents, run, current); err != nil {
		return nil, nil, err
	}
	if err := m.approved(documents, feed.WhoIn(ctx).Actor, run, current); err != nil {
		return nil, nil, err
	}
	return run, current, m.catalog.CheckReadable(documents, run.GetModel(), run.GetModelVersion())
}

// Publishable returns the fault of a run that cannot be published as things are; nil where it can, or is current.
func (m *Manager) Publishable(documents storage.Documents, run *echelonv1.Run) error {
	current := &storagev1.Current{}
	err := documents.Document(storage.KindCurrent, run.GetModel(), current)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if current.GetRunId() == run.GetId() {
		return nil
	}
	return m.publishable(documents, run, current)
}

// publishable returns the fault of a run that cannot become current.
func (m *Manager) publishable(documents storage.Documents, run *echelonv1.Run, current *storagev1.Current) error {
	switch {
	case run.GetSnapshotRemoved():
		return errRemoved(run)
	case run.GetState() == echelonv1.Run_PUBLISHED:
		return fault.New(echelonv1.ErrorReason_RUN_OUTDATED,
			"the run %q was published before, and the run %q is current now: roll back, or start a new run", run.GetId(), current.GetRunId())
	case run.GetState() != echelonv1.Run_READY:
		return fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q is %s: only one that is READY can be published", run.GetId(), run.GetState())
	case run.GetWhatIf():
		return fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q only asks what would be, and is never published: start a run without what_if", run.GetId())
	case run.GetBaseRunId() != current.GetRunId():
		return fault.New(echelonv1.ErrorReason_RUN_OUTDATED,
			"the run %q was started when the run %q was current, and now %q is: start a new run", run.GetId(), run.GetBaseRunId(), current.GetRunId())
	}
	if err := m.guarded(documents, run); err != nil || current.GetRunId() == "" {
		return err
	}
	before, err := read(documents, current.GetRunId())
	if err != nil {
		return err
	}
	if run.GetAsOf().AsTime().Before(before.GetAsOf().AsTime()) {
		return fault.New(echelonv1.ErrorReason_AS_OF_GOES_BACK, "the run %q is as of %s, and the published one as of %s already: start a run with a later as_of",
			run.GetId(), run.GetAsOf().AsTime().Format(timeLayout), before.GetAsOf().AsTime().Format(timeLayout))
	}
	return nil
}

// guarded returns the fault of a run that is beyond a limit of a guard that lets none such be published.
func (m *Manager) guarded(documents storage.Documents, run *echelonv1.Run) error {
	program, err := m.catalog.Program(documents, run.GetModel(), run.GetModelVersion())
	if err != nil {
		return err
	}
	if found := program.GuardStops(run.GetSummary()); len(found) > 0 {
		return fault.New(echelonv1.ErrorReason_GUARD_EXCEEDED, "the guard lets the run %q not be published: %s: %s, and start a new run",
			run.GetId(), found[0].GetMessage(), found[0].GetRemedy())
	}
	return nil
}

const timeLayout = "2006-01-02T15:04:05.999999Z07:00"

// RollBack makes the publication before the current one current again. Customers that changed since its run read them are evaluated under it, as when
// it is published. MODEL_NOT_FOUND, NOTHING_PUBLISHED, NOTHING_TO_ROLL_BACK, SNAPSHOT_REMOVED.
func (m *Manager) RollBack(ctx context.Context, model string) (*echelonv1.Run, error) {
	return m.publish(ctx, func(documents storage.Documents) (change, error) {
		if _, err := catalog.Head(documents, model); err != nil {
			return change{}, err
		}
		current, err := catalog.Current(documents, model)
		if err != nil {
			return change{}, err
		}
		last := len(current.GetHistory()) - 1
		if last < 0 {
			return change{}, fault.New(echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK, "the run %q is the first publication of the model %q: there is none before it",
				current.GetRunId(), model)
		}
		before := current.GetHistory()[last]
		run, err := read(documents, before.GetRunId())
		if err != nil {
			return change{}, err
		}
		if run.GetSnapshotRemoved() {
			return change{}, errRemoved(run)
		}
		if err := m.catalog.CheckReadable(documents, model, before.GetModelVersion()); err != nil {
			return change{}, err
		}
		// Rolling back needs no approval, and so must not make the next publication need fewer.
		approvals, err := m.approvalsAsked(documents, model, current)
		if err != nil {
			return change{}, err
		}
		return change{run: run, current: current, origin: echelonv1.AssignmentChange_ROLLED_BACK, next: &storagev1.Current{
			RunId: before.GetRunId(), ModelVersion: before.GetModelVersion(), CalibrationId: before.GetCalibrationId(), History: current.GetHistory()[:last],
			Approvals: approvals,
		}}, nil
	})
}

// put stores a run and the publication that it becomes.
func put(tx storage.Tx, run *echelonv1.Run, current *storagev1.Current) error {
	if err := tx.PutDocument(storage.KindRun, run.GetId(), run); err != nil {
		return err
	}
	return tx.PutDocument(storage.KindCurrent, run.GetModel(), current)
}

// recover removes the snapshots that no run owns, and goes on with the runs that were under way when the program ended. It relies on the store's lock:
// nobody else has runs under way.
func (m *Manager) recover(ctx context.Context) error {
	view, err := m.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	complete := make(map[string]bool)
	var cut []*echelonv1.Run
	for document, err := range view.Documents(storage.KindRun, storage.DocumentScan{}) {
		if err != nil {
			return err
		}
		run := &echelonv1.Run{}
		if err := document.Decode(run); err != nil {
			// One damaged record must not keep the server from starting; its snapshot is left alone.
			m.log.Error("the record of a run is damaged", "run", document.Key, "error", err)
			complete[document.Key] = true
			continue
		}
		complete[run.GetId()] = storage.HasSnapshot(run)
		m.noteSuccess(run)
		if run.GetState() == echelonv1.Run_RUNNING {
			cut = append(cut, run)
		}
	}
	if err := m.ExpireOverlays(ctx); err != nil {
		return err
	}
	names, err := view.SnapshotNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if batch, changes := storage.BatchOf(name); changes {
			if err := m.dropChanges(ctx, batch); err != nil {
				return err
			}
			continue
		}
		if !complete[name] {
			m.log.Info("removing a snapshot that no run owns", "run", name)
			if err := m.store.DeleteSnapshot(ctx, name); err != nil {
				return err
			}
		}
	}
	return m.resume(ctx, cut)
}
