package server_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// covered has engagements with two roles.
var covered = strings.Replace(plain, "{name: high, cut: {min_score: 50}}", "{name: high, cut: {min_score: 50}, engagement: named}", 1) + `
engagements:
  - {name: named, roles: [{role: csm, ownership: DEDICATED, capacity: {driver: ACCOUNTS, per_rep: 15}}, {role: ae, ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 50}}]}
`

func rep(id, role, name string) *echelonv1.Override {
	return &echelonv1.Override{Model: "plain", CustomerId: id, Item: "reps." + role, Pinned: name, Reason: "knows them"}
}

// reps returns who is pinned on a customer, by what is published.
func (h *harness) reps(id string) string {
	h.Helper()
	got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: id})
	h.must(err)
	return repsOf(got.GetAssignment())
}

func repsOf(a *echelonv1.Assignment) string {
	var all []string
	for _, r := range a.GetReps() {
		all = append(all, r.GetRole()+" "+r.GetRep())
	}
	return strings.Join(all, ", ")
}

func TestARepIsPinnedInARoleAndSurvivesRuns(t *testing.T) {
	h := start(t)
	h.create(covered)
	for _, id := range []string{"a", "b", "c"} {
		h.upsert(id, attrs{"arr": 60})
	}
	h.override(rep("a", "ae", "rep-1"))
	h.published("plain")
	h.same("pinned before a run", h.reps("a"), "ae rep-1")
	set := h.override(rep("a", "csm", "rep-2")) // between runs: at once, beside the other
	h.override(rep("b", "csm", "rep-2"))
	h.same("pinned after it", h.reps("a"), "csm rep-2, ae rep-1")
	if set.ComputedWhenSet != nil || set.Computed != nil || set.GetStale() {
		t.Errorf("the model computes reps: %v", set)
	}
	run := h.published("plain")
	h.same("after another run", h.reps("a"), "csm rep-2, ae rep-1")
	if got := h.inForce("plain", "a"); got != "high" {
		t.Errorf("a rep changes the tier: %s", got)
	}

	// Whoever reads assignments sees them: lists, exports of the run, a call for one customer, a write.
	list, err := h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: "coverage", Tier: "high"})
	h.must(err)
	h.same("listed", repsOf(list.GetAssignments()[1]), "csm rep-2")
	stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: run.GetId()})
	h.must(err)
	pages, err := collect(stream.Recv)
	h.must(err)
	h.same("exported", repsOf(pages[0].GetAssignments()[0]), "csm rep-2, ae rep-1")
	scored, err := h.scoring.ScoreCustomer(h.context(), byID(storedModel("plain"), "a"))
	h.must(err)
	h.same("scored alone", repsOf(scored.GetAssignment()), "csm rep-2, ae rep-1")
	written, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{"arr": 20}), Assign: true})
	h.must(err)
	h.same("written", repsOf(written.GetAssignments()[0]), "csm rep-2, ae rep-1")
	reasons := written.GetAssignments()[0].GetReasons()
	if last := reasons[len(reasons)-1]; last.GetCode() != echelonv1.Reason_OVERRIDE || last.GetItem() != "reps.csm" || last.GetMessage() != "reps.csm: rep-2, pinned by anonymous: knows them" {
		t.Errorf("the reasons are %v", reasons)
	}

	// They are listed as other overrides, and by who is pinned.
	of := func(request *echelonv1.ListOverridesRequest) (all []string) {
		request.Model = "plain"
		for _, o := range h.overrides(request) {
			all = append(all, fmt.Sprint(o.GetCustomerId(), " ", o.GetItem(), " ", o.GetPinned()))
		}
		return all
	}
	h.same("of a rep", of(&echelonv1.ListOverridesRequest{Pinned: "rep-2"}), []string{"a reps.csm rep-2", "b reps.csm rep-2"})
	h.same("of a role", of(&echelonv1.ListOverridesRequest{Item: "reps.ae"}), []string{"a reps.ae rep-1"})
	page, err := h.assignments.ListOverrides(h.context(), &echelonv1.ListOverridesRequest{Model: "plain", Pinned: "rep-2", PageSize: 1})
	h.must(err)
	_, err = h.assignments.ListOverrides(h.context(), &echelonv1.ListOverridesRequest{Model: "plain", Pinned: "rep-1", PageToken: page.GetNextPageToken()})
	wanted{code: codes.InvalidArgument, reason: echelonv1.ErrorReason_PAGE_TOKEN_INVALID}.check(t, err)

	_, err = h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "plain", CustomerId: "a", Item: "reps.csm", Etag: set.GetEtag()})
	h.must(err)
	h.same("ended", h.reps("a"), "ae rep-1")
	h.published("plain")
	h.same("ended, after a run", h.reps("a"), "ae rep-1")
}

