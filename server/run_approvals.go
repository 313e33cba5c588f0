package server

import (
	"context"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ApproveRun notes that the caller approves a run.
func (s *runService) ApproveRun(ctx context.Context, request *echelonv1.ApproveRunRequest) (*echelonv1.ApproveRunResponse, error) {
	run, err := s.runs.Approve(ctx, request.GetRunId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.ApproveRunResponse{Run: run}, nil
}

// WithdrawApproval takes back the caller's approval of a run.
func (s *runService) WithdrawApproval(ctx context.Context, request *echelonv1.WithdrawApprovalRequest) (*echelonv1.WithdrawApprovalResponse, error) {
	run, err := s.runs.WithdrawApproval(ctx, request.GetRunId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.WithdrawApprovalResponse{Run: run}, nil
}
