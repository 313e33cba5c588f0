package server_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
)

func (h *harness) currentRun(model string) string {
	h.Helper()
	got, err := h.models.ListModels(h.context(), &echelonv1.ListModelsRequest{})
	h.must(err)
	for _, m := range got.GetModels() {
		if m.GetName() == model {
			return m.GetCurrentRunId()
		}
	}
	return ""
}

func TestARunIsLookedAtAndThenPublished(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 60})
	h.upsert("b", attrs{"arr": 10})
	h.upsert("c", nil)
	run := h.run("plain")
	want := &echelonv1.Run{
		Id: run.GetId(), Model: "plain", ModelVersion: 1, State: echelonv1.Run_READY, AsOf: timestamppb.New(noon), StartTime: timestamppb.New(noon),
		EndTime: timestamppb.New(noon), Evaluated: 3, ReadPoint: run.GetReadPoint(), Attempts: 1, StartedBy: "anonymous", Findings: run.GetFindings(),
		Summary: &echelonv1.Summary{
			Balance: &echelonv1.Balance{Customers: 3, Tiered: 2, Unscored: 1, AmountIn: 70, AmountOut: 70},
			Tierings: []*echelonv1.TierTable{{Tiering: "coverage", Unscored: 1, Tiers: []*echelonv1.TierCount{
				{Tier: "high", Customers: 1, Amount: 60}, {Tier: "low", Customers: 1, Amount: 10}}}},
		},
	}
	if diff := cmp.Diff(want, run, protocmp.Transform()); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
	if got := h.currentRun("plain"); got != "" {
		t.Errorf("a run that is ready is current: %q", got)
	}
	if got := exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: run.GetId()}); len(got) != 3 {
		t.Errorf("looked at before it is published: %v", got)
	}
	for range 2 { // publishing again changes nothing
		h.must(h.publish(run.GetId()))
		if got := h.currentRun("plain"); got != run.GetId() {
			t.Errorf("current is %q", got)
		}
	}
	published := h.wait(run.GetId())
	if published.GetState() != echelonv1.Run_PUBLISHED || !published.GetPublishTime().AsTime().Equal(noon) {
		t.Errorf("the run is %v", published)
	}
	_, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "plain"})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK, nil, nil}.check(t, err)
}

func TestOnlyARunThatFollowsTheCurrentOneIsPublished(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 60})
	first := h.run("plain")
	beside := h.run("plain")
	h.must(h.publish(first.GetId()))
	outdated := wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_OUTDATED, nil, []string{"start a new run"}}
	outdated.check(t, h.publish(beside.GetId()))
	early := h.runAsOf("plain", noon.Add(-time.Microsecond))
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_AS_OF_GOES_BACK, nil, []string{"11:59:59.999999", "later as_of"}}.check(t, h.publish(early.GetId()))
	same := h.runAsOf("plain", noon)
	later := h.runAsOf("plain", noon.Add(time.Hour))
	h.must(h.publish(same.GetId()))
	outdated.check(t, h.publish(later.GetId()))
	outdated.words = []string{"published before", "roll back"}
	outdated.check(t, h.publish(first.GetId()))
	if got := h.currentRun("plain"); got != same.GetId() {
		t.Errorf("current is %q", got)
	}
}

func TestRollingBackGoesBackOneByOne(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("kept", attrs{"arr": 60})
	var ids []string
	for _, arr := range []float64{10, 60, 10} {
		h.upsert("a", attrs{"arr": arr})
		ids = append(ids, h.published("plain").GetId())
	}
	back := func() (*echelonv1.Run, error) {
		got, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "plain"})
		return got.GetRun(), err
	}
	for i := range 2 {
		run, err := back()
		h.must(err)
		// Who changed since is evaluated as it is now; of the others the run's own assignment is back.
		for id, want := range map[string]string{"a": "low", "kept": "high"} {
			got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: id})
			h.must(err)
			a := got.GetAssignment()
			if run.GetId() != ids[1-i] || tier(a) != want || a.GetProvenance().GetRunId() != run.GetId() || a.GetStale() || a.GetProvenance().GetOnline() != (id == "a") {
				t.Errorf("back %d: %v under %q", i+1, a, run.GetId())
			}
		}
	}
	_, err := back()
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK, nil, []string{ids[0]}}.check(t, err)
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_OUTDATED, nil, nil}.check(t, h.publish(ids[2]))
	next := h.published("plain")
	if next.GetBaseRunId() != ids[0] {
		t.Errorf("the next run follows %q", next.GetBaseRunId())
	}
	run, err := back()
	h.must(err)
	if run.GetId() != ids[0] {
		t.Errorf("back from the next run is %q", run.GetId())
	}
}

func TestOfTwoPublicationsAtOnceOneWins(t *testing.T) {
	stores := map[string]func(t *testing.T) *harness{
		"memory": func(t *testing.T) *harness { return start(t) },
		"badger": func(t *testing.T) *harness { return serve(t, openBadger(t, t.TempDir())) },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.create(plain)
			h.upsert("a", attrs{"arr": 60})
			for range 5 {
				ids := []string{h.run("plain").GetId(), h.run("plain").GetId(), h.run("plain").GetId()}
				errs := atOnce(len(ids), func(i int) error { return h.publish(ids[i]) })
				winners := 0
				for i, err := range errs {
					if err == nil {
						winners++
						if got := h.currentRun("plain"); got != ids[i] {
							t.Errorf("%q won, and %q is current", ids[i], got)
						}
						continue
					}
					wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_OUTDATED, nil, nil}.check(t, err)
				}
				if winners != 1 {
					t.Errorf("%d of them won", winners)
				}
			}
		})
	}
}