func TestChangesOfRepsAreWatchedAndKept(t *testing.T) {
	h := start(t)
	h.create(covered)
	h.upsert("a", attrs{"arr": 60})
	h.upsert("b", attrs{"arr": 60})
	h.published("plain") // 1, 2
	h.override(rep("b", "csm", "rep-1"))
	h.override(rep("b", "csm", "rep-2"))
	h.override(rep("a", "ae", "rep-3"))
	_, err := h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "plain", CustomerId: "b", Item: "reps.csm"})
	h.must(err)
	all, _, err := h.watched(after(2))
	h.must(err)
	var got []string
	for _, c := range all {
		for _, m := range c.GetReps() {
			got = append(got, fmt.Sprintf("%s %s %s %s>%s %d %d", c.GetCustomerId(), c.GetOrigin(), m.GetRole(), m.GetFrom(), m.GetTo(), len(c.GetTiers()), c.GetSequence()))
		}
	}
	h.same("the changes", got, []string{"b OVERRIDDEN csm >rep-1 0 3", "b OVERRIDDEN csm rep-1>rep-2 0 4", "a OVERRIDDEN ae >rep-3 0 5", "b OVERRIDDEN csm rep-2> 0 6"})
	h.published("plain") // in which nobody changes
	if again, _, err := h.watched(after(6)); err != nil || len(again) != 0 {
		t.Errorf("a run that changes nothing changes %v, %v", again, err)
	}
	history, err := h.assignments.GetHistory(h.context(), &echelonv1.GetHistoryRequest{Model: "plain", CustomerId: "b"})
	h.must(err)
	if n := len(history.GetChanges()); n != 4 || history.GetChanges()[1].GetReps()[0].GetTo() != "rep-2" {
		t.Errorf("the history has %d changes: %v", n, history.GetChanges())
	}
	// A rep whose pin a publication brings along is one of its changes, among customers who have none.
	ready := h.run("plain")
	h.override(rep("b", "ae", "rep-4"))
	h.must(h.publish(ready.GetId()))
	h.same("caught up", h.reps("b"), "ae rep-4")
	_, err = h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "plain"})
	h.must(err)
	h.same("rolled back", h.reps("b"), "ae rep-4")
}

func TestWhatCannotBePinnedAsARepIsRefused(t *testing.T) {
	h := start(t)
	h.create(covered)
	h.upsert("a", attrs{"arr": 60})
	invalid := func(field string, words ...string) wanted {
		return wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{field}, words}
	}
	for name, test := range map[string]struct {
		o    *echelonv1.Override
		want wanted
	}{
		"an unknown role":             {rep("a", "cms", "rep-1"), invalid("override.item", `role after "reps."`, `did you mean "reps.csm"`)},
		"owner where there are roles": {rep("a", "owner", "rep-1"), invalid("override.item", `"reps.owner"`)},
		"two lines":                   {rep("a", "csm", "rep\n1"), invalid("override.pinned", `"rep\n1"`, "on one line")},
		"spaces around it":            {rep("a", "csm", "rep-1 "), invalid("override.pinned", "leave them out")},
		"nobody":                      {rep("a", "csm", ""), invalid("override.pinned")},
		"a name without end":          {rep("a", "csm", strings.Repeat("x", 257)), invalid("override.pinned")},
		"an unknown customer":         {rep("z", "csm", "rep-1"), wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_CUSTOMER_NOT_FOUND}},
	} {
		_, err := h.assignments.SetOverride(h.context(), &echelonv1.SetOverrideRequest{Override: test.o})
		t.Run(name, func(t *testing.T) { test.want.check(t, err) })
	}
	if got := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain"}); len(got) != 0 {
		t.Errorf("something was pinned: %v", got)
	}
}

func TestAModelWithoutRolesHasOwnersAndTheirEndIsReviewed(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	owner := rep("a", "owner", "rep-1")
	owner.ExpireTime = timestamppb.New(noon.AddDate(0, 0, 7))
	h.override(owner)
	h.same("the owner", h.reps("a"), "owner rep-1")
	list, err := h.assignments.ListReviewItems(h.context(), &echelonv1.ListReviewItemsRequest{Model: "plain", Item: "reps.owner"})
	h.must(err)
	h.same("the queue", queued(list), []string{"a reps.owner: override_expiring"})
	if list.GetItems()[0].GetInForce() != "rep-1" || list.GetItems()[0].Computed != nil {
		t.Errorf("the item is %v", list.GetItems()[0])
	}
	_, err = h.assignments.ResolveReviewItems(h.context(), &echelonv1.ResolveReviewItemsRequest{
		Model: "plain", Decisions: []*echelonv1.ReviewDecision{pinned("a", "reps.owner", "rep-2")},
	})
	h.must(err)
	h.same("another owner", h.reps("a"), "owner rep-2")
}
