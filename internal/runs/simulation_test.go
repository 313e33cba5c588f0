package runs_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/examples/adventureworks"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/memory"
)

// The simulation: how many copies there are of each reseller, and what moves them in a month.
const (
	copies   = 6
	noise    = 0.05 // of the revenue that is observed, around the true one
	leaving  = 0.01
	coming   = 0.01
	trending = 0.1  // of the customers: half of them up, half down
	trend    = 0.06 // of the true revenue
	// slack is how many points a customer must be past a margin so that noise, of some 0.4 points, cannot hide it.
	slack = 2
)

// Margins of the yearly model.
const promote, demote = 2.0, 3.0

// simulated is a model for the simulated customers; the stability of its tiering differs.
func simulated(name, stability string) string {
	return `
name: ` + name + `
amount: revenue
attributes: [{name: revenue, type: NUMBER}, {name: margin, type: NUMBER}, {name: subcategories, type: INTEGER}, {name: last_order, type: DATE}]
scores:
  - name: value
    criteria:
      - {name: revenue, expr: revenue, weight: 50, normalize: {log: {min: 1000, max: 500000}}}
      - {name: margin, expr: margin, weight: 15, normalize: {log: {min: 100, max: 30000}}}
      - {name: breadth, expr: subcategories, weight: 20, normalize: {linear: {min: 0, max: 25}}}
      - {name: recency, expr: days_since(last_order), weight: 15, normalize: {linear: {min: 90, max: 365}}, invert: true}
    min_completeness: 0.6
tierings:
  - name: coverage
    ` + stability + `
    linear:
      score: value
      tiers:
        - {name: high, cut: {top_share: 0.1}}
        - {name: mid, cut: {cumulative_share: {of: revenue, share: 0.85}}}
        - {name: low, cut: {min_score: 40}}
        - {name: tech}
`
}

// reseller is a customer of the simulation.
type reseller struct {
	id              string
	revenue, margin float64
	subcategories   float64
	// idle is how many days ago it last ordered, always.
	idle int
	// change is what its true revenue is multiplied by each month.
	change float64
}

// resellers returns those of AdventureWorks that ever ordered, several times, each copy with another revenue.
func resellers(t *testing.T, random *rand.Rand) []*reseller {
	rows, err := csv.NewReader(bytes.NewReader(adventureworks.Accounts)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := func(row []string, column string) float64 {
		x, err := strconv.ParseFloat(row[slices.Index(rows[0], column)], 64)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	var all []*reseller
	for copied := range copies {
		for _, row := range rows[1:] {
			ordered, err := time.Parse(time.DateOnly, row[slices.Index(rows[0], "last_order")])
			if err != nil || at(row, "revenue_12m") <= 0 {
				continue
			}
			one := &reseller{
				id: fmt.Sprintf("%s-%d", row[0], copied), revenue: at(row, "revenue_12m"), margin: at(row, "gross_margin_12m"), subcategories: at(row, "subcategories"),
				idle: int(time.Date(2020, 5, 31, 0, 0, 0, 0, time.UTC).Sub(ordered).Hours() / 24), change: 1,
			}
			if copied > 0 {
				one.revenue *= math.Exp(0.2 * random.NormFloat64())
			}
			switch chance := random.Float64(); {
			case chance < trending/2:
				one.change = 1 + trend
			case chance < trending:
				one.change = 1 - trend
			}
			all = append(all, one)
		}
	}
	return all
}

func (c *reseller) customer(asOf time.Time, factor float64) *echelonv1.Customer {
	return &echelonv1.Customer{Id: c.id, Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{
		"revenue": structpb.NewNumberValue(c.revenue * factor), "margin": structpb.NewNumberValue(c.margin), "subcategories": structpb.NewNumberValue(c.subcategories),
		"last_order": structpb.NewStringValue(asOf.AddDate(0, 0, -c.idle).Format(time.DateOnly)),
	}}}
}

// world is the simulated customers, and the models that go along.
type world struct {
	*rig
	random *rand.Rand
	people []*reseller
	came   int
	models map[string]*engine.Program
	// tiers are where each model has each customer, moved when it last moved there.
	tiers map[string]map[string]string
	moved map[string]map[string]time.Time
}

func (w *world) add(text string) {
	model, _, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		w.Fatal(found)
	}
	_, err := w.catalog.Create(context.Background(), model)
	w.must(err)
	_, err = w.catalog.Activate(context.Background(), model.GetName(), 0)
	w.must(err)
	w.models[model.GetName()], err = w.catalog.Compile(model)
	w.must(err)
	w.tiers[model.GetName()], w.moved[model.GetName()] = make(map[string]string), make(map[string]time.Time)
}

