package server

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// runService evaluates all customers and publishes the result.
type runService struct {
	echelonv1.UnimplementedRunServiceServer
	store   storage.Store
	catalog *catalog.Catalog
	runs    *runs.Manager
	streams streaming
	load    *load
}

// StartRun starts a run.
func (s *runService) StartRun(ctx context.Context, request *echelonv1.StartRunRequest) (*echelonv1.StartRunResponse, error) {
	asked := runs.Request{Model: request.GetModel(), Version: request.GetVersion(), Rates: request.GetRates(), WhatIf: request.GetWhatIf(), Key: request.GetIdempotencyKey()}
	if asOf := request.GetAsOf(); asOf != nil {
		if err := asOf.CheckValid(); err != nil {
			return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "as_of is no instant: its nanos lie outside 0 to 999999999, or it lies outside the years 0001 to 9999")
		}
		asked.AsOf = asOf.AsTime()
	}
	run, err := s.runs.Start(ctx, asked)
	if err != nil {
		return nil, s.load.refused(limitRuns, err)
	}
	return &echelonv1.StartRunResponse{Run: run}, nil
}

// GetRun returns a run.
func (s *runService) GetRun(ctx context.Context, request *echelonv1.GetRunRequest) (*echelonv1.GetRunResponse, error) {
	run, err := s.runs.Get(ctx, request.GetRunId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.GetRunResponse{Run: run}, nil
}

// ListRuns returns runs, the newest first.
func (s *runService) ListRuns(ctx context.Context, request *echelonv1.ListRunsRequest) (*echelonv1.ListRunsResponse, error) {
	binding := []string{"ListRuns", request.GetModel()}
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	size := pageSize(request.GetPageSize(), defaultPage)
	list, err := s.runs.List(ctx, request.GetModel(), at.After, size+1)
	if err != nil {
		return nil, err
	}
	response := &echelonv1.ListRunsResponse{}
	bytes := 0
	for i, run := range list {
		if s.streams.full(i, size, bytes) {
			response.NextPageToken = writeCursor(cursor{After: list[i-1].GetId()}, binding...)
			break
		}
		// They are many and long; GetRun has them.
		run.Refused = nil
		bytes += proto.Size(run)
		response.Runs = append(response.Runs, run)
	}
	return response, nil
}

// PublishRun makes a run's snapshot current.
func (s *runService) PublishRun(ctx context.Context, request *echelonv1.PublishRunRequest) (*echelonv1.PublishRunResponse, error) {
	run, err := s.runs.Publish(ctx, request.GetRunId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.PublishRunResponse{Run: run}, nil
}

// RollBack makes the publication before the current one current again.
func (s *runService) RollBack(ctx context.Context, request *echelonv1.RollBackRequest) (*echelonv1.RollBackResponse, error) {
	run, err := s.runs.RollBack(ctx, request.GetModel())
	if err != nil {
		return nil, err
	}
	return &echelonv1.RollBackResponse{Run: run}, nil
}
