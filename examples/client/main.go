// Command client shows how a Go program asks an Echelon server for tiers: for one customer, with the reason, and for many by stream.
//
// It asks for the model b2b-default of examples/quickstart, which must be published: examples/README.md has the commands.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func main() {
	address := flag.String("address", "127.0.0.1:7070", "HOST:PORT of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, out io.Writer) error {
	c, err := client.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := scoreOne(ctx, c, out); err != nil {
		return err
	}
	return assignMany(ctx, c, out)
}

// evaluator is the published model. The example's customers are of one day; without AsOf they would be evaluated as of now.
func evaluator() *echelonv1.Evaluator {
	e := client.StoredModel("b2b-default", 0)
	e.AsOf = timestamppb.New(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC))
	return e
}

// scoreOne asks for a customer that the server does not know, and prints where its value comes from.
func scoreOne(ctx context.Context, c *client.Client, out io.Writer) error {
	given, err := customer("gizmo", map[string]any{
		"arr": 125000, "budget": 400000, "employees": 800, "industry": "software", "brand": "known", "products": 3, "usage": 71,
		"last_login": "2026-01-30",
	})
	if err != nil {
		return err
	}
	assignment, err := c.ScoreCustomer(ctx, &echelonv1.ScoreCustomerRequest{
		Evaluator: evaluator(), Customer: &echelonv1.ScoreCustomerRequest_Given{Given: given}, Explain: true,
	})
	if err != nil {
		return err
	}
	printTiers(out, assignment)
	for _, criterion := range assignment.GetExplanation().GetScores()[0].GetCriteria() {
		fmt.Fprintf(out, "  %-12s%5.1f points\n", criterion.GetCriterion(), criterion.GetContribution())
	}
	return nil
}

// assignMany streams customers through the server. A customer that cannot be read is an outcome like the others, and ends nothing.
func assignMany(ctx context.Context, c *client.Client, out io.Writer) error {
	header := &echelonv1.BulkAssignHeader{Evaluator: evaluator()}
	for outcome, err := range c.BulkAssign(ctx, header, customers()) {
		if err != nil {
			return err
		}
		if outcome.Error != nil {
			fmt.Fprintf(out, "%s is refused: %s\n", outcome.Error.GetCustomerId(), outcome.Error.GetMessage())
			continue
		}
		printTiers(out, outcome.Assignment)
	}
	return nil
}

// customers would read a file, a table or a queue: it yields one customer at a time, as fast as the server takes them.
func customers() iter.Seq2[*echelonv1.Customer, error] {
	rows := []struct {
		id         string
		attributes map[string]any
	}{
		{"gadget", map[string]any{"arr": 520000, "employees": 3000, "products": 5, "usage": 92, "brand": "marquee"}},
		{"widget", map[string]any{"arr": 14000, "employees": 40, "products": 1, "usage": "often", "brand": "local"}},
		{"doodad", map[string]any{"employees": 150}},
	}
	return func(yield func(*echelonv1.Customer, error) bool) {
		for _, row := range rows {
			if !yield(customer(row.id, row.attributes)) {
				return
			}
		}
	}
}

// customer leaves out what is not known: it is missing, not zero.
func customer(id string, attributes map[string]any) (*echelonv1.Customer, error) {
	fields, err := structpb.NewStruct(attributes)
	if err != nil {
		return nil, fmt.Errorf("customer %s: %w", id, err)
	}
	return &echelonv1.Customer{Id: id, Attributes: fields}, nil
}

func printTiers(out io.Writer, a *echelonv1.Assignment) {
	fmt.Fprintf(out, "%s:", a.GetCustomerId())
	for _, t := range a.GetTiers() {
		tier := "none"
		if t.Tier != nil {
			tier = t.GetTier()
		}
		fmt.Fprintf(out, " %s %s", t.GetTiering(), tier)
		if t.GetEngagement() != "" {
			fmt.Fprintf(out, " (%s)", t.GetEngagement())
		}
	}
	fmt.Fprintln(out)
}
