package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// assigner evaluates frames, here or elsewhere.
type assigner interface {
	// calibrate learns from the frames.
	calibrate(ctx context.Context, frames []*frame.Frame) (*echelonv1.Calibration, error)
	// assign evaluates the frames, none of which is empty, in order.
	assign(ctx context.Context, frames []*frame.Frame, calibration *echelonv1.Calibration, do settle) error
}

// settle takes the assignments of a frame, and the same in columns, with amounts.
type settle = func([]*echelonv1.Assignment, *engine.Result) error

// localAssigner evaluates in this process.
type localAssigner struct {
	program *engine.Program
	asOf    time.Time
	// rates are exchange rates beside the model's.
	rates []*echelonv1.ExchangeRate
	// previous has the tiers that customers are in.
	previous *previousTiers
}

var _ assigner = (*localAssigner)(nil)

func (l *localAssigner) calibrate(ctx context.Context, frames []*frame.Frame) (*echelonv1.Calibration, error) {
	return l.program.Calibrate(ctx, func(yield func(*frame.Frame, error) bool) {
		for _, f := range frames {
			if !yield(f, nil) {
				return
			}
		}
	}, l.asOf, l.rates...)
}

func (l *localAssigner) assign(
	ctx context.Context, frames []*frame.Frame, calibration *echelonv1.Calibration, do settle,
) error {
	scorer, err := l.program.Bind(calibration)
	if err != nil {
		return err
	}
	admissions, err := l.admit(ctx, scorer, frames)
	if err != nil {
		return err
	}
	for _, f := range frames {
		if err := ctx.Err(); err != nil {
			return err
		}
		options := engine.Options{AsOf: l.asOf, Reasons: true, Amounts: true, Admissions: admissions}
		l.previous.to(&options, f.IDs)
		result := scorer.Evaluate(f, options)
		assignments := make([]*echelonv1.Assignment, result.Len())
		for i := range assignments {
			assignments[i] = result.Assignment(i)
		}
		if err := do(assignments, result); err != nil {
			return err
		}
	}
	return nil
}

// admit finds the moves that caps admit: the file is all customers.
func (l *localAssigner) admit(ctx context.Context, scorer *engine.Scorer, frames []*frame.Frame) ([]*stability.Admission, error) {
	if !l.program.CapsMoves() {
		return nil, nil
	}
	census := l.program.NewCensus(l.program.Day(l.asOf))
	for _, f := range frames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		options := engine.Options{AsOf: l.asOf}
		l.previous.to(&options, f.IDs)
		census.Add(scorer.Evaluate(f, options))
	}
	return census.Admissions(), nil
}

// remoteAssigner evaluates through a server. What a model that learns nothing shows of its population is found here.
type remoteAssigner struct {
	localAssigner
	server *client.Client
}

var _ assigner = (*remoteAssigner)(nil)

func (r *remoteAssigner) calibrate(ctx context.Context, frames []*frame.Frame) (*echelonv1.Calibration, error) {
	if !r.program.NeedsCalibration() {
		return r.localAssigner.calibrate(ctx, frames)
	}
	// A calibration cannot be resumed, but its population is still at hand. A server that cannot be reached at all is told at once.
	header := &echelonv1.CalibrateHeader{Evaluator: r.evaluator(nil), Rates: r.rates}
	pause, begun := 100*time.Millisecond, false
	for tries := 1; ; tries++ {
		calibration, refused, err := r.server.CalibrateBy(ctx, header, noting(&begun, customersOf(ctx, frames, nil)))
		if err == nil && len(refused) > 0 {
			err = disagreed(refused[0])
		}
		if r.program.HasFamilies() && client.ReasonOf(err) == echelonv1.ErrorReason_MESSAGE_TOO_LARGE {
			return nil, fmt.Errorf("the families of so many customers do not fit a message: score them without --address, or import them and start a run: %w", err)
		}
		if err == nil || !begun || !client.IsInterrupted(err) || tries == calibrateTries {
			return calibration, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, 15*time.Second)
		}
	}
}

// calibrateTries is how often a calibration that is interrupted is begun.
const calibrateTries = 10

// noting yields what a sequence yields, and notes that it was asked for it.
func noting[T any](asked *bool, sequence iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		*asked = true
		sequence(yield)
	}
}

func (r *remoteAssigner) evaluator(calibration *echelonv1.Calibration) *echelonv1.Evaluator {
	e := client.InlineModel(r.program.Model(), calibration)
	e.AsOf = timestamppb.New(r.asOf)
	return e
}

func (r *remoteAssigner) assign(
	ctx context.Context, frames []*frame.Frame, calibration *echelonv1.Calibration, do settle,
) error {
	scorer, err := r.program.Bind(calibration)
	if err != nil {
		return err
	}
	if !r.program.NeedsCalibration() {
		calibration = nil
	}
	header := &echelonv1.BulkAssignHeader{Evaluator: r.evaluator(calibration)}
	var ready []*echelonv1.Assignment
	for outcome, err := range r.server.BulkAssign(ctx, header, customersOf(ctx, frames, r.previous)) {
		if err != nil {
			return err
		}
		if outcome.Error != nil {
			return disagreed(outcome.Error)
		}
		ready = append(ready, outcome.Assignment)
		if len(ready) < frames[0].Len() {
			continue
		}
		// A server answers no amounts and counts no families; they are what they are everywhere.
		result, err := r.program.ResultOf(ready)
		if err != nil {
			return err
		}
		result.Amounts, result.Roots, result.Day = scorer.Amounts(frames[0], r.asOf), scorer.Roots(frames[0], r.asOf), r.program.Day(r.asOf)
		if err := do(ready, result); err != nil {
			return err
		}
		ready, frames = nil, frames[1:]
	}
	return nil
}

// disagreed is the error of a server that refuses what was read here.
func disagreed(refused *echelonv1.RowError) error {
	return fmt.Errorf("the server refused customer %q, which was read here: %s: use the same version of echelon on both sides",
		refused.GetCustomerId(), refused.GetMessage())
}

// customersOf returns the customers of frames as they go over the wire, with the tiers that they are in.
func customersOf(ctx context.Context, frames []*frame.Frame, previous *previousTiers) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for _, f := range frames {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			for i := range f.Len() {
				customer := f.Customer(i)
				previous.tell(customer)
				if !yield(customer, nil) {
					return
				}
			}
		}
	}
}
