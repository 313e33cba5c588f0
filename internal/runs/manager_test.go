package runs_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const file = `
name: m
amount: x
attributes: [{name: x, type: NUMBER}, {name: kind, type: STRING, values: [a, b]}]
segmentations: [{name: size, segments: [{name: Large, when: "x >= 50.0"}], otherwise: Small, unknown: Unclassified}]
scores: [{name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {percentile: {}}}]}]
tierings: [{name: coverage, linear: {score: v, tiers: [{name: high, cut: {cumulative_share: {of: x, share: 0.5}}}, {name: low}]}}]
`

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// rig is a manager over a store with an active model.
type rig struct {
	testing.TB
	store   storage.Store
	catalog *catalog.Catalog
	intake  *intake.Intake
	*runs.Manager
}

func newRig(t testing.TB, store storage.Store) *rig {
	t.Helper()
	r := &rig{TB: t, store: store, catalog: catalog.New(store, clock)}
	r.intake = intake.New(store, r.catalog, clock)
	m, _, found := modelfile.Parse("model.yaml", []byte(file))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	_, err := r.catalog.Create(context.Background(), m)
	r.must(err)
	_, err = r.catalog.Activate(context.Background(), "m", 0)
	r.must(err)
	r.Manager, err = runs.New(context.Background(), store, r.catalog, r.intake, clock, slog.New(slog.DiscardHandler))
	r.must(err)
	t.Cleanup(func() {
		r.Close()
		_ = store.Close()
	})
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// put stores customers by their x; a NaN-free map, where kind may break the model's rule.
func (r *rig) put(customers []*echelonv1.Customer) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	schema, err := storage.ReadSchema(view)
	r.must(err)
	b := frame.NewBuilder(storage.FrameSchema(schema))
	for _, c := range customers {
		if fault := b.AddCustomer(c, false); fault != nil {
			r.Fatal(fault)
		}
	}
	r.must(r.store.PutCustomers(context.Background(), b.Take(), noon))
}

func (r *rig) calibration(id string) *echelonv1.Calibration {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	calibration, err := catalog.Calibration(view, id)
	r.must(err)
	return calibration
}

func (r *rig) run() *echelonv1.Run {
	r.Helper()
	started, err := r.Start(context.Background(), runs.Request{Model: "m"})
	r.must(err)
	return r.ended(started.GetId())
}

func (r *rig) ended(id string) *echelonv1.Run {
	r.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		run, err := r.Get(context.Background(), id)
		r.must(err)
		if run.GetState() != echelonv1.Run_RUNNING {
			return run
		}
		if time.Since(began) > time.Minute {
			r.Fatalf("the run does not end: %v", run)
		}
	}
}

func (r *rig) export(id string) (all []*echelonv1.Assignment) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	reader, err := snapshot.Open(r.catalog, view, "m", id)
	r.must(err)
	for row, err := range reader.Rows(context.Background(), "") {
		r.must(err)
		a := reader.Assignment(row)
		all = append(all, a)
		alone, err := reader.Get(a.GetCustomerId())
		r.must(err)
		if a.GetProvenance() == nil {
			alone.Provenance = nil
		}
		if diff := cmp.Diff(a, alone, protocmp.Transform()); diff != "" {
			r.Fatalf("exported and got (-exported +got):\n%s", diff)
		}
	}
	return all
}