// atOnce calls a function several times at once.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = call(i) })
	}
	wait.Wait()
	return errs
}

// openBadger opens a store in a folder, and closes it at the end of the test.
func openBadger(t testing.TB, dir string) *badger.Store {
	t.Helper()
	store, err := badger.Open(dir, badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestRunsAreListedTheNewestFirstAtAllPageSizes(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	h.upsert("a", attrs{"arr": 60})
	var want []string
	for i := range 9 {
		id := h.run([]string{"plain", "ranked"}[i%2]).GetId()
		if i%2 == 0 {
			want = append(want, id)
		}
	}
	slices.Sort(want) // the clock stands still, so that ids of one instant are in any order
	slices.Reverse(want)
	for _, size := range []int32{1, 2, 7, 5, 1000} {
		request := &echelonv1.ListRunsRequest{Model: "plain", PageSize: size}
		var got []string
		for {
			page, err := h.runs.ListRuns(h.context(), request)
			h.must(err)
			if len(page.GetRuns()) > int(size) {
				t.Fatalf("a page of %d has %d", size, len(page.GetRuns()))
			}
			for _, run := range page.GetRuns() {
				got = append(got, run.GetId())
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", size, got, want)
		}
	}
	if all, err := h.runs.ListRuns(h.context(), &echelonv1.ListRunsRequest{}); err != nil || len(all.GetRuns()) != 9 {
		t.Errorf("all: %v, %v", all, err)
	}
}

// Runs that list many refused customers must fit a page too.
func TestAPageOfLongRunsFitsAMessage(t *testing.T) {
	h := start(t)
	refused := make([]*echelonv1.RowError, 100)
	for i := range refused {
		refused[i] = &echelonv1.RowError{CustomerId: strings.Repeat("x", 512), Message: strings.Repeat("y", 512)}
	}
	h.must(h.store.Update(context.Background(), func(tx storage.Tx) error {
		for i := range 200 {
			run := &echelonv1.Run{Id: string(rune('a'+i/26)) + string(rune('a'+i%26)), Model: "plain", State: echelonv1.Run_READY, Refused: refused}
			if err := tx.PutDocument(storage.KindRun, run.GetId(), run); err != nil {
				return err
			}
		}
		return nil
	}))
	seen := 0
	for request := (&echelonv1.ListRunsRequest{PageSize: 1000}); ; {
		page, err := h.runs.ListRuns(h.context(), request)
		h.must(err)
		seen += len(page.GetRuns())
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	if seen != 200 {
		t.Errorf("%d runs are listed", seen)
	}
}

// A crash leaves a run that is under way and blocks of its snapshot; the next start ends the one and removes the other, and touches nothing else.
func TestARestartEndsTheRunsThatACrashLeftBehind(t *testing.T) {
	dir := t.TempDir()
	store := openBadger(t, dir)
	h := serve(t, store)
	h.create(plain)
	h.upsert("a", attrs{"arr": 60})
	published, ready := h.published("plain"), h.run("plain")
	ctx := context.Background()
	h.must(store.Update(ctx, func(tx storage.Tx) error {
		crashed := &echelonv1.Run{Id: "crashed", Model: "plain", ModelVersion: 1, State: echelonv1.Run_RUNNING, StartTime: timestamppb.New(noon)}
		return tx.PutDocument(storage.KindRun, crashed.GetId(), crashed)
	}))
	for _, name := range []string{"crashed", "nobodys"} {
		writer, err := store.WriteSnapshot(ctx, name)
		h.must(err)
		h.must(writer.Append(&storagev1.SnapshotBlock{Ids: []string{"a"}}))
		h.must(writer.Close())
	}
	h.stop()
	h.must(store.Close())

	store = openBadger(t, dir)
	h = serve(t, store)
	run := h.wait("crashed")
	if run.GetState() != echelonv1.Run_FAILED || !strings.Contains(run.GetFailure(), "start another run") || run.GetEndTime() == nil {
		t.Errorf("the run that was under way is %v", run)
	}
	view, err := store.View(ctx)
	h.must(err)
	names, err := view.SnapshotNames(ctx)
	view.Close()
	h.must(err)
	names = slices.DeleteFunc(names, func(name string) bool { _, changes := storage.BatchOf(name); return changes })
	want := []string{published.GetId(), ready.GetId()}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the snapshots are %v, want %v", names, want)
	}
	if got := h.currentRun("plain"); got != published.GetId() {
		t.Errorf("current is %q", got)
	}
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_STATE, nil, []string{"FAILED"}}.check(t, h.publish("crashed"))
	h.must(h.publish(ready.GetId()))
	got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: "a"})
	h.must(err)
	if tier(got.GetAssignment()) != "high" {
		t.Errorf("after the restart: %v", got)
	}
}
