package briefing

import (
	"context"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Queue is what people ought to look at, and nobody has accepted yet.
type Queue struct {
	List[QueueItem]
	// Kinds count the items by reason; an item may have several.
	Kinds []QueueKind `json:"kinds,omitempty"`
	// Accepted is how many items were left out since all their reasons are accepted.
	Accepted int64 `json:"accepted"`
}

// QueueKind is how many items have a reason.
type QueueKind struct {
	// Kind is the name of a ReviewReason.Kind, and Words what it means.
	Kind   string  `json:"kind"`
	Words  string  `json:"words"`
	Items  int64   `json:"items"`
	Amount float64 `json:"amount"`
}

// QueueItem is an outcome of a customer that somebody ought to look at.
type QueueItem struct {
	Customer
	Item string `json:"item"`
	// Before is what was in force by the run before, InForce what is now, and Computed what the model gives; each may be empty.
	Before   string `json:"before,omitempty"`
	InForce  string `json:"in_force,omitempty"`
	Computed string `json:"computed,omitempty"`
	// Why are the reasons, in words.
	Why []string `json:"why"`
}

// queue reads what people ought to look at: the items with the largest amounts.
func (r *reading) queue(ctx context.Context) error {
	found, err := r.server.ListReviewItems(ctx, &echelonv1.ListReviewItemsRequest{Model: r.run.GetModel(), RunId: r.RunID, PageSize: int32(r.Limit)})
	if err != nil {
		return err
	}
	out := &r.report.Queue
	out.All, out.Accepted, out.Shown = found.GetTotal(), found.GetOthers(), []QueueItem{}
	for _, one := range found.GetCounts() {
		out.Kinds = append(out.Kinds, QueueKind{Kind: one.GetKind().String(), Words: kindWords(one.GetKind()), Items: one.GetItems(), Amount: one.GetAmount()})
	}
	for _, one := range found.GetItems() {
		item := QueueItem{
			Customer: Customer{ID: one.GetCustomerId(), Amount: one.GetAmount()}, Item: one.GetItem(), Before: one.GetBefore(), InForce: one.GetInForce(),
			Computed: one.GetComputed(),
		}
		for _, reason := range one.GetReasons() {
			item.Why = append(item.Why, reason.GetMessage())
		}
		out.Shown = append(out.Shown, item)
	}
	return nil
}

// kindWords says what a reason is, for who never saw the code.
func kindWords(kind echelonv1.ReviewReason_Kind) string {
	switch kind {
	case echelonv1.ReviewReason_BORDERLINE:
		return "The score lies close to a line"
	case echelonv1.ReviewReason_LOW_COMPLETENESS:
		return "The score was computed from too little data"
	case echelonv1.ReviewReason_UNSCORED:
		return "There is no score, or no tier"
	case echelonv1.ReviewReason_LARGE_MOVE:
		return "The customer moved over several tiers"
	case echelonv1.ReviewReason_TOP_DEMOTED:
		return "One of the largest customers came to a worse tier"
	case echelonv1.ReviewReason_OVERRIDE_STALE:
		return "What is computed has moved away since the override was set"
	case echelonv1.ReviewReason_OVERRIDE_EXPIRING:
		return "The override ends soon"
	case echelonv1.ReviewReason_OVERRIDE_NEEDLESS:
		return "What is computed has become what is pinned"
	}
	return kind.String()
}
