package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// assignmentListOptions are the flags of assignment list.
type assignmentListOptions struct {
	tiering, tier, segmentation, segment string
	most                                 int
}

func (c *cli) assignmentCommand() *cobra.Command {
	return group("assignment", "List published assignments", c.assignmentListCommand())
}

func (c *cli) assignmentListCommand() *cobra.Command {
	var o assignmentListOptions
	cmd := c.calls(&cobra.Command{
		Use:   "list MODEL",
		Short: "List the published assignments of a tier, a segment, or all",
		Long: "List shows published assignments by customer, those of a tier or persona, of a segment, of both, or all. With an empty --tier or --segment it\n" +
			"shows those that have none. export writes all of them to a file.",
		Example: "  echelon assignment list b2b --tiering coverage --tier high-touch\n  echelon assignment list b2b --segmentation size --segment Enterprise --limit 0",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.listAssignments(ctx, server, args[0], o)
		}),
	})
	flags := cmd.Flags()
	flags.StringVar(&o.tiering, "tiering", "", "the tiering whose tier is listed")
	flags.StringVar(&o.tier, "tier", "", "its tier or persona; those without one where it is empty")
	flags.StringVar(&o.segmentation, "segmentation", "", "the segmentation whose segment is listed")
	flags.StringVar(&o.segment, "segment", "", "its segment; those without one where it is empty")
	flags.IntVar(&o.most, "limit", 50, "how many at most; 0 for all")
	return cmd
}

func (c *cli) listAssignments(ctx context.Context, server *client.Client, model string, o assignmentListOptions) error {
	if o.tier != "" && o.tiering == "" || o.segment != "" && o.segmentation == "" {
		return usagef("--tier needs the --tiering that it is of, --segment the --segmentation")
	}
	if o.most < 0 {
		return usagef("--limit %d is below 0", o.most)
	}
	list := &echelonv1.ListAssignmentsResponse{}
	request := &echelonv1.ListAssignmentsRequest{
		Model: model, Tiering: o.tiering, Tier: o.tier, Segmentation: o.segmentation, Segment: o.segment, PageSize: int32(min(o.most, 1000)),
	}
	more := false
	for assignment, err := range server.AssignmentsOf(ctx, request) {
		if err != nil {
			return err
		}
		if more = o.most > 0 && len(list.Assignments) == o.most; more {
			break
		}
		if by := assignment.GetProvenance(); !by.GetOnline() { // else it is its own
			list.Provenance, assignment.Provenance = by, nil // it is that of all
		}
		list.Assignments = append(list.Assignments, assignment)
	}
	if more {
		c.advise("there are more: --limit 0 shows all, export writes them to a file")
	}
	if c.json {
		return c.printMessage(list)
	}
	return report.Assignments(c.stdout, list.GetAssignments())
}
