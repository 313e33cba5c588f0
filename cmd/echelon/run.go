package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) runCommand() *cobra.Command {
	return group("run", "Evaluate the stored customers, and publish the result",
		c.runStartCommand(), c.runShowCommand(), c.runPublishCommand(), c.runRollbackCommand(), c.runListCommand(),
		c.runWatchCommand(), c.runCancelCommand(), c.runCompareCommand(), c.runReportCommand(), c.runPreviewCommand(), c.runWhatIfCommand(),
		c.runApproveCommand(), c.runWithdrawCommand(), c.runUnscheduleCommand())
}

// runOptions are the flags of run start.
type runOptions struct {
	asOf, rates   string
	key           string
	version       int64
	wait, publish bool
}

func (c *cli) runStartCommand() *cobra.Command {
	var o runOptions
	cmd := c.calls(&cobra.Command{
		Use:   "start MODEL",
		Short: "Evaluate all stored customers",
		Long: "Start evaluates all stored customers by the active version of a model, or by the one that is named, and shows the tables of the result.\n" +
			"Assignments change when the run is published.",
		Example: "  echelon run start b2b --as-of 2026-01-31 --publish",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			return c.startRun(ctx, server, args[0], o)
		}),
	})
	versionFlag(cmd, &o.version, "the version; the active one where it is not given")
	asOfFlag(cmd, &o.asOf)
	ratesFlag(cmd, &o.rates)
	cmd.Flags().BoolVar(&o.wait, "wait", true, "wait for the run's end and show its result")
	cmd.Flags().BoolVar(&o.publish, "publish", false, "publish the result")
	cmd.Flags().StringVar(&o.key, "idempotency-key", "", "a name of this start: given again it is the same run, and no second one")
	return cmd
}

// runAsOf reads the flag --as-of; a date begins at midnight in the model's time zone.
func runAsOf(ctx context.Context, server *client.Client, model string, o runOptions) (time.Time, error) {
	asOf, err := parseAsOf(o.asOf, time.UTC)
	if _, notDate := frame.ParseDate(o.asOf); err != nil || notDate != nil {
		return asOf, err
	}
	version, err := server.GetModel(ctx, model, o.version)
	if err != nil {
		return asOf, err
	}
	return parseAsOf(o.asOf, engine.ZoneOf(version.GetModel().GetTimeZone()))
}

func (c *cli) startRun(ctx context.Context, server *client.Client, model string, o runOptions) error {
	if o.publish && !o.wait {
		return usagef("--publish needs the run's end: leave out --wait=false")
	}
	request := &echelonv1.StartRunRequest{Model: model, Version: o.version, IdempotencyKey: o.key}
	if o.asOf != "" {
		asOf, err := runAsOf(ctx, server, model, o)
		if err != nil {
			return err
		}
		request.AsOf = timestamppb.New(asOf)
	}
	if o.rates != "" {
		version, err := server.GetModel(ctx, model, o.version)
		if err != nil {
			return err
		}
		if request.Rates, err = c.readRates(o.rates, version.GetModel()); err != nil {
			return err
		}
	}
	run, err := server.StartRun(ctx, request)
	if err != nil {
		return err
	}
	if !o.wait {
		return c.printRun(ctx, server, run)
	}
	if run, err = c.waitRun(ctx, server, run.GetId()); err != nil {
		return err
	}
	if o.publish && run.GetState() == echelonv1.Run_READY {
		if run, err = server.PublishRun(ctx, run.GetId()); err != nil {
			return err
		}
	}
	if err := c.printRun(ctx, server, run); err != nil {
		return err
	}
	if err := endedWell(run); err != nil {
		return err
	}
	return refusedError(int(run.GetSummary().GetBalance().GetRefused()), int(run.GetSummary().GetBalance().GetCustomers()))
}

