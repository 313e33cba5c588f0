package main

import (
	"context"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/briefing"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxReportList is how long lists of a report can be: more nobody reads on a page.
const maxReportList = 10_000

// runReportOptions are the flags of run report.
type runReportOptions struct {
	html, csv, against string
	request            briefing.Request
}

func (c *cli) runReportCommand() *cobra.Command {
	var o runReportOptions
	cmd := c.calls(&cobra.Command{
		Use:   "report RUN",
		Short: "Write what a leader reads in the meeting that reviews a run",
		Long: "Report writes a run as one page of HTML that opens anywhere without a network, as CSV, or as both: tiers with customers and amount, the 4-box as a\n" +
			"plot, concentration, who moved since the run before, who is held back and until when, overrides, and who has no tier and why. The run is named by\n" +
			"its id, published or not, by latest:MODEL, which is the newest run of a model that has a result, or by current:MODEL, which is what is published of it.\n" +
			"With --json the figures are printed too.",
		Example: "  echelon run report current:b2b --html review.html --csv review.csv\n" +
			"  echelon run report 20260131-120000.000000-1a2b3c4d --html review.html --name company --owner rep",
		Args: cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.reportRun(ctx, server, args[0], o)
		}),
	})
	flags := cmd.Flags()
	flags.StringVar(&o.html, "html", "", "the page to write; - is the standard output")
	flags.StringVar(&o.csv, "csv", "", "the CSV to write, compressed where its name ends in .gz or .zst; - is the standard output")
	flags.StringVar(&o.against, "against", "", "the run to compare with, named alike; what was published when the run was started where it is not given")
	flags.StringVar(&o.request.Tiering, "tiering", "", "the tiering whose movers are told; the one that drives coverage where it is not given")
	flags.StringVar(&o.request.Name, "name", "", "an attribute to show beside the ids of customers, such as their names")
	flags.StringVar(&o.request.Owner, "owner", "", "an attribute that says who looks after a customer, to show beside it")
	flags.IntVar(&o.request.Limit, "limit", 25, "how many customers each list shows at most")
	return cmd
}

// check finds what is wrong with the flags together.
func (o runReportOptions) check(json bool) error {
	switch {
	case o.html == "" && o.csv == "" && !json:
		return usagef("nothing to write: name the page by --html, the CSV by --csv, or both")
	case o.html == o.csv && o.html != "":
		return usagef("--html and --csv are both %s: give each a name of its own", frame.Quote(o.html))
	case json && (o.html == stdio || o.csv == stdio):
		return usagef("--json prints on the standard output: write --html and --csv to files")
	case o.request.Limit < 1 || o.request.Limit > maxReportList:
		return usagef("--limit %d is not from 1 to %d", o.request.Limit, maxReportList)
	}
	return nil
}

// reportRun reads a report and writes it. All files are begun before anything is read, so that one that cannot be written is told at once, and put into
// their places when all are complete.
func (c *cli) reportRun(ctx context.Context, server *client.Client, run string, o runReportOptions) (err error) {
	if err := o.check(c.json); err != nil {
		return err
	}
	var files []*output
	writers := []func(io.Writer, *briefing.Report) error{}
	for _, one := range []struct {
		path  string
		write func(io.Writer, *briefing.Report) error
	}{{o.html, briefing.HTML}, {o.csv, briefing.CSV}} {
		if one.path == "" {
			continue
		}
		file, err := c.createOutput(one.path)
		if err != nil {
			return err
		}
		defer func() { err = firstOf(err, file.Close()) }()
		files, writers = append(files, file), append(writers, one.write)
	}
	report, err := c.readReport(ctx, server, run, o)
	if err != nil {
		return err
	}
	for i, file := range files {
		if err := writers[i](file, report); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, file := range files {
		if err := file.Commit(); err != nil {
			return err
		}
	}
	if c.json {
		return c.printJSON(report)
	}
	return nil
}

// readReport reads a report, with progress.
func (c *cli) readReport(ctx context.Context, server *client.Client, run string, o runReportOptions) (*briefing.Report, error) {
	var err error
	request := o.request
	if request.RunID, err = runIDOf(ctx, server, run, withResult); err != nil {
		return nil, err
	}
	if o.against != "" {
		if request.Against, err = runIDOf(ctx, server, o.against, withResult); err != nil {
			return nil, err
		}
	}
	if err := knownAttributes(ctx, server, map[string]string{"--name": request.Name, "--owner": request.Owner}); err != nil {
		return nil, err
	}
	line := progress.New(c.stderr)
	defer line.Stop()
	c.line = line
	line.Start("customers read")
	request.Now, request.Tell = time.Now(), line.Set
	report, err := briefing.Read(ctx, server, request)
	if err == nil {
		line.Done()
	}
	return report, err
}

// knownAttributes finds flags that name no attribute of the store; empty ones name none on purpose.
func knownAttributes(ctx context.Context, server *client.Client, flags map[string]string) error {
	schema, err := server.GetSchema(ctx)
	if err != nil {
		return err
	}
	for _, flag := range slices.Sorted(maps.Keys(flags)) {
		name := flags[flag]
		if name != "" && !slices.ContainsFunc(schema.GetAttributes(), func(a *echelonv1.SchemaAttribute) bool { return a.GetName() == name && !a.GetRetired() }) {
			return usagef(`%s: the store has no attribute %s: "echelon schema show" lists all`, flag, frame.Quote(name))
		}
	}
	return nil
}
