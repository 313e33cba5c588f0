package server

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/review"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// ListReviewItems returns a page of what people ought to look at.
func (s *assignmentService) ListReviewItems(ctx context.Context, request *echelonv1.ListReviewItemsRequest) (*echelonv1.ListReviewItemsResponse, error) {
	limits := review.ThresholdsOf(request.GetThresholds())
	binding := []string{
		"ListReviewItems", request.GetModel(), request.GetRunId(), request.GetItem(), fmt.Sprint(request.GetKinds()), fmt.Sprint(limits), fmt.Sprint(request.GetAccepted()),
		request.GetOwner(), request.GetOwnerBy(),
	}
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	queue, err := s.reviewQueue(view, request, at, limits)
	if err != nil {
		return nil, err
	}
	filter := review.Filter{Item: request.GetItem(), Kinds: request.GetKinds(), Accepted: request.GetAccepted(), Owner: review.Owner{Name: request.GetOwner(), By: request.GetOwnerBy()}}
	if at.After != "" {
		filter.After = &review.Place{Amount: at.Amount, ID: at.After, ItemName: at.Item}
	}
	size := pageSize(request.GetPageSize(), defaultPage)
	page, err := queue.List(ctx, filter, size+1)
	if err != nil {
		return nil, err
	}
	response, bytes := &echelonv1.ListReviewItemsResponse{
		Provenance: queue.Reader().Provenance(), BaseRunId: queue.BaseRunID(), Counts: page.Counts, Total: page.Total, Others: page.Others, Amount: queue.Amount(),
	}, 0
	for i, item := range page.Items {
		if s.streams.full(i, size, bytes) {
			last := page.Items[i-1]
			response.NextPageToken = writeCursor(cursor{
				Run: queue.Reader().Run().GetId(), Overlay: queue.Reader().Overlay(), After: last.GetCustomerId(), Item: last.GetItem(), Amount: last.GetAmount(),
			}, binding...)
			break
		}
		bytes += proto.Size(item)
		response.Items = append(response.Items, item)
	}
	return response, nil
}

// reviewQueue opens what a list begins with, or what it goes on in.
func (s *assignmentService) reviewQueue(view storage.Reader, request *echelonv1.ListReviewItemsRequest, at cursor, limits review.Thresholds) (*review.Queue, error) {
	if at.Run != "" {
		return review.Reopen(s.catalog, view, request.GetModel(), at.Run, at.Overlay, limits, s.now())
	}
	return review.Open(s.catalog, view, request.GetModel(), request.GetRunId(), limits, s.now())
}

// ResolveReviewItems accepts items of the queue, or pins something on their customers.
func (s *assignmentService) ResolveReviewItems(ctx context.Context, request *echelonv1.ResolveReviewItemsRequest) (*echelonv1.ResolveReviewItemsResponse, error) {
	items, err := s.intake.Resolve(ctx, request)
	if err != nil {
		return nil, err
	}
	return &echelonv1.ResolveReviewItemsResponse{Items: items}, nil
}
