package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) schemaCommand() *cobra.Command {
	return group("schema", "Show what stored customers can have", c.schemaShowCommand())
}

func (c *cli) schemaShowCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "show",
		Short:   "List the attributes that stored customers can have",
		Example: "  echelon schema show",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			schema, err := server.GetSchema(ctx)
			if err != nil {
				return err
			}
			if c.json {
				return c.printMessage(schema)
			}
			return report.Schema(c.stdout, schema)
		}),
	})
}

func (c *cli) calibrationsCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "calibrations NAME",
		Short:   "List what a model learned in its runs, the newest first",
		Example: "  echelon model calibrations b2b",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			list := &echelonv1.ListCalibrationsResponse{}
			for one, err := range server.Calibrations(ctx, args[0]) {
				if err != nil {
					return err
				}
				list.Calibrations = append(list.Calibrations, one)
			}
			if c.json {
				return c.printMessage(list)
			}
			return report.Calibrations(c.stdout, list.GetCalibrations())
		}),
	})
}

func (c *cli) calibrationCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "calibration ID",
		Short:   "Print what a model learned in a run, as JSON",
		Example: "  echelon model calibration 20260131-120000.000000-1a2b3c4d > lines.json",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			calibration, err := server.GetCalibration(ctx, args[0])
			if err != nil {
				return err
			}
			return c.printMessage(calibration)
		}),
	})
}
