package server

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// watching is a watch that is under way.
type watching struct {
	service *assignmentService
	request *echelonv1.WatchAssignmentsRequest
	binding []string
	at      feed.Position
	// told is the number up to which the client knows that all was sent; none before the first response.
	told int64
}

// behind is how many changes that are not wanted are passed by before the client is told.
const behind = 10_000

// WatchAssignments streams the changes of published assignments.
func (s *assignmentService) WatchAssignments(request *echelonv1.WatchAssignmentsRequest, stream grpc.ServerStreamingServer[echelonv1.WatchAssignmentsResponse]) error {
	if err := validate(s.streams.validator, request); err != nil {
		return err
	}
	if request.GetTier() != "" && request.GetTiering() == "" {
		return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the tier %q is of no tiering: name the tiering too", request.GetTier())
	}
	w := &watching{service: s, request: request, binding: []string{"WatchAssignments", request.GetModel(), request.GetTiering(), request.GetTier()}, told: -1}
	if err := w.begin(stream.Context()); err != nil {
		return err
	}
	for {
		changed := s.intake.Feed().Changed()
		more, err := w.step(stream)
		switch {
		case err != nil:
			return err
		case more:
			continue
		case !request.GetFollow():
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

// begin finds out where the watch begins. PAGE_TOKEN_INVALID.
func (w *watching) begin(ctx context.Context) (err error) {
	switch from := w.request.GetFrom().(type) {
	case *echelonv1.WatchAssignmentsRequest_Cursor:
		at, err := readCursor(from.Cursor, w.binding...)
		if err != nil {
			return err
		}
		sequence, err := strconv.ParseInt(at.Item, 10, 64)
		if err != nil {
			return fault.New(echelonv1.ErrorReason_PAGE_TOKEN_INVALID, "the cursor is empty or damaged: begin again without it, or after a sequence")
		}
		w.at = feed.Position{Sequence: sequence, ID: at.After, Batch: at.Batch}
	case *echelonv1.WatchAssignmentsRequest_AfterSequence:
		w.at = feed.Position{Sequence: from.AfterSequence}
	default:
		view, err := w.service.store.View(ctx)
		if err != nil {
			return err
		}
		defer view.Close()
		last, err := feed.Last(view)
		if err != nil {
			return err
		}
		w.at = feed.Position{Sequence: last}
	}
	return nil
}

// step sends a page, if there is anything to tell, and says whether there is more.
func (w *watching) step(stream grpc.ServerStreamingServer[echelonv1.WatchAssignmentsResponse]) (more bool, err error) {
	changes := w.service.intake.Feed()
	if err := changes.Order(stream.Context()); err != nil {
		return false, err
	}
	size := pageSize(w.request.GetPageSize(), defaultExportPage)
	full := func(changes, bytes int) bool { return w.service.streams.full(changes, size, bytes) }
	page, err := changes.Read(stream.Context(), w.at, full, w.wants)
	if err != nil {
		return false, err
	}
	w.at = page.Next
	if len(page.Changes) == 0 && w.told >= 0 && w.at.Sequence-w.told < behind {
		return page.More, nil
	}
	w.told = w.at.Sequence
	response := &echelonv1.WatchAssignmentsResponse{
		Changes: page.Changes, Sequence: w.at.Sequence,
		Cursor: writeCursor(cursor{After: w.at.ID, Batch: w.at.Batch, Item: strconv.FormatInt(w.at.Sequence, 10)}, w.binding...),
	}
	return page.More, w.service.streams.sendOrStop(func() error { return stream.Send(response) })
}

// wants reports whether a change is one that the request asks for.
func (w *watching) wants(change *echelonv1.AssignmentChange) bool {
	if model := w.request.GetModel(); model != "" && change.GetModel() != model {
		return false
	}
	if w.request.GetTiering() == "" {
		return true
	}
	for _, move := range change.GetTiers() {
		if move.GetTiering() == w.request.GetTiering() {
			tier := w.request.GetTier()
			return tier == "" || move.GetFrom() == tier || move.GetTo() == tier
		}
	}
	return false
}

// GetHistory returns the changes of one customer's assignment.
func (s *assignmentService) GetHistory(ctx context.Context, request *echelonv1.GetHistoryRequest) (*echelonv1.GetHistoryResponse, error) {
	binding := []string{"GetHistory", request.GetModel(), request.GetCustomerId()}
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	var before int64
	if request.GetPageToken() != "" {
		if before, err = strconv.ParseInt(at.Item, 10, 64); err != nil {
			return nil, fault.New(echelonv1.ErrorReason_PAGE_TOKEN_INVALID, "the page token is damaged: begin again without it")
		}
	}
	if err := s.known(ctx, request.GetModel()); err != nil {
		return nil, err
	}
	size := pageSize(request.GetPageSize(), defaultPage)
	list, err := s.intake.Feed().History(ctx, request.GetModel(), request.GetCustomerId(), before, size+1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && before == 0 {
		return &echelonv1.GetHistoryResponse{}, s.seen(ctx, request.GetCustomerId())
	}
	response, bytes := &echelonv1.GetHistoryResponse{}, 0
	for i, change := range list {
		if s.streams.full(i, size, bytes) {
			response.NextPageToken = writeCursor(cursor{Item: strconv.FormatInt(list[i-1].GetSequence(), 10)}, binding...)
			break
		}
		causes(change)
		bytes += proto.Size(change)
		response.Changes = append(response.Changes, change)
	}
	return response, nil
}

// seen returns the fault of a customer that is not stored, and of whom nothing is known either that it was. CUSTOMER_NOT_FOUND.
func (s *assignmentService) seen(ctx context.Context, id string) error {
	view, err := s.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	if _, err := view.Customer(id, frame.NewSchema()); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if _, err := view.Tombstone(id); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return fault.New(echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, "there is no customer %q, and no change of one of that id is kept: check the id", id)
}

// causes tells of the moves of a change why, where the change alone says so.
func causes(change *echelonv1.AssignmentChange) {
	for _, move := range change.GetTiers() {
		pinned := slices.ContainsFunc(change.GetReasons(), func(r *echelonv1.Reason) bool {
			return r.GetCode() == echelonv1.Reason_OVERRIDE && r.GetItem() == "tiers."+move.GetTiering()
		})
		switch {
		case move.From == nil && move.To == nil || move.GetFrom() == move.GetTo() && (move.From == nil) == (move.To == nil):
			// What is in force is the same.
		case pinned, change.GetOrigin() == echelonv1.AssignmentChange_OVERRIDDEN, change.GetOrigin() == echelonv1.AssignmentChange_OVERRIDE_EXPIRED:
			move.Cause = echelonv1.Move_OVERRIDE
		}
	}
}

// known returns the fault of a model that there is not. MODEL_NOT_FOUND.
func (s *assignmentService) known(ctx context.Context, model string) error {
	view, err := s.store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	_, err = catalog.Head(view, model)
	return err
}

// assignmentAt returns a customer's assignment at an instant. Where no change is kept it is what is published, since that did not change. INVALID_REQUEST,
// ASSIGNMENT_NOT_FOUND.
func (s *assignmentService) assignmentAt(ctx context.Context, request *echelonv1.GetAssignmentRequest) (a *echelonv1.Assignment, told bool, err error) {
	if request.GetAt().CheckValid() != nil {
		return nil, false, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "at is no instant: its nanos lie outside 0 to 999999999, or it lies outside the years 0001 to 9999")
	}
	if err := s.known(ctx, request.GetModel()); err != nil {
		return nil, false, err
	}
	a, told, err = s.intake.Feed().At(ctx, request.GetModel(), request.GetCustomerId(), request.GetAt().AsTime())
	if err == nil && told && a == nil {
		err = fault.New(echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, "the customer %q had no assignment at %s: list its history", request.GetCustomerId(),
			request.GetAt().AsTime().Format("2006-01-02T15:04:05.999999Z07:00"))
	}
	return a, told, err
}
