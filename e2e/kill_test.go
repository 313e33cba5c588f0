package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// killModel learns from its population, so that a run takes several passes.
const killModel = `
name: crash
amount: arr
attributes:
  - {name: arr, type: NUMBER}
scores:
  - name: value
    criteria: [{name: rank, expr: arr, weight: 1, normalize: {percentile: {}}}]
tierings:
  - name: coverage
    linear:
      score: value
      tiers: [{name: top, cut: {cumulative_share: {of: arr, share: 0.5}}}, {name: rest}]
`

// kills returns how often the server is killed: ECHELON_KILLS, or a few times.
func kills(t *testing.T) int {
	text := os.Getenv("ECHELON_KILLS")
	if text == "" {
		return 6
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ECHELON_KILLS is %q, want a number above 0", text)
	}
	return n
}

// base is how many customers there are: few enough that runs end and are published between two kills.
const base = 20_000

// survivor is what was acknowledged before the crashes, and must be there after them. Customers are written again and again; each write has a
// number, which is the customer's amount.
type survivor struct {
	t *testing.T
	// acknowledged is, for every customer, the last write that was acknowledged; next is the write that comes next.
	acknowledged map[string]int
	next         int
	// published is the last run whose publication was acknowledged; publishing is the one that was asked for and not answered.
	published, publishing string
	publications          int
}

func TestKilledServersLoseNothingThatWasAcknowledged(t *testing.T) {
	ctx := soon(t, 30*time.Minute)
	folder := t.TempDir()
	s := &survivor{t: t, acknowledged: make(map[string]int)}
	server := serve(t, "--data", folder)
	model, _, found := modelfile.Parse("crash.yaml", []byte(killModel))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	c := server.dial(client.WithResume(0))
	if _, err := c.CreateModel(ctx, model); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ActivateModel(ctx, "crash", 0); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	n := kills(t)
	for range n {
		var wait sync.WaitGroup
		wait.Go(func() { s.importUntilKilled(ctx, c) })
		wait.Go(func() { s.publishUntilKilled(ctx, c) })
		time.Sleep(time.Duration(50+random.IntN(2500)) * time.Millisecond)
		server.kill()
		wait.Wait()
		server = serve(t, "--data", folder)
		c = server.dial(client.WithResume(0))
		s.check(ctx, c)
	}
	t.Logf("%d kills: all of about %d acknowledged writes of %d customers are there, as is the last of %d publications", n, s.next, len(s.acknowledged), s.publications)
	if len(s.acknowledged) == 0 || s.publications < min(n/2, 3) {
		t.Fatal("too little was acknowledged between the kills: the test has shown nothing")
	}
	server.stop()
}

// importUntilKilled writes customers until the connection ends.
func (s *survivor) importUntilKilled(ctx context.Context, c *client.Client) {
	settled := s.next
	from := s.next
	id := func(write int) string { return fmt.Sprintf("c%09d", write%base) }
	endless := func(yield func(*echelonv1.Customer, error) bool) {
		for ; ; s.next++ {
			attributes := map[string]*structpb.Value{"arr": structpb.NewNumberValue(float64(s.next))}
			// A publication takes in who changed since its run: writers who change everybody at full speed leave it no end between two kills.
			if s.next%500 == 0 {
				time.Sleep(20 * time.Millisecond)
			}
			if !yield(&echelonv1.Customer{Id: id(s.next), Attributes: &structpb.Struct{Fields: attributes}}, nil) {
				return
			}
		}
	}
	for progress, err := range c.ImportCustomers(ctx, &echelonv1.ImportHeader{}, endless) {
		if err != nil {
			return
		}
		for ; settled < from+int(progress.Acknowledged); settled++ {
			s.acknowledged[id(settled)] = settled
		}
	}
}

// publishUntilKilled runs and publishes again and again until the connection ends.
func (s *survivor) publishUntilKilled(ctx context.Context, c *client.Client) {
	for {
		run, err := c.StartRun(ctx, &echelonv1.StartRunRequest{Model: "crash"})
		if err != nil {
			return
		}
		if run, err = c.WaitRun(ctx, run.GetId(), nil); err != nil {
			return
		}
		s.publishing = run.GetId()
		if _, err := c.PublishRun(ctx, run.GetId()); err != nil {
			return
		}
		s.published, s.publishing = run.GetId(), ""
		s.publications++
	}
}

// check looks at a server that was started again.
func (s *survivor) check(ctx context.Context, c *client.Client) {
	s.t.Helper()
	found := 0
	for customer, err := range c.ExportCustomers(ctx) {
		if err != nil {
			s.t.Fatal(err)
		}
		want, acknowledged := s.acknowledged[customer.GetId()]
		if !acknowledged {
			continue
		}
		found++
		got := int(customer.GetAttributes().GetFields()["arr"].GetNumberValue())
		if got < want || got > s.next || fmt.Sprintf("c%09d", got%base) != customer.GetId() {
			s.t.Fatalf("customer %s has write %d, want write %d or a later one of it", customer.GetId(), got, want)
		}
	}
	if found != len(s.acknowledged) {
		s.t.Fatalf("%d of %d acknowledged customers are there", found, len(s.acknowledged))
	}
	// What was sent and not acknowledged may be there or not; the next writes have numbers of their own.
	s.next += base
	s.checkRuns(ctx, c)
}

// checkRuns looks whether every run is whole, as those that were under way are in the end, or has failed, and the right one is current.
func (s *survivor) checkRuns(ctx context.Context, c *client.Client) {
	s.t.Helper()
	for run, err := range c.Runs(ctx, "crash") {
		if err != nil {
			s.t.Fatal(err)
		}
		if run.GetState() == echelonv1.Run_RUNNING { // it was under way, and goes on
			if run, err = c.WaitRun(ctx, run.GetId(), nil); err != nil {
				s.t.Fatal(err)
			}
		}
		rows := int64(0)
		var failed error
		for _, err := range c.ExportAssignments(ctx, "crash", run.GetId()) {
			if err != nil {
				failed = err
				break
			}
			rows++
		}
		switch state := run.GetState(); {
		case state == echelonv1.Run_FAILED && failed != nil && client.ReasonOf(failed) == echelonv1.ErrorReason_RUN_STATE:
		case (state == echelonv1.Run_READY || state == echelonv1.Run_PUBLISHED) && failed == nil && rows == run.GetSummary().GetBalance().GetTiered():
		default:
			s.t.Fatalf("the run %s is %s, has %d assignments of %d, and reading it gives %v", run.GetId(), state, rows, run.GetSummary().GetBalance().GetTiered(), failed)
		}
	}
	for model, err := range c.Models(ctx) {
		if err != nil {
			s.t.Fatal(err)
		}
		current := model.GetCurrentRunId()
		if current != s.published && (s.publishing == "" || current != s.publishing) {
			s.t.Fatalf("the run %q is current, want %q or %q", current, s.published, s.publishing)
		}
		s.published, s.publishing = current, ""
	}
}
