package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/badger"
)

// paretoShare is the share of all arr that the customers of the best tier bring together, in place of W's cut at 75.
const paretoShare = 0.5

// runFigures measures a run of a million stored customers, from their rows to the published snapshot, against DuckDB doing the same in a file.
func runFigures(b *bench) (_ []figure, err error) {
	r, err := b.newStoredW()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	duck, err := b.newDuckRun()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, duck.close()) }()
	whole := contestant{name: "a run, published", rows: million, run: r.run}
	sql := contestant{name: "DuckDB, 2 threads, checkpointed", rows: million, run: duck.run, after: duck.forget}
	s, err := race(b.choose(2, 5), whole, sql)
	if err != nil {
		return nil, err
	}
	counts, err := duck.counts()
	if err != nil {
		return nil, err
	}
	if err := r.agree(counts); err != nil {
		return nil, err
	}
	s.print(whole, sql)
	figures := []figure{{"run_vs_duckdb", s.ratio(whole.name, sql.name), ">=", 1.0}}
	first, again := r.publishing[0]/r.running[0], r.publishing[1:]
	fmt.Printf("  %-46s %10.0f ms at the median, of %.0f ms for the run; of the first one, which creates everybody, %.2f of its run\n", "publishing",
		median(again)*1e3, median(r.running[1:])*1e3, first)
	figures = append(figures, figure{"publish_vs_run", quotient(again, r.running[1:]), "<=", 0.3})
	matrix, compared, err := r.compare(b.choose(1, 5))
	if err != nil {
		return nil, err
	}
	return append(figures, figure{"migration_matrix_1m", matrix, "<=", 1}, figure{"compare_runs_1m", compared, "<=", 1}), nil
}

// quotient returns the median of how much of b a is, in the same round.
func quotient(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

// storedW is a server over a store with the customers of W.
type storedW struct {
	server *process
	caller *client.Client
	model  *echelonv1.Model
	last   *echelonv1.Run
	// running and publishing are how long they took, in seconds, a round each.
	running, publishing []float64
}

// newStoredW stores the customers, and starts a server over them.
func (b *bench) newStoredW() (*storedW, error) {
	w, err := b.model()
	if err != nil {
		return nil, err
	}
	model := proto.CloneOf(w.model)
	model.Tierings[0].GetLinear().Tiers[0].Cut = &echelonv1.Cut{CumulativeShare: &echelonv1.CumulativeShare{Of: "arr", Share: paretoShare}}
	folder := filepath.Join(b.folder, "run")
	if err := store(folder, model, w.frame); err != nil {
		return nil, err
	}
	r := &storedW{model: model}
	if r.server, err = b.serve(folder); err != nil {
		return nil, err
	}
	if r.caller, err = client.Dial(r.server.address); err != nil {
		return nil, errors.Join(err, r.server.stop())
	}
	return r, nil
}

// store puts a model and customers into a new folder.
func store(folder string, model *echelonv1.Model, customers *frame.Frame) (err error) {
	ctx, cancel := within()
	defer cancel()
	opened, err := badger.Open(folder, badger.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	models := catalog.New(opened, time.Now)
	if _, err := models.Create(ctx, model); err != nil {
		return err
	}
	if _, err := models.Activate(ctx, model.GetName(), 0); err != nil {
		return err
	}
	const rows = 8192 // a multiple of what a word of a set holds
	for from := 0; from < customers.Len(); from += rows {
		if err := opened.PutCustomers(ctx, customers.Slice(from, min(customers.Len(), from+rows)), asOf); err != nil {
			return err
		}
	}
	return nil
}

func (r *storedW) close() error { return errors.Join(r.caller.Close(), r.server.stop()) }

// run evaluates everybody and publishes what came out.
func (r *storedW) run() error {
	ctx, cancel := within()
	defer cancel()
	begin := time.Now()
	ready, err := runOnce(ctx, r.caller, &echelonv1.StartRunRequest{Model: wName, AsOf: timestamppb.New(asOf)})
	if err != nil {
		return err
	}
	evaluated := time.Now()
	r.last, err = r.caller.PublishRun(ctx, ready.GetId())
	r.running, r.publishing = append(r.running, evaluated.Sub(begin).Seconds()), append(r.publishing, time.Since(evaluated).Seconds())
	return err
}

// agree compares how many customers each tier has with what DuckDB counts. Its sums of doubles are not exact, so that the line may stand beside one
// customer.
func (r *storedW) agree(counts map[string]int64) error {
	for _, table := range r.last.GetSummary().GetTierings() {
		for _, tier := range table.GetTiers() {
			name := table.GetTiering() + " " + tier.GetTier()
			if off := tier.GetCustomers() - counts[name]; off < -1 || off > 1 {
				return fmt.Errorf("%s has %d customers, and %d by DuckDB", name, tier.GetCustomers(), counts[name])
			}
		}
	}
	return nil
}
