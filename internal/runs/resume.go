package runs

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// crashesTaken is how many servers may crash while a run is under way; then it fails, since it may be what they crash of.
const crashesTaken = 3

// startKey is the key of what a run was started with. Keys are on disk: they are never changed.
func startKey(id string) string { return "run/" + id }

// resume goes on with the runs that were under way when the server before ended, the newest of a model first. A view of a past commit cannot be opened
// again, so that nothing that they had calibrated or written may be used: blocks of two commits would be the result of none. They start over.
func (m *Manager) resume(ctx context.Context, cut []*echelonv1.Run) error {
	for i := len(cut) - 1; i >= 0; i-- {
		if err := m.resumeOne(ctx, cut[i]); err != nil {
			return fmt.Errorf("going on with the run %q: %w", cut[i].GetId(), err)
		}
	}
	return nil
}

func (m *Manager) resumeOne(ctx context.Context, run *echelonv1.Run) error {
	view, err := m.store.View(ctx)
	if err != nil {
		return err
	}
	start := &storagev1.RunStart{}
	err = view.Document(storage.KindRunStart, startKey(run.GetId()), start)
	if errors.Is(err, storage.ErrNotFound) {
		err = fault.New(echelonv1.ErrorReason_RUN_STATE, "it did not keep what the run was started with: start another run")
	}
	if !start.GetStopped() {
		start.Crashes++
	}
	start.Stopped = false
	var again *job
	if err == nil {
		again, err = m.again(view, run, start)
	}
	if err != nil {
		view.Close()
		return m.giveUp(ctx, run, err)
	}
	if err := m.begin(ctx, again, start, nil); err != nil {
		return m.later(run, err)
	}
	m.log.WarnContext(ctx, "a run was under way when the server ended, and starts over", "run", run.GetId(), "attempt", again.run.GetAttempts(), "crashes", start.GetCrashes())
	return nil
}

// again makes a run that was cut off one that begins in a view, as if it was started now with the same version, as_of and rates.
func (m *Manager) again(view storage.Reader, run *echelonv1.Run, start *storagev1.RunStart) (*job, error) {
	if start.GetCrashes() >= crashesTaken {
		return nil, fault.New(echelonv1.ErrorReason_RUN_STATE,
			"%d servers crashed while it was under way, so that it may be the reason: look at their logs and at the memory that they had, and start another run", start.GetCrashes())
	}
	program, err := m.catalog.Program(view, run.GetModel(), run.GetModelVersion())
	if err != nil {
		return nil, err
	}
	if err := m.catalog.CheckReadable(view, run.GetModel(), run.GetModelVersion()); err != nil {
		return nil, err
	}
	current, err := catalog.Current(view, run.GetModel())
	if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return nil, err
	}
	if err := m.claim(run.GetModel(), run.GetId()); err != nil {
		return nil, err
	}
	// What the attempt before may have left in the record is of another commit.
	run = &echelonv1.Run{
		Id: run.GetId(), Model: run.GetModel(), ModelVersion: run.GetModelVersion(), State: echelonv1.Run_RUNNING, AsOf: run.GetAsOf(),
		StartTime: run.GetStartTime(), BaseRunId: current.GetRunId(), ReadPoint: uint64(view.ReadPoint()),
		WhatIf: run.GetWhatIf(), StartedBy: run.GetStartedBy(), Attempts: run.GetAttempts() + 1,
	}
	return &job{manager: m, view: view, program: program, rates: start.GetRates(), run: run}, nil
}

// giveUp records that a run that was cut off failed. What is damaged of it must not keep the server from starting.
func (m *Manager) giveUp(ctx context.Context, run *echelonv1.Run, why error) error {
	m.log.WarnContext(ctx, "a run was under way when the server ended, and fails", "run", run.GetId(), "error", why)
	words := failure(ctx, why)
	var f *fault.Fault
	if errors.As(why, &f) {
		words = f.Message
	}
	run.State, run.EndTime = echelonv1.Run_FAILED, timestamppb.New(m.now())
	run.Failure = "the server ended while the run was under way, and the next one could not go on with it: " + words
	return m.later(run, m.store.Update(ctx, func(tx storage.Tx) error { return putEnded(tx, run) }))
}

// later leaves a run that was cut off to the next server where the store takes no writes, which must not keep this one from starting: who asks is told
// from memory.
func (m *Manager) later(run *echelonv1.Run, err error) error {
	if !errors.Is(err, storage.ErrDiskFull) && !errors.Is(err, storage.ErrReadOnly) {
		return err
	}
	m.log.Error("a run was under way when the server ended, and cannot go on since the store takes no writes", "run", run.GetId(), "error", err)
	run.State, run.EndTime = echelonv1.Run_FAILED, timestamppb.New(m.now())
	run.Failure = "the server ended while the run was under way, and the store takes no writes now: free space, and start the server again, which goes on with it"
	m.unrecorded(run.GetId(), run)
	return nil
}

// putEnded stores a run that has ended, of which nothing is to be gone on with any more.
func putEnded(tx storage.Tx, run *echelonv1.Run) error {
	if err := tx.DeleteDocument(storage.KindRunStart, startKey(run.GetId())); err != nil {
		return err
	}
	return tx.PutDocument(storage.KindRun, run.GetId(), run)
}

// stopped reports whether the context of a run is over because the server stops, rather than that the run was cancelled.
func stopped(ctx context.Context) bool {
	_, byCall := cancelledBy(ctx)
	return ctx.Err() != nil && !byCall
}

// interrupt notes that the server was stopped and did not crash while the run was under way. Where that fails it counts as a crash.
func (j *job) interrupt(ctx context.Context) error {
	return j.manager.store.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		start := &storagev1.RunStart{}
		if err := tx.Document(storage.KindRunStart, startKey(j.run.GetId()), start); err != nil {
			return err
		}
		start.Stopped = true
		return tx.PutDocument(storage.KindRunStart, startKey(j.run.GetId()), start)
	})
}

// errStops is the fault of a call about a run that is under way while the server stops.
func errStops(id string) error {
	return fault.New(echelonv1.ErrorReason_SHUTTING_DOWN, "the server stops, and the next one goes on with the run %q: ask again when it is there", id)
}
