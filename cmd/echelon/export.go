package main

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// exportOptions are the flags of export.
type exportOptions struct {
	model, run, output, idColumn string
	customers                    bool
}

func (c *cli) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := c.calls(&cobra.Command{
		Use:   "export",
		Short: "Write the published assignments, or the stored customers, to a file",
		Long: "Export writes a model's published assignments to a file, with the columns of score, or those of a run. With --customers it writes the\n" +
			"stored customers, with the attributes of the model, so that import reads them back. Rows are ordered by id.",
		Example: "  echelon export --model b2b --output tiers.csv\n  echelon export --model b2b --customers --output customers.csv",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			if o.customers {
				return c.exportCustomers(ctx, server, o)
			}
			return c.exportAssignments(ctx, server, o)
		}),
	})
	c.modelFlag(cmd, &o.model, "the model's name on the server; for customers its file will do")
	outputFlag(cmd, &o.output)
	flags := cmd.Flags()
	flags.StringVar(&o.idColumn, "id-column", "customer_id", "the column to write the ids to")
	flags.StringVar(&o.run, "run", "", "the id of the run whose assignments are written; the published ones where it is not given")
	flags.BoolVar(&o.customers, "customers", false, "write customers in place of assignments")
	cmd.MarkFlagsMutuallyExclusive("customers", "run")
	return cmd
}

func (c *cli) exportCustomers(ctx context.Context, server *client.Client, o exportOptions) error {
	attributes, err := c.attributesOf(ctx, server, o.model)
	if err != nil {
		return err
	}
	if err := checkOutput(o.output); err != nil {
		return err
	}
	var out customerFile
	return c.exportRows(o.output, "customers written", func(file io.Writer, line *progress.Line) (err error) {
		if out, err = newCustomerFile(o.output, file, o.idColumn, attributes); err != nil {
			return err
		}
		err = each(server.ExportCustomers(ctx), line, out.Write)
		if out.Emptied() > 0 {
			c.advise("%d empty texts or lists were written as empty cells, which read back as missing", out.Emptied())
		}
		return firstOf(err, out.Flush())
	})
}

func (c *cli) exportAssignments(ctx context.Context, server *client.Client, o exportOptions) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	return c.exportRows(o.output, "assignments written", func(file io.Writer, line *progress.Line) error {
		var out *gatheredOutcomes
		err := each(server.ExportAssignments(ctx, o.model, o.run), line, func(a *echelonv1.Assignment) (err error) {
			if out == nil {
				if out, err = assignmentWriter(ctx, server, file, o, a.GetProvenance().GetModelVersion()); err != nil {
					return err
				}
			}
			return out.add(a)
		})
		if err == nil && out == nil {
			out, err = assignmentWriter(ctx, server, file, o, 0)
		}
		if err != nil {
			return err
		}
		return out.finish()
	})
}

// assignmentWriter returns a writer of the assignments that a version of the model made.
func assignmentWriter(
	ctx context.Context, server *client.Client, file io.Writer, o exportOptions, version int64,
) (*gatheredOutcomes, error) {
	kept, err := server.GetModel(ctx, o.model, version)
	if err != nil {
		return nil, err
	}
	program, found := engine.Compile(kept.GetModel())
	if found.HasMistakes() {
		return nil, fmt.Errorf("the model on the server has mistakes for this version of echelon: use the same on both sides: %w", found.Err())
	}
	out, err := newOutcomes(o.output, file, o.idColumn, program)
	return &gatheredOutcomes{out: out, program: program}, err
}

// each hands rows on and counts them.
func each[T any](rows iter.Seq2[T, error], line *progress.Line, write func(T) error) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := write(row); err != nil {
			return err
		}
		line.Add(1)
	}
	return nil
}

// exportRows writes a file, which is there whole or not at all, and prints how many rows it has.
func (c *cli) exportRows(path, label string, write func(io.Writer, *progress.Line) error) (err error) {
	file, err := c.createOutput(path)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	line := progress.New(c.stderr)
	defer line.Stop()
	line.Start(label)
	if err := write(file, line); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return err
	}
	line.Done()
	if path == stdio {
		return nil
	}
	if c.json {
		return c.printJSON(map[string]any{"output": path, "rows": line.Count()})
	}
	return c.printf("%s: %s rows", path, report.Count(line.Count()))
}
