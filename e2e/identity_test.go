package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// customers is how many the paths are compared on.
const customers = 100_000

var asOf = timestamppb.New(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC))

// digest is an assignment to the bit, without what made it.
type digest [sha256.Size]byte

func digestOf(t testing.TB, a *echelonv1.Assignment) digest {
	t.Helper()
	provenance := a.GetProvenance()
	a.Provenance = nil
	// An assignment has no maps, so that equal ones have equal bytes.
	data, err := proto.Marshal(a)
	a.Provenance = provenance
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

// paths compares what the ways to an assignment give.
type paths struct {
	t       testing.TB
	columns *workload.Cols
	want    map[string]digest
}

// equal takes the assignments of one way and reports those that differ.
func (p *paths) equal(way string, assignments iter.Seq2[*echelonv1.Assignment, error]) {
	p.t.Helper()
	seen, differ := make(map[string]bool, customers), 0
	for a, err := range assignments {
		if err != nil {
			p.t.Fatalf("%s: %v", way, err)
		}
		if seen[a.GetCustomerId()] {
			p.t.Fatalf("%s: customer %s came twice", way, a.GetCustomerId())
		}
		seen[a.GetCustomerId()] = true
		if p.want[a.GetCustomerId()] != digestOf(p.t, a) {
			if differ++; differ <= 3 {
				p.t.Errorf("%s: customer %s differs: %v", way, a.GetCustomerId(), a)
			}
		}
	}
	if differ > 0 || len(seen) != customers {
		p.t.Fatalf("%s: %d of %d customers differ", way, differ, len(seen))
	}
}

func TestAllWaysGiveTheSameAssignmentsToTheBit(t *testing.T) {
	ctx := soon(t, 15*time.Minute)
	text, err := os.ReadFile("testdata/model.yaml")
	if err != nil {
		t.Fatal(err)
	}
	model, source, found := modelfile.Parse("model.yaml", text)
	program, mistakes := engine.Compile(model)
	if found.HasMistakes() || mistakes.HasMistakes() {
		t.Fatal(found, source.Locate(mistakes))
	}
	p := &paths{t: t, columns: workload.Gen(customers), want: make(map[string]digest, customers)}
	local := p.local(ctx, program)

	server := serve(t, "--data", t.TempDir())
	c := server.dial()
	if _, err := c.CreateModel(ctx, model); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ActivateModel(ctx, model.GetName(), 0); err != nil {
		t.Fatal(err)
	}
	for progress, err := range c.ImportCustomers(ctx, &echelonv1.ImportHeader{}, p.in(p.order(nil))) {
		if err != nil || len(progress.Errors) > 0 {
			t.Fatal(err, progress.Errors)
		}
	}
	run := publish(ctx, t, c, &echelonv1.StartRunRequest{Model: model.GetName(), AsOf: asOf})
	p.equal("a stored run", c.ExportAssignments(ctx, model.GetName(), ""))
	p.calibrations(ctx, c, model, local, run)
	p.streams(ctx, server, model.GetName())
	p.equal("unary", p.unary(ctx, c, model.GetName()))
	p.equal("batches of unary calls", p.batches(ctx, c, model.GetName()))
}

// local evaluates with the engine alone, and keeps the outcomes as what all others are compared with.
func (p *paths) local(ctx context.Context, program *engine.Program) *echelonv1.Calibration {
	b := frame.NewBuilder(program.Schema())
	for i := range customers {
		if fault := b.AddCustomer(workload.Customer(p.columns, i), false); fault != nil {
			p.t.Fatal(fault)
		}
	}
	all := b.Take()
	calibration, err := program.Calibrate(ctx, func(yield func(*frame.Frame, error) bool) { yield(all, nil) }, asOf.AsTime())
	if err != nil {
		p.t.Fatal(err)
	}
	scorer, err := program.Bind(calibration)
	if err != nil {
		p.t.Fatal(err)
	}
	result := scorer.Evaluate(all, engine.Options{AsOf: asOf.AsTime(), Reasons: true})
	for i := range customers {
		p.want[all.IDs[i]] = digestOf(p.t, result.Assignment(i))
	}
	return calibration
}

// order returns the customers' places: as they are, or shuffled.
func (p *paths) order(shuffle *rand.Rand) []int {
	order := make([]int, customers)
	for i := range order {
		order[i] = i
	}
	if shuffle != nil {
		shuffle.Shuffle(customers, func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}

func (p *paths) in(order []int) iter.Seq2[*echelonv1.Customer, error] {
	return each(customers, func(i int) *echelonv1.Customer { return workload.Customer(p.columns, order[i]) })
}

// calibrations checks that the run and the Calibrate stream, in another order, learned what the engine learned.
func (p *paths) calibrations(ctx context.Context, c *client.Client, model *echelonv1.Model, local *echelonv1.Calibration, run *echelonv1.Run) {
	p.t.Helper()
	evaluator := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Inline{Inline: model}, AsOf: asOf}
	streamed, refused, err := c.Calibrate(ctx, evaluator, p.in(p.order(rand.New(rand.NewPCG(3, 4)))))
	if err != nil || len(refused) > 0 {
		p.t.Fatal(err, refused)
	}
	if !proto.Equal(local, streamed) {
		p.t.Fatal("the calibration of a shuffled stream differs from that of the engine alone")
	}
	if got := run.GetSummary().GetBalance().GetCustomers(); got != customers {
		p.t.Fatalf("the run counts %d customers, want %d", got, customers)
	}
}

func (p *paths) evaluator(model string) *echelonv1.Evaluator {
	return &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: model}}, AsOf: asOf}
}

