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
	command := c.calls(&cobra.Command{
		Use:   "explain MODEL CUSTOMER",
		Short: "Show every step to a customer's assignment",
		Long: "Explain evaluates a stored customer by the model, the calibration and the instant of the published assignment, and shows every step:\n" +
			"the rules that were tried, each criterion's value, weight and contribution, the cuts with their lines, and what was missing. With --path it tells, too, which change\n" +
			"of a single attribute would bring the customer into a better tier, or that none does.",
		Example: "  echelon explain b2b AW00000701\n  echelon explain b2b AW00000701 --path",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			published, err := server.GetAssignment(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			explained, err := explain(ctx, server, published, path)
			if err != nil {
				return err
			}
			if c.json {
				return c.printMessage(explained)
			}
			return report.Explanation(c.stdout, published, explained)
		}),
	})
	command.Flags().BoolVar(&path, "path", false, "tell the way to the next better tier of each ladder")
	return command
}

// explain evaluates a stored customer by what made its published assignment. A customer that was written since may come out otherwise: then it is
// stale.
func explain(ctx context.Context, server *client.Client, published *echelonv1.Assignment, path bool) (*echelonv1.Assignment, error) {
	by := published.GetProvenance()
	evaluator := client.StoredModel(by.GetModel(), by.GetModelVersion())
	if by.GetCalibrationId() != "" {
		evaluator.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: by.GetCalibrationId()}
	}
	evaluator.AsOf = by.GetAsOf()
	explained, err := server.ScoreCustomer(ctx, &echelonv1.ScoreCustomerRequest{
		Evaluator: evaluator,
		Customer:  &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: published.GetCustomerId()},
		Explain:   true,
		Path:      path,
	})
	if err != nil {
		return nil, err
	}
	explained.Stale = published.GetStale()
	return explained, nil
}
