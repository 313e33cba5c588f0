package server_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// pin is an override of the tiering that these tests' models have.
func pin(model, id, tier string) *echelonv1.Override {
	return &echelonv1.Override{Model: model, CustomerId: id, Item: "coverage", Pinned: tier, Reason: "launch partner"}
}

func (h *harness) override(o *echelonv1.Override) *echelonv1.Override {
	h.Helper()
	set, err := h.assignments.SetOverride(h.context(), &echelonv1.SetOverrideRequest{Override: o})
	h.must(err)
	return set.GetOverride()
}

func (h *harness) overrides(request *echelonv1.ListOverridesRequest) (all []*echelonv1.Override) {
	h.Helper()
	for {
		page, err := h.assignments.ListOverrides(h.context(), request)
		h.must(err)
		all = append(all, page.GetOverrides()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all
		}
	}
}

// inForce returns a customer's published tier, and beside it the computed one where that is another.
func (h *harness) inForce(model, id string) string {
	h.Helper()
	got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: model, CustomerId: id})
	h.must(err)
	tier := got.GetAssignment().GetTiers()[0]
	if tier.ComputedTier != nil {
		return tier.GetTier() + ", computed " + tier.GetComputedTier()
	}
	return tier.GetTier()
}

func TestAnOverrideHoldsInEveryRunAndNeverHidesWhatIsComputed(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.upsert("b", attrs{"arr": 10})
	h.override(pin("plain", "a", "high")) // before anything is published
	h.published("plain")
	if got := h.inForce("plain", "a"); got != "high, computed low" {
		t.Errorf("pinned before the run: %s", got)
	}
	set := h.override(pin("plain", "b", "high")) // between runs: at once
	if got := h.inForce("plain", "b"); got != "high, computed low" || set.GetComputedWhenSet() != "low" || set.GetActor() != "anonymous" {
		t.Errorf("pinned after the run: %s, %v", got, set)
	}
	for range 2 {
		h.published("plain")
		for _, id := range []string{"a", "b"} {
			if got := h.inForce("plain", id); got != "high, computed low" {
				t.Errorf("%s after another run: %s", id, got)
			}
		}
	}
	// What is written with assignment obeys it, and says so.
	written, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{"arr": 20}), Assign: true})
	h.must(err)
	reasons := written.GetAssignments()[0].GetReasons()
	if last := reasons[len(reasons)-1]; last.GetCode() != echelonv1.Reason_OVERRIDE || last.GetPart() != "high" {
		t.Errorf("the reasons are %v", reasons)
	}
	// Its end is in force at once, too.
	_, err = h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "plain", CustomerId: "b", Item: "coverage", Etag: set.GetEtag()})
	h.must(err)
	if got := h.inForce("plain", "b"); got != "low" {
		t.Errorf("after its end: %s", got)
	}
	scored, err := h.scoring.ScoreCustomer(h.context(), byID(storedModel("plain"), "a"))
	h.must(err)
	if got := scored.GetAssignment().GetTiers()[0]; got.GetTier() != "high" || got.GetComputedTier() != "low" {
		t.Errorf("scored alone: %v", got)
	}
}

// What people pin while a run is under way, or waits to be published, holds in it; so does that they end it.
func TestPublishingAndRollingBackCatchUpWithOverrides(t *testing.T) {
	h := start(t)
	h.create(ranked)
	for i := range 9 {
		h.upsert(fmt.Sprintf("c%d", i), attrs{"arr": 10 * i})
	}
	h.override(pin("ranked", "c3", "high"))
	h.published("ranked")
	ready := h.run("ranked")
	h.override(pin("ranked", "c1", "high"))
	_, err := h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "ranked", CustomerId: "c3", Item: "coverage"})
	h.must(err)
	h.must(h.publish(ready.GetId()))
	check := func(when string) {
		t.Helper()
		for id, want := range map[string]string{"c1": "high, computed low", "c3": "low", "c2": "low", "c8": "high"} {
			if got := h.inForce("ranked", id); got != want {
				t.Errorf("%s: %s is %s, want %s", when, id, got, want)
			}
		}
	}
	check("published")
	_, err = h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "ranked"})
	h.must(err)
	check("rolled back")
}

