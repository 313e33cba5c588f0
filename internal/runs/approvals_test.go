package runs_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/memory"
)

// version makes a text another version of the rig's model, and activates it.
func (r *rig) version(text string) {
	r.Helper()
	m, _, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		r.Fatal(found)
	}
	_, err := r.catalog.Create(context.Background(), m)
	r.must(err)
	_, err = r.catalog.Activate(context.Background(), "m", 0)
	r.must(err)
}

func (r *rig) as(name string) context.Context {
	return feed.By(context.Background(), feed.Who{Actor: name})
}

// runBy is a run that somebody started, and that has ended.
func (r *rig) runBy(name string) *echelonv1.Run {
	r.Helper()
	started, err := r.Start(r.as(name), runs.Request{Model: "m"})
	r.must(err)
	return r.ended(started.GetId())
}

// refused fails unless an error has a reason and the words, and the run is as it was.
func (r *rig) refused(err error, before *echelonv1.Run, reason echelonv1.ErrorReason, words ...string) {
	r.Helper()
	if !fault.Is(err, reason) {
		r.Errorf("%v, want %v", err, reason)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			r.Errorf("%q does not say %q", err, word)
		}
	}
	if after, err := r.Get(context.Background(), before.GetId()); err != nil || !proto.Equal(before, after) {
		r.Errorf("the run was %v and is %v, %v", before, after, err)
	}
}

const twoApprovals = "publishing: {approvals: 2}" + file

func TestPublishingNeedsTheApprovalsOfOthers(t *testing.T) {
	r := newRig(t, memory.New())
	r.version(twoApprovals)
	run := r.runBy("ann")
	publish := func(name string) error {
		_, err := r.Publish(r.as(name), run.GetId())
		return err
	}
	approve := func(name string) {
		t.Helper()
		var err error
		run, err = r.Approve(r.as(name), run.GetId())
		r.must(err)
	}
	r.refused(publish("bob"), run, echelonv1.ErrorReason_APPROVAL_REQUIRED, "needs 2 approvals", "none that counts", "ask 2 more", "than ann, who started it, and bob, who publishes it")
	approve("bob")
	approve("cid")
	r.refused(publish("bob"), run, echelonv1.ErrorReason_APPROVAL_REQUIRED, "has 1, of cid", "ask 1 more")
	if _, err := r.Approve(r.as("ann"), run.GetId()); true {
		r.refused(err, run, echelonv1.ErrorReason_APPROVAL_OF_OWN_RUN, "ask another")
	}
	if _, err := r.Approve(r.as("cid"), run.GetId()); true {
		r.refused(err, run, echelonv1.ErrorReason_APPROVAL_EXISTS, "nothing to do")
	}
	if _, err := r.WithdrawApproval(r.as("dot"), run.GetId()); true {
		r.refused(err, run, echelonv1.ErrorReason_APPROVAL_NOT_FOUND, "nothing to withdraw")
	}
	for _, nobody := range []string{"", runs.Anonymous} {
		_, err := r.Approve(r.as(nobody), run.GetId())
		r.refused(err, run, echelonv1.ErrorReason_PRINCIPALS_UNKNOWN, "--auth-file")
		r.refused(publish(nobody), run, echelonv1.ErrorReason_PRINCIPALS_UNKNOWN, "--auth-file")
	}
	run, err := r.WithdrawApproval(r.as("cid"), run.GetId())
	r.must(err)
	r.refused(publish("ann"), run, echelonv1.ErrorReason_APPROVAL_REQUIRED, "has 1, of bob", "than ann, who started it")
	approve("dot")
	// Who started it may publish it: two others have approved it.
	r.must(publish("ann"))
	run, err = r.Get(t.Context(), run.GetId())
	r.must(err)
	if a := run.GetApprovals(); len(a) != 2 || a[0].GetPrincipal() != "bob" || a[1].GetPrincipal() != "dot" || !a[1].GetTime().AsTime().Equal(noon) {
		t.Errorf("the run is approved by %v", a)
	}
	if _, err := r.Approve(r.as("cid"), run.GetId()); true {
		r.refused(err, run, echelonv1.ErrorReason_RUN_STATE, "published already")
	}
	if _, err := r.WithdrawApproval(r.as("bob"), run.GetId()); true {
		r.refused(err, run, echelonv1.ErrorReason_RUN_STATE, "published already")
	}
}

