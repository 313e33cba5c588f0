package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// importOptions are the flags of import.
type importOptions struct {
	inputOptions
	model string
}

func (c *cli) importCommand() *cobra.Command {
	var o importOptions
	cmd := c.calls(&cobra.Command{
		Use:   "import",
		Short: "Store the customers of a file",
		Long: "Import stores the customers of a file, CSV or JSON lines; each replaces what was stored of it. The model says which columns are read, and as what: its\n" +
			"file, or its name on the server. An import that was interrupted can be run again. Assignments change with the next run.\n" +
			"With --strict the file is read twice: before anything is stored it must be without a row that is refused.",
		Example: "  echelon import --model model.yaml --input customers.csv --id-column account_id",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			return c.importFile(ctx, server, o)
		}),
	})
	c.modelFlag(cmd, &o.model, "the model's file, or its name on the server")
	o.flags(cmd)
	return cmd
}

// attributesOf returns the attributes of a model that a file holds, or else the server, by the names that the store has for them now: a model may be
// older than a renaming. What files call them stays.
func (c *cli) attributesOf(ctx context.Context, server *client.Client, model string) ([]*echelonv1.Attribute, error) {
	if isFile(model) {
		m, err := c.useModel(model)
		if err != nil {
			return nil, err
		}
		return presentNames(ctx, server, m.model.GetAttributes())
	}
	kept, err := server.GetModel(ctx, model, 0)
	if err != nil {
		return nil, fmt.Errorf("--model %s is no file here: %w", model, err)
	}
	return presentNames(ctx, server, kept.GetModel().GetAttributes())
}

// presentNames returns attributes by the names that the store has for them now.
func presentNames(ctx context.Context, server *client.Client, attributes []*echelonv1.Attribute) ([]*echelonv1.Attribute, error) {
	schema, err := server.GetSchema(ctx)
	if err != nil {
		return nil, err
	}
	now := make(map[string]string)
	for _, kept := range schema.GetAttributes() {
		for _, former := range kept.GetFormerNames() {
			now[former] = kept.GetName()
		}
	}
	present := make([]*echelonv1.Attribute, len(attributes))
	for i, attribute := range attributes {
		present[i] = attribute
		if name := now[attribute.GetName()]; name != "" {
			present[i] = proto.CloneOf(attribute)
			present[i].Name, present[i].Column = name, cmp.Or(attribute.GetColumn(), attribute.GetName())
		}
	}
	return present, nil
}

func (c *cli) importFile(ctx context.Context, server *client.Client, o importOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	attributes, err := c.attributesOf(ctx, server, o.model)
	if err != nil {
		return err
	}
	if err := c.strictly(ctx, o, attributes); err != nil {
		return err
	}
	reader, file, err := c.openCustomers(o.inputOptions, attributes)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	refused, err := c.createRejects(o.rejects)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, refused.discard()) }()
	line := progress.New(c.stderr)
	defer line.Stop()
	line.Start("customers stored")
	job := &importing{reader: reader, attributes: attributes, rejects: refused}
	for done, err := range server.ImportCustomers(ctx, &echelonv1.ImportHeader{}, job.customers(ctx)) {
		if err != nil {
			line.Stop()
			c.advise("%s customers were stored before it broke off, and stay; run it again to store the rest", report.Count(job.stored))
			return err
		}
		job.settle(done)
		line.Set(done.Stored)
		if o.strict && job.refused > 0 {
			line.Stop()
			c.advise("%s customers were stored before the server refused a row, and stay", report.Count(job.stored))
			return &failure{exitRefused, errors.New(job.listed[0].Describe(o.name()))}
		}
	}
	line.Done()
	if err := firstOf(job.unwritten, refused.commit()); err != nil {
		return err
	}
	return c.reportImport(o, job)
}

// strictly reads the whole input where --strict is given, and fails at the first row that is refused, so that nothing is stored then.
func (c *cli) strictly(ctx context.Context, o importOptions, attributes []*echelonv1.Attribute) (err error) {
	if !o.strict {
		return nil
	}
	if o.input == stdio {
		return usagef("--strict reads the input twice, and the standard input can be read once: give it a file")
	}
	reader, file, err := (&cli{stderr: io.Discard}).openCustomers(o.inputOptions, attributes)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	for batch, err := range reader.Batches(tabular.BatchRows) {
		if err = firstOf(err, ctx.Err()); err != nil {
			return err
		}
		if len(batch.Refused) > 0 {
			return &failure{exitRefused, errors.New(batch.Refused[0].Describe(o.name()))}
		}
	}
	return nil
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
	// rejects takes all of them, and unwritten is why it could not.
	rejects   *rejects
	unwritten error
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
	j.unwritten = firstOf(j.unwritten, j.rejects.write(rows...))
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
		return fmt.Errorf("%s: the file has a header and no customers: give it a line for each customer", o.name())
	}
	if j.rows != j.stored+j.refused {
		return errors.New("the books do not balance: fewer rows were answered than were read; run the import again")
	}
	var err error
	if c.json {
		err = c.printJSON(importJSON{j.rows, j.stored, j.refused, append([]tabular.Refusal{}, j.listed...)})
	} else {
		err = c.printf("balance\n  rows    %s in = %s stored + %s refused", report.Count(j.rows), report.Count(j.stored), report.Count(j.refused))
		c.listRefused(o.name(), j.listed, int(j.refused), o.rejects)
	}
	if j.unknown {
		c.advise(`the server does not know all attributes of the model: store it first by "echelon model create"`)
	}
	return firstOf(err, refusedError(int(j.refused), int(j.rows)))
}
