package server_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// owned is tall with an attribute that says who looks after a customer.
var owned = strings.Replace(tall, "attributes:\n", "attributes:\n  - {name: rep, type: STRING}\n", 1)

func beside(a attrs, name string, value any) attrs {
	a[name] = value
	return a
}

func withdraw(id, item string) *echelonv1.ReviewDecision {
	return &echelonv1.ReviewDecision{CustomerId: id, Item: item, Decision: &echelonv1.ReviewDecision_Withdrawal{Withdrawal: &echelonv1.ReviewWithdrawal{}}}
}

// An owner's queue is the part of the whole that is of its customers, on pages of any size, with its own counts.
func TestTheQueueOfAnOwnerHasItsCustomersAlone(t *testing.T) {
	h := start(t)
	h.create(owned)
	h.upsert("a", beside(usage(59, 10), "rep", "ann"))
	h.upsert("b", beside(usage(59, 30), "rep", "bob"))
	h.upsert("c", beside(usage(59, 20), "rep", "ann"))
	h.upsert("clear", beside(usage(45, 20), "rep", "ann"))
	h.upsert("nobody's", usage(59, 50))
	h.override(&echelonv1.Override{Model: "tall", CustomerId: "b", Item: "reps.owner", Pinned: "carla", Reason: "knows them"})
	run := h.published("tall")
	for _, size := range []int32{0, 1, 2} {
		for _, id := range []string{"", run.GetId()} {
			got := h.review(&echelonv1.ListReviewItemsRequest{RunId: id, Item: "coverage", Owner: "ann", OwnerBy: "rep", PageSize: size})
			h.same("ann's queue", queued(got), []string{"c coverage: borderline", "a coverage: borderline"})
			if got.GetTotal() != 2 || len(got.GetCounts()) != 1 || got.GetCounts()[0].GetItems() != 2 || got.GetCounts()[0].GetAmount() != 30 {
				t.Errorf("the counts of ann's queue are %v of %d", got.GetCounts(), got.GetTotal())
			}
		}
	}
	h.same("carla's queue", queued(h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Owner: "carla", OwnerBy: "reps.owner"})), []string{"b coverage: borderline"})
	h.same("the queue of none", queued(h.review(&echelonv1.ListReviewItemsRequest{Owner: "dan", OwnerBy: "rep"})), []string{})
	// Whose a customer is counts as it is stored now.
	h.upsert("b", beside(usage(59, 30), "rep", "ann"))
	h.same("ann's queue", queued(h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Owner: "ann", OwnerBy: "rep"})),
		[]string{"b coverage: borderline", "c coverage: borderline", "a coverage: borderline"})

	page, err := h.assignments.ListReviewItems(h.context(), &echelonv1.ListReviewItemsRequest{Model: "tall", Owner: "ann", OwnerBy: "rep", PageSize: 1})
	h.must(err)
	for name, test := range map[string]struct {
		request *echelonv1.ListReviewItemsRequest
		want    wanted
	}{
		"without what says it": {&echelonv1.ListReviewItemsRequest{Owner: "ann"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"owner_by"}, []string{"reps.csm"}}},
		"without an owner":     {&echelonv1.ListReviewItemsRequest{OwnerBy: "rep"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"owner"}, nil}},
		"by what there is not": {&echelonv1.ListReviewItemsRequest{Owner: "ann", OwnerBy: "reb"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"owner_by"}, []string{`did you mean "rep"`}}},
		"by a number":          {&echelonv1.ListReviewItemsRequest{Owner: "ann", OwnerBy: "arr"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"owner_by"}, []string{"it is a NUMBER"}}},
		"by another role":      {&echelonv1.ListReviewItemsRequest{Owner: "ann", OwnerBy: "reps.csm"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"owner_by"}, nil}},
		"a token of another":   {&echelonv1.ListReviewItemsRequest{Owner: "bob", OwnerBy: "rep", PageSize: 1, PageToken: page.GetNextPageToken()}, wanted{code: codes.InvalidArgument, reason: echelonv1.ErrorReason_PAGE_TOKEN_INVALID}},
	} {
		test.request.Model = "tall"
		_, err := h.assignments.ListReviewItems(h.context(), test.request)
		t.Run(name, func(t *testing.T) { test.want.check(t, err) })
	}
}

