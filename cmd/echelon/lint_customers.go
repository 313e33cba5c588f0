package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// lintOptions are the flags of lint.
type lintOptions struct {
	verbose bool
	inputOptions
	asOf, rates, address string
}

// customerFlags adds the flags that name customers to hold the rules against.
func (o *lintOptions) customerFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.input, "input", "", "a file of customers to hold the rules against: CSV, JSON lines, Parquet or Arrow, compressed where its name ends in .gz or .zst; - is the standard input")
	o.formFlags(cmd)
	flags.StringVar(&o.idColumn, "id-column", "", "the column of that file that has the customers' ids")
	flags.BoolVar(&o.rowIDs, "row-ids", false, "number the rows from 1 instead, for a file that has no ids")
	flags.BoolVar(&o.allowMissing, "allow-missing-columns", false, "take attributes whose column the file lacks as missing")
	flags.StringVar(&o.address, "address", "", "the HOST:PORT of a server whose stored customers to hold the rules against")
	asOfFlag(cmd, &o.asOf)
	ratesFlag(cmd, &o.rates)
	cmd.MarkFlagsMutuallyExclusive("id-column", "row-ids")
	cmd.MarkFlagsMutuallyExclusive("input", "address")
}

// check finds what is wrong with the flags together.
func (o lintOptions) check() error {
	switch ids := o.idColumn != "" || o.rowIDs; {
	case o.input != "" && !ids:
		return usagef("--input needs --id-column, the column that has the customers' ids, or --row-ids")
	case o.input == "" && ids:
		return usagef("--id-column and --row-ids say how --input is read: name the file, or leave them out")
	case o.input == "":
		return nil
	}
	return o.inputOptions.check()
}

// lintCustomers is what lint holds the rules against.
type lintCustomers struct {
	// source says where they are from.
	source  string
	frames  []*frame.Frame
	lines   [][]int
	refused []tabular.Refusal
	rows    int
}

// heldAgainst returns what customers show about the rules of a model, and those who could not be read.
func (c *cli) heldAgainst(ctx context.Context, m *modelFile, o lintOptions) (diag.List, *lintCustomers, error) {
	asOf, err := parseAsOf(o.asOf, m.program.Zone())
	if err != nil {
		return nil, nil, err
	}
	rates, err := c.readRates(o.rates, m.model)
	if err != nil {
		return nil, nil, err
	}
	seen := &lintCustomers{}
	line := progress.New(c.stderr)
	defer line.Stop()
	line.Start("customers read")
	if o.input != "" {
		err = seen.readFile(ctx, c, m.program, o, line)
	} else {
		err = c.reached(seen.readStore(ctx, c, m.program, line))
	}
	if err != nil {
		return nil, nil, err
	}
	line.Done()
	found, err := seen.judge(ctx, m, asOf, rates)
	return found, seen, err
}

// judge calibrates the model on the customers, since a rule may read a score, and counts.
func (l *lintCustomers) judge(ctx context.Context, m *modelFile, asOf time.Time, rates []*echelonv1.ExchangeRate) (diag.List, error) {
	calibration, err := m.program.Calibrate(ctx, func(yield func(*frame.Frame, error) bool) {
		for _, f := range l.frames {
			if !yield(f, nil) {
				return
			}
		}
	}, asOf, rates...)
	if err != nil {
		return nil, err
	}
	scorer, err := m.program.Bind(calibration)
	if err != nil {
		return nil, err
	}
	counts := scorer.CountRules()
	for i, f := range l.frames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		counts.Add(f, l.lines[i], asOf)
	}
	return counts.Findings(l.source, m.found), nil
}

func (l *lintCustomers) readFile(ctx context.Context, c *cli, program *engine.Program, o lintOptions, line *progress.Line) (err error) {
	l.source = o.name()
	reader, file, err := c.openCustomers(o.inputOptions, program.Model().GetAttributes())
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	for batch, err := range reader.Batches(tabular.BatchRows) {
		if err = firstOf(err, ctx.Err()); err != nil {
			return err
		}
		l.frames, l.lines = append(l.frames, batch.Frame), append(l.lines, batch.Lines)
		l.refused = append(l.refused, batch.Refused...)
		l.rows += batch.Rows()
		line.Add(batch.Rows())
	}
	return nil
}

// readStore reads the stored customers, of whom it takes the attributes that the model reads.
func (l *lintCustomers) readStore(ctx context.Context, c *cli, program *engine.Program, line *progress.Line) (err error) {
	l.source = "the store"
	server, err := c.dial()
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, server.Close()) }()
	if err := sameNames(ctx, server, program); err != nil {
		return err
	}
	rows := frame.NewBuilder(program.Schema())
	flush := func() {
		l.frames, l.lines = append(l.frames, rows.Take()), append(l.lines, nil)
	}
	for customer, err := range server.ExportCustomers(ctx) {
		if err != nil {
			return err
		}
		if fault := rows.AddCustomer(customer, true); fault != nil {
			l.refused = append(l.refused, tabular.Refusal{CustomerID: customer.GetId(), Code: fault.GetCode().String(), Message: fault.GetMessage()})
		}
		if rows.Len() == tabular.BatchRows {
			flush()
		}
		l.rows++
		line.Add(1)
	}
	flush()
	return nil
}

// sameNames fails where the model calls an attribute as it was called before it was renamed, or reads one that was retired: the customers that the
// server exports have it by its present name, or not at all.
func sameNames(ctx context.Context, server *client.Client, program *engine.Program) error {
	schema, err := server.GetSchema(ctx)
	if err != nil {
		return err
	}
	for _, attribute := range schema.GetAttributes() {
		for _, name := range append(attribute.GetFormerNames(), attribute.GetName()) {
			_, read := program.Schema().Index(name)
			switch {
			case read && attribute.GetRetired():
				return fmt.Errorf("the model reads %s, which was retired in the store: leave it out", name)
			case read && name != attribute.GetName():
				return fmt.Errorf("the model reads %s, which was renamed %s in the store: write that", name, attribute.GetName())
			}
		}
	}
	return nil
}

// refusals lists the customers who could not be read, and returns the error that they are.
func (l *lintCustomers) refusals(c *cli) error {
	for _, r := range l.refused[:min(len(l.refused), maxListed)] {
		if r.Line == 0 {
			c.advise("%s", oneLine(r.CustomerID+": "+r.Message))
		} else {
			c.advise("%s", oneLine(r.Describe(l.source)))
		}
	}
	if more := len(l.refused) - maxListed; more > 0 {
		c.advise("and %d more", more)
	}
	return refusedError(len(l.refused), l.rows)
}
