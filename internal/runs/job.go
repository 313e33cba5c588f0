package runs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/intake"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// blockRows is how many customers a block of a snapshot holds.
const blockRows = 1024

// job is a run that is under way.
type job struct {
	manager *Manager
	view    storage.Reader
	program *engine.Program
	run     *echelonv1.Run
	// rates are exchange rates beside the model's.
	rates     []*echelonv1.ExchangeRate
	customers *customers

	ctx      context.Context
	progress *progress
}

func (j *job) clone() *echelonv1.Run { return proto.CloneOf(j.run) }

// execute does the run and records how it ended.
func (j *job) execute(ctx context.Context) {
	ctx, span := begin(ctx, "run", j.run)
	defer span.End()
	id := j.run.GetId()
	log := j.manager.log.With("run", id, "model", j.run.GetModel(), "version", j.run.GetModelVersion())
	log.InfoContext(ctx, "run started", "read_point", j.run.GetReadPoint())
	calibration, err := j.evaluateSafely(ctx)
	failed(span, err)
	if err != nil && stopped(ctx) {
		if err := j.interrupt(ctx); err != nil {
			log.ErrorContext(ctx, "that the server stops while the run is under way could not be noted, and counts as a crash", "error", err)
		}
		log.InfoContext(ctx, "run interrupted; the next server goes on with it")
		j.manager.release(j.run.GetModel())
		j.manager.leave(id, j.progress)
		return
	}
	if err != nil {
		j.run.State, j.run.Failure = echelonv1.Run_FAILED, failure(ctx, err)
		if _, byCall := cancelledBy(ctx); byCall {
			j.run.State = echelonv1.Run_CANCELLED
			log.InfoContext(ctx, "run cancelled")
		} else {
			log.ErrorContext(ctx, "run failed", "error", err)
		}
	} else {
		j.run.State = echelonv1.Run_READY
	}
	j.run.EndTime = timestamppb.New(j.manager.now())
	// Before it is recorded: who sees that it has ended may start the next one.
	j.manager.release(j.run.GetModel())
	if j.recordAtLast(log, calibration) && j.run.GetState() == echelonv1.Run_READY {
		log.InfoContext(ctx, "run ready", "customers", j.run.GetEvaluated(), "refused", j.run.GetSummary().GetBalance().GetRefused())
	}
	j.manager.leave(id, j.progress)
}

// failure says to people why a run failed; what is internal stands in the log.
func failure(ctx context.Context, err error) string {
	var corrupt *storage.CorruptError
	_, byCall := cancelledBy(ctx)
	switch {
	case byCall:
		return "it was cancelled"
	case errors.As(err, &corrupt):
		return corrupt.What + " is damaged on disk: check the disk, and restore a backup or write it again"
	case errors.Is(err, storage.ErrDiskFull):
		return "the disk is full: free space, and start another run"
	}
	return "an internal fault; the server's log has the details"
}

// recordAgain is the pause between attempts to record how a run ended.
const recordAgain = 2 * time.Second

// recordAtLast records how the run ended, again and again while the store does not take it, as one does not whose disk is full; until then those
// who ask are told from memory that it failed. When the manager closes it tries a last time, and else the next one goes on with the run.
func (j *job) recordAtLast(log *slog.Logger, calibration *echelonv1.Calibration) bool {
	timer := time.NewTicker(recordAgain)
	defer timer.Stop()
	for {
		err := j.record(j.recording(), calibration)
		if err == nil {
			j.manager.unrecorded(j.run.GetId(), nil)
			j.manager.ended(j.run)
			return true
		}
		log.Error("the end of the run could not be recorded", "error", err)
		if j.run.GetState() != echelonv1.Run_READY {
			j.manager.unrecorded(j.run.GetId(), j.clone())
		}
		select {
		case <-j.manager.ctx.Done():
			return false
		case <-timer.C:
		}
	}
}

// recording returns the context in which the end of the run is recorded, even while the server stops: of one that was cancelled it is a change that
// the caller made.
func (j *job) recording() context.Context {
	if by, byCall := cancelledBy(j.ctx); byCall && j.run.GetState() == echelonv1.Run_CANCELLED {
		return context.WithoutCancel(by)
	}
	return context.WithoutCancel(j.manager.ctx)
}

// record stores how the run ended, and the calibration of one that ended well, without the customers that were erased meanwhile.
func (j *job) record(ctx context.Context, calibration *echelonv1.Calibration) error {
	return j.manager.intake.Exclusive(func() error {
		if err := intake.LeaveOut(ctx, j.manager.store, j.run, calibration); err != nil {
			return err
		}
		return j.put(ctx, calibration)
	})
}

func (j *job) put(ctx context.Context, calibration *echelonv1.Calibration) error {
	return j.manager.store.Update(ctx, func(tx storage.Tx) error {
		if j.run.GetState() == echelonv1.Run_READY {
			if err := tx.PutDocument(storage.KindCalibration, j.run.GetId(), calibration); err != nil {
				return err
			}
		}
		return putEnded(tx, j.run)
	})
}

// evaluateSafely evaluates, and turns a panic into an error: one run must not end the server.
func (j *job) evaluateSafely(ctx context.Context) (calibration *echelonv1.Calibration, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	return j.evaluate(ctx)
}

// evaluate calibrates and writes the snapshot, of which nothing is left where that fails or panics.
func (j *job) evaluate(ctx context.Context) (_ *echelonv1.Calibration, err error) {
	j.customers = &customers{view: j.view, schema: j.program.Schema(), used: &j.manager.kept}
	defer j.customers.release()
	phase, ended := j.calibrating(ctx)
	calibration, err := j.program.Calibrate(phase, j.population(phase), j.run.GetAsOf().AsTime(), j.rates...)
	ended(err)
	if err != nil {
		return nil, fmt.Errorf("calibrating: %w", err)
	}
	calibration.Id = j.run.GetId()
	j.run.Findings = calibration.GetFindings()
	scorer, err := j.program.Bind(calibration)
	if err != nil {
		return nil, fmt.Errorf("binding its own calibration: %w", err)
	}
	// The snapshot keeps the families, each block those of its customers: there may be more of them than fit one document.
	calibration.Families = nil
	writer, err := j.manager.store.WriteSnapshot(ctx, j.run.GetId())
	if err != nil {
		return nil, fmt.Errorf("beginning the snapshot: %w", err)
	}
	whole := false
	defer func() {
		if !whole { // a commit of blocks may be under way, which only the writer knows
			err = errors.Join(err, writer.Abort())
		}
	}()
	if err := j.write(ctx, scorer, writer); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("ending the snapshot: %w", err)
	}
	whole = true
	calibration.Refused = j.run.GetSummary().GetBalance().GetRefused()
	return calibration, nil
}

// population is the customers that can be read, as the run's view has them.
func (j *job) population(ctx context.Context) engine.Population {
	return func(yield func(*frame.Frame, error) bool) {
		j.progress.begin(Calibrating)
		for batch, err := range j.customers.batches(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(batch.Frame, nil) {
				return
			}
			j.progress.add(batch.Frame.Len()+len(batch.Errors), 0)
		}
		j.manager.population.Store(j.progress.whole())
	}
}
