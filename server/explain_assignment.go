package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// ExplainAssignment returns every step to a customer's published assignment, and what differs from the previous one.
func (s *assignmentService) ExplainAssignment(
	ctx context.Context, request *echelonv1.ExplainAssignmentRequest,
) (*echelonv1.ExplainAssignmentResponse, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	reader, err := snapshot.Open(s.catalog, view, request.GetModel(), "")
	if err != nil {
		return nil, err
	}
	response := &echelonv1.ExplainAssignmentResponse{}
	if response.Assignment, err = reader.Get(request.GetCustomerId()); err != nil {
		return nil, err
	}
	if response.Explained, err = s.explained(ctx, view, reader, response.Assignment, request.GetPath()); err != nil {
		return nil, err
	}
	before, note, err := s.previous(view, reader, request, response.GetAssignment())
	if err != nil {
		return nil, err
	}
	if before == nil {
		response.Notes = append(response.Notes, note)
		return response, nil
	}
	return response, s.difference(ctx, view, before, reader, response)
}

// explained evaluates the stored customer by what made its assignment, with every step.
func (s *assignmentService) explained(
	ctx context.Context, view storage.Reader, reader *snapshot.Reader, assignment *echelonv1.Assignment, path bool,
) (*echelonv1.Assignment, error) {
	id, by := assignment.GetCustomerId(), assignment.GetProvenance()
	published, err := s.catalog.OfRun(view, reader.Run(), "")
	if err != nil {
		return nil, err
	}
	program := published.Scorer.Program()
	found, err := view.Customer(id, program.Schema())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, errNoCustomer(id)
	case err != nil:
		return nil, err
	case len(found.Errors) > 0:
		return nil, fault.Customer(found.Errors[0])
	}
	options := engine.Options{AsOf: by.GetAsOf().AsTime(), Reasons: true, Explain: true, Path: path}
	if err := snapshot.Context(s.catalog, view, program, by.GetRunId(), found.Frame, &options); err != nil {
		return nil, err
	}
	if options.Overrides, err = snapshot.OverridesOf(view, by.GetModel(), found.Frame.IDs, options.AsOf); err != nil {
		return nil, err
	}
	result, err := published.Scorer.EvaluateContext(ctx, found.Frame, options)
	if err != nil {
		return nil, err
	}
	explained := result.Assignment(0)
	explained.Provenance, explained.Stale = by, assignment.GetStale()
	return explained, nil
}

// previous opens what has the previous assignment: the run that is asked for; or, of a customer that was evaluated since the publication, its run as it
// left it; or else what was published before. Where there is nothing, a note says why.
func (s *assignmentService) previous(
	view storage.Reader, reader *snapshot.Reader, request *echelonv1.ExplainAssignmentRequest, assignment *echelonv1.Assignment,
) (before *snapshot.Reader, note string, err error) {
	if id := request.GetSinceRunId(); id != "" {
		before, err = snapshot.OpenRun(s.catalog, view, id)
		return before, "", err
	}
	current, err := catalog.Current(view, request.GetModel())
	if err != nil {
		return nil, "", err
	}
	by := assignment.GetProvenance()
	if by.GetOnline() && !by.GetAsOf().AsTime().Before(current.GetPublishTime().AsTime()) {
		before, err = snapshot.OpenRun(s.catalog, view, reader.Run().GetId())
		return before, "", err
	}
	last := len(current.GetHistory()) - 1
	if last < 0 {
		return nil, "there is no previous assignment: nothing was published before", nil
	}
	id := current.GetHistory()[last].GetRunId()
	before, err = snapshot.OpenRun(s.catalog, view, id)
	if fault.Is(err, echelonv1.ErrorReason_SNAPSHOT_REMOVED) {
		return nil, fmt.Sprintf("the previous assignment is not kept any more: the snapshot of the run %s, which was published before, was removed", id), nil
	}
	return before, "", err
}

// difference tells what differs from the previous assignment.
func (s *assignmentService) difference(
	ctx context.Context, view storage.Reader, before, now *snapshot.Reader, response *echelonv1.ExplainAssignmentResponse,
) error {
	causes, err := snapshot.NewCauses(s.catalog, view, before, now, "")
	if err != nil {
		return err
	}
	ways, err := causes.Of(ctx, "", []string{response.GetAssignment().GetCustomerId()})
	if err != nil {
		return err
	}
	if len(ways) == 0 || ways[0].Previous() == nil {
		response.Notes = append(response.Notes, fmt.Sprintf("there is no previous assignment: the run %s does not have the customer, or had another one of that id", before.Run().GetId()))
		return nil
	}
	response.Previous = ways[0].Previous()
	response.Difference, err = ways[0].Difference()
	response.Notes = append(response.Notes, ways[0].Notes()...)
	return err
}
