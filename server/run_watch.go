package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// WatchRun streams how far a run is until it ends.
func (s *runService) WatchRun(request *echelonv1.WatchRunRequest, stream grpc.ServerStreamingServer[echelonv1.WatchRunResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	ctx, stop := s.streams.untilStopping(stream.Context())
	defer stop()
	for progress, err := range s.runs.Watch(ctx, request.GetRunId()) {
		if err != nil {
			return err
		}
		if err := s.streams.sendOrStop(func() error { return stream.Send(watched(progress)) }); err != nil {
			return err
		}
	}
	return nil
}

// untilStopping returns a context that ends when the server stops, too, for streams that wait.
func (s streaming) untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-s.stopping:
			cancel(errStopping())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

func watched(p runs.Progress) *echelonv1.WatchRunResponse {
	response := &echelonv1.WatchRunResponse{
		Run: p.Run, Phase: echelonv1.WatchRunResponse_Phase(p.Phase), Done: p.Done, Total: p.Total, RowsPerSecond: p.Rate,
	}
	if p.Remaining >= 0 {
		response.Remaining = durationpb.New(p.Remaining)
	}
	return response
}

// CancelRun ends a run that is under way.
func (s *runService) CancelRun(ctx context.Context, request *echelonv1.CancelRunRequest) (*echelonv1.CancelRunResponse, error) {
	run, err := s.runs.Cancel(ctx, request.GetRunId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.CancelRunResponse{Run: run}, nil
}
