package main

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) runWhatIfCommand() *cobra.Command {
	var o previewOptions
	var asOf string
	cmd := c.calls(&cobra.Command{
		Use:   "what-if FILE",
		Short: "Show what a draft of a model would change over today's customers",
		Long: "What-if stores a model file as a new version of the model that it names, which is not activated, evaluates the stored customers by it, and shows what would\n" +
			"change against what is published of the model, or against --from. The run can be looked at and compared as others can, and is never published.",
		Example: "  echelon run what-if draft.yaml --by owner\n  echelon run what-if draft.yaml --from current:b2b",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			m, err := c.useModel(args[0])
			if err != nil {
				return err
			}
			version, err := server.CreateModel(ctx, m.model)
			if err != nil {
				return err
			}
			request := &echelonv1.StartRunRequest{Model: version.GetName(), Version: version.GetVersion(), WhatIf: true}
			if asOf != "" {
				at, err := parseAsOf(asOf, m.program.Zone())
				if err != nil {
					return err
				}
				request.AsOf = timestamppb.New(at)
			}
			run, err := server.StartRun(ctx, request)
			if err != nil {
				return err
			}
			if run, err = c.waitRun(ctx, server, run.GetId()); err != nil {
				return err
			}
			if err := endedWell(run); err != nil {
				return err
			}
			return c.previewRun(ctx, server, run.GetId(), o)
		}),
	})
	o.flags(cmd)
	asOfFlag(cmd, &asOf)
	return cmd
}
