package main

import (
	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
)

func (c *cli) runApproveCommand() *cobra.Command {
	cmd := c.runAction("approve RUN", "Approve the result of a run that somebody else started", "  echelon run approve latest:b2b\n  echelon run approve 20260131-120000.000000-1a2b3c4d",
		withResult, (*client.Client).ApproveRun)
	cmd.Long = "Approve notes that you approve the result of a run, for models whose `publishing` asks for approvals. It needs the role publish. An approval counts that is\n" +
		"neither of who started the run nor of who publishes it; \"echelon run show\" lists them.\n" + withResult.named
	return cmd
}

func (c *cli) runUnscheduleCommand() *cobra.Command {
	return c.runAction("unschedule RUN", "Take back a publication that waits for its day", "  echelon run unschedule latest:b2b\n  echelon run unschedule 20260131-120000.000000-1a2b3c4d",
		waitingForDay, (*client.Client).UnschedulePublication)
}

func (c *cli) runWithdrawCommand() *cobra.Command {
	return c.runAction("withdraw RUN", "Take back your approval of a run that is not published", "  echelon run withdraw latest:b2b\n  echelon run withdraw 20260131-120000.000000-1a2b3c4d",
		withResult, (*client.Client).WithdrawApproval)
}
