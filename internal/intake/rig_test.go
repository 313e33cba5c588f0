package intake_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// file is a model that learns from its population, refuses a kind other than a and b, and depends on the instant.
const file = `
name: m
amount: x
attributes: [{name: x, type: NUMBER}, {name: since, type: TIMESTAMP}, {name: kind, type: STRING, values: [a, b]}]
segmentations: [{name: age, segments: [{name: New, when: "days_since(since) < 1.0"}], otherwise: Old, unknown: Unclassified}]
scores: [{name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {percentile: {}}}]}]
tierings: [{name: coverage, linear: {score: v, tiers: [{name: high, cut: {cumulative_share: {of: x, share: 0.5}}}, {name: low}]}}]
`

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// fataler is a test, or one attempt of a property test.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// rig is an intake and the runs over a store with an active model.
type rig struct {
	fataler
	store   storage.Store
	catalog *catalog.Catalog
	in      *intake.Intake
	runs    *runs.Manager
	now     func() time.Time
}

func newRig(t fataler, store storage.Store, now func() time.Time) *rig {
	t.Helper()
	r := &rig{fataler: t, store: store, catalog: catalog.New(store, now), now: now}
	r.in = intake.New(store, r.catalog, now)
	m, _, found := modelfile.Parse("model.yaml", []byte(file))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	_, err := r.catalog.Create(context.Background(), m)
	r.must(err)
	_, err = r.catalog.Activate(context.Background(), "m", 0)
	r.must(err)
	r.open()
	return r
}

func (r *rig) open() {
	r.Helper()
	var err error
	r.runs, err = runs.New(context.Background(), r.store, r.catalog, r.in, r.now, slog.New(slog.DiscardHandler))
	r.must(err)
}

func (r *rig) close() {
	r.runs.Close()
	_ = r.store.Close()
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// one is a customer; a nil x is missing.
func one(id string, x *float64, kind string) *echelonv1.Customer {
	fields := map[string]*structpb.Value{"since": structpb.NewStringValue(noon.Format(time.RFC3339))}
	if x != nil {
		fields["x"] = structpb.NewNumberValue(*x)
	}
	if kind != "" {
		fields["kind"] = structpb.NewStringValue(kind)
	}
	return &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: fields}}
}

func (r *rig) frame(customers ...*echelonv1.Customer) *frame.Frame {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	schema, err := storage.ReadSchema(view)
	r.must(err)
	b := frame.NewBuilder(storage.FrameSchema(schema))
	for _, c := range customers {
		if refused := b.AddCustomer(c, false); refused != nil {
			r.Fatal(refused)
		}
	}
	return b.Take()
}

func (r *rig) put(assign bool, customers ...*echelonv1.Customer) (*intake.Written, error) {
	r.Helper()
	put := intake.Put{Customers: r.frame(customers...)}
	if assign {
		put.Assign = &intake.Assign{}
	}
	return r.in.Put(context.Background(), put)
}

func (r *rig) start() *echelonv1.Run {
	r.Helper()
	run, err := r.runs.Start(context.Background(), runs.Request{Model: "m"})
	r.must(err)
	return run
}

// finish waits until a run has ended.
func (r *rig) finish(id string) (run *echelonv1.Run) {
	r.Helper()
	for progress, err := range r.runs.Watch(context.Background(), id) {
		r.must(err)
		run = progress.Run
	}
	if !storage.HasSnapshot(run) {
		r.Fatalf("the run is %v", run)
	}
	return run
}

func (r *rig) published() *echelonv1.Run {
	r.Helper()
	run, err := r.runs.Publish(context.Background(), r.finish(r.start().GetId()).GetId())
	r.must(err)
	return run
}

// shown is what readers see: of one customer, or why there is nothing.
func (r *rig) shown(id string) (*echelonv1.Assignment, echelonv1.ErrorReason) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	reader, err := snapshot.Open(r.catalog, view, "m", "")
	if err == nil {
		var a *echelonv1.Assignment
		if a, err = reader.Get(id); err == nil {
			return a, 0
		}
	}
	for _, reason := range []echelonv1.ErrorReason{
		echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, echelonv1.ErrorReason_NOTHING_PUBLISHED,
	} {
		if fault.Is(err, reason) {
			return nil, reason
		}
	}
	r.Fatal(err)
	return nil, 0
}

// rows are the assignments after an id, of a run, or of what is published.
func (r *rig) rows(runID, after string) (all []*echelonv1.Assignment) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	reader, err := snapshot.Open(r.catalog, view, "m", runID)
	r.must(err)
	for row, err := range reader.Rows(context.Background(), after) {
		r.must(err)
		a := reader.Assignment(row)
		if a.Provenance == nil {
			a.Provenance = reader.Provenance()
		}
		all = append(all, a)
	}
	return all
}

// afresh evaluates a customer by what made an assignment.
func (r *rig) afresh(customer *echelonv1.Customer, by *echelonv1.Provenance) *echelonv1.Assignment {
	r.Helper()
	evaluator := &echelonv1.Evaluator{
		Model:       &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: by.GetModel(), Version: by.GetModelVersion()}},
		Calibration: &echelonv1.Evaluator_CalibrationId{CalibrationId: by.GetCalibrationId()}, AsOf: by.GetAsOf(),
	}
	resolved, err := r.catalog.Resolve(context.Background(), evaluator)
	r.must(err)
	scorer, err := r.catalog.Scorer(resolved)
	r.must(err)
	b := frame.NewBuilder(resolved.Program.Schema())
	if refused := b.AddCustomer(customer, true); refused != nil {
		r.Fatalf("the model refuses %v: %v", customer, refused)
	}
	a := scorer.Evaluate(b.Take(), evaluateOptions(by)).Assignment(0)
	a.Provenance = by
	return a
}

func newIntake(r *rig, store storage.Store) *intake.Intake {
	return intake.New(store, r.catalog, r.now)
}

func intakePut(customers *frame.Frame) intake.Put {
	return intake.Put{Customers: customers, Assign: &intake.Assign{}}
}

func (r *rig) context() context.Context { return context.Background() }