func TestOnlyAResultCanBeApproved(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.version(twoApprovals)
	if _, err := r.Approve(r.as("bob"), "none"); !fault.Is(err, echelonv1.ErrorReason_RUN_NOT_FOUND) {
		t.Errorf("of no run: %v", err)
	}
	started := r.cutOff(runs.Request{Model: "m"})
	if _, err := r.Approve(r.as("bob"), started.GetId()); !fault.Is(err, echelonv1.ErrorReason_RUN_STATE) {
		t.Errorf("under way: %v", err)
	}
	cancelled, err := r.Cancel(r.as("ann"), started.GetId())
	r.must(err)
	_, err = r.Approve(r.as("bob"), started.GetId())
	r.refused(err, cancelled, echelonv1.ErrorReason_RUN_STATE, "CANCELLED")
	s.holds.Store(false)
	run := r.runBy("")
	_, err = r.Approve(r.as("bob"), run.GetId())
	r.refused(err, run, echelonv1.ErrorReason_RUN_STATE, "nobody knows who started")
	_, err = r.Publish(r.as("bob"), run.GetId())
	r.refused(err, run, echelonv1.ErrorReason_APPROVAL_REQUIRED, "nobody knows who started", "start a new run")
}

// Whoever may write models must not be able to write the policy away.
func TestTheFirstPublicationThatAsksForLessNeedsWhatWasAskedForUntilThen(t *testing.T) {
	r := newRig(t, memory.New())
	r.version(twoApprovals)
	publish := func(run *echelonv1.Run, by string, approvers ...string) error {
		for _, name := range approvers {
			_, err := r.Approve(r.as(name), run.GetId())
			r.must(err)
		}
		_, err := r.Publish(r.as(by), run.GetId())
		return err
	}
	r.must(publish(r.runBy("ann"), "ann", "bob", "cid"))
	r.version(strings.Replace(file, "name: m", "name: m\ndescription: nobody approves", 1))
	run := r.runBy("ann")
	r.refused(publish(run, "ann"), run, echelonv1.ErrorReason_APPROVAL_REQUIRED, "needs 2 approvals")
	r.must(publish(run, "ann", "bob", "cid"))
	r.must(publish(r.runBy("ann"), "ann"))
	// What goes back goes back to what was approved.
	for range 2 {
		_, err := r.RollBack(r.as("ann"), "m")
		r.must(err)
	}
}

// Whoever rolls back needs no approval, and so must not get rid of the version that asks for them by it.
func TestRollingBackDoesNotTakeBackThatApprovalsAreNeeded(t *testing.T) {
	r := newRig(t, memory.New())
	first := r.runBy("ann")
	_, err := r.Publish(r.as("ann"), first.GetId())
	r.must(err)
	r.version(twoApprovals)
	strict := r.runBy("ann")
	for _, name := range []string{"bob", "cid"} {
		_, err := r.Approve(r.as(name), strict.GetId())
		r.must(err)
	}
	_, err = r.Publish(r.as("dan"), strict.GetId())
	r.must(err)
	_, err = r.RollBack(r.as("eve"), "m")
	r.must(err)
	started, err := r.Start(r.as("eve"), runs.Request{Model: "m", Version: first.GetModelVersion()})
	r.must(err)
	loose := r.ended(started.GetId())
	_, err = r.Publish(r.as("eve"), loose.GetId())
	r.refused(err, loose, echelonv1.ErrorReason_APPROVAL_REQUIRED, "needs 2 approvals")
	for _, name := range []string{"bob", "cid"} {
		_, err := r.Approve(r.as(name), loose.GetId())
		r.must(err)
	}
	_, err = r.Publish(r.as("eve"), loose.GetId())
	r.must(err)
	// With their approval less is needed from now on.
	started, err = r.Start(r.as("eve"), runs.Request{Model: "m", Version: first.GetModelVersion()})
	r.must(err)
	_, err = r.Publish(r.as("eve"), r.ended(started.GetId()).GetId())
	r.must(err)
}
