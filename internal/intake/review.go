package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/review"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Resolve decides on items of the review queue, in one commit: they are accepted, that is withdrawn, or something is pinned. What is wrong with one refuses all, and the
// fault tells it of each. MODEL_NOT_FOUND, NOTHING_PUBLISHED, RUN_NOT_FOUND, RUN_STATE, SNAPSHOT_REMOVED, CUSTOMER_NOT_FOUND, ASSIGNMENT_NOT_FOUND,
// INVALID_REQUEST, REVIEW_ITEM_NOT_FOUND, REVIEW_ITEM_CHANGED, OVERRIDE_CHANGED.
func (i *Intake) Resolve(ctx context.Context, request *echelonv1.ResolveReviewItemsRequest) (resolved []*echelonv1.ResolvedReviewItem, err error) {
	top, err := i.topOf(ctx, request)
	if err != nil {
		return nil, err
	}
	err = i.overriding(ctx, request.GetModel(), func(w *overriding) error {
		r := &resolving{overriding: w, request: request, top: top}
		if r.queue, err = i.queue(w.view, request); err != nil {
			return err
		}
		if err := r.check(); err != nil {
			return err
		}
		resolved, err = r.resolve()
		return err
	})
	return resolved, err
}

func (i *Intake) queue(view storage.Reader, request *echelonv1.ResolveReviewItemsRequest) (*review.Queue, error) {
	return review.Open(i.catalog, view, request.GetModel(), request.GetRunId(), review.ThresholdsOf(request.GetThresholds()), i.now())
}

// topOf returns the largest customers where a decision depends on who they are, which takes a way through all: where a customer fell to a worse tier, and
// nothing else speaks for it. What is wrong with a decision is told later.
func (i *Intake) topOf(ctx context.Context, request *echelonv1.ResolveReviewItemsRequest) (map[string]bool, error) {
	view, err := i.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	q, err := i.queue(view, request)
	if err != nil {
		return nil, err
	}
	for place, decision := range request.GetDecisions() {
		if decision.GetWithdrawal() != nil {
			continue
		}
		one, err := caseOf(q, view, func(id string) (storage.Commit, error) { return written(view, id) }, request, place, nil)
		var f *fault.Fault
		if errors.As(err, &f) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if one.Demoted() {
			return q.Top(ctx)
		}
	}
	return nil, nil
}

// written returns the commit at which a customer was written. ErrNotFound.
func written(view storage.Reader, id string) (storage.Commit, error) {
	stored, err := view.Customer(id, frame.NewSchema())
	if err != nil {
		return 0, err
	}
	return stored.Versions[0], nil
}

// caseOf looks at the item of a decision. What it reads of the customer, its overrides and what was accepted is of the documents and the version.
func caseOf(q *review.Queue, documents storage.Documents, version func(id string) (storage.Commit, error), request *echelonv1.ResolveReviewItemsRequest,
	place int, top map[string]bool) (*review.Case, error) {
	decision := request.GetDecisions()[place]
	id := decision.GetCustomerId()
	at, err := version(id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, "there is no customer %q", id)
	}
	if err != nil {
		return nil, err
	}
	overrides, err := snapshot.ReadOverrides(documents, request.GetModel(), id)
	if err != nil {
		return nil, err
	}
	reviews, err := review.ReadReviews(documents, request.GetModel(), id)
	if err != nil {
		return nil, err
	}
	return q.Case(fmt.Sprintf("decisions[%d].item", place), id, decision.GetItem(), at, overrides, reviews, top[id])
}

// resolving is a commit that decides on items.
type resolving struct {
	*overriding
	queue   *review.Queue
	request *echelonv1.ResolveReviewItemsRequest
	top     map[string]bool
	// items are the names of those that are decided on, in the order of the decisions, and computed what is computed of them.
	items    []string
	computed []*string
}

func (r *resolving) caseOf(place int) (*review.Case, error) {
	return caseOf(r.queue, r.tx, r.tx.CustomerVersion, r.request, place, r.top)
}

// check returns what is wrong with the decisions, before anything is written.
func (r *resolving) check() error {
	var first *fault.Fault
	var violations []fault.Violation
	seen := make(map[[2]string]int)
	for place, decision := range r.request.GetDecisions() {
		one, err := r.caseOf(place)
		if err == nil {
			r.items, r.computed = append(r.items, one.Item()), append(r.computed, one.Computed())
			key := [2]string{decision.GetCustomerId(), one.Item()}
			if before, twice := seen[key]; twice {
				err = fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "%s of the customer %q is decided on by decisions[%d] already: decide once", one.Item(),
					decision.GetCustomerId(), before)
			} else {
				seen[key] = place
				err = r.checkOne(one, decision)
			}
		}
		var f *fault.Fault
		if err != nil && !errors.As(err, &f) {
			return err
		}
		if f == nil {
			continue
		}
		if first == nil {
			first = f
		}
		violations = append(violations, fault.Violation{Field: fmt.Sprintf("decisions[%d]", place), Description: f.Message})
	}
	if first == nil {
		return nil
	}
	return r.none(first, violations)
}

