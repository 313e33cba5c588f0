package review

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Case is an item of one customer, whether or not it is to be looked at.
type Case struct {
	queue    *Queue
	item     *item
	customer *customer
	grounds  []ground
	review   *storagev1.Review
	// open are the grounds that nobody accepted.
	open []ground
}

// newCase looks at an item of a customer.
func (q *Queue) newCase(c *customer, it *item, grounds []ground, reviews *storagev1.Reviews) *Case {
	one := &Case{queue: q, item: it, customer: c, grounds: grounds, review: reviewOf(reviews, it.name)}
	for i := range grounds {
		if !one.accepted(&grounds[i]) {
			one.open = append(one.open, grounds[i])
		}
	}
	return one
}

// reviewOf returns what was accepted of an item; nil where nothing was.
func reviewOf(reviews *storagev1.Reviews, name string) *storagev1.Review {
	for _, r := range reviews.GetReviews() {
		if r.GetItem() == name {
			return r
		}
	}
	return nil
}

// accepted reports whether somebody accepted the very matter of a ground, while the same was computed.
func (c *Case) accepted(g *ground) bool {
	if c.review == nil || !c.asAccepted() {
		return false
	}
	for _, m := range c.review.GetMatters() {
		if m.GetKind() == g.kind {
			return m.GetMatter() == c.queue.matter(g, c.pinned())
		}
	}
	return false
}

// asAccepted reports whether the same is computed as when the item was accepted.
func (c *Case) asAccepted() bool {
	return same(c.item.computed(c.customer), c.review.GetAcceptance().Computed)
}

func same(one, other *string) bool {
	return (one == nil) == (other == nil) && (one == nil || *one == *other)
}

// Stale reports whether what is computed of an override's item is neither what was computed when it was set, nor what the run computed in whose review
// that was done. What was not computed at all then does not get stale.
func Stale(o *echelonv1.Override, computed *string) bool {
	if o.ComputedWhenSet == nil || same(computed, o.ComputedWhenSet) {
		return false
	}
	return o.GetReviewedRunId() == "" || !same(computed, o.ComputedInReview)
}

func (c *Case) pinned() *echelonv1.Override { return c.customer.pinned(c.item, c.queue.now) }

// Item returns the name of the tiering, or of the segmentation after "segments.".
func (c *Case) Item() string { return c.item.name }

// Demoted reports whether it would be to be looked at if the customer were one of the largest, and else is not.
func (c *Case) Demoted() bool {
	g, moved := c.customer.moved(c.item)
	return len(c.open) == 0 && moved && g.demoted && c.pinned() == nil
}

// Etag tells this state of the case from others, whatever the thresholds.
func (c *Case) Etag() string {
	state := sha256.New()
	for _, part := range []*string{c.item.computed(c.customer), c.item.inForce(c.customer), c.before()} {
		fmt.Fprintf(state, "%t %q ", part != nil, orNothing(part))
	}
	accepted := c.review.GetAcceptance().GetTime().AsTime()
	fmt.Fprintf(state, "%q %d", c.pinned().GetEtag(), accepted.UnixNano())
	return hex.EncodeToString(state.Sum(nil)[:16])
}

// before returns what was in force by the run that moves are from; nil where nothing was.
func (c *Case) before() *string {
	if c.item.from == none || c.customer.before == nil || excluded(c.customer.before) {
		return nil
	}
	was := c.customer.before.Result.Tiers[c.item.from]
	if !was.Valid.Get(c.customer.before.Index) {
		return nil
	}
	return &was.Dict[was.Codes[c.customer.before.Index]]
}

// message returns the case as it goes over the wire, with some of its grounds.
func (c *Case) message(amount float64, grounds []ground) *echelonv1.ReviewItem {
	m := &echelonv1.ReviewItem{
		CustomerId: c.customer.row.ID(), Item: c.item.name, Amount: amount, InForce: c.item.inForce(c.customer), Computed: c.item.computed(c.customer),
		Before: c.before(), Override: proto.CloneOf(c.pinned()), Accepted: c.review.GetAcceptance(), Etag: c.Etag(),
	}
	if m.Override != nil {
		m.Override.Computed = m.Computed
		m.Override.Stale = Stale(m.Override, m.Computed)
	}
	for i := range grounds {
		m.Reasons = append(m.Reasons, &echelonv1.ReviewReason{Kind: grounds[i].kind, Message: c.queue.words(&grounds[i], c.item, c.customer)})
	}
	return m
}

// changed is the fault of a case that is another than an etag is of.
func (c *Case) changed() error {
	return fault.New(echelonv1.ErrorReason_REVIEW_ITEM_CHANGED, "%s of the customer %q has changed since its etag was read: list the queue anew, and decide anew",
		c.item.name, c.customer.row.ID()).With("etag", c.Etag())
}

// Check returns why the case cannot be decided on: it is not in the queue, or is another than the etag is of. REVIEW_ITEM_NOT_FOUND, REVIEW_ITEM_CHANGED.
func (c *Case) Check(etag *string) error {
	id := c.customer.row.ID()
	switch {
	case etag != nil && *etag != c.Etag():
		return c.changed()
	case len(c.open) > 0:
		return nil
	case len(c.grounds) > 0:
		a := c.review.GetAcceptance()
		return fault.New(echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND, "%s of the customer %q was accepted by %s at %s, and is not in the queue any longer: list the queue anew",
			c.item.name, id, a.GetActor(), a.GetTime().AsTime().UTC().Format(time.RFC3339))
	}
	return fault.New(echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND,
		"%s of the customer %q is not in the queue: nothing within the thresholds speaks for it; list the queue anew, with the thresholds and the run of this call", c.item.name, id)
}

