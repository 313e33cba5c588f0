package client

import (
	"context"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// PreviewRun returns what a run would change: who moves where, with what amount, and why.
func (c *Client) PreviewRun(ctx context.Context, request *echelonv1.PreviewRunRequest) (*echelonv1.PreviewRunResponse, error) {
	res, err := c.runs.PreviewRun(ctx, request)
	if _, err := answered(res.GetRun(), err); err != nil {
		return nil, err
	}
	return res, nil
}

// ExplainAssignment returns every step to a customer's published assignment, what differs from the previous one, and why it moved.
func (c *Client) ExplainAssignment(ctx context.Context, request *echelonv1.ExplainAssignmentRequest) (*echelonv1.ExplainAssignmentResponse, error) {
	res, err := c.assignments.ExplainAssignment(ctx, request)
	if _, err := answered(res.GetAssignment(), err); err != nil {
		return nil, err
	}
	return res, nil
}
