package server

import (
	"context"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/internal/audit"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// auditService tells who changed what.
type auditService struct {
	echelonv1.UnimplementedAuditServiceServer
	log     *audit.Log
	streams streaming
}

// ListAudit returns entries, the newest first.
func (s *auditService) ListAudit(ctx context.Context, request *echelonv1.ListAuditRequest) (*echelonv1.ListAuditResponse, error) {
	binding := []string{"ListAudit", request.GetActor(), request.GetSubject()}
	before, err := auditPosition(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	size := pageSize(request.GetPageSize(), defaultPage)
	entries, err := s.log.List(ctx, before, size+1, audit.Filter{Actor: request.GetActor(), Subject: request.GetSubject()})
	if err != nil {
		return nil, err
	}
	response := &echelonv1.ListAuditResponse{Entries: entries}
	if len(entries) > size {
		response.Entries = entries[:size]
		response.NextPageToken = writeCursor(cursor{After: audit.Position(entries[size-1].GetSequence())}, binding...)
	}
	return response, nil
}

// auditPosition reads the sequence in a token; 0 where there is none.
func auditPosition(token string, binding ...string) (int64, error) {
	at, err := readCursor(token, binding...)
	if err != nil || at.After == "" {
		return 0, err
	}
	sequence, ok := audit.Sequence(at.After)
	if !ok {
		return 0, fault.New(echelonv1.ErrorReason_PAGE_TOKEN_INVALID, "the page token or cursor is damaged: begin again without it")
	}
	return sequence, nil
}

// WatchAudit streams entries, the oldest first.
func (s *auditService) WatchAudit(request *echelonv1.WatchAuditRequest, stream grpc.ServerStreamingServer[echelonv1.WatchAuditResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	const binding = "WatchAudit"
	at, err := auditPosition(request.GetCursor(), binding)
	if err != nil {
		return err
	}
	size := pageSize(request.GetPageSize(), defaultPage)
	for {
		entries, changed, err := s.log.After(stream.Context(), at, size)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			at = entries[len(entries)-1].GetSequence()
			page := &echelonv1.WatchAuditResponse{Entries: entries, Cursor: writeCursor(cursor{After: audit.Position(at)}, binding)}
			if err := s.streams.sendOrStop(func() error { return stream.Send(page) }); err != nil {
				return err
			}
			continue
		}
		if !request.GetFollow() {
			return nil
		}
		select {
		case <-changed:
		case <-s.streams.stopping:
			return errStopping()
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}
