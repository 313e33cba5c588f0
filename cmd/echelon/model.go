package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) modelCommand() *cobra.Command {
	return group("model", "Check, suggest, create, activate, list and show models",
		c.lintCommand(), c.suggestCommand(), c.createCommand(), c.activateCommand(), c.modelListCommand(), c.modelShowCommand(), c.calibrationsCommand(), c.calibrationCommand())
}

func (c *cli) createCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "create FILE",
		Short: "Store a model file as a new version",
		Long: "Create stores a model file as a new version of the model that it names, and registers its attributes. A model that equals the newest\n" +
			"version is that version. The next run evaluates it once it is activated.",
		Example: "  echelon model create model.yaml",
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
			return c.printVersion(version, "created")
		}),
	})
}

func versionFlag(cmd *cobra.Command, to *int64, help string) *cobra.Command {
	cmd.Flags().Int64Var(to, "version", 0, help)
	return cmd
}

func (c *cli) activateCommand() *cobra.Command {
	var version int64
	return versionFlag(c.calls(&cobra.Command{
		Use:     "activate NAME",
		Short:   "Name the version that the model's next run evaluates",
		Long:    "Activate names the version that the model's next run evaluates. No assignment changes until that run is published.",
		Example: "  echelon model activate b2b --version 3",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			active, err := server.ActivateModel(ctx, args[0], version)
			if err != nil {
				return err
			}
			return c.printVersion(active, "active")
		}),
	}), &version, "the version; the newest where it is not given")
}

func (c *cli) modelListCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:     "list",
		Short:   "List the models",
		Example: "  echelon model list --json",
		Args:    cobra.NoArgs,
		RunE: c.calling(func(ctx context.Context, server *client.Client, _ []string) error {
			var list []*echelonv1.ModelSummary
			for model, err := range server.Models(ctx) {
				if err != nil {
					return err
				}
				list = append(list, model)
			}
			if c.json {
				return c.printMessage(&echelonv1.ListModelsResponse{Models: list})
			}
			return report.Models(c.stdout, list)
		}),
	})
}

func (c *cli) modelShowCommand() *cobra.Command {
	var version int64
	return versionFlag(c.calls(&cobra.Command{
		Use:     "show NAME",
		Short:   "Print a model as a file in YAML",
		Example: "  echelon model show b2b > model.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			kept, err := server.GetModel(ctx, args[0], version)
			if err != nil {
				return err
			}
			if c.json {
				return c.printMessage(kept)
			}
			text, err := modelfile.Marshal(kept.GetModel())
			if err != nil {
				return err
			}
			_, err = c.stdout.Write(text)
			return err
		}),
	}), &version, "the version; the active one where it is not given, or else the newest")
}

// printVersion prints what became of a version of a model.
func (c *cli) printVersion(version *echelonv1.ModelVersion, done string) error {
	if c.json {
		return c.printMessage(version)
	}
	return c.printf("%s version %d: %s", version.GetName(), version.GetVersion(), done)
}
