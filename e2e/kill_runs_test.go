package e2e

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// publisher runs, publishes and rolls back, and knows what is current.
type publisher struct {
	*testing.T
	random *rand.Rand
	// current is the run of the last publication or roll back that was acknowledged, and before those that a roll back returns to, the oldest first.
	current string
	before  []string
	// publishing is the run whose publication was asked for and not answered, rolling whether a roll back was.
	publishing string
	rolling    bool
	// done counts publications and roll backs that were acknowledged, cut those that were under way at a kill, and happened those of them that happened.
	done          atomic.Int64
	cut, happened int
	// asking says that one is under way.
	asking atomic.Bool
	// checked are the runs that ended and were looked at.
	checked map[string]bool
}

// work runs and publishes again and again, and now and then rolls back, until the connection ends.
func (p *publisher) work(ctx context.Context, c *client.Client) {
	for {
		if len(p.before) > 0 && p.random.IntN(4) == 0 {
			p.rolling = true
			p.asking.Store(true)
			if run, err := c.RollBack(ctx, "crash"); client.ReasonOf(err) == echelonv1.ErrorReason_SNAPSHOT_REMOVED { // not the first one in a row
				p.rolling = false
			} else if killed(p, "a roll back", err) {
				return
			} else if p.rolledBack(); run.GetId() != p.current {
				p.Errorf("the roll back made the run %s current, want %s", run.GetId(), p.current)
				return
			} else {
				p.done.Add(1)
			}
			p.asking.Store(false)
		}
		run, err := c.StartRun(ctx, &echelonv1.StartRunRequest{Model: "crash"})
		if client.ReasonOf(err) == echelonv1.ErrorReason_RUN_IN_PROGRESS { // one that goes on after a crash
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if killed(p, "the start of a run", err) {
			return
		}
		if run, err = c.WaitRun(ctx, run.GetId(), nil); killed(p, "waiting for a run", err) {
			return
		}
		if run.GetState() != echelonv1.Run_READY {
			p.Errorf("the run %s ended %s: %s", run.GetId(), run.GetState(), run.GetFailure())
			return
		}
		p.publishing = run.GetId()
		p.asking.Store(true)
		if _, err := c.PublishRun(ctx, run.GetId()); killed(p, "a publication", err) {
			return
		}
		p.asking.Store(false)
		p.published()
		p.done.Add(1)
	}
}

// published notes that the publication that was asked for happened, rolledBack that the roll back did.
func (p *publisher) published() {
	p.before = append(p.before, p.current)
	p.current, p.publishing = p.publishing, ""
}

func (p *publisher) rolledBack() {
	last := len(p.before) - 1
	p.current, p.before, p.rolling = p.before[last], p.before[:last], false
}

// checkRuns looks at every run that ended since the last time: it is whole, or it has failed. One that goes on after the crash is waited for.
func (p *publisher) checkRuns(ctx context.Context, c *client.Client) {
	p.Helper()
	for run, err := range c.Runs(ctx, "crash") {
		if err == nil && run.GetState() == echelonv1.Run_RUNNING {
			run, err = c.WaitRun(ctx, run.GetId(), nil)
		}
		if err != nil {
			p.Fatal(err)
		}
		if p.checked[run.GetId()] {
			continue
		}
		p.checked[run.GetId()] = true
		rows := int64(0)
		var failed error
		for _, err := range c.ExportAssignments(ctx, "crash", run.GetId()) {
			if err != nil {
				failed = err
				break
			}
			rows++
		}
		balance := run.GetSummary().GetBalance()
		switch state := run.GetState(); {
		case state == echelonv1.Run_FAILED && client.ReasonOf(failed) == echelonv1.ErrorReason_RUN_STATE:
		case client.ReasonOf(failed) == echelonv1.ErrorReason_SNAPSHOT_REMOVED: // there were enough newer ones
		case (state == echelonv1.Run_READY || state == echelonv1.Run_PUBLISHED) && failed == nil && rows == balance.GetTiered() && rows > 0:
		default:
			p.Fatalf("the run %s is %s, has %d assignments of %d, and reading it gives %v", run.GetId(), state, rows, balance.GetTiered(), failed)
		}
	}
}

// checkCurrent looks whether what is current was acknowledged last, or asked for since.
func (p *publisher) checkCurrent(ctx context.Context, c *client.Client) {
	p.Helper()
	if p.asking.Swap(false) {
		p.cut++
	}
	for model, err := range c.Models(ctx) {
		if err != nil {
			p.Fatal(err)
		}
		switch current := model.GetCurrentRunId(); {
		case current == p.current:
			p.publishing, p.rolling = "", false
		case p.publishing != "" && current == p.publishing:
			p.happened++
			p.published()
		case p.rolling && current == p.before[len(p.before)-1]:
			p.happened++
			p.rolledBack()
		default:
			p.Fatalf("the run %q is current, want %q, or %q that was being published, or what a roll back returns to: %v", current, p.current, p.publishing, p.rolling)
		}
	}
}
