package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) runCompareCommand() *cobra.Command {
	var most int
	var tiering, by string
	cmd := c.calls(&cobra.Command{
		Use:   "compare FROM TO",
		Short: "Show where customers come from in one run and go to in another",
		Long: "Compare shows, of two runs of one model or of two, how many customers go from which tier to which, with their amount, why they moved, and who moved\n" +
			"with the largest amounts. Each is the id of a run, published or not, latest:MODEL, which is the newest run of a model that has a result, or current:MODEL,\n" +
			"which is what is published of a model. Amounts are those that each run read.",
		Example: "  echelon run compare current:b2b 20260131-120000.000000-1a2b3c4d\n  echelon run compare current:b2b current:draft --tiering coverage",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.compareRuns(ctx, server, args, tiering, by, most)
		}),
	})
	cmd.Flags().StringVar(&tiering, "tiering", "", "the tiering; the one that drives coverage, or the first that both models have, where it is not given")
	cmd.Flags().StringVar(&by, "by", "", "an attribute of texts by which movers are grouped, such as owner")
	cmd.Flags().IntVar(&most, "limit", 20, "how many movers at most; 0 for all")
	return cmd
}

func (c *cli) compareRuns(ctx context.Context, server *client.Client, args []string, tiering, by string, most int) error {
	if most < 0 {
		return usagef("--limit %d is below 0", most)
	}
	o := previewOptions{from: args[0], tiering: tiering, by: by, movers: maxPreviewed}
	if most > 0 {
		o.movers = min(most, maxPreviewed)
	}
	found, err := c.previewOf(ctx, server, args[1], o)
	if err != nil {
		return err
	}
	found.Run, found.Findings, found.Unpublishable = nil, nil, "" // a preview has them
	if (most == 0 || most > maxPreviewed) && found.GetMovers() > maxPreviewed {
		request := &echelonv1.CompareRunsRequest{Tiering: tiering, Causes: true, GroupBy: by}
		if request.From, err = namedRun(ctx, server, args[0], withResult); err != nil {
			return err
		}
		if request.To, err = namedRun(ctx, server, args[1], withResult); err != nil {
			return err
		}
		if err := allMovers(ctx, server, request, found); err != nil {
			return err
		}
		if most > 0 {
			found.Largest = found.GetLargest()[:min(most, len(found.GetLargest()))]
		}
	}
	if int64(len(found.GetLargest())) < found.GetMovers() {
		c.advise("there are more movers: --limit 0 shows all")
	}
	if c.json {
		return c.printMessage(found)
	}
	return report.Moves(c.stdout, found)
}