// month lets a month pass and stores what is observed then.
func (w *world) month(asOf time.Time) {
	w.Helper()
	var stay []*reseller
	for _, c := range w.people {
		c.revenue *= c.change
		if w.random.Float64() < leaving {
			_, err := w.store.DeleteCustomer(context.Background(), c.id)
			w.must(err)
			for model := range w.models {
				delete(w.tiers[model], c.id)
			}
			continue
		}
		stay = append(stay, c)
	}
	for range int(float64(len(w.people)) * coming) {
		one := *w.people[w.random.IntN(len(w.people))]
		w.came++
		one.id, one.change, one.revenue = fmt.Sprintf("new-%d", w.came), 1, one.revenue*math.Exp(0.2*w.random.NormFloat64())
		stay = append(stay, &one)
	}
	w.people = stay
	w.observe(asOf)
}

func (w *world) observe(asOf time.Time) {
	w.Helper()
	for batch := range slices.Chunk(w.people, 1000) {
		var customers []*echelonv1.Customer
		for _, c := range batch {
			customers = append(customers, c.customer(asOf, math.Exp(noise*w.random.NormFloat64())))
		}
		w.put(customers)
	}
}

// review runs a model, publishes the run, and returns its assignments and who moved.
func (w *world) review(model string, asOf time.Time) (run *echelonv1.Run, all []*echelonv1.Assignment, moved map[string]bool) {
	w.Helper()
	ctx := context.Background()
	started, err := w.Start(ctx, runs.Request{Model: model, AsOf: asOf})
	w.must(err)
	run = w.ended(started.GetId())
	if _, err := w.Publish(ctx, run.GetId()); err != nil {
		w.Fatal(err, run)
	}
	view, err := w.store.View(ctx)
	w.must(err)
	defer view.Close()
	reader, err := snapshot.Open(w.catalog, view, model, "")
	w.must(err)
	moved = make(map[string]bool)
	for row, err := range reader.Rows(ctx, "") {
		w.must(err)
		a := reader.Assignment(row)
		all = append(all, a)
		out := a.GetTiers()[0]
		if was := w.tiers[model][a.GetCustomerId()]; was != "" && was != out.GetTier() {
			moved[a.GetCustomerId()] = true
		}
		w.tiers[model][a.GetCustomerId()] = out.GetTier()
		w.explained(a)
	}
	return run, all, moved
}

// explained looks that what holds a customer is told, with the tier that is computed.
func (w *world) explained(a *echelonv1.Assignment) {
	w.Helper()
	out := a.GetTiers()[0]
	if out.ComputedTier == nil {
		return
	}
	why := slices.ContainsFunc(a.GetReasons(), func(r *echelonv1.Reason) bool {
		return r.GetCode() == out.GetHold() && strings.Contains(r.GetMessage(), out.GetComputedTier()) && r.GetUntil() == out.GetHeldUntil()
	})
	if out.GetHold() == echelonv1.Reason_UNSPECIFIED || !why {
		w.Errorf("nothing says why %s is in %s: %v", a.GetCustomerId(), out.GetTier(), a)
	}
}

// crossed returns, of the customers whose true score is clearly past a line, in which tier at worst, or at best, each must be. Where they were before is
// given.
func (w *world) crossed(run *echelonv1.Run, asOf time.Time, was map[string]string) map[string]func(place int) bool {
	w.Helper()
	calibration := w.calibration(run.GetId())
	program := w.models["yearly"]
	scorer, err := program.Bind(calibration)
	w.must(err)
	drawn := calibration.GetTierings()[0].GetTiers()
	lines := []float64{drawn[0].GetTopShare().GetKey().GetScore(), drawn[1].GetCumulativeShare().GetKey().GetScore(), 40}
	b := frame.NewBuilder(program.Schema())
	for _, c := range w.people {
		if fault := b.AddCustomer(c.customer(asOf, 1), true); fault != nil {
			w.Fatal(fault)
		}
	}
	result := scorer.Evaluate(b.Take(), engine.Options{AsOf: asOf})
	must := make(map[string]func(int) bool)
	for row, id := range result.IDs {
		from := slices.Index(places, was[id])
		score := result.Scores[0].Numbers[row]
		if from < 0 {
			continue
		}
		for place, line := range lines {
			if place < from && score >= line+promote+slack {
				must[id] = func(now int) bool { return now <= place }
				break
			}
		}
		if from < len(lines) && score < lines[from]-demote-slack {
			must[id] = func(now int) bool { return now > from }
		}
	}
	return must
}

var places = []string{"high", "mid", "low", "tech"}

