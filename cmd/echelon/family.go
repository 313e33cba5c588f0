package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
)

func (c *cli) familyCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "family MODEL CUSTOMER",
		Short: "Show the family of a customer",
		Long: "Family shows a customer's family as the published run of a model with `parent` found it: its root, its members and what it adds up to; and the\n" +
			"way up by the parents that are stored now, with what is odd about it.",
		Example: "  echelon family b2b acme-uk",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			family, err := server.GetFamily(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			if c.json {
				return c.printMessage(family)
			}
			return report.Family(c.stdout, family)
		}),
	})
}
