package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) auditCommand() *cobra.Command {
	return group("audit", "Show who changed what", c.auditListCommand(), c.auditWatchCommand())
}

func (c *cli) auditListCommand() *cobra.Command {
	var most int
	filter := &echelonv1.ListAuditRequest{}
	cmd := c.calls(&cobra.Command{
		Use:     "list",
		Short:   "List changes, the newest first",
		Example: "  echelon audit list --subject models/b2b/ --limit 50",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			if most < 0 {
				return usagef("--limit %d is below 0", most)
			}
			var list []*echelonv1.AuditEntry
			for entry, err := range server.Audit(ctx, filter) {
				if err != nil {
					return err
				}
				if list = append(list, entry); len(list) == most {
					break
				}
			}
			if c.json {
				return c.printMessage(&echelonv1.ListAuditResponse{Entries: list})
			}
			return report.Audit(c.stdout, list)
		}),
	})
	cmd.Flags().IntVar(&most, "limit", 20, "how many at most; 0 for all")
	cmd.Flags().StringVar(&filter.Actor, "actor", "", "only the changes of this principal")
	cmd.Flags().StringVar(&filter.Subject, "subject", "", "only changes of what begins so, such as models/b2b/ or customers/")
	return cmd
}

func (c *cli) auditWatchCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "watch",
		Short: "Print changes as they come, after all that there are, one JSON object a line",
		Args:  cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			for message, err := range server.WatchAudit(ctx, "") {
				if err != nil {
					return err
				}
				for _, entry := range message.GetEntries() {
					line, err := messageJSON(entry)
					if err != nil {
						return err
					}
					if err := c.printf("%s", line); err != nil {
						return err
					}
				}
			}
			return nil
		}),
	})
}