// What was accepted by mistake is taken back, by whomever: it is in the queue again for the same reasons, other items stay accepted, and the log has it.
func TestAnAcceptanceIsWithdrawn(t *testing.T) {
	h := start(t)
	h.create(tall)
	for _, id := range []string{"a", "b", "c"} {
		h.upsert(id, beside(usage(59, 10), "growth", 50))
	}
	h.published("tall")
	whole := queued(h.review(&echelonv1.ListReviewItemsRequest{}))
	accepted, err := h.resolve(accept("a", "coverage"), accept("a", "box"), accept("b", "coverage"))
	h.must(err)
	etag := ""
	for _, item := range h.review(&echelonv1.ListReviewItemsRequest{Accepted: true, Item: "coverage"}).GetItems() {
		if item.GetCustomerId() == "a" {
			etag = item.GetEtag()
		}
	}
	open := queued(h.review(&echelonv1.ListReviewItemsRequest{}))

	// All of a call, or nothing.
	_, err = h.resolve(withdraw("a", "coverage"), withdraw("c", "coverage"))
	wanted{codes.NotFound, echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND, nil, []string{"nobody accepted", `"c"`}}.check(t, err)
	old := withdraw("a", "coverage")
	old.Etag = proto.String("old")
	_, err = h.resolve(old)
	wanted{codes.Aborted, echelonv1.ErrorReason_REVIEW_ITEM_CHANGED, nil, []string{"decide anew"}}.check(t, err)
	h.same("the queue", queued(h.review(&echelonv1.ListReviewItemsRequest{})), open)

	right := withdraw("a", "") // the tiering that drives coverage
	right.Etag = &etag
	done, err := h.resolve(right)
	h.must(err)
	if got := done[0]; got.GetItem() != "coverage" || !proto.Equal(got.GetWithdrawn(), accepted[0].GetAccepted()) || got.GetAccepted() != nil || got.GetOverride() != nil {
		t.Errorf("it became %v of %v", got, accepted[0])
	}
	h.same("what is accepted", queued(h.review(&echelonv1.ListReviewItemsRequest{Accepted: true})), []string{"a box: borderline", "b coverage: borderline"})
	_, err = h.resolve(withdraw("a", ""))
	wanted{codes.NotFound, echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND, nil, []string{"nothing to withdraw"}}.check(t, err)
	_, err = h.resolve(withdraw("a", "box"), withdraw("b", ""))
	h.must(err)
	h.same("the queue", queued(h.review(&echelonv1.ListReviewItemsRequest{})), whole)
	listed, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{PageSize: 2})
	h.must(err)
	h.same("the audit log", []string{told(listed.GetEntries()[0], ""), told(listed.GetEntries()[1], "")},
		[]string{"anonymous ResolveReviewItems customers 2", "anonymous ResolveReviewItems customers/a"})
}

// Whoever pins something in the review of a run has seen what the run computes: once it is published that is no reason to doubt the pin, nor is it before.
func TestWhatIsPinnedInTheReviewOfARunIsNotStaleWhenTheRunIsPublished(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("a", usage(80, 10))
	h.upsert("b", usage(80, 10))
	h.published("tall")
	h.upsert("a", usage(45, 10))
	h.upsert("b", usage(45, 10))
	run := h.run("tall")
	limits := &echelonv1.ReviewThresholds{LargeMove: proto.Int32(1)}
	done, err := h.assignments.ResolveReviewItems(h.context(), &echelonv1.ResolveReviewItemsRequest{
		Model: "tall", RunId: run.GetId(), Thresholds: limits, Decisions: []*echelonv1.ReviewDecision{pinned("a", "", "high"), pinned("b", "", "low")},
	})
	h.must(err)
	if o := done.GetItems()[0].GetOverride(); o.GetReviewedRunId() != run.GetId() || o.GetComputedInReview() != "mid" {
		t.Errorf("it is pinned as %v", o)
	}
	look := func(when string, computed string) {
		t.Helper()
		for _, o := range h.overrides(&echelonv1.ListOverridesRequest{Model: "tall"}) {
			if o.GetStale() || o.GetComputed() != computed {
				t.Errorf("%s the override is %v, want %s computed and not stale", when, o, computed)
			}
		}
		if stale := h.overrides(&echelonv1.ListOverridesRequest{Model: "tall", Stale: true}); len(stale) > 0 {
			t.Errorf("%s %d are listed as stale", when, len(stale))
		}
		h.same("in doubt "+when, queued(h.review(&echelonv1.ListReviewItemsRequest{Item: "coverage", Thresholds: limits})), []string{})
	}
	h.must(h.publish(run.GetId()))
	look("once it is published", "mid")
	_, err = h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "tall"})
	h.must(err)

	// What is computed by neither is.
	h.upsert("a", usage(10, 10))
	h.upsert("b", usage(10, 10))
	h.published("tall")
	if stale := h.overrides(&echelonv1.ListOverridesRequest{Model: "tall", Stale: true}); len(stale) != 2 {
		t.Errorf("%d are stale, want both", len(stale))
	}
	// Requests do not say what was seen.
	o := pin("tall", "a", "high")
	o.ReviewedRunId, o.ComputedInReview = run.GetId(), proto.String("low")
	if set := h.override(o); set.GetReviewedRunId() != "" || set.ComputedInReview != nil {
		t.Errorf("it is set as %v", set)
	}
}
