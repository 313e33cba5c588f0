package client

import (
	"context"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// WaitRun asks often at first, for short runs, and then less and less.
const (
	firstPoll = 20 * time.Millisecond
	lastPoll  = 2 * time.Second
)

// StartRun starts the evaluation of all stored customers and returns at once; WaitRun waits for its end. With an idempotency key
// it is repeated like other calls, and starts one run.
func (c *Client) StartRun(ctx context.Context, request *echelonv1.StartRunRequest) (*echelonv1.Run, error) {
	res, err := c.runs.StartRun(ctx, request)
	return answered(res.GetRun(), err)
}

// GetRun returns a run.
func (c *Client) GetRun(ctx context.Context, id string) (*echelonv1.Run, error) {
	res, err := c.runs.GetRun(ctx, &echelonv1.GetRunRequest{RunId: id})
	return answered(res.GetRun(), err)
}

// WaitRun waits until a run is no longer RUNNING and returns it; look at its state, since a run that FAILED is no error here. progress, where it
// is not nil, gets each state that was seen, the last one too.
func (c *Client) WaitRun(ctx context.Context, id string, progress func(*echelonv1.Run)) (*echelonv1.Run, error) {
	for pause := firstPoll; ; pause = min(pause*3/2, lastPoll) {
		run, err := c.GetRun(ctx, id)
		if err != nil {
			return nil, err
		}
		if progress != nil {
			progress(run)
		}
		if run.GetState() != echelonv1.Run_RUNNING {
			return run, nil
		}
		select {
		case <-ctx.Done():
			return nil, typed(ctx.Err())
		case <-time.After(pause):
		}
	}
}

// WatchRun iterates over how far a run is: at once, whenever it went on, and a last time when it has ended, well or not.
func (c *Client) WatchRun(ctx context.Context, id string) iter.Seq2[*echelonv1.WatchRunResponse, error] {
	open := func(ctx context.Context) (grpc.ServerStreamingClient[echelonv1.WatchRunResponse], error) {
		return c.runs.WatchRun(ctx, &echelonv1.WatchRunRequest{RunId: id})
	}
	return export(ctx, c.stall, open, func(res *echelonv1.WatchRunResponse) []*echelonv1.WatchRunResponse {
		return []*echelonv1.WatchRunResponse{res}
	})
}

// CancelRun ends a run that is under way, and returns it.
func (c *Client) CancelRun(ctx context.Context, id string) (*echelonv1.Run, error) {
	res, err := c.runs.CancelRun(ctx, &echelonv1.CancelRunRequest{RunId: id})
	return answered(res.GetRun(), err)
}

// Runs iterates over a model's runs, the newest first; over all runs where model is empty.
func (c *Client) Runs(ctx context.Context, model string) iter.Seq2[*echelonv1.Run, error] {
	return pages(func(token string) ([]*echelonv1.Run, string, error) {
		res, err := c.runs.ListRuns(ctx, &echelonv1.ListRunsRequest{Model: model, PageToken: token})
		return res.GetRuns(), res.GetNextPageToken(), err
	})
}

// PublishRun makes a run's snapshot current.
func (c *Client) PublishRun(ctx context.Context, id string) (*echelonv1.Run, error) {
	res, err := c.runs.PublishRun(ctx, &echelonv1.PublishRunRequest{RunId: id})
	return answered(res.GetRun(), err)
}

// ApproveRun approves the result of a run that somebody else started, and returns it.
func (c *Client) ApproveRun(ctx context.Context, id string) (*echelonv1.Run, error) {
	res, err := c.runs.ApproveRun(ctx, &echelonv1.ApproveRunRequest{RunId: id})
	return answered(res.GetRun(), err)
}

// WithdrawApproval takes back the caller's approval of a run, and returns it.
func (c *Client) WithdrawApproval(ctx context.Context, id string) (*echelonv1.Run, error) {
	res, err := c.runs.WithdrawApproval(ctx, &echelonv1.WithdrawApprovalRequest{RunId: id})
	return answered(res.GetRun(), err)
}

// RollBack makes a model's publication before the current one current again, and returns its run.
func (c *Client) RollBack(ctx context.Context, model string) (*echelonv1.Run, error) {
	res, err := c.runs.RollBack(ctx, &echelonv1.RollBackRequest{Model: model})
	return answered(res.GetRun(), err)
}

// CompareRuns returns where customers come from in one run and go to in another, with the first movers; Movers has all of them.
func (c *Client) CompareRuns(ctx context.Context, request *echelonv1.CompareRunsRequest) (*echelonv1.CompareRunsResponse, error) {
	res, err := c.runs.CompareRuns(ctx, request)
	if request.GetPageToken() == "" {
		// Only the first page has the table, and it always does.
		if _, err := answered(res.GetMigration(), err); err != nil {
			return nil, err
		}
	}
	return answered(res, err)
}

// Movers iterates over the customers that are in different places in the two runs of a request, ascending by id. Those behind a first page are iterated
// over where the request has its token.
func (c *Client) Movers(ctx context.Context, request *echelonv1.CompareRunsRequest) iter.Seq2[*echelonv1.Mover, error] {
	request = proto.CloneOf(request)
	begun := request.GetPageToken()
	return pages(func(token string) ([]*echelonv1.Mover, string, error) {
		if request.PageToken = token; token == "" {
			request.PageToken = begun
		}
		res, err := c.runs.CompareRuns(ctx, request)
		return res.GetMovers(), res.GetNextPageToken(), err
	})
}
