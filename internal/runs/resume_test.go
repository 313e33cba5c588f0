package runs_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/runs"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

var errDead = errors.New("the process is dead")

// mortal is a store of a process that dies: after so many more writes nothing is written any more. While it holds, scans of customers wait.
type mortal struct {
	storage.Store
	writes atomic.Int64
	holds  atomic.Bool
	begun  chan struct{}
}

func newMortal(store storage.Store) *mortal {
	s := &mortal{Store: store, begun: make(chan struct{}, 100)}
	s.writes.Store(1 << 40)
	return s
}

// die ends the process; revive is the next one on the same disk.
func (s *mortal) die()    { s.writes.Store(0) }
func (s *mortal) revive() { s.writes.Store(1 << 40) }

func (s *mortal) dead() error {
	if s.writes.Add(-1) < 0 {
		return errDead
	}
	return nil
}

func (s *mortal) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := s.dead(); err != nil {
		return err
	}
	return s.Store.Update(ctx, fn)
}

func (s *mortal) WriteSnapshot(ctx context.Context, name string) (storage.SnapshotWriter, error) {
	if err := s.dead(); err != nil {
		return nil, err
	}
	w, err := s.Store.WriteSnapshot(ctx, name)
	return &mortalWriter{w, s}, err
}

func (s *mortal) DeleteSnapshot(ctx context.Context, name string) error {
	if err := s.dead(); err != nil {
		return err
	}
	return s.Store.DeleteSnapshot(ctx, name)
}

func (s *mortal) View(ctx context.Context) (storage.Reader, error) {
	reader, err := s.Store.View(ctx)
	return &mortalReader{reader, s}, err
}

type mortalReader struct {
	storage.Reader
	store *mortal
}

func (r *mortalReader) CustomerPages(ctx context.Context, view *frame.Schema, scan storage.CustomerScan, readers int) iter.Seq2[storage.CustomerPage, error] {
	if !r.store.holds.Load() {
		return r.Reader.CustomerPages(ctx, view, scan, readers)
	}
	return func(yield func(storage.CustomerPage, error) bool) {
		r.store.begun <- struct{}{}
		<-ctx.Done()
		yield(nil, ctx.Err())
	}
}

// mortalWriter writes what it was given as it comes, so that a death leaves blocks behind.
type mortalWriter struct {
	storage.SnapshotWriter
	store *mortal
}

func (w *mortalWriter) Append(block *storagev1.SnapshotBlock) error {
	if err := w.store.dead(); err != nil {
		return err
	}
	return w.SnapshotWriter.Append(block)
}

func (w *mortalWriter) Close() error {
	if err := w.store.dead(); err != nil {
		return err
	}
	return w.SnapshotWriter.Close()
}

func (w *mortalWriter) Abort() error {
	if w.store.writes.Load() <= 0 {
		return errors.Join(errDead, w.SnapshotWriter.Close()) // the dead remove nothing
	}
	return w.SnapshotWriter.Abort()
}

// restart is the next process: a new manager on the same store.
func (r *rig) restart() {
	r.Helper()
	r.Close()
	if s, ok := r.store.(*mortal); ok {
		s.revive()
	}
	var err error
	r.Manager, err = runs.New(context.Background(), r.store, r.catalog, r.intake, clock, slog.New(slog.DiscardHandler))
	r.must(err)
}

// population is n customers whose x differs.
func population(n int, factor float64) []*echelonv1.Customer {
	list := make([]*echelonv1.Customer, n)
	for i := range list {
		list[i] = &echelonv1.Customer{Id: fmt.Sprintf("c%05d", i), Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{
			"x": structpb.NewNumberValue(float64((i*7919)%n+1) * factor),
		}}}
	}
	return list
}

// orphans fails where something is left of runs that no run owns, or that are over.
func (r *rig) orphans() {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	names, err := view.SnapshotNames(context.Background())
	r.must(err)
	for _, name := range names {
		if _, changes := storage.BatchOf(name); changes {
			continue
		}
		if run, err := r.Get(context.Background(), name); err != nil || !storage.HasSnapshot(run) {
			r.Errorf("the snapshot %q is of %v, %v", name, run, err)
		}
	}
	for document, err := range view.Documents(storage.KindRunStart, storage.DocumentScan{Prefix: "run/"}) {
		r.must(err)
		if run, err := r.Get(context.Background(), strings.TrimPrefix(document.Key, "run/")); err != nil || run.GetState() != echelonv1.Run_RUNNING {
			r.Errorf("%q is kept for a run that is %v, %v", document.Key, run, err)
		}
	}
}

// blocks are those of a run's snapshot, and its tables.
func (r *rig) blocks(id string) (all []proto.Message) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	for block, err := range view.SnapshotBlocks(context.Background(), id, "") {
		r.must(err)
		all = append(all, block)
	}
	run, err := r.Get(context.Background(), id)
	r.must(err)
	return append(all, run.GetSummary())
}

