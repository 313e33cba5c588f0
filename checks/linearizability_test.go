package checks

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
	"github.com/echelonhq/echelon/storage/memory"
)

const (
	// clients call at the same time, and each makes so many calls in a history.
	clients, calls = 4, 10
	// givenUp is how many of a hundred calls are given up, after a while of at most longestWait.
	givenUp, longestWait = 6, 800 * time.Microsecond
	// onDisk is how many histories have a store on disk: one of so many.
	onDisk = 10
	// patience is how long orders of a history are tried. They are short: it takes milliseconds.
	patience = 5 * time.Minute
)

// setting returns a number that the environment gives.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a number above 0", name, text)
	}
	return n
}

// world is what a history happens in.
type world struct {
	t       testing.TB
	service *service
	began   time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	// ready are runs that can be published, etags some that overrides of a customer had.
	ready []run
	etags [customers][]string
}

// record makes a history of concurrent clients of a store, who decide by the seed what to call. Calls of all but the first connection pass through the
// interceptors.
func record(t testing.TB, seed uint64, store storage.Store, through ...grpc.UnaryClientInterceptor) []porcupine.Operation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	w := &world{t: t, service: serve(t, store)}
	defer w.service.end()
	first := w.service.dial(t)
	first.fill(ctx, t)
	w.began = time.Now()
	var wait sync.WaitGroup
	connections := []*caller{first}
	for client := range clients {
		c := w.service.dial(t, through...)
		connections = append(connections, c)
		wait.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range calls {
				w.call(ctx, c, client, fmt.Sprintf("%d.%d", client, i), random)
			}
		})
	}
	wait.Wait()
	for _, c := range connections {
		if err := c.conn.Close(); err != nil {
			t.Error(err)
		}
	}
	return w.history
}

// weights are how often calls of a kind are made.
var weights = [kinds]int{activate: 2, start: 3, publish: 4, rollBack: 3, getModel: 3, setOverride: 4, deleteOverride: 2, getOverride: 4, getAssignment: 5}

// next decides what to call. Its name tells it from all other calls of the history.
func (w *world) next(name string, random *rand.Rand) call {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := 0
	for _, weight := range weights {
		total += weight
	}
	c := call{customer: random.IntN(customers), version: 1 + random.Int64N(versions)}
	for at := random.IntN(total); at >= weights[c.kind]; c.kind++ {
		at -= weights[c.kind]
	}
	if c.kind == publish {
		if len(w.ready) == 0 {
			c.kind = start
		} else {
			c.run = w.ready[max(0, len(w.ready)-1-random.IntN(2))] // the newest are based on what is current
		}
	}
	if c.kind == setOverride {
		c.pin = pin{tier: tiers[random.IntN(len(tiers))], reason: name}
	}
	if known := w.etags[c.customer]; (c.kind == setOverride || c.kind == deleteOverride) && random.IntN(2) == 0 {
		switch {
		case len(known) > 0 && random.IntN(4) > 0:
			c.etag = &known[len(known)-1-random.IntN(min(2, len(known)))]
		case c.kind == setOverride:
			c.etag = new(string) // there must be none
		}
	}
	return c
}

// call makes one call of a client, and waits for a run that it started.
func (w *world) call(ctx context.Context, c *caller, client int, name string, random *rand.Rand) {
	what := w.next(name, random)
	calling, cancel := ctx, context.CancelFunc(func() {})
	if random.IntN(100) < givenUp {
		calling, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(int(longestWait))))
	}
	defer cancel()
	o := w.make(calling, c, client, what)
	if what.kind == start && o.reason == "" && !o.unknown {
		w.make(ctx, c, client, call{kind: getRun, run: o.run})
		w.await(ctx, c, o.run)
	}
}

// make makes a call and writes it down.
func (w *world) make(ctx context.Context, c *caller, client int, what call) outcome {
	operation := porcupine.Operation{ClientId: client, Input: what, Call: time.Since(w.began).Nanoseconds()}
	o := c.do(ctx, what)
	operation.Output, operation.Return = o, time.Since(w.began).Nanoseconds()
	if o.unknown {
		operation.Return = never
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if etag := o.pin.etag; etag != "" {
		w.etags[what.customer] = append(w.etags[what.customer], etag)
	}
	if !o.unknown || what.changes() { // what was only asked, and not answered, tells nothing
		w.history = append(w.history, operation)
	}
	return o
}

// changes tells whether a call changes what later ones are told.
func (c call) changes() bool {
	switch c.kind {
	case activate, publish, rollBack, setOverride, deleteOverride:
		return true
	}
	return false
}

// await waits until a run can be published.
func (w *world) await(ctx context.Context, c *caller, r run) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Microsecond) {
		res, err := c.runs.GetRun(ctx, &echelonv1.GetRunRequest{RunId: r.id})
		if err != nil || res.GetRun().GetState() == echelonv1.Run_RUNNING {
			continue // that it is told of is in the history
		}
		if res.GetRun().GetState() != echelonv1.Run_READY {
			w.t.Errorf("the run %s ended %s: %s", r.id, res.GetRun().GetState(), res.GetRun().GetFailure())
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ready = append(w.ready, r)
		return
	}
	w.t.Errorf("the run %s did not end: %v", r.id, ctx.Err())
}

// newStore returns the store of a history: in memory, or now and then on disk.
func newStore(t testing.TB, seed uint64) storage.Store {
	t.Helper()
	if seed%onDisk != 0 {
		return memory.New()
	}
	store, err := badger.Open(t.TempDir(), badger.Options{Logger: slog.New(slog.DiscardHandler), DiskReserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// As many histories as ECHELON_HISTORIES says, from the seed ECHELON_SEED on.
func TestConcurrentClientsSeeOneHistory(t *testing.T) {
	histories, seed := setting(t, "ECHELON_HISTORIES", 50), setting(t, "ECHELON_SEED", uint64(time.Now().UnixNano()))
	var made [kinds]int
	all, unknown, refused, busy := 0, 0, 0, 0
	for s := seed; s < seed+histories; s++ {
		history := record(t, s, newStore(t, s))
		for _, operation := range history {
			c, o := operation.Input.(call), operation.Output.(outcome)
			all++
			switch {
			case o.unknown:
				unknown++
			case o.withoutEffect(c.kind):
				busy++
			case o.reason != "":
				refused++
			default:
				made[c.kind]++
			}
		}
		if result, info := porcupine.CheckOperationsVerbose(spec, history, patience); result != porcupine.Ok {
			t.Fatalf("the history of seed %d is %s: run it again with ECHELON_SEED=%d ECHELON_HISTORIES=1\n%s", s, result, s, told(history, info))
		}
	}
	t.Logf("%d histories from seed %d on, 0 violations: %d calls, of which %d were given up, %d refused by a rule and %d while others were under way",
		histories, seed, all, unknown, refused, busy)
	for k, n := range made {
		t.Logf("%6d × %s", n, names[k])
		if histories >= 500 && n == 0 {
			t.Errorf("no %s went well in any history: the check has shown nothing of it", names[k])
		}
	}
}
