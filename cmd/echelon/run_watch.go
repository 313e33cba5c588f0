package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) runWatchCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "watch RUN",
		Short: "Follow a run to its end, with its rate and how long it takes still",
		Long: "Watch prints a line whenever a run went on, and its tables when it has ended. A run that failed or was cancelled ends with exit code 1.\n" +
			underWay.named,
		Example: "  echelon run watch latest:b2b\n  echelon run watch 20260131-120000.000000-1a2b3c4d",
		Args:    cobra.ExactArgs(1),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			id, err := runIDOf(ctx, server, args[0], underWay)
			if err != nil {
				return err
			}
			run := &echelonv1.Run{}
			for seen, err := range server.WatchRun(ctx, id) {
				if err != nil {
					return err
				}
				if run = seen.GetRun(); seen.GetPhase() != echelonv1.WatchRunResponse_UNSPECIFIED {
					c.advise("%s", progressText(seen))
				}
			}
			if err := c.printRun(ctx, server, run); err != nil {
				return err
			}
			return endedWell(run)
		}),
	})
}

// endedWell returns the error of a run that ended without a result.
func endedWell(run *echelonv1.Run) error {
	if state := run.GetState(); state == echelonv1.Run_FAILED || state == echelonv1.Run_CANCELLED {
		return fmt.Errorf("the run %s is %s: %s", run.GetId(), state, run.GetFailure())
	}
	return nil
}

// progressText says how far a run is.
func progressText(seen *echelonv1.WatchRunResponse) string {
	text := "evaluating"
	if seen.GetPhase() == echelonv1.WatchRunResponse_CALIBRATING {
		text = "calibrating"
	}
	text += fmt.Sprintf(": %s of %s customers", report.Count(seen.GetDone()), report.Count(seen.GetTotal()))
	if attempt := seen.GetRun().GetAttempts(); attempt > 1 {
		text = fmt.Sprintf("attempt %d, %s", attempt, text)
	}
	if rate := seen.GetRowsPerSecond(); rate > 0 {
		text += fmt.Sprintf(", %s a second", report.Count(int64(rate)))
	}
	if left := seen.GetRemaining(); left != nil {
		text += fmt.Sprintf(", %s left", left.AsDuration().Round(100*time.Millisecond))
	}
	return text
}

func (c *cli) runCancelCommand() *cobra.Command {
	return c.runAction("cancel RUN", "End a run that is under way, without a result", "  echelon run cancel latest:b2b\n  echelon run cancel 20260131-120000.000000-1a2b3c4d",
		underWay, (*client.Client).CancelRun)
}