func (c *cli) waitRun(ctx context.Context, server *client.Client, id string) (*echelonv1.Run, error) {
	line := progress.New(c.stderr)
	defer line.Stop()
	line.Start("customers evaluated")
	run, err := server.WaitRun(ctx, id, func(run *echelonv1.Run) { line.Set(run.GetEvaluated()) })
	if err != nil {
		return nil, fmt.Errorf(`the run %s goes on, "echelon run show %s" says how far it is: %w`, id, id, err)
	}
	line.Done()
	return run, nil
}

func (c *cli) runShowCommand() *cobra.Command {
	return c.runAction("show RUN", "Show a run and the tables of its result", "  echelon run show latest:b2b\n  echelon run show 20260131-120000.000000-1a2b3c4d", withResult,
		(*client.Client).GetRun)
}

func (c *cli) runPublishCommand() *cobra.Command {
	on := ""
	publish := func(server *client.Client, ctx context.Context, id string) (*echelonv1.Run, error) {
		if on == "" {
			return server.PublishRun(ctx, id)
		}
		return server.PublishRunOn(ctx, id, on)
	}
	example := "  echelon run publish latest:b2b\n  echelon run publish 20260131-120000.000000-1a2b3c4d --effective-on 2026-03-01"
	cmd := c.runAction("publish RUN", "Make a run's result the current one, at once or on a day", example, withResult, publish)
	cmd.Flags().StringVar(&on, "effective-on", "", "the day on which it takes effect, when it begins in the model's time zone, such as 2026-03-01; at once where it is not given")
	return cmd
}

func (c *cli) runRollbackCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use: "rollback MODEL", Short: "Make the publication before the current one current again", Example: "  echelon run rollback b2b", Args: cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			run, err := server.RollBack(ctx, args[0])
			if err != nil {
				return err
			}
			return c.printRun(ctx, server, run)
		}),
	})
}

// runAction is a command that names a run, of a kind where it is the latest of a model, and whose answer is that run.
func (c *cli) runAction(use, short, example string, kind kindOfRun, call func(*client.Client, context.Context, string) (*echelonv1.Run, error)) *cobra.Command {
	return c.calls(&cobra.Command{
		Use: use, Short: short, Long: short + ".\n" + kind.named, Example: example, Args: cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			id, err := runIDOf(ctx, server, args[0], kind)
			if err != nil {
				return err
			}
			run, err := call(server, ctx, id)
			if err != nil {
				return err
			}
			return c.printRun(ctx, server, run)
		}),
	})
}

func (c *cli) runListCommand() *cobra.Command {
	var most int
	var waiting bool
	cmd := c.calls(&cobra.Command{
		Use:     "list [MODEL]",
		Short:   "List runs, the newest first",
		Example: "  echelon run list b2b",
		Args:    cobra.MaximumNArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			model := ""
			if len(args) > 0 {
				model = args[0]
			}
			if most < 0 {
				return usagef("--limit %d is below 0", most)
			}
			var list []*echelonv1.Run
			runs := server.Runs
			if waiting {
				runs = server.ScheduledRuns
			}
			for run, err := range runs(ctx, model) {
				if err != nil {
					return err
				}
				if list = append(list, run); len(list) == most {
					break
				}
			}
			if c.json {
				return c.printMessage(&echelonv1.ListRunsResponse{Runs: list})
			}
			return report.Runs(c.stdout, list)
		}),
	})
	cmd.Flags().IntVar(&most, "limit", 20, "how many at most; 0 for all")
	cmd.Flags().BoolVar(&waiting, "scheduled", false, "only those whose publication waits for its day")
	return cmd
}

// printRun prints a run, with the amount's name from its model.
func (c *cli) printRun(ctx context.Context, server *client.Client, run *echelonv1.Run) error {
	if c.json {
		return c.printMessage(run)
	}
	amount := ""
	if run.GetSummary() != nil {
		kept, err := server.GetModel(ctx, run.GetModel(), run.GetModelVersion())
		if err != nil {
			return err
		}
		amount = kept.GetModel().GetAmount()
	}
	return report.Run(c.stdout, run, amount)
}
