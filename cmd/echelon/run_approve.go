package main

import (
	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
)

func (c *cli) runApproveCommand() *cobra.Command {
	cmd := c.runAction("approve ID", "Approve the result of a run that somebody else started", "  echelon run approve 20260131-120000.000000-1a2b3c4d", (*client.Client).ApproveRun)
	cmd.Long = "Approve notes that you approve the result of a run, for models whose `publishing` asks for approvals. It needs the role publish. An approval counts that is\n" +
		"neither of who started the run nor of who publishes it; \"echelon run show\" lists them."
	return cmd
}

func (c *cli) runWithdrawCommand() *cobra.Command {
	return c.runAction("withdraw ID", "Take back your approval of a run that is not published", "  echelon run withdraw 20260131-120000.000000-1a2b3c4d", (*client.Client).WithdrawApproval)
}
