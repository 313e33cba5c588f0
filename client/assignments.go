package client

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// assignmentPage is how many assignments a page holds: some hundred kilobytes.
const assignmentPage = 1000

// GetAssignment returns a customer's published assignment.
func (c *Client) GetAssignment(ctx context.Context, model, customerID string) (*echelonv1.Assignment, error) {
	res, err := c.assignments.GetAssignment(ctx, &echelonv1.GetAssignmentRequest{Model: model, CustomerId: customerID})
	return answered(res.GetAssignment(), err)
}

// Assignments iterates over the published assignments of a tier or persona, by id; with an empty tier over those that have none, and with an
// empty tiering as well over all. All are of one publication.
func (c *Client) Assignments(ctx context.Context, model, tiering, tier string) iter.Seq2[*echelonv1.Assignment, error] {
	return c.AssignmentsOf(ctx, &echelonv1.ListAssignmentsRequest{Model: model, Tiering: tiering, Tier: tier})
}

// AssignmentsOf iterates over the published assignments that a request selects: by tier, by segment, or by both. Its page token is not looked at.
func (c *Client) AssignmentsOf(ctx context.Context, request *echelonv1.ListAssignmentsRequest) iter.Seq2[*echelonv1.Assignment, error] {
	request = proto.CloneOf(request)
	if request.GetPageSize() == 0 {
		request.PageSize = assignmentPage
	}
	return pages(func(token string) ([]*echelonv1.Assignment, string, error) {
		request.PageToken = token
		res, err := c.assignments.ListAssignments(ctx, request)
		return attach(res.GetProvenance(), res.GetAssignments()), res.GetNextPageToken(), err
	})
}

// ExportAssignments iterates over all assignments of one run's snapshot, by id; over the published ones where runID is empty. A stream that breaks goes
// on in a new connection (WithResume), in the same publication, whatever was published since; PUBLICATION_REPLACED where that was too long ago.
func (c *Client) ExportAssignments(ctx context.Context, model, runID string) iter.Seq2[*echelonv1.Assignment, error] {
	return c.exportAssignments(ctx, &echelonv1.ExportAssignmentsRequest{Model: model, RunId: runID})
}

// ExportAssignmentsWithAmounts is ExportAssignments of assignments that have the customers' amounts, as the run read them.
func (c *Client) ExportAssignmentsWithAmounts(ctx context.Context, model, runID string) iter.Seq2[*echelonv1.Assignment, error] {
	return c.exportAssignments(ctx, &echelonv1.ExportAssignmentsRequest{Model: model, RunId: runID, Amounts: true})
}

func (c *Client) exportAssignments(ctx context.Context, from *echelonv1.ExportAssignmentsRequest) iter.Seq2[*echelonv1.Assignment, error] {
	return exportAssignments(ctx, c, from, func(provenance *echelonv1.Provenance, page *echelonv1.ExportAssignmentsResponse) []*echelonv1.Assignment {
		return attach(provenance, page.GetAssignments())
	})
}

// exportAssignments iterates over what a request's pages have, given the provenance that only the first page of a stream has, and resumes.
func exportAssignments[T any](
	ctx context.Context, c *Client, from *echelonv1.ExportAssignmentsRequest,
	items func(*echelonv1.Provenance, *echelonv1.ExportAssignmentsResponse) []T,
) iter.Seq2[T, error] {
	var provenance *echelonv1.Provenance
	return exportResuming(ctx, c, exported[echelonv1.ExportAssignmentsResponse, T]{
		open: func(ctx context.Context, conn grpc.ClientConnInterface, cursor string) (grpc.ServerStreamingClient[echelonv1.ExportAssignmentsResponse], error) {
			provenance = nil
			request := proto.CloneOf(from)
			request.Cursor = cursor
			return echelonv1.NewAssignmentServiceClient(conn).ExportAssignments(ctx, request)
		},
		items: func(page *echelonv1.ExportAssignmentsResponse) []T {
			if provenance == nil {
				provenance = page.GetProvenance()
			}
			return items(provenance, page)
		},
		cursor: (*echelonv1.ExportAssignmentsResponse).GetCursor,
	})
}

// attach gives assignments the provenance that was stated once for all of them, so that each stands for itself. Those that were made after the run have
// one of their own.
func attach(provenance *echelonv1.Provenance, assignments []*echelonv1.Assignment) []*echelonv1.Assignment {
	for _, assignment := range assignments {
		if assignment.GetProvenance() == nil {
			assignment.Provenance = provenance
		}
	}
	return assignments
}

// GetFamily returns the family of a stored customer as the published run of a model with `parent` found it, with all its members.
func (c *Client) GetFamily(ctx context.Context, model, customerID string) (*echelonv1.Family, error) {
	var family *echelonv1.Family
	members := pages(func(token string) ([]string, string, error) {
		res, err := c.assignments.GetFamily(ctx, &echelonv1.GetFamilyRequest{Model: model, CustomerId: customerID, PageSize: assignmentPage, PageToken: token})
		page, err := answered(res.GetFamily(), err)
		if family == nil {
			family = page
		}
		return page.GetMembers(), res.GetNextPageToken(), err
	})
	var all []string
	for id, err := range members {
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	family.Members = all
	return family, nil
}
