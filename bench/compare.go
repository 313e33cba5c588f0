package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// comparedMovers is how many movers a comparison lists: as many as fit a page.
const comparedMovers = 10_000

// compare measures in seconds, at the median, the matrix of a run against what is published, and two runs with their first movers. The runs are of W with
// amounts, and with two cuts, so that many customers move.
func (r *storedW) compare(rounds int) (matrix, compared float64, err error) {
	ctx, cancel := within()
	defer cancel()
	before, err := r.cutAt(ctx, paretoShare)
	if err == nil {
		_, err = r.caller.PublishRun(ctx, before.GetId())
	}
	if err != nil {
		return 0, 0, err
	}
	after, err := r.cutAt(ctx, paretoShare/2)
	if err != nil {
		return 0, 0, err
	}
	published := &echelonv1.CompareRunsRequest{From: &echelonv1.RunRef{Run: &echelonv1.RunRef_CurrentOf{CurrentOf: wName}}, To: runRef(after), PageSize: 1}
	runs := &echelonv1.CompareRunsRequest{From: runRef(before), To: runRef(after), PageSize: comparedMovers}
	var matrices, comparisons []float64
	for i := range rounds + 1 {
		begin := time.Now()
		table, err := r.caller.CompareRuns(ctx, published)
		took := time.Since(begin).Seconds()
		begin = time.Now()
		list, otherErr := r.caller.CompareRuns(ctx, runs)
		if err = errors.Join(err, otherErr); err == nil {
			err = agreeing(table.GetMigration(), list)
		}
		if err != nil {
			return 0, 0, err
		}
		if i > 0 { // the first one warms up
			matrices, comparisons = append(matrices, took), append(comparisons, time.Since(begin).Seconds())
		}
	}
	matrix, compared = median(matrices), median(comparisons)
	fmt.Printf("  %-46s %10.0f ms at the median\n", "a run and what is published, as a matrix", matrix*1e3)
	fmt.Printf("  %-46s %10.0f ms at the median\n", fmt.Sprintf("two runs, with %d movers", comparedMovers), compared*1e3)
	return matrix, compared, nil
}

// cutAt evaluates everybody by another version of the model, whose best tier is cut at a share.
func (r *storedW) cutAt(ctx context.Context, share float64) (*echelonv1.Run, error) {
	model := proto.CloneOf(r.model)
	model.Amount = "arr"
	model.Tierings[0].GetLinear().Tiers[0].Cut.CumulativeShare.Share = share
	version, err := r.caller.CreateModel(ctx, model)
	if err != nil {
		return nil, err
	}
	return runOnce(ctx, r.caller, &echelonv1.StartRunRequest{Model: wName, Version: version.GetVersion(), AsOf: timestamppb.New(asOf)})
}

func runRef(run *echelonv1.Run) *echelonv1.RunRef {
	return &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: run.GetId()}}
}

// agreeing returns what is wrong with what two comparisons of the same customers found.
func agreeing(one *echelonv1.Migration, other *echelonv1.CompareRunsResponse) error {
	if one.GetBoth() != million || !proto.Equal(one, other.GetMigration()) {
		return fmt.Errorf("one matrix is %v, and another one %v", one, other.GetMigration())
	}
	if moved := one.GetBoth() - one.GetStayed(); moved < comparedMovers || len(other.GetMovers()) != comparedMovers {
		return fmt.Errorf("%d customers move, and %d are listed", moved, len(other.GetMovers()))
	}
	return nil
}
