package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/tabular"
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
			if o.idColumn == "" {
				return usagef("--id-column is empty: name the column to write the ids to, or leave it out")
			}
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
	flags.StringVar(&o.run, "run", "", "the run whose assignments are written, as it left its customers: its id, or latest:MODEL; the published ones where it is not given")
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
		reader := arrowframe.NewReader(tabular.CustomerSchema(attributes), arrowframe.Options{IDColumn: wireID})
		err = each(server.ExportCustomersArrow(ctx, wireID), line, func(stream []byte) (*frame.Frame, error) {
			read, err := reader.Read(stream)
			switch {
			case err != nil:
				return nil, fmt.Errorf("the stored customers are not as the model declares them, export them with the model that the server has: %w", err)
			case len(read.Refused) > 0:
				return nil, fmt.Errorf("customer %q: %s", read.Refused[0].GetCustomerId(), read.Refused[0].GetMessage())
			}
			return read.Frame, out.Write(read.Frame)
		})
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
	if o.run != "" {
		var err error
		if o.run, err = runIDOf(ctx, server, o.run, withResult); err != nil {
			return err
		}
	}
	return c.exportRows(o.output, "assignments written", func(file io.Writer, line *progress.Line) error {
		to := &outcomeStreams{path: o.output, idColumn: o.idColumn, file: file}
		if err := each(server.ExportAssignmentsArrow(ctx, o.model, o.run, wireID), line, to.write); err != nil {
			return err
		}
		return to.finish()
	})
}

// outcomeStreams writes the outcomes of streams of Arrow to a file, whose columns are those of the first.
type outcomeStreams struct {
	path, idColumn string
	file           io.Writer
	reader         *arrowframe.Reader
	out            frameFile
}

func (s *outcomeStreams) write(stream []byte) (*frame.Frame, error) {
	if s.out == nil {
		if err := s.begin(stream); err != nil {
			return nil, err
		}
	}
	read, err := s.reader.Read(stream)
	if err != nil {
		return nil, err
	}
	return read.Frame, s.out.Write(read.Frame)
}

func (s *outcomeStreams) begin(first []byte) error {
	record, err := arrowframe.Record(first)
	if err != nil {
		return err
	}
	schema, err := arrowframe.SchemaOf(record.Schema(), wireID)
	if err != nil {
		return err
	}
	s.reader = arrowframe.NewReader(schema, arrowframe.Options{IDColumn: wireID, Whole: true})
	s.out, err = newOutcomeFile(s.path, s.file, schema, s.idColumn)
	return err
}

// finish ends the file.
func (s *outcomeStreams) finish() error {
	if s.out == nil {
		return errors.New("the server answered without columns: it may be older than this program; use the same version on both sides")
	}
	return s.out.Flush()
}

// each hands streams on to what writes them, and counts their rows.
func each(streams iter.Seq2[[]byte, error], line *progress.Line, write func([]byte) (*frame.Frame, error)) error {
	for stream, err := range streams {
		if err != nil {
			return err
		}
		written, err := write(stream)
		if err != nil {
			return err
		}
		line.Add(written.Len())
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
