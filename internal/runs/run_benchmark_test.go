package runs_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/snapshot"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
)

// paretoCut is W's best tier as those who bring half of the money, in place of a score.
var paretoCut = bytes.Replace(workload.ModelYAML, []byte("cut: {min_score: 75}"), []byte("cut: {cumulative_share: {of: arr, share: 0.5}}"), 1)

// BenchmarkRun runs and publishes workload W, with a percentile and a Pareto cut, over 200,000 customers on a disk, and reads assignments one by one.
func BenchmarkRun(b *testing.B) {
	const people = 200_000
	if bytes.Equal(paretoCut, workload.ModelYAML) {
		b.Fatal("the model has no such cut")
	}
	model, _, found := modelfile.Parse("model.yaml", paretoCut)
	if found.HasMistakes() {
		b.Fatal(found)
	}
	store, err := badger.Open(b.TempDir(), badger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	models := catalog.New(store, clock)
	_, err = models.Create(context.Background(), model)
	if err == nil {
		_, err = models.Activate(context.Background(), model.GetName(), 0)
	}
	if err != nil {
		b.Fatal(err)
	}
	r := &rig{TB: b, store: store, catalog: models, intake: intake.New(store, models, clock)}
	r.Manager, err = runs.New(context.Background(), store, models, r.intake, clock, slog.New(slog.DiscardHandler))
	r.must(err)
	defer func() { r.Close(); r.must(store.Close()) }()
	r.fillW(people)
	for _, publish := range []bool{false, true} {
		name := map[bool]string{false: "run", true: "run and publish"}[publish]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				started, err := r.Start(context.Background(), runs.Request{Model: model.GetName()})
				r.must(err)
				run := r.ended(started.GetId())
				if run.GetState() != echelonv1.Run_READY || run.GetEvaluated() != people {
					b.Fatalf("the run is %v", run)
				}
				if publish {
					_, err = r.Publish(context.Background(), run.GetId())
					r.must(err)
				}
			}
			b.ReportMetric(people*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
	started, err := r.Start(context.Background(), runs.Request{Model: model.GetName()})
	r.must(err)
	_, err = r.Publish(context.Background(), r.ended(started.GetId()).GetId())
	r.must(err)
	all := workload.Gen(people)
	for name, among := range map[string]int{"read one of few": 2000, "read one of all": people} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				if found, err := r.assigned(model.GetName(), workload.Customer(all, i*7919%among).GetId()); err != nil || !found {
					b.Fatal(found, err)
				}
				i++
			}
		})
	}
}

// assigned reads the assignment of a customer, as a call for one does.
func (r *rig) assigned(model, id string) (bool, error) {
	view, err := r.store.View(context.Background())
	if err != nil {
		return false, err
	}
	defer view.Close()
	current, err := snapshot.Open(r.catalog, view, model, "")
	if err != nil {
		return false, err
	}
	_, found, err := current.Row(id)
	return found, err
}

// fillW stores W's customers.
func (r *rig) fillW(people int) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	schema, err := storage.ReadSchema(view)
	view.Close()
	r.must(err)
	all, b := workload.Gen(people), frame.NewBuilder(storage.FrameSchema(schema))
	for i := range people {
		if fault := b.AddCustomer(workload.Customer(all, i), false); fault != nil {
			r.Fatal(fault)
		}
		if b.Len() == 1000 || i == people-1 {
			r.must(r.store.PutCustomers(context.Background(), b.Take(), noon))
		}
	}
}