// CheckWithdrawal returns why nothing that was accepted of the case can be taken back: nothing was, or it is another than the etag is of.
// REVIEW_ITEM_NOT_FOUND, REVIEW_ITEM_CHANGED.
func (c *Case) CheckWithdrawal(etag *string) error {
	if etag != nil && *etag != c.Etag() {
		return c.changed()
	}
	if c.review == nil {
		return fault.New(echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND,
			"nobody accepted %s of the customer %q, or it was withdrawn since: there is nothing to withdraw; list what is accepted", c.item.name, c.customer.row.ID())
	}
	return nil
}

// Accepted returns who accepted the case last, of this matter or an earlier one; nil where nobody did.
func (c *Case) Accepted() *echelonv1.ReviewAcceptance { return c.review.GetAcceptance() }

// Computed returns what the run or the publication that is looked at computes; nil where that is nothing.
func (c *Case) Computed() *string { return c.item.computed(c.customer) }

// Accept returns what is to be kept of the item of a customer once its grounds are accepted. What was accepted before of other reasons stays, as long as
// the same is computed. That one of the largest fell is accepted with a fall, however many the largest are.
func (c *Case) Accept(actor, onBehalfOf, note string) *storagev1.Review {
	accepted := &storagev1.Review{Item: c.item.name, Acceptance: &echelonv1.ReviewAcceptance{
		Actor: actor, OnBehalfOf: onBehalfOf, Time: timestamppb.New(c.queue.now), Note: note, Computed: c.item.computed(c.customer),
	}}
	matters := make(map[echelonv1.ReviewReason_Kind]string)
	if c.review != nil && c.asAccepted() {
		for _, m := range c.review.GetMatters() {
			matters[m.GetKind()] = m.GetMatter()
		}
	}
	for i := range c.grounds {
		matters[c.grounds[i].kind] = c.queue.matter(&c.grounds[i], c.pinned())
	}
	if g, moved := c.customer.moved(c.item); moved && g.demoted && c.pinned() == nil {
		g.kind = echelonv1.ReviewReason_TOP_DEMOTED
		matters[g.kind] = c.queue.matter(&g, nil)
	}
	for _, kind := range slices.Sorted(maps.Keys(matters)) {
		accepted.Matters = append(accepted.Matters, &storagev1.ReviewMatter{Kind: kind, Matter: matters[kind]})
		accepted.Acceptance.Kinds = append(accepted.Acceptance.Kinds, kind)
	}
	return accepted
}

// Open reports whether something speaks for the case that nobody accepted.
func (c *Case) Open() bool { return len(c.open) > 0 }

// Case looks at an item of a stored customer that was written at a commit; with an empty name at that of the tiering that drives coverage. Top tells
// whether the customer is one of the largest. Field is where the item's name stands. INVALID_REQUEST, ASSIGNMENT_NOT_FOUND.
func (q *Queue) Case(field, id, name string, version storage.Commit, overrides *storagev1.Overrides, reviews *storagev1.Reviews, top bool) (*Case, error) {
	it, err := q.item(field, name)
	if err != nil {
		return nil, err
	}
	c := &customer{overrides: overrides.GetOverrides(), top: top}
	row, found, err := q.reader.RowAt(id, version)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.New(echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, "the customer %q has no assignment in the run %q, so that there is nothing to review: "+
			"it was stored after it, or refused by it", id, q.reader.Run().GetId())
	}
	c.row = row
	if q.base != nil {
		before, found, err := q.base.RowAt(id, version)
		if err != nil {
			return nil, err
		}
		if found {
			c.before = &before
		}
	}
	return q.newCase(c, it, q.grounds(nil, c, it), reviews), nil
}

// ReadReviews returns what is kept of what was accepted of a customer; nil where there is nothing.
func ReadReviews(documents storage.Documents, model, id string) (*storagev1.Reviews, error) {
	kept := &storagev1.Reviews{}
	err := documents.Document(storage.KindReview, storage.ReviewKey(model, id), kept)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return kept, err
}

// Withdraw returns what is kept of a customer without what was accepted of an item; nil where nothing is left.
func Withdraw(kept *storagev1.Reviews, item string) *storagev1.Reviews {
	left := &storagev1.Reviews{}
	for _, r := range kept.GetReviews() {
		if r.GetItem() != item {
			left.Reviews = append(left.Reviews, r)
		}
	}
	if len(left.Reviews) == 0 {
		return nil
	}
	return left
}

// Keep puts what was accepted of an item among what is kept of a customer, in place of what was accepted of it before.
func Keep(kept *storagev1.Reviews, review *storagev1.Review) *storagev1.Reviews {
	others := &storagev1.Reviews{Reviews: []*storagev1.Review{review}}
	for _, r := range kept.GetReviews() {
		if r.GetItem() != review.GetItem() {
			others.Reviews = append(others.Reviews, r)
		}
	}
	slices.SortFunc(others.Reviews, func(a, b *storagev1.Review) int { return cmp.Compare(a.GetItem(), b.GetItem()) })
	return others
}
