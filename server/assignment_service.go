package server

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// assignmentService reads the published assignments, and keeps what people pin of them.
type assignmentService struct {
	echelonv1.UnimplementedAssignmentServiceServer
	store   storage.Store
	catalog *catalog.Catalog
	intake  *intake.Intake
	streams streaming
	now     func() time.Time
}

// GetAssignment returns one customer's published assignment.
func (s *assignmentService) GetAssignment(ctx context.Context, request *echelonv1.GetAssignmentRequest) (*echelonv1.GetAssignmentResponse, error) {
	if request.GetAt() != nil {
		if assignment, told, err := s.assignmentAt(ctx, request); err != nil || told {
			return &echelonv1.GetAssignmentResponse{Assignment: assignment}, err
		}
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	reader, err := snapshot.Open(s.catalog, view, request.GetModel(), "")
	if err != nil {
		return nil, err
	}
	assignment, err := reader.Get(request.GetCustomerId())
	if err != nil {
		return nil, err
	}
	return &echelonv1.GetAssignmentResponse{Assignment: assignment}, nil
}

// open opens what a list or an export begins with, or what it goes on in.
func (s *assignmentService) open(view storage.Reader, model, runID string, at cursor) (*snapshot.Reader, error) {
	if at.Run != "" {
		return snapshot.Reopen(s.catalog, view, model, at.Run, at.Overlay)
	}
	return snapshot.Open(s.catalog, view, model, runID)
}

// ListAssignments returns a page of a tier's or a segment's customers.
func (s *assignmentService) ListAssignments(ctx context.Context, request *echelonv1.ListAssignmentsRequest) (*echelonv1.ListAssignmentsResponse, error) {
	binding := []string{"ListAssignments", request.GetModel(), request.GetTiering(), request.GetTier(), request.GetSegmentation(), request.GetSegment()}
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	reader, err := s.open(view, request.GetModel(), "", at)
	if err != nil {
		return nil, err
	}
	wanted, err := filter(reader.Program(), request)
	if err != nil {
		return nil, err
	}
	response := &echelonv1.ListAssignmentsResponse{Provenance: reader.Provenance()}
	size, bytes := pageSize(request.GetPageSize(), defaultPage), 0
	for row, err := range reader.Rows(ctx, at.After) {
		if err != nil {
			return nil, err
		}
		if !wanted(row) {
			continue
		}
		if s.streams.full(len(response.Assignments), size, bytes) {
			last := response.Assignments[len(response.Assignments)-1].GetCustomerId()
			response.NextPageToken = writeCursor(cursor{Run: reader.Run().GetId(), Overlay: reader.Overlay(), After: last}, binding...)
			break
		}
		assignment := reader.Assignment(row)
		bytes += proto.Size(assignment)
		response.Assignments = append(response.Assignments, assignment)
	}
	return response, nil
}