// same fails unless two runs have the same result, to the bit.
func (r *rig) same(got, want string) {
	r.Helper()
	a, b := r.blocks(got), r.blocks(want)
	if diff := cmp.Diff(b, a, protocmp.Transform()); diff != "" || len(a) < 2 {
		r.Errorf("%d blocks of a run that was cut off (-undisturbed +it):\n%s", len(a)-1, diff)
	}
}

func TestARunGoesOnWhereverTheServerDies(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.put(population(2100, 1)) // three blocks
	undisturbed := r.run()
	again := 0
	for writes := int64(0); ; writes++ {
		s.writes.Store(writes)
		started, err := r.Start(t.Context(), runs.Request{Model: "m", AsOf: noon.Add(-time.Hour)})
		if err != nil {
			if !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			r.restart()
			continue
		}
		// Its end is recorded, or the death is met before.
		for s.writes.Load() >= 0 && r.underWay(started.GetId()) {
			time.Sleep(time.Millisecond)
		}
		lived := s.writes.Load() >= 0
		r.restart()
		run := r.ended(started.GetId())
		if run.GetState() != echelonv1.Run_READY || !proto.Equal(run.GetAsOf(), started.GetAsOf()) || run.GetModelVersion() != 1 {
			t.Fatalf("after %d writes the run is %v", writes, run)
		}
		if run.GetAttempts() > 1 {
			again++
		}
		r.same(run.GetId(), undisturbed.GetId())
		r.orphans()
		if lived {
			break
		}
	}
	if again < 4 {
		t.Errorf("only %d runs were cut off: the test has shown nothing", again)
	}
}

// underWay reports whether a run has not ended.
func (r *rig) underWay(id string) bool {
	run, err := r.Get(context.Background(), id)
	r.must(err)
	return run.GetState() == echelonv1.Run_RUNNING
}

// cutOff starts a run and waits until it is amid its customers.
func (r *rig) cutOff(request runs.Request) *echelonv1.Run {
	r.Helper()
	s := r.store.(*mortal)
	s.holds.Store(true)
	started, err := r.Start(context.Background(), request)
	r.must(err)
	<-s.begun
	return started
}

// What a run reads after the next start is one commit, that of the next start: who was written meanwhile is in it, and what is published meanwhile is
// its base.
func TestARunThatWasCutOffReadsOneCommit(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.put(population(100, 1))
	base := r.run()
	started := r.cutOff(runs.Request{Model: "m"})
	_, err := r.Publish(t.Context(), base.GetId())
	r.must(err)
	r.put(population(120, 0.5))
	s.holds.Store(false)
	r.restart()
	run := r.ended(started.GetId())
	if run.GetBaseRunId() != base.GetId() || run.GetReadPoint() <= started.GetReadPoint() || run.GetAttempts() != 2 {
		t.Errorf("the run is %v", run)
	}
	r.same(run.GetId(), r.run().GetId())
	if _, err := r.Publish(t.Context(), run.GetId()); err != nil {
		t.Errorf("publishing it: %v", err)
	}
}

func TestARunThatServersCrashOfFailsAfterThreeAndOneThatIsStoppedNever(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.put(population(10, 1))
	started := r.cutOff(runs.Request{Model: "m"})
	for stops := range 5 {
		r.restart()
		<-s.begun
		if run, err := r.Get(t.Context(), started.GetId()); err != nil || run.GetState() != echelonv1.Run_RUNNING || int(run.GetAttempts()) != stops+2 {
			t.Fatalf("after %d stops the run is %v, %v", stops+1, run, err)
		}
	}
	for range 2 {
		s.die()
		r.restart()
		<-s.begun
		if !r.underWay(started.GetId()) {
			t.Fatal("it does not go on")
		}
	}
	s.die()
	r.restart()
	run := r.ended(started.GetId())
	if run.GetState() != echelonv1.Run_FAILED || !strings.Contains(run.GetFailure(), "3 servers crashed while it was under way") {
		t.Errorf("the run is %v", run)
	}
	r.orphans()
	s.holds.Store(false)
	if next := r.run(); next.GetState() != echelonv1.Run_READY {
		t.Errorf("the next run is %v", next)
	}
}

func TestARunThatWasCancelledStaysCancelled(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	started := r.cutOff(runs.Request{Model: "m"})
	_, err := r.Cancel(t.Context(), started.GetId())
	r.must(err)
	s.die()
	s.holds.Store(false)
	r.restart()
	if run := r.ended(started.GetId()); run.GetState() != echelonv1.Run_CANCELLED {
		t.Errorf("the run is %v", run)
	}
	r.orphans()
}

