package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/examples/adventureworks"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// demoAsOf is the day on which the example's data ends.
var demoAsOf = timestamppb.New(time.Date(2020, 5, 31, 0, 0, 0, 0, time.UTC))

const demoIDColumn = "account_id"

func (c *cli) demoCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on 701 real resellers",
		Long: "Demo starts a server on loopback over a new folder, and does with 701 real resellers what Echelon is for: it creates a model, imports the\n" +
			"customers, runs and publishes the model, and streams all customers through BulkAssign. The folder stays, for you to go on with.",
		Args: cobra.NoArgs,
		RunE: c.does(func(ctx context.Context, _ []string) error { return c.demo(ctx, folder) }),
	}
	cmd.Flags().StringVar(&folder, "data", "", "new folder for the data; one among the temporary files where it is not given")
	return cmd
}

func (c *cli) demo(ctx context.Context, folder string) (err error) {
	folder, err = newFolder(folder)
	if err != nil {
		return err
	}
	options := serveOptions{data: folder, listen: "127.0.0.1:0", server: server.DefaultConfig()}
	log := slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	options.server.Log = log
	running, err := start(ctx, &options, log)
	if err != nil {
		return err
	}
	defer running.stop()
	dialed, err := client.Dial(running.address)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, dialed.Close()) }()
	d := &demonstration{cli: c, client: dialed}
	c.advise("A server listens on %s, over the new folder %s.", running.address, folder)
	if err := d.show(ctx); err != nil {
		return err
	}
	if !c.json {
		d.goOn(folder)
	}
	return nil
}

// newFolder returns a folder that is new or empty.
func newFolder(folder string) (string, error) {
	if folder == "" {
		return os.MkdirTemp("", "echelon-demo-")
	}
	entries, err := os.ReadDir(folder)
	if len(entries) > 0 {
		return "", usagef("the folder %s is not empty: name a new one with --data", folder)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return folder, nil
}

// demonstration is a demo that is under way.
type demonstration struct {
	*cli
	client *client.Client
	model  *echelonv1.Model
	run    *echelonv1.Run
	// example is the customer that is explained.
	example string
	// rows and amount are what the file holds, added up as it is read: what comes out must add up to the same.
	rows   int64
	amount exact.Sum
}

// show does the main job, step by step.
func (d *demonstration) show(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.create, d.load, d.publish, d.tables, d.stream, d.explain} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// create stores the model and makes it the one of the next run.
func (d *demonstration) create(ctx context.Context) error {
	model, _, found := modelfile.Parse("model.yaml", adventureworks.Model)
	if err := found.Err(); err != nil {
		return err
	}
	version, err := d.client.CreateModel(ctx, model)
	if err != nil {
		return err
	}
	d.model = model
	if _, err := d.client.ActivateModel(ctx, model.GetName(), version.GetVersion()); err != nil {
		return err
	}
	d.advise("Created and activated the model %s, version %d.", model.GetName(), version.GetVersion())
	return nil
}

// customers goes through the accounts; a row that cannot be read ends it, since the example has none.
func (d *demonstration) customers() iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		reader, err := tabular.NewReader(bytes.NewReader(adventureworks.Accounts), tabular.Options{
			File: "accounts.csv", IDColumn: demoIDColumn, Attributes: d.model.GetAttributes(),
		})
		if err != nil {
			yield(nil, err)
			return
		}
		for batch, err := range reader.Batches(tabular.BatchRows) {
			if err == nil && len(batch.Refused) > 0 {
				err = errors.New(batch.Refused[0].Describe("accounts.csv"))
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range batch.Frame.Len() {
				if !yield(batch.Frame.Customer(i), nil) {
					return
				}
			}
		}
	}
}

// load stores the customers.
func (d *demonstration) load(ctx context.Context) error {
	var stored int64
	for progress, err := range d.client.ImportCustomers(ctx, &echelonv1.ImportHeader{}, d.counted(d.customers())) {
		if err != nil {
			return err
		}
		stored = progress.Stored
	}
	d.advise("Imported %s customers.", report.Count(stored))
	return nil
}

// counted adds up the customers that go through. The example's amount is an attribute.
func (d *demonstration) counted(customers iter.Seq2[*echelonv1.Customer, error]) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for customer, err := range customers {
			d.rows++
			d.amount.Add(customer.GetAttributes().GetFields()[d.model.GetAmount()].GetNumberValue())
			if !yield(customer, err) {
				return
			}
		}
	}
}

