package runs

import (
	"context"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/internal/snapshot"
)

// admit returns the moves that caps admit, for which all customers have to be seen before any of them moves: it goes through them once more, without
// writing anything. Where the model caps no moves it does nothing.
func (j *job) admit(ctx context.Context, scorer *engine.Scorer) ([]*stability.Admission, error) {
	if !j.program.CapsMoves() {
		return nil, nil
	}
	ctx, span := begin(ctx, "run.admit", j.run)
	defer span.End()
	j.progress.begin(Evaluating)
	previous, err := snapshot.OpenPrevious(ctx, j.manager.catalog, j.view, j.program)
	if err != nil {
		return nil, err
	}
	defer previous.Close()
	sum := j.program.NewCensus(j.program.Day(j.run.GetAsOf().AsTime()))
	var counts []*engine.Census
	counter := func() func(context.Context, batch) (int, error) {
		census := j.program.NewCensus(j.program.Day(j.run.GetAsOf().AsTime()))
		counts = append(counts, census)
		return j.counter(scorer, census)
	}
	for rows, err := range parallel.Ordered(ctx, j.batches(j.customers.batches(ctx), previous, nil), counter) {
		if err != nil {
			return nil, err
		}
		j.progress.add(rows, 0)
	}
	for _, census := range counts {
		sum.Merge(census)
	}
	return sum.Admissions(), nil
}

// counter returns what counts the moves of batches one after another, and returns how many rows each has.
func (j *job) counter(scorer *engine.Scorer, census *engine.Census) func(context.Context, batch) (int, error) {
	options := engine.Options{AsOf: j.run.GetAsOf().AsTime(), Workspace: new(engine.Workspace)}
	return func(ctx context.Context, of batch) (int, error) {
		if of.Frame.Len() > 0 {
			of.before.To(&options)
			result, err := scorer.EvaluateContext(ctx, of.Frame, options)
			if err != nil {
				return 0, err
			}
			census.Add(result)
		}
		return of.Frame.Len() + len(of.Errors), nil
	}
}
