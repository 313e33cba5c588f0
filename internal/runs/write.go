package runs

import (
	"context"
	"fmt"
	"iter"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// refusedKept is how many of the customers that were refused a run lists.
const refusedKept = 100

// batch is customers that are to be evaluated, with what was in force of them and what people pinned on them.
type batch struct {
	*storage.CustomerBatch
	before    snapshot.Before
	overrides [][]engine.Override
}

// evaluated is what becomes of a batch.
type evaluated struct {
	block   *storagev1.SnapshotBlock // nil where nobody of the batch can be read
	refused []*echelonv1.RowError
}

// write evaluates all customers into blocks, several at a time, and adds up the summary.
func (j *job) write(ctx context.Context, scorer *engine.Scorer, writer storage.SnapshotWriter) error {
	admissions, err := j.admit(ctx, scorer)
	if err != nil {
		return err
	}
	ctx, span := begin(ctx, "run.evaluate", j.run)
	defer span.End()
	j.progress.begin(Evaluating)
	previous, err := snapshot.OpenPrevious(ctx, j.manager.catalog, j.view, j.program)
	if err != nil {
		return err
	}
	defer previous.Close()
	var tallies []*engine.Tally
	evaluator := func() func(context.Context, batch) (evaluated, error) {
		tally := engine.NewTally(j.program)
		tallies = append(tallies, tally)
		return j.evaluator(scorer, admissions, tally)
	}
	overrides := snapshot.OpenOverrides(j.view, j.run.GetModel())
	defer overrides.Close()
	for made, err := range parallel.Ordered(ctx, j.batches(j.customers.lastly(ctx), previous, overrides), evaluator) {
		if err != nil {
			return err
		}
		if err := j.take(made, writer); err != nil {
			return err
		}
	}
	sum := engine.NewTally(j.program)
	for _, tally := range tallies {
		sum.Merge(tally)
	}
	j.run.Summary = sum.Summary()
	j.run.Findings = append(j.run.Findings, j.program.GuardFindings(j.run.GetSummary())...)
	return nil
}

// batches adds to batches of customers what is in force of them by what is published, and their overrides.
func (j *job) batches(of iter.Seq2[*storage.CustomerBatch, error], previous *snapshot.Previous, overrides *snapshot.Overrides) iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		for customers, err := range of {
			if err != nil {
				yield(batch{}, fmt.Errorf("reading customers: %w", err))
				return
			}
			before, err := previous.Of(customers.Frame.IDs, customers.Versions)
			if err != nil {
				yield(batch{}, fmt.Errorf("reading the published assignments: %w", err))
				return
			}
			pinned, err := overrides.Of(customers.Frame.IDs, j.run.GetAsOf().AsTime())
			if err != nil {
				yield(batch{}, fmt.Errorf("reading the overrides: %w", err))
				return
			}
			if !yield(batch{customers, before, pinned}, nil) {
				return
			}
		}
	}
}

// evaluator returns what evaluates batches one after another in its own memory, and counts them.
func (j *job) evaluator(scorer *engine.Scorer, admissions []*stability.Admission, tally *engine.Tally) func(context.Context, batch) (evaluated, error) {
	options := engine.Options{
		AsOf: j.run.GetAsOf().AsTime(), Reasons: true, Amounts: true, Criteria: true, Observe: j.evaluating, Admissions: admissions, Workspace: new(engine.Workspace),
	}
	return func(ctx context.Context, of batch) (evaluated, error) {
		tally.Refuse(int64(len(of.Errors)))
		if of.Frame.Len() == 0 {
			return evaluated{refused: of.Errors}, nil
		}
		of.before.To(&options)
		options.Overrides = of.overrides
		result, err := scorer.EvaluateContext(ctx, of.Frame, options)
		if err != nil {
			return evaluated{}, err
		}
		tally.Add(result)
		return evaluated{block: snapshot.Encode(result), refused: of.Errors}, nil
	}
}

// take writes the block of a batch, and notes who was refused.
func (j *job) take(made evaluated, writer storage.SnapshotWriter) error {
	j.manager.hears().Refused(j.run.GetModel(), len(made.refused))
	for _, refused := range made.refused {
		if len(j.run.Refused) < refusedKept {
			j.run.Refused = append(j.run.Refused, refused)
		}
	}
	rows := len(made.block.GetIds())
	if rows > 0 {
		if err := writer.Append(made.block); err != nil {
			return fmt.Errorf("writing the snapshot: %w", err)
		}
		j.run.Evaluated += int64(rows)
	}
	j.progress.add(rows+len(made.refused), rows)
	return nil
}
