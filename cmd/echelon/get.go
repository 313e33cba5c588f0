package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) getCommand() *cobra.Command {
	var at string
	cmd := c.calls(&cobra.Command{
		Use:     "get MODEL CUSTOMER",
		Short:   "Show a customer's published assignment",
		Long:    "Get shows a customer's published assignment, or by --at what it was at an instant, without scores, as far back as changes are kept.",
		Example: "  echelon get b2b AW00000701\n  echelon get b2b AW00000701 --at 2026-01-31",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			instant, err := instant("--at", at)
			if err != nil {
				return err
			}
			assignment, err := server.GetAssignmentAt(ctx, args[0], args[1], instant)
			if err != nil {
				return err
			}
			if c.json {
				return c.printMessage(assignment)
			}
			return report.Assignment(c.stdout, assignment)
		}),
	})
	cmd.Flags().StringVar(&at, "at", "", "an instant, or a date, whose midnight in UTC is meant; now where it is empty")
	return cmd
}

func (c *cli) explainCommand() *cobra.Command {
	var path bool
	var since string
	command := c.calls(&cobra.Command{
		Use:   "explain MODEL CUSTOMER",
		Short: "Show every step to a customer's assignment, and why it is another one than before",
		Long: "Explain evaluates a stored customer by the model, the calibration and the instant of the published assignment, and shows every step:\n" +
			"the rules that were tried, each criterion's value, weight and contribution, the cuts with their lines, and what was missing. With --path it tells, too, which change\n" +
			"of a single attribute would bring the customer into a better tier, or that none does. Last it tells what differs from the previous assignment: what each\n" +
			"criterion did to the scores, and the one cause of each move. The previous one is what was published before, or that of --since.",
		Example: "  echelon explain b2b AW00000701\n  echelon explain b2b AW00000701 --path\n  echelon explain b2b AW00000701 --since 20260131-120000.000000-1a2b3c4d",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			explained, err := server.ExplainAssignment(ctx, &echelonv1.ExplainAssignmentRequest{Model: args[0], CustomerId: args[1], Path: path, SinceRunId: since})
			if err != nil {
				return err
			}
			if c.json {
				return c.printMessage(explained)
			}
			return report.Explained(c.stdout, explained)
		}),
	})
	command.Flags().BoolVar(&path, "path", false, "tell the way to the next better tier of each ladder")
	command.Flags().StringVar(&since, "since", "", "the run whose assignment is the previous one; what was published before where it is not given")
	return command
}