func customers(t *rapid.T) []*echelonv1.Customer {
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c\x00é😀]{1,4}`), 0, 30, rapid.ID[string]).Draw(t, "ids")
	var list []*echelonv1.Customer
	for _, id := range ids {
		fields := make(map[string]*structpb.Value)
		if rapid.IntRange(0, 4).Draw(t, "given") > 0 {
			fields["x"] = structpb.NewNumberValue(rapid.Float64Range(-10, 100).Draw(t, "x"))
		}
		if kind := rapid.SampledFrom([]string{"", "a", "refused"}).Draw(t, "kind"); kind != "" {
			fields["kind"] = structpb.NewStringValue(kind)
		}
		list = append(list, &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: fields}})
	}
	return list
}

func TestRunsOnMemoryAndBadgerAreEqual(t *testing.T) {
	inMemory := newRig(t, memory.New())
	onDisk, err := badger.Open(t.TempDir(), badger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	inBadger := newRig(t, onDisk)
	random := rapid.Custom(customers)
	for seed := range 12 { // each writes to a disk
		list := random.Example(seed)
		var exports [2][]*echelonv1.Assignment
		var ended [2]*echelonv1.Run
		for i, r := range []*rig{inMemory, inBadger} {
			if len(list) > 0 {
				r.put(list)
			}
			ended[i] = r.run()
			exports[i] = r.export(ended[i].GetId())
			ended[i].Id, ended[i].ReadPoint = "", 0
			if b := ended[i].GetSummary().GetBalance(); b.GetCustomers() != b.GetTiered()+b.GetUnscored()+b.GetExcluded()+b.GetRefused() ||
				b.GetAmountIn() != b.GetAmountOut() || int(b.GetTiered()+b.GetUnscored()) != len(exports[i]) {
				t.Fatalf("the books do not balance: %v with %d assignments", b, len(exports[i]))
			}
		}
		if diff := cmp.Diff(exports[0], exports[1], protocmp.Transform()); diff != "" {
			t.Fatalf("assignments (-memory +badger):\n%s", diff)
		}
		if diff := cmp.Diff(ended[0], ended[1], protocmp.Transform()); diff != "" {
			t.Fatalf("runs (-memory +badger):\n%s", diff)
		}
	}
}

// held is a store whose scans of customers wait until they are let go or their context ends; or panic.
type held struct {
	storage.Store
	begun chan struct{}
	panic bool
}

func (s *held) View(ctx context.Context) (storage.Reader, error) {
	reader, err := s.Store.View(ctx)
	return &heldReader{reader, s}, err
}

type heldReader struct {
	storage.Reader
	store *held
}

func (r *heldReader) CustomerPages(ctx context.Context, _ *frame.Schema, _ storage.CustomerScan, _ int) iter.Seq2[storage.CustomerPage, error] {
	return func(yield func(storage.CustomerPage, error) bool) {
		if r.store.panic {
			panic("the store is broken")
		}
		r.store.begun <- struct{}{}
		<-ctx.Done()
		yield(nil, ctx.Err())
	}
}

func TestClosingLeavesARunThatIsUnderWayToTheNextManager(t *testing.T) {
	store := &held{Store: memory.New(), begun: make(chan struct{})}
	r := newRig(t, store)
	started, err := r.Start(context.Background(), runs.Request{Model: "m"})
	r.must(err)
	if started.GetState() != echelonv1.Run_RUNNING {
		t.Errorf("started is %v", started)
	}
	<-store.begun
	if _, err := r.Publish(context.Background(), started.GetId()); !fault.Is(err, echelonv1.ErrorReason_RUN_STATE) {
		t.Errorf("published while it is under way: %v", err)
	}
	r.Close()
	run, err := r.Get(context.Background(), started.GetId())
	r.must(err)
	if run.GetState() != echelonv1.Run_RUNNING || run.GetFailure() != "" || run.GetEndTime() != nil {
		t.Errorf("the run is %v", run)
	}
	for _, err := range r.Watch(context.Background(), started.GetId()) {
		if !fault.Is(err, echelonv1.ErrorReason_SHUTTING_DOWN) {
			t.Errorf("watched while nobody goes on with it: %v", err)
		}
	}
	if _, err := r.Cancel(context.Background(), started.GetId()); !fault.Is(err, echelonv1.ErrorReason_SHUTTING_DOWN) {
		t.Errorf("cancelled while nobody goes on with it: %v", err)
	}
}

// A run has a goroutine of its own, where nobody above recovers: it must fail alone.
func TestARunThatPanicsFailsAlone(t *testing.T) {
	r := newRig(t, &held{Store: memory.New(), panic: true})
	run := r.run()
	if run.GetState() != echelonv1.Run_FAILED || run.GetFailure() == "" {
		t.Errorf("the run is %v", run)
	}
}

func TestAHundredPublicationsAreKeptForRollingBack(t *testing.T) {
	r := newRig(t, memory.New())
	r.put([]*echelonv1.Customer{{Id: "a"}})
	ctx := context.Background()
	const n = 105
	ids := make([]string, n)
	calibration := r.calibration(r.run().GetId())
	// Records of runs, as runs that ended leave them: each follows the one before.
	r.must(r.store.Update(ctx, func(tx storage.Tx) error {
		for i := range ids {
			ids[i] = fmt.Sprintf("r%03d", i)
			run := &echelonv1.Run{Id: ids[i], Model: "m", ModelVersion: 1, State: echelonv1.Run_READY}
			if i > 0 {
				run.BaseRunId = ids[i-1]
			}
			if err := tx.PutDocument(storage.KindRun, run.GetId(), run); err != nil {
				return err
			}
			if err := tx.PutDocument(storage.KindCalibration, run.GetId(), calibration); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, id := range ids {
		_, err := r.Publish(ctx, id)
		r.must(err)
	}
	view, err := r.store.View(ctx)
	r.must(err)
	defer view.Close()
	current, err := catalog.Current(view, "m")
	r.must(err)
	var kept []string
	for _, p := range current.GetHistory() {
		kept = append(kept, p.GetRunId())
	}
	if current.GetRunId() != ids[n-1] || !slices.Equal(kept, ids[n-101:n-1]) {
		t.Errorf("current is %q after %v", current.GetRunId(), kept)
	}
	for i := range 100 {
		run, err := r.RollBack(ctx, "m")
		r.must(err)
		if run.GetId() != ids[n-2-i] {
			t.Fatalf("back %d is %q", i, run.GetId())
		}
	}
	if _, err := r.RollBack(ctx, "m"); !fault.Is(err, echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK) {
		t.Errorf("back again: %v", err)
	}
}

// A publication is what a run read, calibrated and evaluated: the record names its version and its calibration.
func TestAPublicationNamesItsTriple(t *testing.T) {
	r := newRig(t, memory.New())
	r.put([]*echelonv1.Customer{{Id: "a"}})
	run := r.run()
	_, err := r.Publish(context.Background(), run.GetId())
	r.must(err)
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	current, err := catalog.Current(view, "m")
	r.must(err)
	want := &storagev1.Current{RunId: run.GetId(), ModelVersion: 1, CalibrationId: run.GetId(), PublishTime: current.GetPublishTime(), Overlay: current.GetOverlay()}
	if !proto.Equal(want, current) {
		t.Errorf("current is %v", current)
	}
	calibration, err := catalog.Calibration(view, current.GetCalibrationId())
	r.must(err)
	if calibration.GetId() != run.GetId() || calibration.GetCustomers() != 1 {
		t.Errorf("the calibration is %v", calibration)
	}
}
