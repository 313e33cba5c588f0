package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// importOptions are the flags of import.
type importOptions struct {
	model, input, idColumn string
	allowMissing           bool
}

func (c *cli) importCommand() *cobra.Command {
	var o importOptions
	cmd := c.calls(&cobra.Command{
		Use:   "import",
		Short: "Store the customers of a file",
		Long: "Import stores the customers of a CSV file; each replaces what was stored of it. The model says which columns are read, and as what: its\n" +
			"file, or its name on the server. An import that was interrupted can be run again. Assignments change with the next run.",
		Example: "  echelon import --model model.yaml --input customers.csv --id-column account_id",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			return c.importFile(ctx, server, o)
		}),
	})
	c.modelFlag(cmd, &o.model, "the model's file, or its name on the server")
	inputFlags(cmd, &o.input, &o.idColumn, &o.allowMissing)
	return cmd
}

// attributesOf returns the attributes of a model that a file holds, or else the server.
func (c *cli) attributesOf(ctx context.Context, server *client.Client, model string) ([]*echelonv1.Attribute, error) {
	if isFile(model) {
		m, err := c.useModel(model)
		if err != nil {
			return nil, err
		}
		return m.model.GetAttributes(), nil
	}
	kept, err := server.GetModel(ctx, model, 0)
	if err != nil {
		return nil, fmt.Errorf("--model %s is no file here: %w", model, err)
	}
	return kept.GetModel().GetAttributes(), nil
}

func (c *cli) importFile(ctx context.Context, server *client.Client, o importOptions) (err error) {
	attributes, err := c.attributesOf(ctx, server, o.model)
	if err != nil {
		return err
	}
	file, err := os.Open(o.input)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	reader, err := tabular.NewReader(file, tabular.Options{
		File: o.input, IDColumn: o.idColumn, Attributes: attributes, AllowMissingColumns: o.allowMissing,
	})
	if err != nil {
		return err
	}
	line := progress.New(c.stderr)
	defer line.Stop()
	line.Start("customers stored")
	job := &importing{reader: reader, attributes: attributes}
	for done, err := range server.ImportCustomers(ctx, &echelonv1.ImportHeader{}, job.customers(ctx)) {
		if err != nil {
			line.Stop()
			c.advise("%s customers were stored before it broke off, and stay; run it again to store the rest", report.Count(job.stored))
			return err
		}
		job.settle(done)
		line.Set(done.Stored)
	}
	line.Done()
	return c.reportImport(o, job)
}

// importing is an import that is under way.
type importing struct {
	reader     *tabular.Reader
	attributes []*echelonv1.Attribute
	rows       int64
	// lines are where the rows begin that await their answer; the first is row number settled of those that were sent.
	lines   []int
	settled int64
	stored  int64
	refused int64
	// unknown tells whether the server does not know an attribute.
	unknown bool
	// listed are the first refused rows.
	listed []tabular.Refusal
}

// customers returns the rows that can be read; the others are refused here.
func (j *importing) customers(ctx context.Context) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for batch, err := range j.reader.Batches(tabular.BatchRows) {
			if err = firstOf(err, ctx.Err()); err != nil {
				yield(nil, err)
				return
			}
			j.rows += int64(batch.Rows())
			j.lines = append(j.lines, batch.Lines...)
			j.refuse(batch.Refused...)
			for i := range batch.Frame.Len() {
				if !yield(batch.Frame.Customer(i), nil) {
					return
				}
			}
		}
	}
}

func (j *importing) refuse(rows ...tabular.Refusal) {
	j.refused += int64(len(rows))
	j.listed = append(j.listed, rows[:min(len(rows), maxListed-len(j.listed))]...)
}

// settle takes the answer to a batch.
func (j *importing) settle(done client.ImportProgress) {
	for _, e := range done.Errors {
		j.unknown = j.unknown || e.GetCode() == echelonv1.RowError_UNKNOWN_ATTRIBUTE
		j.refuse(tabular.Refusal{
			Line: j.lines[e.GetIndex()-j.settled], CustomerID: e.GetCustomerId(), Column: j.column(e.GetField()),
			Code: e.GetCode().String(), Message: e.GetMessage(),
		})
	}
	j.lines = j.lines[done.Acknowledged-j.settled:]
	j.settled, j.stored = done.Acknowledged, done.Stored
}

// column returns the file's name of an attribute.
func (j *importing) column(attribute string) string {
	for _, a := range j.attributes {
		if a.GetName() == attribute {
			return tabular.Column(a)
		}
	}
	return attribute
}

// importJSON is what import prints as JSON.
type importJSON struct {
	Rows        int64 `json:"rows"`
	Stored      int64 `json:"stored"`
	RefusedRows int64 `json:"refused_rows"`
	// Refused lists the first rows that were refused.
	Refused []tabular.Refusal `json:"refused"`
}

func (c *cli) reportImport(o importOptions, j *importing) error {
	if j.rows == 0 {
		return fmt.Errorf("%s: the file has a header and no customers: give it a line for each customer", o.input)
	}
	if j.rows != j.stored+j.refused {
		return errors.New("the books do not balance: fewer rows were answered than were read; run the import again")
	}
	var err error
	if c.json {
		err = c.printJSON(importJSON{j.rows, j.stored, j.refused, append([]tabular.Refusal{}, j.listed...)})
	} else {
		err = c.printf("balance\n  rows    %s in = %s stored + %s refused", report.Count(j.rows), report.Count(j.stored), report.Count(j.refused))
		c.listRefused(o.input, j.listed, int(j.refused), "")
	}
	if j.unknown {
		c.advise(`the server does not know all attributes of the model: store it first by "echelon model create"`)
	}
	return firstOf(err, refusedError(int(j.refused), int(j.rows)))
}
