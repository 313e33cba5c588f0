package runs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// Versions of a model whose tiers hold customers: the second has another tiering in front.
const (
	holding = `
name: m
amount: x
attributes: [{name: x, type: NUMBER}, {name: kind, type: STRING, values: [a, b]}]
scores: [{name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings:
  - name: coverage
    linear:
      score: v
      tiers:
        - {name: high, cut: {top_share: 0.2}, exit: {any: [{below: 40}, {when: "kind == 'b'"}]}}
        - {name: mid, cut: {min_score: 50}, exit: {below: 35}}
        - {name: low}
`
	another = "tierings:\n  - {name: other, linear: {score: v, tiers: [{name: high, cut: {min_score: 90}}, {name: low}]}}\n"
)

var withAnother = strings.Replace(holding, "tierings:\n", another, 1)

// coverage returns a customer's tier of that tiering.
func coverage(a *echelonv1.Assignment) *echelonv1.TierOutcome {
	for _, t := range a.GetTiers() {
		if t.GetTiering() == "coverage" {
			return t
		}
	}
	return nil
}

// all returns a run's assignments.
func (r *rig) all(id string) (all []*echelonv1.Assignment) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	reader, err := snapshot.Open(r.catalog, view, "m", id)
	r.must(err)
	for row, err := range reader.Rows(context.Background(), "") {
		r.must(err)
		all = append(all, reader.Assignment(row))
	}
	return all
}

// activate stores a version of the model and makes it active.
func (r *rig) activate(text string) *engine.Program {
	r.Helper()
	m, _, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		r.Fatal(found)
	}
	_, err := r.catalog.Create(context.Background(), m)
	r.must(err)
	_, err = r.catalog.Activate(context.Background(), "m", 0)
	r.must(err)
	program, err := r.catalog.Compile(m)
	r.must(err)
	return program
}

// alone evaluates the stored customers without a run, by what a run learned and the tiers that they were in.
func (r *rig) alone(program *engine.Program, run *echelonv1.Run, was map[string]map[string]string) (all []*echelonv1.Assignment) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	calibration := &echelonv1.Calibration{}
	r.must(view.Document(storage.KindCalibration, run.GetId(), calibration))
	scorer, err := program.Bind(calibration)
	r.must(err)
	var tierings []string
	for _, t := range program.Model().GetTierings() {
		tierings = append(tierings, t.GetName())
	}
	for batch, err := range view.Customers(context.Background(), program.Schema(), storage.CustomerScan{BatchRows: 7}) {
		r.must(err)
		batchOf := make([]*echelonv1.Customer, batch.Frame.Len())
		for i, id := range batch.Frame.IDs {
			batchOf[i] = &echelonv1.Customer{Id: id, PreviousTiers: was[id]}
		}
		result := scorer.Evaluate(batch.Frame, engine.Options{AsOf: run.GetAsOf().AsTime(), Reasons: true, Previous: frame.PreviousColumns(batchOf, tierings)})
		for i := range batchOf {
			all = append(all, result.Assignment(i))
		}
	}
	return all
}

// people is how many customers there are at most: more than fit into one block.
const people = 1500

// Runs follow one another while customers come, go and change; each holds customers where the publication before had them.
func TestARunHoldsCustomersWhereThePublicationHasThem(t *testing.T) {
	// EXIT-7
	ctx := context.Background()
	r := newRig(t, memory.New())
	program := r.activate(holding)
	random := rand.New(rand.NewPCG(1, 2))
	var was map[string]map[string]string // by customer and tiering, as it is published
	versions := map[int]string{3: withAnother, 5: holding}
	for round := range 6 {
		if text := versions[round]; text != "" {
			program = r.activate(text)
		}
		var changed []*echelonv1.Customer
		for range people / 2 {
			id := fmt.Sprintf("c%04d", random.IntN(people))
			if random.IntN(10) == 0 {
				_, err := r.store.DeleteCustomer(ctx, id)
				r.must(err)
				delete(was, id) // who comes back is somebody new
				continue
			}
			fields := map[string]*structpb.Value{"kind": structpb.NewStringValue([]string{"a", "a", "a", "b", "refused"}[random.IntN(5)])}
			if random.IntN(8) > 0 {
				fields["x"] = structpb.NewNumberValue(float64(random.IntN(100)))
			}
			changed = append(changed, &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: fields}})
		}
		r.put(changed)
		run := r.run()
		got := r.all(run.GetId())
		want := r.alone(program, run, was)
		if len(got) != len(want) {
			t.Fatalf("round %d: %d customers, want %d", round, len(got), len(want))
		}
		for i := range want {
			if !proto.Equal(want[i], got[i]) {
				t.Fatalf("round %d (-alone +run):\n%s", round, cmp.Diff(want[i], got[i], protocmp.Transform()))
			}
		}
		var held int64
		for _, tiering := range run.GetSummary().GetTierings() {
			for _, row := range tiering.GetTiers() {
				held += row.GetHeld()
			}
		}
		counted := int64(0)
		for _, a := range got {
			if coverage(a).ComputedTier != nil {
				counted++
			}
		}
		if held != counted || (held > 0) != (round > 0) {
			t.Errorf("round %d: %d are held, and the tables say %d", round, counted, held)
		}
		if round == 4 {
			continue // one that is not published changes nothing for the next
		}
		if _, err := r.Publish(ctx, run.GetId()); err != nil {
			t.Fatal(err)
		}
		was = make(map[string]map[string]string)
		for _, a := range got {
			was[a.GetCustomerId()] = map[string]string{"coverage": coverage(a).GetTier()}
		}
	}
	r.oneByOne(program, was)
}

// oneByOne reads the published tiers of each customer alone.
func (r *rig) oneByOne(program *engine.Program, was map[string]map[string]string) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	for i := range people {
		id := fmt.Sprintf("c%04d", i)
		before, err := snapshot.PreviousOf(r.catalog, view, program, id)
		r.must(err)
		got := ""
		if column := before.Tiers[len(before.Tiers)-1]; column.Valid.Get(0) {
			got = column.String(0)
		}
		if got != was[id]["coverage"] {
			r.Errorf("customer %s is in %q, and was published in %q", id, got, was[id]["coverage"])
		}
	}
}

func TestWithoutAPublicationNobodyWasAnywhere(t *testing.T) {
	// EXIT-7
	r := newRig(t, memory.New())
	program := r.activate(holding)
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	if before, err := snapshot.PreviousOf(r.catalog, view, program, "a"); err != nil || before.Tiers != nil {
		t.Errorf("before the first run: %v, %v", before, err)
	}
	plain, err := r.catalog.Program(view, "m", 1)
	r.must(err)
	if before, err := snapshot.PreviousOf(r.catalog, view, plain, "a"); err != nil || before.Tiers != nil {
		t.Errorf("without exit rules: %v, %v", before, err)
	}
	if _, err := r.Start(context.Background(), runs.Request{Model: "m"}); err != nil {
		t.Fatal(err)
	}
}