// Two years of months: a window a year, a dwell with a cap a quarter, and nothing, over the same customers.
func TestTwoYearsOfMonths(t *testing.T) {
	// STABLE-3, STABLE-4, STABLE-9, STABLE-11, CAP-1, CAP-3
	random := rand.New(rand.NewPCG(5, 2026))
	w := &world{
		rig: newRig(t, memory.New()), random: random, people: resellers(t, random), models: map[string]*engine.Program{},
		tiers: map[string]map[string]string{}, moved: map[string]map[string]time.Time{},
	}
	w.add(simulated("yearly", fmt.Sprintf("stability: {promote_margin: %v, demote_margin: %v, min_dwell_days: 180, review: {windows: [{months: [1]}]}}", promote, demote)))
	w.add(simulated("dwelling", "stability: {promote_margin: 0.2, min_dwell_days: 150, max_moves: {count: 40}, review: {every: QUARTER}}"))
	w.add(simulated("plain", ""))
	start := time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC)
	w.observe(start)
	for model := range w.models {
		w.review(model, start)
	}
	unchanged := make(map[string]map[string]bool) // who moved this year without a true change, by model
	holds, quarters := make(map[echelonv1.Reason_Code]int), make(map[string]map[string]bool)
	crossings, yearlyMoves := 0, 0
	for month := 1; month <= 24; month++ {
		asOf := start.AddDate(0, month, 0)
		w.month(asOf)
		trends := make(map[string]bool)
		for _, c := range w.people {
			trends[c.id] = c.change != 1
		}
		was := maps.Clone(w.tiers["yearly"])
		for _, model := range []string{"yearly", "dwelling", "plain"} {
			run, all, moved := w.review(model, asOf)
			if month%12 == 1 && model == "yearly" {
				unchanged = map[string]map[string]bool{"yearly": {}, "dwelling": {}, "plain": {}}
			}
			for id := range moved {
				if !trends[id] {
					unchanged[model][id] = true
				}
			}
			for _, a := range all {
				holds[a.GetTiers()[0].GetHold()]++
			}
			switch model {
			case "yearly":
				yearlyMoves += len(moved)
				if asOf.Month() != time.January && len(moved) > 0 {
					t.Errorf("outside of the window, on %s, %d moved", asOf.Format(time.DateOnly), len(moved))
				}
				if asOf.Month() == time.January {
					must := w.crossed(run, asOf, was)
					crossings += len(must)
					for id, right := range must {
						if now := w.tiers[model][id]; !right(slices.Index(places, now)) {
							t.Errorf("on %s %s is held in %s, and truly crossed a line", asOf.Format(time.DateOnly), id, now)
						}
					}
				}
			case "dwelling":
				for id := range moved {
					if last := w.moved[model][id]; !last.IsZero() && asOf.Sub(last) < 150*24*time.Hour {
						t.Errorf("%s moved on %s and on %s", id, last.Format(time.DateOnly), asOf.Format(time.DateOnly))
					}
					w.moved[model][id] = asOf
				}
				quarter := fmt.Sprintf("%d-%d", asOf.Year(), (asOf.Month()-1)/3)
				if quarters[quarter] == nil {
					quarters[quarter] = make(map[string]bool)
				}
				maps.Copy(quarters[quarter], moved)
				// Who left counts no more.
				maps.DeleteFunc(quarters[quarter], func(id string, _ bool) bool { return w.tiers[model][id] == "" })
				if len(quarters[quarter]) > 40 {
					t.Errorf("in the quarter %s %d moved", quarter, len(quarters[quarter]))
				}
			}
			if month == 12 {
				if _, _, again := w.review(model, asOf); len(again) > 0 {
					t.Errorf("a second run of %s on %s moves %d", model, asOf.Format(time.DateOnly), len(again))
				}
			}
		}
		if month%12 != 0 {
			continue
		}
		n := float64(len(w.people))
		t.Logf("year %d, %d customers: without a true change %d moved with a yearly window, %d with a dwell and a cap, %d (%.1f %%) without stability",
			month/12, len(w.people), len(unchanged["yearly"]), len(unchanged["dwelling"]), len(unchanged["plain"]), 100*float64(len(unchanged["plain"]))/n)
		if moved := float64(len(unchanged["yearly"])); moved > 0.002*n {
			t.Errorf("%v of %v customers moved without a true change", moved, n)
		}
		if len(unchanged["plain"]) < 20*max(1, len(unchanged["yearly"])) {
			t.Errorf("without stability only %d moved", len(unchanged["plain"]))
		}
	}
	t.Logf("%d truly crossed, %d moved in the windows; holds: %v", crossings, yearlyMoves, holds)
	for _, hold := range []echelonv1.Reason_Code{
		echelonv1.Reason_HELD_BY_WINDOW, echelonv1.Reason_HELD_BY_MARGIN, echelonv1.Reason_HELD_BY_DWELL, echelonv1.Reason_HELD_BY_CAP,
	} {
		if holds[hold] == 0 {
			t.Errorf("nobody is %s", hold)
		}
	}
	if crossings < 20 || yearlyMoves < 20 {
		t.Errorf("only %d crossed a line, and %d moved", crossings, yearlyMoves)
	}
}