// publish runs the model over all customers, and publishes the result.
func (d *demonstration) publish(ctx context.Context) error {
	run, err := d.client.StartRun(ctx, &echelonv1.StartRunRequest{Model: d.model.GetName(), AsOf: demoAsOf})
	if err == nil {
		run, err = d.client.WaitRun(ctx, run.GetId(), nil)
	}
	if err == nil && run.GetState() == echelonv1.Run_FAILED {
		err = fmt.Errorf("the run %s failed: %s", run.GetId(), run.GetFailure())
	}
	if err == nil {
		run, err = d.client.PublishRun(ctx, run.GetId())
	}
	d.run = run
	if err == nil {
		d.advise("Ran and published %s.\n", run.GetId())
	}
	return err
}

// tables prints the tiers, the personas and the closing balance.
func (d *demonstration) tables(context.Context) error {
	balance := d.run.GetSummary().GetBalance()
	if in := d.amount.Float64(); balance.GetCustomers() != d.rows || balance.GetAmountIn() != in || balance.GetAmountOut() != in {
		return fmt.Errorf("the books do not balance: the file has %d rows and %s, and the run counts %d customers, %s in and %s out",
			d.rows, report.Exact(in), balance.GetCustomers(), report.Exact(balance.GetAmountIn()), report.Exact(balance.GetAmountOut()))
	}
	if d.json {
		return d.printMessage(d.run.GetSummary())
	}
	return report.Summary(d.stdout, d.run.GetSummary(), d.model.GetAmount())
}

// stream sends all customers through BulkAssign, and compares what comes back with what was published.
func (d *demonstration) stream(ctx context.Context) error {
	published := make(map[string]*echelonv1.Assignment)
	for a, err := range d.client.ExportAssignments(ctx, d.model.GetName(), "") {
		if err != nil {
			return err
		}
		published[a.GetCustomerId()] = a
	}
	evaluator := client.StoredModel(d.model.GetName(), 0)
	evaluator.AsOf = demoAsOf
	streamed := 0
	for outcome, err := range d.client.BulkAssign(ctx, &echelonv1.BulkAssignHeader{Evaluator: evaluator}, d.customers()) {
		switch {
		case err != nil:
			return err
		case outcome.Error != nil:
			return fmt.Errorf("customer %q was refused: %s", outcome.Error.GetCustomerId(), outcome.Error.GetMessage())
		case !sameOutcome(outcome.Assignment, published[outcome.Assignment.GetCustomerId()]):
			return fmt.Errorf("customer %q came out of the stream otherwise than it was published", outcome.Assignment.GetCustomerId())
		}
		streamed++
		if tier := outcome.Assignment.GetTiers()[0].GetTier(); d.example == "" && tier == d.run.GetSummary().GetTierings()[0].GetTiers()[0].GetTier() {
			d.example = outcome.Assignment.GetCustomerId()
		}
	}
	d.advise("\nStreamed %s customers through BulkAssign: each came out as it was published.\n", report.Count(int64(streamed)))
	return nil
}

// sameOutcome reports whether two assignments say the same, whatever made them.
func sameOutcome(a, b *echelonv1.Assignment) bool {
	a, b = proto.CloneOf(a), proto.CloneOf(b)
	a.Provenance, b.Provenance = nil, nil
	return proto.Equal(a, b)
}

// explain shows every step to one customer's tier.
func (d *demonstration) explain(ctx context.Context) error {
	if d.json || d.example == "" {
		return nil
	}
	explained, err := d.client.ExplainAssignment(ctx, &echelonv1.ExplainAssignmentRequest{Model: d.model.GetName(), CustomerId: d.example})
	if err != nil {
		return err
	}
	if err := d.printf("\nwhy customer %s came out so", d.example); err != nil {
		return err
	}
	return report.Explained(d.stdout, explained)
}

// goOn says how to go on with what is there.
func (d *demonstration) goOn(folder string) {
	model := d.model.GetName()
	d.advise(`
Go on with it. Start a server over the same data:

  bin/echelon serve --data %[1]s

and in another terminal ask it, by the command or by grpcurl (go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest):

  bin/echelon explain %[2]s %[3]s
  bin/echelon run list
  grpcurl -plaintext 127.0.0.1:7070 list
  grpcurl -plaintext -d '{"model": "%[2]s", "customer_id": "%[3]s"}' 127.0.0.1:7070 echelon.v1.AssignmentService/GetAssignment
  grpcurl -plaintext -d '{"evaluator": {"stored": {"name": "%[2]s"}}, "customer_id": "%[3]s", "explain": true}' 127.0.0.1:7070 echelon.v1.ScoringService/ScoreCustomer
  grpcurl -plaintext -d '{"model": "%[2]s", "page_size": 5}' 127.0.0.1:7070 echelon.v1.AssignmentService/ListAssignments

The data stays in %[1]s; remove the folder when you are done.`, folder, model, d.example)
}
