package client

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ListReviewItems returns a page of what people ought to look at, with how many items there are of each reason. Each page goes through all customers.
func (c *Client) ListReviewItems(ctx context.Context, request *echelonv1.ListReviewItemsRequest) (*echelonv1.ListReviewItemsResponse, error) {
	res, err := c.assignments.ListReviewItems(ctx, request)
	return answered(res, err)
}

// ReviewItems iterates over what people ought to look at, the largest amount first. It begins where the request's page token says.
func (c *Client) ReviewItems(ctx context.Context, request *echelonv1.ListReviewItemsRequest) iter.Seq2[*echelonv1.ReviewItem, error] {
	request = proto.CloneOf(request)
	first := request.GetPageToken()
	return pages(func(token string) ([]*echelonv1.ReviewItem, string, error) {
		if request.PageToken = token; token == "" {
			request.PageToken = first
		}
		res, err := c.assignments.ListReviewItems(ctx, request)
		return res.GetItems(), res.GetNextPageToken(), err
	})
}

// ResolveReviewItems accepts items of the queue or pins something on their customers: all that is asked for, in one commit, or nothing.
// REVIEW_ITEM_NOT_FOUND, REVIEW_ITEM_CHANGED, OVERRIDE_CHANGED.
func (c *Client) ResolveReviewItems(ctx context.Context, request *echelonv1.ResolveReviewItemsRequest) ([]*echelonv1.ResolvedReviewItem, error) {
	res, err := c.assignments.ResolveReviewItems(ctx, request)
	if err != nil {
		return nil, typed(err)
	}
	if len(res.GetItems()) != len(request.GetDecisions()) {
		return nil, broken("the answer is of %d items, and %d were decided on", len(res.GetItems()), len(request.GetDecisions()))
	}
	return res.GetItems(), nil
}