// A run of a program that did not keep what runs are started with may have had rates that nobody knows.
func TestARunOfWhichNobodyKnowsWhatItWasStartedWithFails(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.must(s.Update(t.Context(), func(tx storage.Tx) error {
		return tx.PutDocument(storage.KindRun, "old", &echelonv1.Run{Id: "old", Model: "m", ModelVersion: 1, State: echelonv1.Run_RUNNING})
	}))
	r.restart()
	if run := r.ended("old"); run.GetState() != echelonv1.Run_FAILED || !strings.Contains(run.GetFailure(), "start another run") {
		t.Errorf("the run is %v", run)
	}
}

func TestAFullDiskDoesNotKeepTheServerFromStarting(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.put(population(10, 1))
	started := r.cutOff(runs.Request{Model: "m"})
	r.Close()
	full := &fullDisk{Store: s}
	m, err := runs.New(t.Context(), full, r.catalog, r.intake, clock, slog.New(slog.DiscardHandler))
	r.must(err)
	run, err := m.Get(t.Context(), started.GetId())
	m.Close()
	if err != nil || run.GetState() != echelonv1.Run_FAILED || !strings.Contains(run.GetFailure(), "free space") {
		t.Errorf("the run is %v, %v", run, err)
	}
	s.holds.Store(false)
	r.restart()
	if run := r.ended(started.GetId()); run.GetState() != echelonv1.Run_READY {
		t.Errorf("with space it is %v", run)
	}
}

func TestAnIdempotencyKeyStartsOneRun(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.put(population(10, 1))
	as := func(name string) context.Context { return feed.By(t.Context(), feed.Who{Actor: name}) }
	request := runs.Request{Model: "m", Key: "january", AsOf: noon}
	s.holds.Store(true)
	var ids sync.Map
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			run, err := r.Start(as("ann"), request)
			if err != nil {
				t.Error(err)
			}
			ids.Store(run.GetId(), true)
		})
	}
	wait.Wait()
	<-s.begun
	only := ""
	ids.Range(func(id, _ any) bool {
		if only != "" {
			t.Errorf("the runs %s and %s", only, id)
		}
		only = id.(string)
		return true
	})
	s.die()
	s.holds.Store(false)
	r.restart()
	r.ended(only)
	again, err := r.Start(as("ann"), request)
	if err != nil || again.GetId() != only || again.GetState() != echelonv1.Run_READY || again.GetStartedBy() != "ann" {
		t.Errorf("repeated after a crash: %v, %v", again, err)
	}
	other := request
	other.AsOf = noon.Add(-time.Second)
	if _, err := r.Start(as("ann"), other); !fault.Is(err, echelonv1.ErrorReason_IDEMPOTENCY_MISMATCH) {
		t.Errorf("with another as_of: %v", err)
	}
	other = request
	other.WhatIf = true
	if _, err := r.Start(as("ann"), other); !fault.Is(err, echelonv1.ErrorReason_IDEMPOTENCY_MISMATCH) {
		t.Errorf("as a what-if: %v", err)
	}
	bobs, err := r.Start(as("bob"), request)
	if err != nil || bobs.GetId() == only {
		t.Errorf("another principal's start: %v, %v", bobs, err)
	}
	r.ended(bobs.GetId())
}

// The rates that came with the call are nowhere else.
func TestARunThatWasCutOffKeepsItsRates(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	m, _, found := modelfile.Parse("sold.yaml", []byte(`
name: sold
currency: {base: EUR}
attributes: [{name: x, type: NUMBER}]
scores: [{name: value, criteria: [{name: x, expr: "convert(x, 'USD')", weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {min_score: 50}}, {name: low}]}}]
`))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	_, err := r.catalog.Create(t.Context(), m)
	r.must(err)
	rates := []*echelonv1.ExchangeRate{{Currency: "USD", Date: "2026-01-30", Rate: 0.75}}
	started := r.cutOff(runs.Request{Model: "sold", Version: 1, Rates: rates})
	s.die()
	s.holds.Store(false)
	r.restart()
	if run := r.ended(started.GetId()); run.GetState() != echelonv1.Run_READY {
		t.Fatalf("the run is %v", run)
	}
	if diff := cmp.Diff(rates, r.calibration(started.GetId()).GetRates(), protocmp.Transform()); diff != "" {
		t.Errorf("the calibration's rates (-want +got):\n%s", diff)
	}
}

// A run that only asks what would be does so after a crash, too: nobody may publish it because a server ended.
func TestAWhatIfThatWasCutOffIsNeverPublished(t *testing.T) {
	s := newMortal(memory.New())
	r := newRig(t, s)
	r.put(population(10, 1))
	started := r.cutOff(runs.Request{Model: "m", WhatIf: true})
	s.die()
	s.holds.Store(false)
	r.restart()
	run := r.ended(started.GetId())
	if run.GetState() != echelonv1.Run_READY || run.GetAttempts() != 2 || !run.GetWhatIf() {
		t.Errorf("the run is %v", run)
	}
	_, err := r.Publish(t.Context(), run.GetId())
	r.refused(err, run, echelonv1.ErrorReason_RUN_STATE, "only asks what would be")
}
