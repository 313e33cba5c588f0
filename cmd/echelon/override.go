package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) overrideCommand() *cobra.Command {
	return group("override", "Pin tiers, personas, segments and reps on customers",
		c.overrideSetCommand(), c.overrideGetCommand(), c.overrideListCommand(), c.overrideDeleteCommand(), c.overrideImportCommand())
}

// errNoReason means that a pin comes without a reason.
var errNoReason = usagef("--reason is missing: say why it is pinned, for whoever looks at it later")

func (c *cli) overrideSetCommand() *cobra.Command {
	var reason, until, etag string
	cmd := c.calls(&cobra.Command{
		Use:   "set MODEL CUSTOMER ITEM NAME",
		Short: "Pin a tier, a persona, a segment or a rep on a customer",
		Long: "Set pins on a stored customer a tier of a ladder, a persona of a matrix, the segment of a segmentation, which is named as in segments.size, or a\n" +
			"rep in a role of the model's engagements, which is named as in reps.csm (reps.owner where they have no roles), in place of what was pinned there.\n" +
			"It holds in every run until it expires or is deleted; what the model computes stands beside it. Where a run is published, the customer is\n" +
			"evaluated anew as of now, so that its assignment changes at once.\n" +
			"With --etag the override that is replaced must be the one that was read; with an empty one there must be none.",
		Example: "  echelon override set b2b AW00000701 coverage high-touch --reason \"launch partner\" --until 2027-01-31\n" +
			"  echelon override set b2b AW00000701 reps.csm \"rep-17\" --reason \"knows them since 2019\"",
		Args: cobra.ExactArgs(4),
	})
	cmd.RunE = c.calling(func(ctx context.Context, server *client.Client, args []string) error {
		if reason == "" {
			return errNoReason
		}
		expires, err := instant("--until", until)
		if err != nil {
			return err
		}
		var expected *string
		if cmd.Flags().Changed("etag") {
			expected = &etag
		}
		set, err := server.SetOverride(ctx, &echelonv1.Override{
			Model: args[0], CustomerId: args[1], Item: args[2], Pinned: args[3], Reason: reason, ExpireTime: expires,
		}, expected)
		if err != nil {
			return err
		}
		return c.showOverrides(set)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is needed")
	cmd.Flags().StringVar(&until, "until", "", "when it expires: a date, which ends it at midnight in UTC, or an instant such as 2027-01-31T12:00:00Z")
	cmd.Flags().StringVar(&etag, "etag", "", "the etag of the override that is to be replaced; empty where there must be none")
	return cmd
}

// instant reads a date or an instant in a flag or a cell; nil where it is empty.
func instant(what, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return timestamppb.New(at), nil
		}
	}
	return nil, usagef("%s %q is neither a date such as 2027-01-31 nor an instant such as 2027-01-31T12:00:00Z", what, text)
}

func (c *cli) overrideGetCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "get MODEL CUSTOMER ITEM",
		Short:   "Show what is pinned on a customer, and what the model computes",
		Example: "  echelon override get b2b AW00000701 coverage",
		Args:    cobra.ExactArgs(3),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			found, err := server.GetOverride(ctx, args[0], args[1], args[2])
			if err != nil {
				return err
			}
			return c.showOverrides(found)
		}),
	})
}

// showOverrides prints overrides.
func (c *cli) showOverrides(list ...*echelonv1.Override) error {
	if c.json && len(list) == 1 {
		return c.printMessage(list[0])
	}
	return report.Overrides(c.stdout, list)
}

func (c *cli) overrideListCommand() *cobra.Command {
	var most, expiring int
	request := &echelonv1.ListOverridesRequest{}
	cmd := c.calls(&cobra.Command{
		Use:   "list MODEL",
		Short: "List a model's overrides",
		Example: "  echelon override list b2b --expiring-days 30\n" +
			"  echelon override list b2b --item coverage --stale",
		Args: cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			if most < 0 || expiring < 0 {
				return usagef("--limit %d and --expiring-days %d must be 0 or more", most, expiring)
			}
			request.Model = args[0]
			if expiring > 0 {
				request.ExpireBefore = timestamppb.New(time.Now().AddDate(0, 0, expiring))
			}
			list := &echelonv1.ListOverridesResponse{}
			for override, err := range server.Overrides(ctx, request) {
				if err != nil {
					return err
				}
				if most > 0 && len(list.Overrides) == most {
					c.advise("there are more: --limit 0 shows all")
					break
				}
				list.Overrides = append(list.Overrides, override)
			}
			if c.json {
				return c.printMessage(list)
			}
			return c.showOverrides(list.GetOverrides()...)
		}),
	})
	flags := cmd.Flags()
	flags.StringVar(&request.Item, "item", "", "only those of this tiering, of this segmentation, as in segments.size, or of this role, as in reps.csm")
	flags.StringVar(&request.Pinned, "pinned", "", "only those that pin this, such as a rep")
	flags.StringVar(&request.Actor, "actor", "", "only those that this principal set")
	flags.BoolVar(&request.Stale, "stale", false, "only those whose computed outcome has moved away since they were set")
	flags.IntVar(&expiring, "expiring-days", 0, "only those that expire within so many days")
	flags.IntVar(&most, "limit", 50, "how many at most; 0 for all")
	return cmd
}

func (c *cli) overrideDeleteCommand() *cobra.Command {
	var etag string
	cmd := c.calls(&cobra.Command{
		Use:     "delete MODEL CUSTOMER ITEM",
		Short:   "End what is pinned on a customer",
		Example: "  echelon override delete b2b AW00000701 coverage",
		Args:    cobra.ExactArgs(3),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			if err := server.DeleteOverride(ctx, args[0], args[1], args[2], etag); err != nil {
				return err
			}
			if c.json {
				return c.printMessage(&echelonv1.DeleteOverrideResponse{})
			}
			return c.printf("%s: the override of %s ended", args[1], args[2])
		}),
	})
	cmd.Flags().StringVar(&etag, "etag", "", "the etag of the override that is meant; any where empty")
	return cmd
}
