package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/audit"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestARunIsCancelledAndLeavesNothing(t *testing.T) {
	ctx := context.Background()
	store := &held{Store: memory.New(), begun: make(chan struct{})}
	r := newRig(t, store)
	started, err := r.Start(ctx, runs.Request{Model: "m"})
	r.must(err)
	<-store.begun
	run, err := r.Cancel(ctx, started.GetId())
	r.must(err)
	if run.GetState() != echelonv1.Run_CANCELLED || run.GetFailure() != "it was cancelled" || run.GetEndTime() == nil {
		t.Errorf("the run is %v", run)
	}
	if _, err := r.Cancel(ctx, started.GetId()); !fault.Is(err, echelonv1.ErrorReason_RUN_STATE) {
		t.Errorf("cancelled twice: %v", err)
	}
	if _, err := r.Publish(ctx, started.GetId()); !fault.Is(err, echelonv1.ErrorReason_RUN_STATE) {
		t.Errorf("published: %v", err)
	}
	if _, err := r.Cancel(ctx, "none"); !fault.Is(err, echelonv1.ErrorReason_RUN_NOT_FOUND) {
		t.Errorf("cancelled what is not there: %v", err)
	}
	view, err := store.Store.View(ctx)
	r.must(err)
	defer view.Close()
	if names, err := view.SnapshotNames(ctx); err != nil || len(names) > 0 {
		t.Errorf("snapshots %v are left (%v)", names, err)
	}
}

// Cancelling a run is a change that somebody makes, and its end is written down as theirs.
func TestWhoCancelsARunIsWrittenDown(t *testing.T) {
	ctx := context.Background()
	store := &held{Store: memory.New(), begun: make(chan struct{})}
	log, err := audit.Open(ctx, store, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, log.Store())
	started, err := r.Start(audit.Begin(ctx, audit.Call{Actor: "ann", Method: "StartRun"}), runs.Request{Model: "m"})
	r.must(err)
	<-store.begun
	_, err = r.Cancel(audit.Begin(ctx, audit.Call{Actor: "bob", Method: "CancelRun"}), started.GetId())
	r.must(err)
	entries, err := log.List(ctx, 0, 10, audit.Filter{})
	r.must(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.GetActor()+" "+e.GetMethod()+" "+e.GetSubject())
	}
	subject := "models/m/runs/" + started.GetId()
	if want := []string{"bob CancelRun " + subject, "ann StartRun " + subject}; !slices.Equal(got, want) {
		t.Errorf("written down is %q, want %q", got, want)
	}
}

func TestARunIsWatchedToItsEnd(t *testing.T) {
	ctx := context.Background()
	store := &held{Store: memory.New(), begun: make(chan struct{})}
	r := newRig(t, store)
	r.put([]*echelonv1.Customer{{Id: "a"}, {Id: "b"}})
	started, err := r.Start(ctx, runs.Request{Model: "m"})
	r.must(err)
	<-store.begun
	var seen []runs.Progress
	for progress, err := range r.Watch(ctx, started.GetId()) {
		r.must(err)
		seen = append(seen, progress)
		if len(seen) == 1 {
			if _, err := r.Cancel(ctx, started.GetId()); err != nil {
				t.Error(err)
			}
		}
	}
	if len(seen) != 2 || seen[0].Phase != runs.Calibrating || seen[0].Total != 2 || seen[0].Run.GetState() != echelonv1.Run_RUNNING ||
		seen[1].Phase != runs.Ended || seen[1].Run.GetState() != echelonv1.Run_CANCELLED {
		t.Errorf("seen %+v", seen)
	}
	for _, err := range r.Watch(ctx, "none") {
		if !fault.Is(err, echelonv1.ErrorReason_RUN_NOT_FOUND) {
			t.Errorf("watched what is not there: %v", err)
		}
	}
	again, err := r.Start(ctx, runs.Request{Model: "m"})
	r.must(err)
	<-store.begun
	stopped, stop := context.WithCancel(ctx)
	for _, err := range r.Watch(stopped, again.GetId()) {
		if err == nil {
			stop()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("a watch that is stopped: %v", err)
		}
	}
	stop()
}

func TestARunThatEndedIsSeenOnce(t *testing.T) {
	r := newRig(t, memory.New())
	r.put([]*echelonv1.Customer{{Id: "a"}})
	run := r.run()
	n := 0
	for progress, err := range r.Watch(context.Background(), run.GetId()) {
		r.must(err)
		if n++; progress.Run.GetState() != echelonv1.Run_READY || progress.Done != 1 || progress.Total != 1 || progress.Remaining >= 0 {
			t.Errorf("seen %+v", progress)
		}
	}
	if n != 1 {
		t.Errorf("seen %d times", n)
	}
}

// aging is a rig whose time goes on by a day with every run.
type aging struct {
	*rig
	now time.Time
}

func newAging(t *testing.T) *aging {
	a := &aging{rig: newRig(t, memory.New()), now: noon}
	a.put([]*echelonv1.Customer{{Id: "a"}})
	a.Close()
	var err error
	a.Manager, err = runs.New(context.Background(), a.store, a.catalog, a.intake, func() time.Time { return a.now }, slog.New(slog.DiscardHandler))
	a.must(err)
	return a
}

// days runs the model once a day, and publishes the runs of the days that are said.
func (a *aging) days(n int, publish ...int) (ids []string) {
	a.Helper()
	for day := range n {
		a.now = a.now.AddDate(0, 0, 1)
		run := a.run()
		ids = append(ids, run.GetId())
		if slices.Contains(publish, day) {
			_, err := a.Publish(context.Background(), run.GetId())
			a.must(err)
		}
	}
	return ids
}

