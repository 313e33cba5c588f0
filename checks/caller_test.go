package checks

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// caller calls a service and sends nothing twice: a call that is repeated after an answer was lost would be two calls of a history.
type caller struct {
	conn        *grpc.ClientConn
	models      echelonv1.ModelServiceClient
	runs        echelonv1.RunServiceClient
	assignments echelonv1.AssignmentServiceClient
}

// do makes a call and returns how it ended.
func (c *caller) do(ctx context.Context, what call) outcome {
	o, err := c.answer(ctx, what)
	if err == nil {
		return o
	}
	s := status.Convert(err)
	if s.Code() == codes.DeadlineExceeded || s.Code() == codes.Canceled {
		return outcome{unknown: true}
	}
	o = outcome{reason: s.Code().String() + ": " + s.Message()}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			o.reason, o.pin.etag = info.GetReason(), info.GetMetadata()["etag"]
		}
	}
	return o
}

func (c *caller) answer(ctx context.Context, what call) (outcome, error) {
	switch what.kind {
	case activate:
		res, err := c.models.ActivateModel(ctx, &echelonv1.ActivateModelRequest{Name: modelName, Version: what.version})
		return outcome{active: res.GetVersion().GetVersion()}, err
	case start:
		res, err := c.runs.StartRun(ctx, &echelonv1.StartRunRequest{Model: modelName})
		return outcome{run: run{res.GetRun().GetId(), res.GetRun().GetModelVersion(), res.GetRun().GetBaseRunId()}}, err
	case publish:
		res, err := c.runs.PublishRun(ctx, &echelonv1.PublishRunRequest{RunId: what.run.id})
		return outcome{run: run{id: res.GetRun().GetId(), version: res.GetRun().GetModelVersion()}}, err
	case rollBack:
		res, err := c.runs.RollBack(ctx, &echelonv1.RollBackRequest{Model: modelName})
		return outcome{run: run{id: res.GetRun().GetId(), version: res.GetRun().GetModelVersion()}}, err
	case getModel:
		return c.model(ctx)
	case getRun:
		res, err := c.runs.GetRun(ctx, &echelonv1.GetRunRequest{RunId: what.run.id})
		return outcome{run: run{res.GetRun().GetId(), res.GetRun().GetModelVersion(), res.GetRun().GetBaseRunId()}}, err
	case getAssignment:
		return c.assignment(ctx, customerID(what.customer))
	}
	return c.override(ctx, what)
}

func (c *caller) model(ctx context.Context) (outcome, error) {
	res, err := c.models.ListModels(ctx, &echelonv1.ListModelsRequest{})
	if err != nil {
		return outcome{}, err
	}
	if len(res.GetModels()) != 1 {
		return outcome{}, errors.New("there is more than one model, or none")
	}
	m := res.GetModels()[0]
	return outcome{active: m.GetActiveVersion(), run: run{id: m.GetCurrentRunId(), version: m.GetCurrentVersion()}}, nil
}

func (c *caller) assignment(ctx context.Context, id string) (outcome, error) {
	res, err := c.assignments.GetAssignment(ctx, &echelonv1.GetAssignmentRequest{Model: modelName, CustomerId: id})
	if err != nil {
		return outcome{}, err
	}
	if len(res.GetAssignment().GetTiers()) != 1 {
		return outcome{}, errors.New("the assignment has more than one tier, or none")
	}
	tier, by := res.GetAssignment().GetTiers()[0], res.GetAssignment().GetProvenance()
	o := outcome{run: run{id: by.GetRunId(), version: by.GetModelVersion()}, tier: tier.GetTier(), computed: tier.GetTier()}
	if tier.ComputedTier != nil {
		o.computed = tier.GetComputedTier()
	}
	return o, nil
}

func (c *caller) override(ctx context.Context, what call) (outcome, error) {
	id := customerID(what.customer)
	switch what.kind {
	case getOverride:
		res, err := c.assignments.GetOverride(ctx, &echelonv1.GetOverrideRequest{Model: modelName, CustomerId: id, Item: tiering})
		return pinned(res.GetOverride()), err
	case deleteOverride:
		request := &echelonv1.DeleteOverrideRequest{Model: modelName, CustomerId: id, Item: tiering}
		if what.etag != nil {
			request.Etag = *what.etag
		}
		_, err := c.assignments.DeleteOverride(ctx, request)
		return outcome{}, err
	default:
		o := &echelonv1.Override{Model: modelName, CustomerId: id, Item: tiering, Pinned: what.pin.tier, Reason: what.pin.reason}
		res, err := c.assignments.SetOverride(ctx, &echelonv1.SetOverrideRequest{Override: o, Etag: what.etag})
		return pinned(res.GetOverride()), err
	}
}

func pinned(o *echelonv1.Override) outcome {
	return outcome{pin: pin{o.GetPinned(), o.GetReason(), o.GetEtag(), o.GetComputedWhenSet()}, computed: o.GetComputed()}
}
