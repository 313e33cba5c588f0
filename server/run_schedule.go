package server

import (
	"context"
	"strings"

	"github.com/echelonhq/echelon/internal/audit"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// UnschedulePublication takes back a publication that was put off to a day.
func (s *runService) UnschedulePublication(
	ctx context.Context, request *echelonv1.UnschedulePublicationRequest,
) (*echelonv1.UnschedulePublicationResponse, error) {
	run, err := s.runs.Unschedule(ctx, request.GetRunId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.UnschedulePublicationResponse{Run: run}, nil
}

// actAs returns a context whose changes are those of whoever put a publication off: nobody calls on its day.
func actAs(ctx context.Context, by *storagev1.Schedule, what string) context.Context {
	ctx = feed.By(ctx, feed.Who{Actor: by.GetActor(), OnBehalfOf: by.GetOnBehalfOf()})
	return audit.Begin(ctx, audit.Call{
		Actor: by.GetActor(), Credential: by.GetCredential(), OnBehalfOf: by.GetOnBehalfOf(),
		Method: strings.TrimPrefix(echelonv1.RunService_PublishRun_FullMethodName, "/") + ", " + what,
	})
}