// kept returns the places of the runs that have their snapshot, and fails where the record of a run and its blocks differ.
func (a *aging) kept(ids []string) (places []int) {
	a.Helper()
	view, err := a.store.View(context.Background())
	a.must(err)
	defer view.Close()
	names, err := view.SnapshotNames(context.Background())
	a.must(err)
	for place, id := range ids {
		run, err := a.Get(context.Background(), id)
		a.must(err)
		if storage.HasSnapshot(run) != slices.Contains(names, id) || run.GetSummary() == nil {
			a.Fatalf("the run %d is %v, and the snapshots %v", place, run, names)
		}
		if storage.HasSnapshot(run) {
			places = append(places, place)
		}
	}
	return places
}

func TestOldSnapshotsAreRemoved(t *testing.T) {
	for name, test := range map[string]struct {
		retention runs.Retention
		publish   []int
		want      string
	}{
		"the newest":                    {runs.Retention{Runs: 2}, nil, "[4 5]"},
		"the young":                     {runs.Retention{Days: 3}, nil, "[3 4 5]"},
		"the newest and the young":      {runs.Retention{Runs: 4, Days: 1}, nil, "[2 3 4 5]"},
		"more than there are":           {runs.Retention{Runs: 9}, nil, "[0 1 2 3 4 5]"},
		"everything":                    {runs.Retention{}, nil, "[0 1 2 3 4 5]"},
		"the current one, however old":  {runs.Retention{Runs: 1}, []int{0}, "[0 5]"},
		"what a roll back would bring":  {runs.Retention{Runs: 1}, []int{0, 1, 2}, "[1 2 5]"},
		"the current one is the newest": {runs.Retention{Runs: 1}, []int{1, 5}, "[1 5]"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAging(t)
			ids := a.days(6, test.publish...)
			removed, err := a.Sweep(context.Background(), test.retention)
			a.must(err)
			if got := fmt.Sprint(a.kept(ids)); got != test.want || len(removed) != 6-len(a.kept(ids)) {
				t.Errorf("kept %s, want %s; removed %v", got, test.want, removed)
			}
			if again, err := a.Sweep(context.Background(), test.retention); err != nil || len(again) > 0 {
				t.Errorf("swept again: %v, %v", again, err)
			}
		})
	}
}

func TestWhatWasRemovedIsToldByName(t *testing.T) {
	ctx := context.Background()
	a := newAging(t)
	ids := a.days(5, 0, 1, 2)
	_, err := a.Sweep(ctx, runs.Retention{Runs: 1})
	a.must(err)
	removed := func(what string, err error) {
		t.Helper()
		if !fault.Is(err, echelonv1.ErrorReason_SNAPSHOT_REMOVED) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	back, err := a.RollBack(ctx, "m") // to the one that is kept for that
	a.must(err)
	if back.GetId() != ids[1] {
		t.Errorf("rolled back to %s", back.GetId())
	}
	_, err = a.RollBack(ctx, "m")
	removed("rolled back beyond what is kept", err)
	_, err = a.Publish(ctx, ids[3])
	removed("published", err)
	view, err := a.store.View(ctx)
	a.must(err)
	defer view.Close()
	_, err = snapshot.Open(a.catalog, view, "m", ids[3])
	removed("read", err)
	if current, err := snapshot.Open(a.catalog, view, "m", ""); err != nil || current.Run().GetId() != ids[1] {
		t.Errorf("current is not what it was: %v", err)
	}
}

// A crash between the record and the blocks leaves blocks behind, which the next start removes.
func TestBlocksOfARemovedSnapshotGoWithTheNextStart(t *testing.T) {
	a := newAging(t)
	ids := a.days(2)
	run, err := a.Get(context.Background(), ids[0])
	a.must(err)
	run.SnapshotRemoved = true
	a.must(a.store.Update(context.Background(), func(tx storage.Tx) error { return tx.PutDocument(storage.KindRun, run.GetId(), run) }))
	a.Close()
	a.Manager, err = runs.New(context.Background(), a.store, a.catalog, a.intake, clock, slog.New(slog.DiscardHandler))
	a.must(err)
	if got := fmt.Sprint(a.kept(ids)); got != "[1]" {
		t.Errorf("kept %s", got)
	}
}

func TestSweepsBeginWithTheManager(t *testing.T) {
	a := newAging(t)
	ids := a.days(3)
	a.KeepOnly(runs.Retention{Runs: 1})
	left := func() []string {
		view, err := a.store.View(t.Context())
		a.must(err)
		defer view.Close()
		names, err := view.SnapshotNames(t.Context())
		a.must(err)
		return names
	}
	for began := time.Now(); !slices.Equal(left(), ids[2:]); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("nothing is swept")
		}
	}
}

// What-ifs take from the runs that are to be published neither their snapshots nor the place of the last that ended well.
func TestWhatIfsAreCountedByThemselves(t *testing.T) {
	r := newRig(t, memory.New())
	var whatIfs []string
	ask := func() {
		started, err := r.Start(t.Context(), runs.Request{Model: "m", WhatIf: true})
		r.must(err)
		whatIfs = append(whatIfs, r.ended(started.GetId()).GetId())
	}
	ask()
	if ended := r.Succeeded(); len(ended) != 0 {
		t.Errorf("a what-if is counted as a run that ended well: %v", ended)
	}
	waits := r.run()
	ask()
	removed, err := r.Sweep(t.Context(), runs.Retention{Runs: 1})
	r.must(err)
	if len(removed) != 1 || !slices.Contains(whatIfs, removed[0]) {
		t.Errorf("removed %v of the what-ifs %v and the run %s", removed, whatIfs, waits.GetId())
	}
	if ended := r.Succeeded(); len(ended) != 1 {
		t.Errorf("%v ended well", ended)
	}
}
