package server

import (
	"cmp"
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ExportAssignments streams all assignments of one run.
func (s *assignmentService) ExportAssignments(request *echelonv1.ExportAssignmentsRequest, stream grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	if request.GetArrow() && request.GetAmounts() {
		return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "amounts come with assignments, and arrow has columns in their place: ask for one of them")
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
	pages, err := newExportPages(reader, request)
	if err != nil {
		return err
	}
	amounts := snapshot.NewAmounts(s.catalog, view, reader)
	defer amounts.Close()
	if request.GetAmounts() && reader.Program().Model().GetAmount() != "" {
		pages.amounts = amounts
	}
	pages.page.Provenance = reader.Provenance()
	if request.GetRunId() == "" && at.Run == "" {
		if pages.page.Sequence, err = feed.Last(view); err != nil {
			return err
		}
	}
	send := func() error {
		page, last, err := pages.take()
		if err != nil {
			return err
		}
		// A stream that goes on may have nothing left: it goes on there again.
		page.Cursor = writeCursor(cursor{Run: reader.Run().GetId(), Overlay: reader.Overlay(), After: cmp.Or(last, at.After)}, binding...)
		return s.streams.sendOrStop(func() error { return stream.Send(page) })
	}
	size := pageSize(request.GetPageSize(), defaultExportPage)
	for row, err := range reader.Rows(stream.Context(), at.After) {
		if err != nil {
			return err
		}
		if err := pages.add(stream.Context(), &row); err != nil {
			return err
		}
		if s.streams.full(pages.count, size, pages.bytes()) {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if pages.count > 0 || pages.page.GetProvenance() != nil {
		return send()
	}
	return nil
}

// exportPages makes pages of assignments, one after the other.
type exportPages struct {
	reader *snapshot.Reader
	// amounts is nil where they are not asked for, and columns where assignments are.
	amounts *snapshot.Amounts
	columns *assignmentPages
	// page is the page that is made, of count assignments, which are of that many bytes where they come as messages.
	page        *echelonv1.ExportAssignmentsResponse
	count, size int
}

// newExportPages returns what makes the pages that a request asks for. INVALID_REQUEST.
func newExportPages(reader *snapshot.Reader, request *echelonv1.ExportAssignmentsRequest) (*exportPages, error) {
	p := &exportPages{reader: reader, page: &echelonv1.ExportAssignmentsResponse{}}
	if !request.GetArrow() {
		return p, nil
	}
	var err error
	p.columns, err = newAssignmentPages(reader.Program(), request.GetIdColumn())
	return p, err
}

// bytes is about how large the page is.
func (p *exportPages) bytes() int {
	if p.columns != nil {
		return p.columns.rows.Bytes()
	}
	return p.size
}

// add adds a customer's assignment to the page.
func (p *exportPages) add(ctx context.Context, row *snapshot.Row) error {
	p.count++
	if p.columns != nil {
		p.columns.add(row)
		return nil
	}
	assignment := p.reader.Assignment(*row)
	if p.amounts != nil {
		amount, err := p.amounts.Of(ctx, row)
		if err != nil {
			return err
		}
		assignment.Amount = &amount
	}
	p.size += proto.Size(assignment)
	p.page.Assignments = append(p.page.Assignments, assignment)
	return nil
}

// take returns the page and the last id in it, and begins the next one.
func (p *exportPages) take() (page *echelonv1.ExportAssignmentsResponse, last string, err error) {
	page = p.page
	p.page, p.count, p.size = &echelonv1.ExportAssignmentsResponse{}, 0, 0
	if p.columns != nil {
		last, err = p.columns.take(page)
		return page, last, err
	}
	if n := len(page.GetAssignments()); n > 0 {
		last = page.GetAssignments()[n-1].GetCustomerId()
	}
	return page, last, nil
}
