package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// drill is a server that is killed again and again while clients write, run, publish, pin and watch, and what those clients know: what was acknowledged
// must be there after the crash, and what was not may be, whole.
type drill struct {
	*testing.T
	folder string
	server *process
	client *client.Client
	random *rand.Rand

	plain, assigning *writer
	runs             *publisher
	pins             *pinner
	feed             *replica
}

// Whatever is killed under imports, runs, publications, roll backs, overrides, watches and streams that assign: nothing that was acknowledged is lost or
// doubled, the feed has no gap, and there is never half a publication.
func TestKilledServersLoseNothingThatWasAcknowledged(t *testing.T) {
	ctx := soon(t, 55*time.Minute)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	d := &drill{
		T: t, folder: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1)),
		plain: newWriter(t, "c", 4000), assigning: newWriter(t, "a", 2000),
		runs: &publisher{T: t, random: rand.New(rand.NewPCG(seed, 2)), checked: make(map[string]bool)},
		pins: newPinner(t, rand.New(rand.NewPCG(seed, 3))), feed: newReplica(t),
	}
	d.begin()
	d.fill(ctx)
	n := kills(t)
	for round := range n {
		d.round(ctx, round)
		if t.Failed() {
			t.FailNow() // a client has told what was wrong
		}
		d.begin()
		whole := round == n-1 || round%20 == 19
		if d.check(ctx, whole); whole {
			d.tell(round + 1)
		}
	}
	d.server.stop()
}

// tell says what was shown up to now.
func (d *drill) tell(kills int) {
	d.Helper()
	d.Logf("%d kills: what was acknowledged is there of %d plain and %d assigned writes, as are %d publications and roll backs, %d changes of overrides, "+
		"%d of them in batches, and %d changes of assignments, each once", kills, d.plain.acknowledgedRows, d.assigning.acknowledgedRows, d.runs.done.Load(),
		d.pins.done.Load(), d.pins.batches, d.feed.last)
	d.Logf("%d publications and roll backs were under way at a kill, of which %d happened; of %d changes of overrides %d did",
		d.runs.cut, d.runs.happened, d.pins.cut, d.pins.happened)
}

// begin starts the server.
func (d *drill) begin() {
	d.Helper()
	d.server = serve(d, "--data", d.folder, "--keep-runs", "5", "--keep-days", "0")
	// What a killed server leaves unfinished stays so, and no call is made twice.
	d.client = d.server.dial(client.WithResume(0), client.WithAttempts(1), client.WithBatchRows(writerBatch))
}

// fill stores the model and all customers, and publishes a first run: from then on streams assign.
func (d *drill) fill(ctx context.Context) {
	d.Helper()
	model, _, found := modelfile.Parse("crash.yaml", []byte(killModel))
	if found.HasMistakes() {
		d.Fatal(found)
	}
	if _, err := d.client.CreateModel(ctx, model); err != nil {
		d.Fatal(err)
	}
	if _, err := d.client.ActivateModel(ctx, "crash", 0); err != nil {
		d.Fatal(err)
	}
	for _, w := range []*writer{d.plain, d.assigning} {
		if err := w.write(ctx, d.client, &echelonv1.ImportHeader{}, w.customers); err != nil {
			d.Fatal(err)
		}
	}
	d.runs.current = publish(ctx, d, d.client, &echelonv1.StartRunRequest{Model: "crash"}).GetId()
}

// round lets the clients work until the server is killed: after a random time, or, every other round, a random time after each of them was answered, so
// that a slow machine shows something too, and every other of those in the middle of a publication, or at its very end.
func (d *drill) round(ctx context.Context, round int) {
	d.Helper()
	working, rest := context.WithCancel(ctx)
	defer rest()
	var wait sync.WaitGroup
	c := d.client
	wait.Go(func() { d.plain.writeUntilKilled(working, c, &echelonv1.ImportHeader{}) })
	wait.Go(func() {
		d.assigning.writeUntilKilled(working, c, &echelonv1.ImportHeader{Assign: true, JobId: fmt.Sprint("assigned-", round)})
	})
	wait.Go(func() { d.runs.work(working, c) })
	wait.Go(func() { d.pins.work(working, c) })
	wait.Go(func() { d.feed.follow(working, c, round%4 < 2) })
	progress := []*atomic.Int64{&d.plain.batches, &d.assigning.batches, &d.runs.done, &d.pins.done, &d.feed.received}
	var before []int64
	for _, counter := range progress {
		before = append(before, counter.Load())
	}
	time.Sleep(time.Duration(d.random.IntN(1200)) * time.Millisecond)
	for i, counter := range progress {
		for round%2 == 0 && counter.Load() == before[i] && ctx.Err() == nil && !d.Failed() {
			time.Sleep(time.Millisecond)
		}
	}
	for round%4 == 0 && !d.runs.asking.Load() && ctx.Err() == nil && !d.Failed() {
		time.Sleep(100 * time.Microsecond)
	}
	if round%8 == 4 { // when the feed tells of the publication, or it is answered, whichever comes first
		for seen := d.feed.publications.Load(); d.runs.asking.Load() && d.feed.publications.Load() == seen && ctx.Err() == nil; {
			time.Sleep(20 * time.Microsecond)
		}
	} else {
		longest := []time.Duration{time.Millisecond, 30 * time.Millisecond, 600 * time.Millisecond}[d.random.IntN(3)]
		time.Sleep(time.Duration(d.random.Int64N(int64(longest))))
	}
	d.server.kill()
	wait.Wait()
	if err := c.Close(); err != nil {
		d.Error(err)
	}
	if ctx.Err() != nil {
		d.Fatal("the clients were not answered in time")
	}
}

// check looks at a server that was started again, from the beginning of the feed on where that is asked for.
func (d *drill) check(ctx context.Context, whole bool) {
	d.Helper()
	c := d.client
	d.runs.checkRuns(ctx, c)
	d.runs.checkCurrent(ctx, c)
	checkWriters(ctx, d, c, d.plain, d.assigning)
	d.pins.check(ctx, c)
	d.feed.catchUp(ctx, c)
	d.feed.compare(ctx, c, d.runs.current, d.pins.now)
	d.feed.compareSome(ctx, c, d.random)
	d.assigning.checkJob(ctx, c)
	last := d.feed.last
	if d.feed.catchUp(ctx, c); d.feed.last != last {
		d.Fatalf("what was sent again under its job changed assignments: the feed went on from %d to %d", last, d.feed.last)
	}
	if whole {
		d.feed.replay(ctx, c)
	}
}

// killed tells whether a call ended because the server was killed, and fails the test where it ended otherwise.
func killed(t testing.TB, what string, err error) bool {
	if err != nil && (!client.IsInterrupted(err) || client.ReasonOf(err) != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED) {
		t.Errorf("%s: %v", what, err) // a server that is killed gives no reason
	}
	return err != nil
}
