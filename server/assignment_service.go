package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
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

// ExportAssignments streams all assignments of one run.
func (s *assignmentService) ExportAssignments(request *echelonv1.ExportAssignmentsRequest, stream grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	binding := []string{"ExportAssignments", request.GetModel(), request.GetRunId()}
	at, err := readCursor(request.GetCursor(), binding...)
	if err != nil {
		return err
	}
	view, err := s.store.View(stream.Context())
	if err != nil {
		return err
	}
	defer view.Close()
	reader, err := s.open(view, request.GetModel(), request.GetRunId(), at)
	if err != nil {
		return err
	}
	amounts := snapshot.NewAmounts(s.catalog, view, reader)
	defer amounts.Close()
	priced := request.GetAmounts() && reader.Program().Model().GetAmount() != ""
	var columns *assignmentPages
	if request.GetArrow() {
		if request.GetAmounts() {
			return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "amounts come with assignments, and arrow has columns in their place: ask for one of them")
		}
		if columns, err = newAssignmentPages(reader.Program(), request.GetIdColumn()); err != nil {
			return err
		}
	}
	page := &echelonv1.ExportAssignmentsResponse{Provenance: reader.Provenance()}
	if request.GetRunId() == "" && at.Run == "" {
		if page.Sequence, err = feed.Last(view); err != nil {
			return err
		}
	}
	send := func() error {
		if n := len(page.Assignments); n > 0 {
			page.Cursor = writeCursor(cursor{Run: reader.Run().GetId(), Overlay: reader.Overlay(), After: page.Assignments[n-1].GetCustomerId()}, binding...)
		}
		if columns != nil {
			if err := columns.page(page); err != nil {
				return err
			}
		}
		ended := page
		page = &echelonv1.ExportAssignmentsResponse{}
		return s.streams.sendOrStop(func() error { return stream.Send(ended) })
	}
	size, bytes := pageSize(request.GetPageSize(), defaultExportPage), 0
	for row, err := range reader.Rows(stream.Context(), at.After) {
		if err != nil {
			return err
		}
		assignment := reader.Assignment(row)
		if priced {
			amount, err := amounts.Of(stream.Context(), &row)
			if err != nil {
				return err
			}
			assignment.Amount = &amount
		}
		bytes += proto.Size(assignment)
		if page.Assignments = append(page.Assignments, assignment); s.streams.full(len(page.Assignments), size, bytes) {
			bytes = 0
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(page.Assignments) > 0 || page.Provenance != nil {
		return send()
	}
	return nil
}
