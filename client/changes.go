package client

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// WatchAssignments iterates over the changes of published assignments that a request selects, in order, each once, and with `follow` goes on with those
// to come until ctx ends or the caller leaves its loop. A stream that breaks is opened again after the last change
// that was yielded, as often as WithResume says without any progress. Where the changes that it would begin with are not kept any more, the error is
// CHANGES_EXPIRED: export the assignments, and watch from the export's sequence.
//
// Each response has the cursor with which another watch of the same changes goes on after it; one without changes tells how far all is known.
func (c *Client) WatchAssignments(ctx context.Context, request *echelonv1.WatchAssignmentsRequest) iter.Seq2[*echelonv1.WatchAssignmentsResponse, error] {
	return sequence(func(emit func(*echelonv1.WatchAssignmentsResponse) error) error {
		w := &watch{client: c, request: proto.CloneOf(request), emit: emit}
		for tries := 0; ; {
			before := w.received
			err := w.once(ctx)
			if w.received > before {
				tries = 0
			}
			if err == nil || errors.Is(err, errLeft) || ctx.Err() != nil || !resumable(err) || tries >= c.resume.attempts {
				return err
			}
			tries++
			wait := max(c.resume.pause(tries), RetryAfterOf(err))
			c.resume.tell(err, tries, wait)
			if pause(ctx, wait) != nil {
				return err
			}
		}
	})
}

// watch is one that is under way, in one stream after the other.
type watch struct {
	client   *Client
	request  *echelonv1.WatchAssignmentsRequest
	emit     func(*echelonv1.WatchAssignmentsResponse) error
	received int
}

// once watches in one stream until that ends.
func (w *watch) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := w.client.assignments.WatchAssignments(ctx, w.request)
	for err == nil {
		var message *echelonv1.WatchAssignmentsResponse
		if message, err = stream.Recv(); err != nil {
			break
		}
		w.received++
		w.request.From = &echelonv1.WatchAssignmentsRequest_Cursor{Cursor: message.GetCursor()}
		if err := w.emit(message); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return typed(err)
}

// History iterates over the changes of a customer's assignment that are kept, the newest first. The customer need not be stored any more.
func (c *Client) History(ctx context.Context, model, customerID string) iter.Seq2[*echelonv1.AssignmentChange, error] {
	return pages(func(token string) ([]*echelonv1.AssignmentChange, string, error) {
		res, err := c.assignments.GetHistory(ctx, &echelonv1.GetHistoryRequest{Model: model, CustomerId: customerID, PageToken: token})
		return res.GetChanges(), res.GetNextPageToken(), err
	})
}

// GetAssignmentAt returns a customer's assignment as it was at an instant, without scores. ASSIGNMENT_NOT_FOUND where it had none.
func (c *Client) GetAssignmentAt(ctx context.Context, model, customerID string, at *timestamppb.Timestamp) (*echelonv1.Assignment, error) {
	res, err := c.assignments.GetAssignment(ctx, &echelonv1.GetAssignmentRequest{Model: model, CustomerId: customerID, At: at})
	return answered(res.GetAssignment(), err)
}

// ExportAssignmentsFrom iterates over all published assignments of a model, by id, and gives the number after which WatchAssignments goes on to told before
// the first.
func (c *Client) ExportAssignmentsFrom(ctx context.Context, model string, told func(sequence int64)) iter.Seq2[*echelonv1.Assignment, error] {
	var provenance *echelonv1.Provenance
	open := func(ctx context.Context) (grpc.ServerStreamingClient[echelonv1.ExportAssignmentsResponse], error) {
		provenance = nil
		return c.assignments.ExportAssignments(ctx, &echelonv1.ExportAssignmentsRequest{Model: model})
	}
	return export(ctx, c.stall, open, func(page *echelonv1.ExportAssignmentsResponse) []*echelonv1.Assignment {
		if provenance == nil {
			provenance = page.GetProvenance() // only the first page has it
			told(page.GetSequence())
		}
		return attach(provenance, page.GetAssignments())
	})
}
