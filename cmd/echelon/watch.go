package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) historyCommand() *cobra.Command {
	var most int
	cmd := c.calls(&cobra.Command{
		Use:     "history MODEL CUSTOMER",
		Short:   "Show how a customer's assignment changed, the newest change first",
		Example: "  echelon history b2b AW00000701",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			if most < 0 {
				return usagef("--limit %d is below 0", most)
			}
			list := &echelonv1.GetHistoryResponse{}
			for change, err := range server.History(ctx, args[0], args[1]) {
				if err != nil {
					return err
				}
				if most > 0 && len(list.Changes) == most {
					c.advise("there are more: --limit 0 shows all that are kept")
					break
				}
				list.Changes = append(list.Changes, change)
			}
			if c.json {
				return c.printMessage(list)
			}
			if len(list.GetChanges()) == 0 {
				c.advise("no change of the customer's assignment is kept: none was published, or it is long ago")
			}
			return report.History(c.stdout, list.GetChanges())
		}),
	})
	cmd.Flags().IntVar(&most, "limit", 20, "how many at most; 0 for all")
	return cmd
}

func (c *cli) watchCommand() *cobra.Command {
	var after int64
	request := &echelonv1.WatchAssignmentsRequest{}
	untilNow := false
	cmd := c.calls(&cobra.Command{
		Use:   "watch",
		Short: "Print changes of published assignments as they come, one JSON object a line",
		Long: "Watch prints the changes of published assignments in order, each once, as JSON objects with their numbers: those to come or, with --after, all\n" +
			"behind a number, such as the last that was printed before. --after 0 begins with the first, as long as none was removed.",
		Example: "  echelon watch --model b2b --tiering coverage --tier high-touch\n  echelon watch --after 1200 --until-now",
		Args:    cobra.NoArgs,
	})
	cmd.RunE = c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
		if after < 0 {
			return usagef("--after %d is below 0", after)
		}
		if request.GetTier() != "" && request.GetTiering() == "" {
			return usagef("--tier needs the --tiering that it is of")
		}
		if cmd.Flags().Changed("after") {
			request.From = &echelonv1.WatchAssignmentsRequest_AfterSequence{AfterSequence: after}
		}
		request.Follow = !untilNow
		for message, err := range server.WatchAssignments(ctx, request) {
			if err != nil {
				return err
			}
			if err := c.printChanges(message.GetChanges()); err != nil {
				return err
			}
		}
		return nil
	})
	flags := cmd.Flags()
	flags.StringVar(&request.Model, "model", "", "only changes of this model")
	flags.StringVar(&request.Tiering, "tiering", "", "only changes of this tiering's tier, in force or computed")
	flags.StringVar(&request.Tier, "tier", "", "only those of them into or out of this tier")
	flags.Int64Var(&after, "after", 0, "the number of the change to begin behind; without it the next one is the first")
	flags.BoolVar(&untilNow, "until-now", false, "end with the last change that there is, in place of waiting for more")
	return cmd
}

// printChanges prints each change as one line.
func (c *cli) printChanges(changes []*echelonv1.AssignmentChange) error {
	for _, change := range changes {
		line, err := messageJSON(change)
		if err != nil {
			return err
		}
		if err := c.printf("%s", line); err != nil {
			return err
		}
	}
	return nil
}