func TestOverridesExpireByThemselves(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	set(noon)
	h := start(t, func(c *server.Config) { c.Now = func() time.Time { return *now.Load() } })
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	o := pin("plain", "a", "high")
	o.ExpireTime = timestamppb.New(noon.Add(time.Hour))
	h.override(o)
	if got := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain", ExpireBefore: timestamppb.New(noon.Add(time.Hour))}); len(got) != 0 {
		t.Errorf("expiring before its instant: %v", got)
	}
	if got := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain", ExpireBefore: timestamppb.New(noon.Add(2 * time.Hour))}); len(got) != 1 {
		t.Errorf("expiring after its instant: %v", got)
	}
	set(noon.Add(time.Hour))
	if got := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain"}); len(got) != 0 {
		t.Errorf("at its instant: %v", got)
	}
	// A run that comes before the sweeper leaves it out.
	h.published("plain")
	if got := h.inForce("plain", "a"); got != "low" {
		t.Errorf("in a run of its instant: %s", got)
	}
}

func TestOverridesAreListedByWhatIsAskedFor(t *testing.T) {
	h := start(t)
	h.create(plain)
	for i := range 7 {
		id := fmt.Sprintf("c%d", i)
		h.upsert(id, attrs{"arr": 10})
		h.override(pin("plain", id, "high"))
	}
	h.published("plain")
	for i := range 7 { // again, now that something is computed
		h.override(pin("plain", fmt.Sprintf("c%d", i), "high"))
	}
	h.upsert("c4", attrs{"arr": 90})
	h.published("plain")
	for _, size := range []int32{1, 2, 7, 100} {
		all := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain", PageSize: size})
		if len(all) != 7 || all[0].GetCustomerId() != "c0" || all[6].GetCustomerId() != "c6" {
			t.Errorf("in pages of %d: %v", size, all)
		}
		stale := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain", PageSize: size, Stale: true})
		if len(stale) != 1 || stale[0].GetCustomerId() != "c4" || stale[0].GetComputed() != "high" || stale[0].GetComputedWhenSet() != "low" {
			t.Errorf("stale in pages of %d: %v", size, stale)
		}
	}
	for name, none := range map[string]*echelonv1.ListOverridesRequest{
		"another tiering": {Model: "plain", Item: "persona"}, "another actor": {Model: "plain", Actor: "eve"},
	} {
		if got := h.overrides(none); len(got) != 0 {
			t.Errorf("of %s: %v", name, got)
		}
	}
	page, err := h.assignments.ListOverrides(h.context(), &echelonv1.ListOverridesRequest{Model: "plain", PageSize: 1})
	h.must(err)
	_, err = h.assignments.ListOverrides(h.context(), &echelonv1.ListOverridesRequest{Model: "plain", Stale: true, PageToken: page.GetNextPageToken()})
	wanted{code: codes.InvalidArgument, reason: echelonv1.ErrorReason_PAGE_TOKEN_INVALID}.check(t, err)
}