// streams goes through BulkAssign with several sizes of batches and orders.
func (p *paths) streams(ctx context.Context, server *process, model string) {
	p.t.Helper()
	for _, stream := range []struct {
		rows  int
		order []int
	}{
		{1000, p.order(nil)}, {7, p.order(rand.New(rand.NewPCG(1, 2)))}, {10_000, p.order(rand.New(rand.NewPCG(2, 2)))},
	} {
		sized := server.dial(client.WithBatchRows(stream.rows))
		header := &echelonv1.BulkAssignHeader{Evaluator: p.evaluator(model)}
		p.equal(fmt.Sprintf("a stream in batches of %d", stream.rows), assignments(sized.BulkAssign(ctx, header, p.in(stream.order))))
	}
}

func assignments(outcomes iter.Seq2[client.Outcome, error]) iter.Seq2[*echelonv1.Assignment, error] {
	return func(yield func(*echelonv1.Assignment, error) bool) {
		for outcome, err := range outcomes {
			if err == nil && outcome.Error != nil {
				err = fmt.Errorf("row %d: %s", outcome.Index, outcome.Error.GetMessage())
			}
			if !yield(outcome.Assignment, err) {
				return
			}
		}
	}
}

// unary asks for every customer by itself: one half as stored, the other as given.
func (p *paths) unary(ctx context.Context, c *client.Client, model string) iter.Seq2[*echelonv1.Assignment, error] {
	return p.workers(func(i int) ([]*echelonv1.Assignment, error) {
		request := &echelonv1.ScoreCustomerRequest{Evaluator: p.evaluator(model)}
		if i%2 == 0 {
			request.Customer = &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: p.columns.ID[i]}
		} else {
			request.Customer = &echelonv1.ScoreCustomerRequest_Given{Given: workload.Customer(p.columns, i)}
		}
		a, err := c.ScoreCustomer(ctx, request)
		return []*echelonv1.Assignment{a}, err
	}, customers)
}

// batches asks for the customers in batches of 1000.
func (p *paths) batches(ctx context.Context, c *client.Client, model string) iter.Seq2[*echelonv1.Assignment, error] {
	const size = 1000
	return p.workers(func(k int) ([]*echelonv1.Assignment, error) {
		request := &echelonv1.BatchScoreCustomersRequest{Evaluator: p.evaluator(model)}
		for i := k * size; i < (k+1)*size; i++ {
			request.Customers = append(request.Customers, workload.Customer(p.columns, i))
		}
		scored, err := c.BatchScoreCustomers(ctx, request)
		if err != nil {
			return nil, err
		}
		var list []*echelonv1.Assignment
		for _, one := range scored {
			if one.Error != nil {
				return nil, one.Error
			}
			list = append(list, one.Assignment)
		}
		return list, nil
	}, customers/size)
}

// workers asks n times, several at once.
func (p *paths) workers(ask func(i int) ([]*echelonv1.Assignment, error), n int) iter.Seq2[*echelonv1.Assignment, error] {
	const workers = 8
	return func(yield func(*echelonv1.Assignment, error) bool) {
		type answer struct {
			list []*echelonv1.Assignment
			err  error
		}
		answers := make(chan answer, workers)
		var wait sync.WaitGroup
		for w := range workers {
			wait.Go(func() {
				for i := w; i < n; i += workers {
					list, err := ask(i)
					answers <- answer{list, err}
				}
			})
		}
		go func() {
			wait.Wait()
			close(answers)
		}()
		for got := range answers {
			if got.err != nil {
				yield(nil, got.err)
				return
			}
			for _, a := range got.list {
				if !yield(a, nil) {
					return
				}
			}
		}
	}
}
