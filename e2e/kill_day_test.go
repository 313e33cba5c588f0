package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// dayPeople are so many that a publication takes some tenths of a second.
	dayPeople = 6000
	// dayAhead is for how many days publications wait: midnight may pass while the test runs.
	dayAhead = 2
)

// calendar is a store on which publications wait for a day, and servers that are killed around it.
type calendar struct {
	*testing.T
	folder string
	random *rand.Rand
	// days is how far the clock is ahead.
	days int
	// tiers are those of the customers as the feed tells them, last the number of its last change.
	tiers map[string]string
	last  int64
	// waiting and done count in what state servers that were killed on a day left the publication.
	waiting, done int
}

// A server that is killed before the day of a publication, on it and while it publishes, again and again: the publication takes effect once, not twice and
// not never.
func TestKilledServersLoseNoPublicationThatWaitsForItsDay(t *testing.T) {
	ctx := soon(t, 55*time.Minute)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &calendar{T: t, folder: t.TempDir(), random: rand.New(rand.NewPCG(seed, 4)), tiers: make(map[string]string)}
	p, server := c.start()
	model, _, found := modelfile.Parse("crash.yaml", []byte(killModel))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	_, err := server.CreateModel(ctx, model)
	c.must(err)
	_, err = server.ActivateModel(ctx, "crash", 0)
	c.must(err)
	c.fill(ctx, server, 0)
	publish(ctx, t, server, &echelonv1.StartRunRequest{Model: "crash"})
	c.follow(ctx, server, "")
	p.kill()
	for round := 1; round <= max(2, kills(t)/3) && !t.Failed(); round++ {
		run := c.putOff(ctx, round)
		c.days += dayAhead
		for range 1 + c.random.IntN(3) {
			c.killOnTheDay(ctx, run)
		}
		c.tookEffectOnce(ctx, run)
	}
	t.Logf("%d publications took effect once; of the servers that were killed on the day %d left them waiting, and %d had published them", c.days/dayAhead, c.waiting, c.done)
}

func (c *calendar) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// start is the next server.
func (c *calendar) start() (*process, *client.Client) {
	c.Helper()
	p := listening(c, clocked(c, c.folder, time.Duration(c.days)*24*time.Hour))
	return p, p.dial()
}

// fill stores all customers anew, of whom each round another half is large.
func (c *calendar) fill(ctx context.Context, server *client.Client, round int) {
	c.Helper()
	customers := each(dayPeople, func(i int) *echelonv1.Customer {
		arr := float64(1 + i%97)
		if (i+round)%2 == 0 {
			arr += 1000
		}
		return &echelonv1.Customer{Id: fmt.Sprintf("c%05d", i), Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{"arr": structpb.NewNumberValue(arr)}}}
	})
	for _, err := range server.ImportCustomers(ctx, &echelonv1.ImportHeader{}, customers) {
		c.must(err)
	}
}

// putOff puts the publication of a new run off to a day to come, and kills the server that was told to.
func (c *calendar) putOff(ctx context.Context, round int) string {
	c.Helper()
	p, server := c.start()
	c.fill(ctx, server, round)
	run, err := server.StartRun(ctx, &echelonv1.StartRunRequest{Model: "crash"})
	if err == nil {
		run, err = server.WaitRun(ctx, run.GetId(), nil)
	}
	c.must(err)
	// Customers of whom the run knows nothing are to be taken in on the day.
	for i := range 10 {
		id := fmt.Sprintf("new-%03d-%d", round, i)
		_, err := server.UpsertCustomer(ctx, &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{"arr": structpb.NewNumberValue(7)}}})
		c.must(err)
	}
	day := time.Now().UTC().AddDate(0, 0, c.days+dayAhead)
	_, err = server.PublishRunOn(ctx, run.GetId(), day.Format(time.DateOnly))
	c.must(err)
	p.kill()
	return run.GetId()
}

// killOnTheDay starts a server on the day, or later, and kills it at a random moment: as it starts, while it publishes, or after that.
func (c *calendar) killOnTheDay(ctx context.Context, run string) {
	c.Helper()
	command := clocked(c, c.folder, time.Duration(c.days)*24*time.Hour)
	c.must(command.Start())
	select {
	case <-time.After(time.Duration(c.random.IntN(8<<c.random.IntN(8))) * time.Millisecond): // early moments more often than late ones
	case <-ctx.Done():
	}
	c.must(command.Process.Kill())
	_ = command.Wait() // it was killed
	// What it left is looked at on a day before, on which nothing is due.
	c.days -= dayAhead
	p, server := c.start()
	c.days += dayAhead
	got, err := server.GetRun(ctx, run)
	c.must(err)
	if got.GetScheduled().GetState() == echelonv1.ScheduledPublication_PENDING {
		c.waiting++
	} else {
		c.done++
	}
	p.kill()
}

// tookEffectOnce lets the publication take effect, unless it has, and looks at what there is of it.
func (c *calendar) tookEffectOnce(ctx context.Context, run string) {
	c.Helper()
	p, server := c.start()
	defer p.kill()
	for {
		got, err := server.GetRun(ctx, run)
		c.must(err)
		if state := got.GetScheduled().GetState(); state == echelonv1.ScheduledPublication_TOOK_EFFECT && got.GetState() == echelonv1.Run_PUBLISHED {
			break
		} else if state != echelonv1.ScheduledPublication_PENDING {
			c.Fatalf("the run is %v", got)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			c.Fatalf("it never took effect: %v", ctx.Err())
		}
	}
	for model, err := range server.Models(ctx) {
		if c.must(err); model.GetCurrentRunId() != run {
			c.Errorf("%s is published, want %s", model.GetCurrentRunId(), run)
		}
	}
	entries := 0
	for entry, err := range server.Audit(ctx, &echelonv1.ListAuditRequest{}) {
		if c.must(err); entry.GetSubject() == "models/crash/runs/"+run && strings.HasSuffix(entry.GetMethod(), "/PublishRun, took effect") {
			entries++
		}
	}
	if entries != 1 {
		c.Errorf("the log says %d times that %s took effect", entries, run)
	}
	c.follow(ctx, server, run)
}

// follow takes in the changes since the last time, all of them of a run, where there is one: each continues what was before, so that none can be there twice.
func (c *calendar) follow(ctx context.Context, server *client.Client, run string) {
	c.Helper()
	changes := 0
	from := &echelonv1.WatchAssignmentsRequest_AfterSequence{AfterSequence: c.last}
	for message, err := range server.WatchAssignments(ctx, &echelonv1.WatchAssignmentsRequest{From: from}) {
		c.must(err)
		for _, change := range message.GetChanges() {
			if c.last++; change.GetSequence() != c.last || run != "" && change.GetRunId() != run {
				c.Fatalf("instead of the change %d of %s comes %v", c.last, run, change)
			}
			move := change.GetTiers()[0]
			if was := c.tiers[change.GetCustomerId()]; move.GetFrom() != was {
				c.Fatalf("%s moves from %q, and was in %q: %v", change.GetCustomerId(), move.GetFrom(), was, change)
			}
			c.tiers[change.GetCustomerId()] = move.GetTo()
			changes++
		}
	}
	if changes < dayPeople/10 {
		c.Errorf("%s changed %d assignments, of which there should be many: half of all customers grew", run, changes)
	}
	for a, err := range server.ExportAssignments(ctx, "crash", "") {
		c.must(err)
		if got := a.GetTiers()[0].GetTier(); got != c.tiers[a.GetCustomerId()] {
			c.Errorf("%s is in %q, and the changes say %q", a.GetCustomerId(), got, c.tiers[a.GetCustomerId()])
		}
	}
}
