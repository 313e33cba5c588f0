package runs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Anonymous is the actor of whoever calls a server that authenticates nobody. Such actors cannot be told apart.
const Anonymous = "anonymous"

// known reports whether an actor is a principal that can be told from others.
func known(actor string) bool { return actor != "" && actor != Anonymous }

// errUnknown is the fault of a call that needs to know who makes it.
func errUnknown(what string) error {
	return fault.New(echelonv1.ErrorReason_PRINCIPALS_UNKNOWN,
		"%s, and this server does not authenticate its callers, so that one cannot be told from another: start it with --auth-file or an issuer of tokens (docs/operations.md)", what)
}

// Approve notes that the actor of ctx approves the result of a run, and returns it. RUN_NOT_FOUND, RUN_STATE, SNAPSHOT_REMOVED, APPROVAL_OF_OWN_RUN,
// APPROVAL_EXISTS, PRINCIPALS_UNKNOWN.
func (m *Manager) Approve(ctx context.Context, id string) (*echelonv1.Run, error) {
	who := feed.WhoIn(ctx)
	return m.judge(ctx, id, "approved", func(run *echelonv1.Run) error {
		switch {
		case !known(run.GetStartedBy()):
			return fault.New(echelonv1.ErrorReason_RUN_STATE, "nobody knows who started the run %q, who cannot approve it: start a new run", id)
		case run.GetStartedBy() == who.Actor:
			return fault.New(echelonv1.ErrorReason_APPROVAL_OF_OWN_RUN, "%s started the run %q and so cannot approve it: ask another principal", who.Actor, id)
		case approvedBy(run, who.Actor) >= 0:
			return fault.New(echelonv1.ErrorReason_APPROVAL_EXISTS, "%s has approved the run %q already: there is nothing to do", who.Actor, id)
		}
		run.Approvals = append(run.Approvals, &echelonv1.RunApproval{
			Principal: who.Actor, OnBehalfOf: who.OnBehalfOf, Time: timestamppb.New(m.now()),
		})
		return nil
	})
}

// WithdrawApproval takes back the approval of the actor of ctx, and returns the run. RUN_NOT_FOUND, RUN_STATE, SNAPSHOT_REMOVED, APPROVAL_NOT_FOUND,
// PRINCIPALS_UNKNOWN.
func (m *Manager) WithdrawApproval(ctx context.Context, id string) (*echelonv1.Run, error) {
	who := feed.WhoIn(ctx)
	return m.judge(ctx, id, "judged", func(run *echelonv1.Run) error {
		at := approvedBy(run, who.Actor)
		if at < 0 {
			return fault.New(echelonv1.ErrorReason_APPROVAL_NOT_FOUND, "%s has not approved the run %q: there is nothing to withdraw", who.Actor, id)
		}
		run.Approvals = slices.Delete(run.Approvals, at, at+1)
		return nil
	})
}

// judge changes what principals say of the result of a run.
func (m *Manager) judge(ctx context.Context, id, what string, change func(*echelonv1.Run) error) (run *echelonv1.Run, err error) {
	if !known(feed.WhoIn(ctx).Actor) {
		return nil, errUnknown("an approval is a principal's")
	}
	err = m.store.Update(ctx, func(tx storage.Tx) error {
		if run, err = read(tx, id); err != nil {
			return err
		}
		switch {
		case run.GetSnapshotRemoved():
			return errRemoved(run)
		case run.GetState() == echelonv1.Run_PUBLISHED:
			return fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q was published already: only one that is READY can be %s", id, what)
		case run.GetState() != echelonv1.Run_READY:
			return fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q is %s and has no result: only one that is READY can be %s", id, run.GetState(), what)
		}
		if err := change(run); err != nil {
			return err
		}
		return tx.PutDocument(storage.KindRun, id, run)
	})
	if err != nil {
		return nil, err
	}
	return run, nil
}

// approvedBy returns the place of a principal's approval; -1 where there is none.
func approvedBy(run *echelonv1.Run, principal string) int {
	return slices.IndexFunc(run.GetApprovals(), func(a *echelonv1.RunApproval) bool { return a.GetPrincipal() == principal })
}

// approved returns the fault of a run that lacks approvals which its model asks for, where the publisher publishes it. The policy stands in the model,
// with the rest of what a leader decides, and is kept from whoever may write models by the published version, which decides too.
func (m *Manager) approved(documents storage.Documents, publisher string, run *echelonv1.Run, current *storagev1.Current) error {
	needed, err := m.approvalsNeeded(documents, run, current)
	if err != nil || needed == 0 {
		return err
	}
	if !known(publisher) {
		return errUnknown(fmt.Sprintf("publishing the run %q needs approvals of others than who publishes it", run.GetId()))
	}
	if !known(run.GetStartedBy()) {
		return missing(run, needed, nil, "nobody knows who started it, whose approval would not count: start a new run")
	}
	var counts []string
	for _, approval := range run.GetApprovals() {
		if by := approval.GetPrincipal(); by != publisher && by != run.GetStartedBy() {
			counts = append(counts, by)
		}
	}
	if len(counts) >= needed {
		return nil
	}
	other := fmt.Sprintf("others than %s, who started it", run.GetStartedBy())
	if publisher != run.GetStartedBy() {
		other += ", and " + publisher + ", who publishes it"
	}
	return missing(run, needed, counts, fmt.Sprintf("ask %d more principals to approve it, %s", needed-len(counts), other))
}

func missing(run *echelonv1.Run, needed int, counts []string, remedy string) error {
	has := "has none that counts"
	if len(counts) > 0 {
		has = fmt.Sprintf("has %d, of %s", len(counts), strings.Join(counts, ", "))
	}
	return fault.New(echelonv1.ErrorReason_APPROVAL_REQUIRED, "the run %q needs %d approvals and %s: %s", run.GetId(), needed, has, remedy).
		With("required", strconv.Itoa(needed)).With("approvals", strconv.Itoa(len(counts)))
}

// approvalsNeeded returns how many approvals a run needs: as many as its version, the published one or one that was rolled back since asks for, whichever
// asks for most.
func (m *Manager) approvalsNeeded(documents storage.Documents, run *echelonv1.Run, current *storagev1.Current) (int, error) {
	needed, err := m.approvalsAsked(documents, run.GetModel(), current, run.GetModelVersion())
	return int(needed), err
}

// approvalsAsked returns how many approvals what is current, with what was rolled back to it, and other versions of the model ask for at most.
func (m *Manager) approvalsAsked(documents storage.Documents, model string, current *storagev1.Current, versions ...int64) (int32, error) {
	needed := current.GetApprovals()
	for _, version := range append(versions, current.GetModelVersion()) {
		if version == 0 {
			continue
		}
		program, err := m.catalog.Program(documents, model, version)
		if err != nil {
			return 0, err
		}
		needed = max(needed, program.Model().GetPublishing().GetApprovals())
	}
	return needed, nil
}
