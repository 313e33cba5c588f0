package server

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/intake"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxOverrides is how many overrides a batch holds: so many fit one commit with their assignments.
const maxOverrides = 1000

// SetOverride pins a tier, a persona or a segment on a customer.
func (s *assignmentService) SetOverride(ctx context.Context, request *echelonv1.SetOverrideRequest) (*echelonv1.SetOverrideResponse, error) {
	set, err := s.intake.SetOverride(ctx, request.GetOverride(), request.Etag)
	if err != nil {
		return nil, err
	}
	return &echelonv1.SetOverrideResponse{Override: set}, nil
}

// GetOverride returns an override.
func (s *assignmentService) GetOverride(ctx context.Context, request *echelonv1.GetOverrideRequest) (*echelonv1.GetOverrideResponse, error) {
	found, err := s.intake.Override(ctx, request.GetModel(), request.GetCustomerId(), request.GetItem())
	if err != nil {
		return nil, err
	}
	return &echelonv1.GetOverrideResponse{Override: found}, nil
}

// ListOverrides returns a page of a model's overrides.
func (s *assignmentService) ListOverrides(ctx context.Context, request *echelonv1.ListOverridesRequest) (*echelonv1.ListOverridesResponse, error) {
	filter := intake.OverrideFilter{Model: request.GetModel(), Item: request.GetItem(), Actor: request.GetActor(), Pinned: request.GetPinned(), Stale: request.GetStale()}
	before := ""
	if request.GetExpireBefore() != nil {
		if request.GetExpireBefore().CheckValid() != nil {
			return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "expire_before is no instant: its nanos lie outside 0 to 999999999, or it lies outside the years 0001 to 9999")
		}
		filter.ExpireBefore = request.GetExpireBefore().AsTime()
		before = filter.ExpireBefore.Format(time.RFC3339Nano)
	}
	stale := ""
	if filter.Stale {
		stale = "stale"
	}
	binding := []string{"ListOverrides", filter.Model, filter.Item, filter.Actor, before, stale, filter.Pinned}
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	filter.AfterCustomer, filter.AfterItem = at.After, at.Item
	size := pageSize(request.GetPageSize(), defaultPage)
	list, err := s.intake.Overrides(ctx, filter, size+1)
	if err != nil {
		return nil, err
	}
	response, bytes := &echelonv1.ListOverridesResponse{}, 0
	for i, o := range list {
		if s.streams.full(i, size, bytes) {
			last := list[i-1]
			response.NextPageToken = writeCursor(cursor{After: last.GetCustomerId(), Item: last.GetItem()}, binding...)
			break
		}
		bytes += proto.Size(o)
		response.Overrides = append(response.Overrides, o)
	}
	return response, nil
}

// DeleteOverride ends an override.
func (s *assignmentService) DeleteOverride(ctx context.Context, request *echelonv1.DeleteOverrideRequest) (*echelonv1.DeleteOverrideResponse, error) {
	err := s.intake.DeleteOverride(ctx, request.GetModel(), request.GetCustomerId(), request.GetItem(), request.GetEtag())
	if err != nil {
		return nil, err
	}
	return &echelonv1.DeleteOverrideResponse{}, nil
}

// ImportOverrides sets overrides in batches.
func (s *assignmentService) ImportOverrides(stream grpc.BidiStreamingServer[echelonv1.ImportOverridesRequest, echelonv1.ImportOverridesResponse]) error {
	sequence := batches{}
	d := &duplex[overridesRequest]{streaming: s.streams, stream: stream, receive: receiveOverrides, ahead: inFlight}
	d.begin = func(request overridesRequest) (work, error) {
		switch {
		case request.GetSequence() != sequence.last+1:
			return nil, fault.New(echelonv1.ErrorReason_OUT_OF_SEQUENCE, "the batch has sequence %d, and %d follows: number batches 1, 2, 3 and so on",
				request.GetSequence(), sequence.last+1)
		case len(request.GetOverrides()) > maxOverrides:
			return nil, fault.New(echelonv1.ErrorReason_BATCH_TOO_LARGE, "the batch %d has %d overrides, at most %d are allowed: send more and smaller batches",
				request.GetSequence(), len(request.GetOverrides()), maxOverrides)
		}
		response, err := s.importOverrides(stream.Context(), request.ImportOverridesRequest)
		if err != nil {
			return nil, err
		}
		sequence.last = request.GetSequence()
		return done(reply{message: response, sequence: sequence.last}), nil
	}
	err := d.run()
	return sequence.at(err)
}

// overridesRequest is a batch of overrides on its way through a duplex.
type overridesRequest struct {
	*echelonv1.ImportOverridesRequest
}

func (r overridesRequest) proto() proto.Message { return r.ImportOverridesRequest }

func receiveOverrides(stream grpc.ServerStream) (overridesRequest, error) {
	r := overridesRequest{new(echelonv1.ImportOverridesRequest)}
	return r, stream.RecvMsg(r.ImportOverridesRequest)
}

// importOverrides sets the overrides of a batch that can be set.
func (s *assignmentService) importOverrides(ctx context.Context, request *echelonv1.ImportOverridesRequest) (*echelonv1.ImportOverridesResponse, error) {
	response := &echelonv1.ImportOverridesResponse{Sequence: request.GetSequence()}
	var valid []*echelonv1.Override
	var places []int64
	for i, o := range request.GetOverrides() {
		if err := validate(s.streams.validator, o); err != nil {
			f := faultOf(err)
			response.Errors = append(response.Errors, &echelonv1.OverrideError{
				Index: int64(i), CustomerId: o.GetCustomerId(), Reason: f.Reason.String(), Message: f.Message,
			})
			continue
		}
		valid, places = append(valid, o), append(places, int64(i))
	}
	stored, refused, err := s.intake.SetOverrides(ctx, valid)
	if err != nil {
		return nil, err
	}
	for _, one := range refused {
		one.Index = places[one.GetIndex()]
	}
	response.Stored = stored
	response.Errors = byIndex(append(response.Errors, refused...))
	return response, nil
}

// byIndex sorts errors by their place in the batch.
func byIndex(errors []*echelonv1.OverrideError) []*echelonv1.OverrideError {
	slices.SortFunc(errors, func(a, b *echelonv1.OverrideError) int { return cmp.Compare(a.GetIndex(), b.GetIndex()) })
	return errors
}
