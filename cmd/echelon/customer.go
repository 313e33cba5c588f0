package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
)

func (c *cli) customerEraseCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "erase ID...",
		Short: "Remove customers and all that is kept of them",
		Long: "Erase removes customers: what is stored of them, their assignments in the snapshots of all runs, and their ids where runs, calibrations and the\n" +
			"audit log name them. It cannot be undone. It does not reach backups and exported files that were made before; the free space of the\n" +
			"server's disk keeps bytes until it is used again. What other customers' attributes say stays. It needs the role admin.",
		Example: "  echelon customer erase AW00000701",
		Args:    cobra.MinimumNArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, ids []string) error {
			for _, id := range ids {
				erased, err := server.EraseCustomer(ctx, id)
				if err != nil {
					return fmt.Errorf("customer %q: %w", id, err)
				}
				if c.json {
					if err := c.printMessage(erased); err != nil {
						return err
					}
					continue
				}
				if err := report.Erased(c.stdout, id, erased); err != nil {
					return err
				}
			}
			c.advise("backups and exported files that were made before still have them, until you remove those")
			return nil
		}),
	})
}
