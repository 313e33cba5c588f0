package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

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
	model, jobID string
	// assign asks for assignments at once, assignModels names the models that assign where not all that are published do.
	assign       bool
	assignModels []string
}

// maxJobID is how many bytes the id of a job has at most.
const maxJobID = 128

func (c *cli) importCommand() *cobra.Command {
	var o importOptions
	cmd := c.calls(&cobra.Command{
		Use:   "import",
		Short: "Store the customers of a file",
		Long: "Import stores the customers of a file (CSV, JSON lines, Parquet, Arrow); each replaces what was stored of it. The model says which columns are read, and as what: its\n" +
			"file, or its name on the server. Assignments change with the next run, or at once with --assign: each customer is then evaluated under what is\n" +
			"published, in the commit that stores it, and one that a model refuses is not stored.\n" +
			"When the connection breaks or the server is started again, the import goes on by itself. One that was ended goes on when it is run again with the\n" +
			"same --job-id and the same file: what was stored is not stored again, and a file that has changed in those rows is told.\n" +
			"With --strict the file is read twice: before anything is stored it must be without a row that is refused.",
		Example: "  echelon import --model model.yaml --input customers.csv --id-column account_id",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			return c.importFile(ctx, server, o)
		}),
	})
	c.modelFlag(cmd, &o.model, "the model's file, or its name on the server")
	cmd.Flags().BoolVar(&o.assign, "assign", false, "assign the customers at once, under what is published")
	cmd.Flags().StringSliceVar(&o.assignModels, "assign-model", nil, "with --assign, only by this model; may be given several times")
	cmd.Flags().StringVar(&o.jobID, "job-id", "", "a name for this import, at most 128 bytes, under which it can be run again and go on; a random one where it is not given")
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
	if len(o.assignModels) > 0 && !o.assign {
		return usagef("--assign-model says which models assign the customers, and --assign is not given: give it, or leave --assign-model out")
	}
	if len(o.jobID) > maxJobID || !utf8.ValidString(o.jobID) {
		return usagef("--job-id has %d bytes: it must be a text of at most %d bytes in UTF-8", len(o.jobID), maxJobID)
	}
	refused, err := c.createRejects(o.rejects) // at once: what cannot be written is told before the work
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, refused.discard()) }()
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
	line := progress.New(c.stderr)
	c.line = line
	defer line.Stop()
	line.Start("customers stored")
	job := &importing{reader: reader, attributes: attributes, rejects: refused}
	header := &echelonv1.ImportHeader{JobId: o.jobID, Assign: o.assign, AssignModels: o.assignModels}
	for done, err := range job.imported(ctx, server, header) {
		if err != nil {
			line.Stop()
			c.adviseAgain(o, job, err)
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

// adviseAgain says what became of an import that broke off, and how it goes on.
func (c *cli) adviseAgain(o importOptions, job *importing, err error) {
	again := "run it again to store the rest"
	switch client.ReasonOf(err) {
	case echelonv1.ErrorReason_BATCH_MISMATCH, echelonv1.ErrorReason_JOB_EXPIRED, echelonv1.ErrorReason_JOB_MISMATCH:
		again = "run it with another --job-id to store the whole file"
	default:
		if o.jobID != "" {
			again = "run it again with the same --job-id to go on there"
		}
	}
	c.advise("%s customers were stored before it broke off, and stay; %s", report.Count(job.stored), again)
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
	// assigned counts assignments: one a customer and model.
	assigned int64
	// repeated are rows that the job had settled before, and unlisted those of them that were refused and are in no list any more.
	repeated, unlisted int64
	// unknown tells whether the server does not know an attribute.
	unknown bool
	// listed are the first refused rows.
	listed []tabular.Refusal
	// families are what the rows mean for the families of published models.
	families writtenFamilies
	// rejects takes all of them, and unwritten is why it could not.
	rejects   *rejects
	unwritten error
}

// batches returns the rows of the file, and refuses those that cannot be read.
func (j *importing) batches(ctx context.Context, rows int) iter.Seq2[*tabular.Batch, error] {
	return func(yield func(*tabular.Batch, error) bool) {
		for batch, err := range j.reader.Batches(rows) {
			if err = firstOf(err, ctx.Err()); err != nil {
				yield(nil, err)
				return
			}
			j.rows += int64(batch.Rows())
			j.refuse(batch.Refused...)
			if !yield(batch, nil) {
				return
			}
		}
	}
}

// customers returns the rows that can be read as messages.
func (j *importing) customers(ctx context.Context) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for batch, err := range j.batches(ctx, tabular.BatchRows) {
			if err != nil {
				yield(nil, err)
				return
			}
			j.lines = append(j.lines, batch.Lines...)
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
	j.settled, j.stored, j.assigned, j.repeated = done.Acknowledged, done.Stored, done.Assigned, done.Repeated
	j.families.add(done.Families)
	j.refused += done.Unlisted
	j.unlisted += done.Unlisted
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
	// Assigned is how many assignments were stored with them, where --assign asks for it.
	Assigned int64 `json:"assigned,omitempty"`
	// RepeatedRows were settled before by the same job, and are counted among the others.
	RepeatedRows int64 `json:"repeated_rows"`
	// Refused lists the first rows that were refused.
	Refused []tabular.Refusal `json:"refused"`
	// Families are those of published models that the customers belong to.
	Families []familiesJSON `json:"families,omitempty"`
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
		err = c.printJSON(importJSON{j.rows, j.stored, j.refused, j.assigned, j.repeated, append([]tabular.Refusal{}, j.listed...), j.families.json()})
	} else {
		err = c.printf("balance\n  rows    %s in = %s stored + %s refused", report.Count(j.rows), report.Count(j.stored), report.Count(j.refused))
		if o.assign {
			err = firstOf(err, c.printf("  assigned %s, one for each customer and model", report.Count(j.assigned)))
		}
		c.listRefused(o.name(), j.listed, int(j.refused-j.unlisted), o.rejects)
	}
	c.adviseFamilies(j.families)
	if j.repeated > 0 {
		c.advise("%s of the rows were done before the connection or the command was ended, and were not stored again", report.Count(j.repeated))
	}
	if j.unlisted > 0 {
		c.advise("%s of the refused rows were refused then and are in no list: there were too many to keep", report.Count(j.unlisted))
	}
	if j.unknown {
		c.advise(`the server does not know all attributes of the model: store it first by "echelon model create"`)
	}
	return firstOf(err, refusedError(int(j.refused), int(j.rows)))
}
