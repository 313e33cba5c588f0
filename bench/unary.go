package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// unaryFigures measures calls for one customer against calls that do nothing: on one connection, each after the answer to the one before, in turns. The
// figure is of calls as Echelon's Go client writes them; beside it stand those that protobuf alone writes, which tells what the client's part is.
func unaryFigures(b *bench) (_ []figure, err error) {
	p, err := b.peer("serve-nothing")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	want, err := publishW(p, b.customers())
	if err != nil {
		return nil, err
	}
	conn, err := p.dial()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	calls := b.choose(2_000, 40_000)
	score, plain, empty := make([]float64, calls), make([]float64, calls), make([]float64, calls)
	byClient := grpc.ForceCodecV2(client.Codec())
	for i := -1000; i < calls; i++ { // the first ones warm up
		row := (i + calls) % len(want)
		customer := workload.Customer(b.customers(), row)
		scored, err := callScore(conn, customer, want[row], byClient)
		if err != nil {
			return nil, err
		}
		alone, err := callScore(conn, customer, want[row])
		if err != nil {
			return nil, err
		}
		none, err := callNothing(conn, byClient)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			score[i], plain[i], empty[i] = float64(scored), float64(alone), float64(none)
		}
	}
	printLatency("ScoreCustomer of a given customer", score)
	printLatency("the same, written by protobuf alone", plain)
	printLatency("a call that does nothing", empty)
	fmt.Printf("  %-46s %10.3g times the call that does nothing\n", "written by protobuf alone", median(plain)/median(empty))
	return []figure{{"unary_p50_vs_empty", median(score) / median(empty), "<=", 1.3}}, nil
}

// callScore scores a customer, whose persona is known, and returns how long that took.
func callScore(conn *grpc.ClientConn, customer *echelonv1.Customer, persona uint8, options ...grpc.CallOption) (time.Duration, error) {
	request := &echelonv1.ScoreCustomerRequest{
		Evaluator: &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: wName}}},
		Customer:  &echelonv1.ScoreCustomerRequest_Given{Given: customer},
	}
	scoring := echelonv1.NewScoringServiceClient(conn)
	begin := time.Now()
	response, err := scoring.ScoreCustomer(context.Background(), request, options...)
	took := time.Since(begin)
	if err != nil {
		return 0, err
	}
	if tier := digit(response.GetAssignment().GetTiers()[1].GetTier()); tier != persona {
		return 0, fmt.Errorf("customer %s has the persona %d, and %d by Fused", customer.GetId(), tier, persona)
	}
	return took, nil
}

func callNothing(conn *grpc.ClientConn, options ...grpc.CallOption) (time.Duration, error) {
	begin := time.Now()
	err := conn.Invoke(context.Background(), nothingMethod, &emptypb.Empty{}, &emptypb.Empty{}, options...)
	return time.Since(begin), err
}

func printLatency(name string, nanoseconds []float64) {
	fmt.Printf("  %-46s %10.0f µs at the median, %.0f µs at the 99th percentile\n", name, median(nanoseconds)/1e3, quantile(nanoseconds, 0.99)/1e3)
}

// wName is the name of W's model.
const wName = "workload-w"

// publishW stores W's model and some of its customers, and publishes a run, so that calls find what they need as in production. It returns each
// customer's persona, which does not depend on the population.
func publishW(p *process, c *workload.Cols) ([]uint8, error) {
	const customers = 10_000
	ctx, cancel := within()
	defer cancel()
	caller, err := client.Dial(p.address)
	if err != nil {
		return nil, err
	}
	defer caller.Close()
	model, _, found := modelfile.Parse("model.yaml", workload.ModelYAML)
	if err := found.Err(); err != nil {
		return nil, err
	}
	if _, err := caller.CreateModel(ctx, model); err != nil {
		return nil, err
	}
	if _, err := caller.ActivateModel(ctx, wName, 0); err != nil {
		return nil, err
	}
	rows := func(yield func(*echelonv1.Customer, error) bool) {
		for i := range customers {
			if !yield(workload.Customer(c, i), nil) {
				return
			}
		}
	}
	for report, err := range caller.ImportCustomers(ctx, &echelonv1.ImportHeader{}, rows) {
		if err != nil {
			return nil, err
		}
		_ = report
	}
	run, err := runOnce(ctx, caller, &echelonv1.StartRunRequest{Model: wName, AsOf: timestamppb.New(asOf)})
	if err != nil {
		return nil, err
	}
	if _, err := caller.PublishRun(ctx, run.GetId()); err != nil {
		return nil, err
	}
	return fused(c, customers).Persona, nil
}

// runOnce starts a run and waits for its end.
func runOnce(ctx context.Context, caller *client.Client, request *echelonv1.StartRunRequest) (*echelonv1.Run, error) {
	run, err := caller.StartRun(ctx, request)
	if err != nil {
		return nil, err
	}
	for seen, err := range caller.WatchRun(ctx, run.GetId()) {
		if err != nil {
			return nil, err
		}
		run = seen.GetRun()
	}
	if run.GetState() != echelonv1.Run_READY {
		return nil, fmt.Errorf("the run is %s: %s", run.GetState(), run.GetFailure())
	}
	return run, nil
}
