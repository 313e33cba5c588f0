package runs

import (
	"context"
	"fmt"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/snapshot"
)

// admit finds the moves that caps admit, for which all customers have to be seen before any of them moves: it goes through them once more, without
// writing anything. Where the model caps no moves it does nothing.
func (j *job) admit(ctx context.Context, scorer *engine.Scorer, options *engine.Options) error {
	if !j.program.CapsMoves() {
		return nil
	}
	ctx, span := begin(ctx, "run.admit", j.run)
	defer span.End()
	j.progress.begin(Evaluating)
	previous, err := snapshot.OpenPrevious(ctx, j.manager.catalog, j.view, j.program)
	if err != nil {
		return err
	}
	defer previous.Close()
	census := j.program.NewCensus(j.program.Day(options.AsOf))
	proposing := engine.Options{AsOf: options.AsOf, Workspace: options.Workspace}
	for batch, err := range j.customers(ctx) {
		if err != nil {
			return fmt.Errorf("reading customers: %w", err)
		}
		before, err := previous.Of(batch.Frame.IDs)
		if err != nil {
			return fmt.Errorf("reading the published assignments: %w", err)
		}
		before.To(&proposing)
		result, err := scorer.EvaluateContext(ctx, batch.Frame, proposing)
		if err != nil {
			return err
		}
		census.Add(result)
		j.progress.add(batch.Frame.Len()+len(batch.Errors), 0)
	}
	options.Admissions = census.Admissions()
	return nil
}
