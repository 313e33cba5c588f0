package runs_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
	"github.com/echelonhq/echelon/storage/memory"
)

// fillMany stores customers for many blocks, with some whom the model refuses and some without a value.
func (r *rig) fillMany(people int) {
	r.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	var list []*echelonv1.Customer
	for i := range people {
		fields := map[string]*structpb.Value{"kind": structpb.NewStringValue([]string{"a", "b"}[random.IntN(2)])}
		if random.IntN(300) == 0 {
			fields["kind"] = structpb.NewStringValue("refused")
		}
		if random.IntN(10) > 0 {
			fields["x"] = structpb.NewNumberValue(random.NormFloat64() * 1e6 / 3)
		}
		list = append(list, &echelonv1.Customer{Id: fmt.Sprintf("c%06d", random.IntN(1_000_000)), Attributes: &structpb.Struct{Fields: fields}})
		if len(list) == 2000 || i == people-1 {
			r.put(list)
			list = nil
		}
	}
}

// made is all that a run leaves.
type made struct {
	run         *echelonv1.Run
	calibration *echelonv1.Calibration
	blocks      []*storagev1.SnapshotBlock
}

func (r *rig) made() made {
	r.Helper()
	run := r.run()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	out := made{run: run, calibration: r.calibration(run.GetId())}
	for block, err := range view.SnapshotBlocks(context.Background(), run.GetId(), "") {
		r.must(err)
		out.blocks = append(out.blocks, block)
	}
	out.run.Id, out.calibration.Id, out.run.ReadPoint, out.run.BaseRunId = "", "", 0, ""
	return out
}

// sameBits looks that two runs left the same, byte by byte.
func (r *rig) sameBits(what string, got, want made) {
	r.Helper()
	encode := func(m proto.Message) string {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		r.must(err)
		return string(data)
	}
	if len(got.blocks) != len(want.blocks) {
		r.Fatalf("%s: %d blocks, want %d", what, len(got.blocks), len(want.blocks))
	}
	for i := range want.blocks {
		if encode(got.blocks[i]) != encode(want.blocks[i]) {
			r.Fatalf("%s: block %d differs (-want +got)\n%s", what, i, cmp.Diff(want.blocks[i], got.blocks[i], protocmp.Transform()))
		}
	}
	if encode(got.run) != encode(want.run) {
		r.Fatalf("%s: the runs differ (-want +got)\n%s", what, cmp.Diff(want.run, got.run, protocmp.Transform()))
	}
	if encode(got.calibration) != encode(want.calibration) {
		r.Fatalf("%s: the calibrations differ (-want +got)\n%s", what, cmp.Diff(want.calibration, got.calibration, protocmp.Transform()))
	}
}

// One core or four, memory or disk: blocks, findings, the refused and the tables are the same to the bit.
func TestARunIsTheSameOnOneCoreAndOnFour(t *testing.T) {
	onDisk, err := badger.Open(t.TempDir(), badger.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want *made
	for name, store := range map[string]storage.Store{"memory": memory.New(), "disk": onDisk} {
		r := newRig(t, store)
		r.fillMany(20_000)
		r.activate(holding)
		for _, cores := range []int{1, 4} {
			runtime.GOMAXPROCS(cores)
			got := r.made()
			if want == nil {
				want = &got
				if len(got.blocks) < 15 || len(got.run.GetRefused()) < 50 || got.run.GetState() != echelonv1.Run_READY {
					t.Fatalf("%d blocks, and %d of %d are refused", len(got.blocks), len(got.run.GetRefused()), got.run.GetEvaluated())
				}
			}
			r.sameBits(fmt.Sprintf("%s, %d cores", name, cores), got, *want)
		}
	}
}

// broken is a store whose scans end with an error after some pages.
type broken struct {
	storage.Store
	after int
	err   error
}

func (s *broken) View(ctx context.Context) (storage.Reader, error) {
	reader, err := s.Store.View(ctx)
	return &brokenReader{reader, s}, err
}

type brokenReader struct {
	storage.Reader
	store *broken
}

// brokenPage panics when it is decoded.
type brokenPage struct{}

func (brokenPage) Decode() (*storage.CustomerBatch, error) { panic("the page is broken") }

func (r *brokenReader) CustomerPages(ctx context.Context, view *frame.Schema, scan storage.CustomerScan, readers int) iter.Seq2[storage.CustomerPage, error] {
	return func(yield func(storage.CustomerPage, error) bool) {
		n := 0
		for page, err := range r.Reader.CustomerPages(ctx, view, scan, readers) {
			if n++; n > r.store.after {
				if r.store.err != nil {
					yield(nil, r.store.err)
					return
				}
				page = brokenPage{}
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// Whatever goes wrong in whichever goroutine, the run fails, nothing of its snapshot is left, and the server goes on.
func TestARunThatBreaksInTheMiddleLeavesNothing(t *testing.T) {
	damage := &storage.CorruptError{What: `customer "c"`, Err: errors.New("broken")}
	for name, err := range map[string]error{"an error of the store": damage, "a panic of a worker": nil} {
		t.Run(name, func(t *testing.T) {
			store := &broken{Store: memory.New(), after: 3, err: err}
			r := newRig(t, store)
			r.fillMany(10_000)
			run := r.run()
			if run.GetState() != echelonv1.Run_FAILED || run.GetFailure() == "" {
				t.Errorf("the run is %v", run)
			}
			view, err := store.View(t.Context())
			r.must(err)
			defer view.Close()
			names, err := view.SnapshotNames(t.Context())
			r.must(err)
			if len(names) > 0 {
				t.Errorf("of the run there is left %q", names)
			}
			store.after = 1000
			if run := r.run(); run.GetState() != echelonv1.Run_READY {
				t.Errorf("the next run is %v", run)
			}
		})
	}
}

// bursting is a store whose writer of snapshots panics at its third block.
type bursting struct {
	storage.Store
	aborted int
}

func (s *bursting) WriteSnapshot(ctx context.Context, name string) (storage.SnapshotWriter, error) {
	writer, err := s.Store.WriteSnapshot(ctx, name)
	return &burstingWriter{SnapshotWriter: writer, store: s}, err
}

type burstingWriter struct {
	storage.SnapshotWriter
	store  *bursting
	blocks int
}

func (w *burstingWriter) Append(block *storagev1.SnapshotBlock) error {
	if w.blocks++; w.blocks == 3 {
		panic("the writer is broken")
	}
	return w.SnapshotWriter.Append(block)
}

func (w *burstingWriter) Abort() error {
	w.store.aborted++
	return w.SnapshotWriter.Abort()
}

// A writer commits blocks while others are made: whatever ends the run ends the writer, or blocks would come after they were removed.
func TestARunThatPanicsAbortsItsWriter(t *testing.T) {
	store := &bursting{Store: memory.New()}
	r := newRig(t, store)
	r.fillMany(10_000)
	if run := r.run(); run.GetState() != echelonv1.Run_FAILED {
		t.Errorf("the run is %v", run)
	}
	if store.aborted != 1 {
		t.Errorf("its writer was aborted %d times", store.aborted)
	}
	view, err := store.View(t.Context())
	r.must(err)
	defer view.Close()
	names, err := view.SnapshotNames(t.Context())
	r.must(err)
	if len(names) > 0 {
		t.Errorf("of the run there is left %q", names)
	}
}
