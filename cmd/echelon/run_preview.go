package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxPreviewed is how many movers a list of a preview can have.
const maxPreviewed = 1000

// previewOptions are the flags of run preview and run what-if.
type previewOptions struct {
	from, tiering, by string
	movers            int
}

func (o *previewOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.from, "from", "", "what it is compared with: a run, named alike; what is published of its model, or was before it, where it is not given")
	cmd.Flags().StringVar(&o.tiering, "tiering", "", "the tiering; the one that drives coverage, or the first that both models have, where it is not given")
	cmd.Flags().StringVar(&o.by, "by", "", "an attribute of texts by which movers are grouped, such as owner")
	cmd.Flags().IntVar(&o.movers, "movers", 25, "how many movers each list has at most, 1 to 1000")
}

func (c *cli) runPreviewCommand() *cobra.Command {
	var o previewOptions
	cmd := c.calls(&cobra.Command{
		Use:   "preview RUN",
		Short: "Show what a run would change: who moves where, and why",
		Long: "Preview shows the tables of a run, how many customers it would move from which tier to which, with their amount, why they would move, who moves with the\n" +
			"largest amounts, who is demoted, and what the guard finds. RUN is the id of a run, latest:MODEL, which is the newest run of a model that has a result, or\n" +
			"current:MODEL, which is what is published. Each mover has one cause: its own data, the others (the base moved the line), time, the model, or an override.",
		Example: "  echelon run preview latest:b2b --by owner\n  echelon run preview 20260131-120000.000000-1a2b3c4d --from current:b2b",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.previewRun(ctx, server, args[0], o)
		}),
	})
	o.flags(cmd)
	return cmd
}

// previewOf returns the preview of what an argument names.
func (c *cli) previewOf(ctx context.Context, server *client.Client, to string, o previewOptions) (*echelonv1.PreviewRunResponse, error) {
	if o.movers < 1 || o.movers > maxPreviewed {
		return nil, usagef("--movers %d lies outside 1 to %d", o.movers, maxPreviewed)
	}
	request := &echelonv1.PreviewRunRequest{Tiering: o.tiering, GroupBy: o.by, Movers: int32(o.movers)}
	var err error
	if request.To, err = namedRun(ctx, server, to, withResult); err != nil {
		return nil, err
	}
	if o.from != "" {
		if request.From, err = namedRun(ctx, server, o.from, withResult); err != nil {
			return nil, err
		}
	}
	return server.PreviewRun(ctx, request)
}

func (c *cli) previewRun(ctx context.Context, server *client.Client, to string, o previewOptions) error {
	found, err := c.previewOf(ctx, server, to, o)
	if err != nil {
		return err
	}
	if c.json {
		return c.printMessage(found)
	}
	kept, err := server.GetModel(ctx, found.GetRun().GetModel(), found.GetRun().GetModelVersion())
	if err != nil {
		return err
	}
	return report.Preview(c.stdout, found, kept.GetModel().GetAmount())
}

// allMovers puts all movers in place of the largest, in their order.
func allMovers(ctx context.Context, server *client.Client, request *echelonv1.CompareRunsRequest, into *echelonv1.PreviewRunResponse) error {
	into.Largest = nil
	for mover, err := range server.Movers(ctx, request) {
		if err != nil {
			return err
		}
		into.Largest = append(into.Largest, mover)
	}
	slices.SortStableFunc(into.Largest, func(a, b *echelonv1.Mover) int { return cmp.Compare(b.GetAmount(), a.GetAmount()) })
	return nil
}
