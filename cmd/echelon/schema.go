package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) schemaCommand() *cobra.Command {
	return group("schema", "Show and change what stored customers can have", c.schemaShowCommand(), c.schemaRenameCommand(), c.schemaRetireCommand())
}

func (c *cli) schemaShowCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "show",
		Aliases: []string{"list"},
		Short:   "List the attributes that stored customers can have",
		Example: "  echelon schema show",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			return c.showSchema(server.GetSchema(ctx))
		}),
	})
}

func (c *cli) schemaRenameCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "rename FROM TO",
		Short: "Give an attribute of stored customers another name",
		Long: "Rename gives an attribute another name and leaves what is stored as it is. Versions of models that name it as it was called go on reading\n" +
			"it; a new version, and customers that are imported, must use the new name. The old name is never given to another attribute.",
		Example: "  echelon schema rename arr annual_revenue",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.showSchema(server.RenameAttribute(ctx, args[0], args[1]))
		}),
	})
}

func (c *cli) schemaRetireCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "retire NAME",
		Short: "End an attribute of stored customers, for ever",
		Long: "Retire ends an attribute: what is stored of it is neither read nor exported any more, and nothing is written to it. No version of a model\n" +
			"that is active or published may declare it. Nothing takes it back, and its name is never used again.",
		Example: "  echelon schema retire fax_number",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.showSchema(server.RetireAttribute(ctx, args[0]))
		}),
	})
}

// showSchema prints a schema that a server answered.
func (c *cli) showSchema(schema *echelonv1.Schema, err error) error {
	if err != nil {
		return err
	}
	if c.json {
		return c.printMessage(schema)
	}
	return report.Schema(c.stdout, schema)
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