func TestOverridesThatCannotBeAreRefusedAndChangeNothing(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	first := h.override(pin("plain", "a", "high"))
	late := pin("plain", "a", "high")
	late.ExpireTime = timestamppb.New(noon)
	unreasoned := pin("plain", "a", "high")
	unreasoned.Reason = ""
	elsewhere := pin("plain", "a", "high")
	elsewhere.Item = "coverag"
	for name, c := range map[string]struct {
		request *echelonv1.SetOverrideRequest
		want    wanted
	}{
		"of an unknown model":    {&echelonv1.SetOverrideRequest{Override: pin("plane", "a", "high")}, wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{"plane"}}},
		"of an unknown customer": {&echelonv1.SetOverrideRequest{Override: pin("plain", "nobody", "high")}, wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{"store it first"}}},
		"of an unknown tier":     {&echelonv1.SetOverrideRequest{Override: pin("plain", "a", "hihg")}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"override.pinned"}, []string{`did you mean "high"`}}},
		"of an unknown tiering":  {&echelonv1.SetOverrideRequest{Override: elsewhere}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"override.item"}, []string{`did you mean "coverage"`}}},
		"that has expired":       {&echelonv1.SetOverrideRequest{Override: late}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"override.expire_time"}, []string{"does not lie in the future"}}},
		"without a reason":       {&echelonv1.SetOverrideRequest{Override: unreasoned}, wanted{code: codes.InvalidArgument, reason: echelonv1.ErrorReason_INVALID_REQUEST}},
		"over another":           {&echelonv1.SetOverrideRequest{Override: pin("plain", "a", "low"), Etag: proto.String("")}, wanted{codes.Aborted, echelonv1.ErrorReason_OVERRIDE_CHANGED, nil, []string{"changed by anonymous"}}},
		"over an old one":        {&echelonv1.SetOverrideRequest{Override: pin("plain", "a", "low"), Etag: proto.String("old")}, wanted{code: codes.Aborted, reason: echelonv1.ErrorReason_OVERRIDE_CHANGED}},
	} {
		_, err := h.assignments.SetOverride(h.context(), c.request)
		t.Run("one "+name, func(t *testing.T) { c.want.check(t, err) })
	}
	_, err := h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "plain", CustomerId: "a", Item: "coverage", Etag: "old"})
	wanted{code: codes.Aborted, reason: echelonv1.ErrorReason_OVERRIDE_CHANGED}.check(t, err)
	_, err = h.assignments.DeleteOverride(h.context(), &echelonv1.DeleteOverrideRequest{Model: "plain", CustomerId: "b", Item: "coverage"})
	wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_OVERRIDE_NOT_FOUND}.check(t, err)
	left, err := h.assignments.GetOverride(h.context(), &echelonv1.GetOverrideRequest{Model: "plain", CustomerId: "a", Item: "coverage"})
	h.must(err)
	if left.GetOverride().GetEtag() != first.GetEtag() || h.inForce("plain", "a") != "high, computed low" {
		t.Errorf("left is %v", left)
	}
}

func TestADeletedCustomerHasNoOverrides(t *testing.T) {
	h := start(t)
	h.create(plain)
	for _, erase := range []bool{false, true} {
		h.upsert("a", attrs{"arr": 10})
		h.override(pin("plain", "a", "high"))
		var err error
		if erase {
			_, err = h.customers.EraseCustomer(h.context(), &echelonv1.EraseCustomerRequest{CustomerId: "a"})
		} else {
			_, err = h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "a"})
		}
		h.must(err)
		h.upsert("a", attrs{"arr": 10})
		h.published("plain")
		if got := h.inForce("plain", "a"); got != "low" || len(h.overrides(&echelonv1.ListOverridesRequest{Model: "plain"})) != 0 {
			t.Errorf("erased %t, and stored again: %s", erase, got)
		}
	}
}

func TestOverridesComeInBatchesOfWhichEachRowIsItsOwn(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.upsert("b", attrs{"arr": 10})
	h.published("plain")
	stream, err := h.assignments.ImportOverrides(h.context())
	h.must(err)
	unreasoned := pin("plain", "a", "low")
	unreasoned.Reason = ""
	h.must(stream.Send(&echelonv1.ImportOverridesRequest{Sequence: 1, Overrides: []*echelonv1.Override{
		pin("plain", "a", "high"), pin("plain", "nobody", "high"), unreasoned, pin("plain", "b", "high"),
	}}))
	answer, err := stream.Recv()
	h.must(err)
	if answer.GetStored() != 2 || len(answer.GetErrors()) != 2 || answer.GetErrors()[0].GetIndex() != 1 || answer.GetErrors()[0].GetReason() != "CUSTOMER_NOT_FOUND" ||
		answer.GetErrors()[1].GetIndex() != 2 || answer.GetErrors()[1].GetReason() != "INVALID_REQUEST" {
		t.Errorf("answered %v", answer)
	}
	if h.inForce("plain", "a") != "high, computed low" || h.inForce("plain", "b") != "high, computed low" {
		t.Error("they are not in force")
	}
	h.must(stream.Send(&echelonv1.ImportOverridesRequest{Sequence: 3}))
	_, err = stream.Recv()
	wanted{code: codes.InvalidArgument, reason: echelonv1.ErrorReason_OUT_OF_SEQUENCE}.check(t, err)
}