// none says that nothing was stored, since some decisions cannot be.
func (r *resolving) none(first *fault.Fault, violations []fault.Violation) error {
	if n := len(r.request.GetDecisions()); n > 1 {
		first.Message = fmt.Sprintf("none of the %d decisions was stored, since %d cannot be; the first, %s: %s", n, len(violations), violations[0].Field, first.Message)
		first.Violations = violations
	} else if first.Violations != nil {
		first.Violations = violations
	}
	return first
}

func (r *resolving) checkOne(one *review.Case, decision *echelonv1.ReviewDecision) error {
	if decision.GetWithdrawal() != nil {
		return one.CheckWithdrawal(decision.Etag)
	}
	if err := one.Check(decision.Etag); err != nil || decision.GetPin() == nil {
		return err
	}
	return r.overriding.check(r.override(one.Item(), decision))
}

// override returns what a decision pins.
func (r *resolving) override(item string, decision *echelonv1.ReviewDecision) *echelonv1.Override {
	pin := decision.GetPin()
	return &echelonv1.Override{
		Model: r.model, CustomerId: decision.GetCustomerId(), Item: item, Pinned: pin.GetPinned(), Reason: pin.GetReason(), ExpireTime: pin.GetExpireTime(),
	}
}

// resolve stores the decisions, which were checked.
func (r *resolving) resolve() (resolved []*echelonv1.ResolvedReviewItem, err error) {
	for place, decision := range r.request.GetDecisions() {
		done := &echelonv1.ResolvedReviewItem{CustomerId: decision.GetCustomerId(), Item: r.items[place]}
		if decision.GetWithdrawal() != nil {
			if done.Withdrawn, err = r.withdraw(place, done); err != nil {
				return nil, err
			}
			resolved = append(resolved, done)
			continue
		}
		note := decision.GetAccept().GetNote()
		if pin := decision.GetPin(); pin != nil {
			if done.Override, err = r.set(r.override(done.Item, decision), pin.Etag, r.reviewed(place)); err != nil {
				return nil, r.at(place, err)
			}
			note = pin.GetReason()
		}
		one, err := r.caseOf(place)
		if err != nil {
			return nil, err
		}
		// That an override ends so soon, or that the run computes something else than what is published, is known to who pins it with this call.
		if one.Open() {
			if done.Accepted, err = r.accept(decision.GetCustomerId(), one, note); err != nil {
				return nil, err
			}
		}
		resolved = append(resolved, done)
	}
	return resolved, nil
}

// at says of a fault which decision it is about.
func (r *resolving) at(place int, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return r.none(f, []fault.Violation{{Field: fmt.Sprintf("decisions[%d]", place), Description: f.Message}})
	}
	return err
}

// reviewed returns what the run that is looked at computes of an item; nil where that is what is published, as whoever sets an override sees anyway.
func (r *resolving) reviewed(place int) *reviewed {
	if r.queue.Reader().Overlay() != "" {
		return nil
	}
	return &reviewed{run: r.queue.Reader().Run().GetId(), computed: r.computed[place]}
}

// withdraw takes back what is accepted of an item, and returns it.
func (r *resolving) withdraw(place int, of *echelonv1.ResolvedReviewItem) (*echelonv1.ReviewAcceptance, error) {
	one, err := r.caseOf(place)
	if err != nil {
		return nil, err
	}
	kept, err := review.ReadReviews(r.tx, r.model, of.GetCustomerId())
	if err != nil {
		return nil, err
	}
	key := storage.ReviewKey(r.model, of.GetCustomerId())
	if left := review.Withdraw(kept, of.GetItem()); left != nil {
		return one.Accepted(), r.tx.PutDocument(storage.KindReview, key, left)
	}
	return one.Accepted(), r.tx.DeleteDocument(storage.KindReview, key)
}

// accept keeps that an item is accepted.
func (r *resolving) accept(id string, one *review.Case, note string) (*echelonv1.ReviewAcceptance, error) {
	kept, err := review.ReadReviews(r.tx, r.model, id)
	if err != nil {
		return nil, err
	}
	accepted := one.Accept(r.who.Actor, r.who.OnBehalfOf, note)
	return accepted.GetAcceptance(), r.tx.PutDocument(storage.KindReview, storage.ReviewKey(r.model, id), review.Keep(kept, accepted))
}
