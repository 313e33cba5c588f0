package intake_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/memory"
)

func evaluateOptions(by *echelonv1.Provenance) engine.Options {
	return engine.Options{AsOf: by.GetAsOf().AsTime(), Reasons: true}
}

// evaluated is a customer as it was when it was evaluated.
type evaluated struct {
	customer *echelonv1.Customer
	// life is which customer of its id it was, write which write of all.
	life, write int
	asOf        time.Time
}

// ran is a run as the reference remembers it.
type ran struct {
	id, base  string
	write     int // the last write that it read
	rows      map[string]evaluated
	finished  bool
	published bool
}

// evaluation names one, which is the same however often it is asked for.
type evaluation struct {
	run      string
	online   bool
	asOf     time.Time
	customer *echelonv1.Customer
}

// reference is what should be seen, in maps and without a store.
type reference struct {
	*rig
	clock     time.Time
	ticking   sync.Mutex // guards clock, which runs read too
	writes    int
	lives     map[string]int
	customers map[string]evaluated
	runs      []*ran
	current   *ran
	history   []*ran
	overlay   map[string]evaluated
	known     map[evaluation]*echelonv1.Assignment
}

func (f *reference) accepted(c *echelonv1.Customer) bool {
	kind := c.GetAttributes().GetFields()["kind"].GetStringValue()
	return kind != "z"
}

func (f *reference) tick() {
	f.ticking.Lock()
	defer f.ticking.Unlock()
	f.clock = f.clock.Add(7 * time.Hour)
}

func (f *reference) time() time.Time {
	f.ticking.Lock()
	defer f.ticking.Unlock()
	return f.clock
}

func (f *reference) write(c *echelonv1.Customer, assign bool) {
	f.writes++
	e := evaluated{customer: c, life: f.lives[c.GetId()], write: f.writes, asOf: f.clock}
	f.customers[c.GetId()] = e
	if assign {
		f.overlay[c.GetId()] = e
	}
}

func (f *reference) end(id string) {
	if _, there := f.customers[id]; there {
		delete(f.customers, id)
		f.lives[id]++
	}
}

// catchUp is what the overlay of a publication of a run begins with.
func (f *reference) catchUp(run *ran) {
	f.overlay = make(map[string]evaluated)
	for id, c := range f.customers {
		if c.write > run.write && f.accepted(c.customer) {
			c.asOf = f.clock
			f.overlay[id] = c
		}
	}
}

// seen is what a reader of a publication, or of a run, should see of a customer.
func (f *reference) seen(id string, run *ran, overlay map[string]evaluated) (e evaluated, online, found bool) {
	c, stored := f.customers[id]
	if !stored {
		return evaluated{}, false, false
	}
	if e, found = overlay[id]; found && e.life == c.life {
		return e, true, true
	}
	e, found = run.rows[id]
	return e, false, found && e.life == c.life
}

func (f *reference) want(id string, run *ran, overlay map[string]evaluated, by *echelonv1.Provenance) *echelonv1.Assignment {
	e, online, found := f.seen(id, run, overlay)
	if !found {
		return nil
	}
	if by.GetRunId() != run.id || by.GetOnline() != online || !by.GetAsOf().AsTime().Equal(e.asOf) {
		f.Fatalf("%q is of run %s, online %t, as of %s; wanted %s, %t, %s", id, by.GetRunId(), by.GetOnline(), by.GetAsOf().AsTime(), run.id, online, e.asOf)
	}
	key := evaluation{run.id, online, e.asOf, e.customer}
	if f.known[key] == nil {
		f.known[key] = f.afresh(e.customer, by)
	}
	a := proto.CloneOf(f.known[key])
	a.Stale = f.customers[id].write != e.write
	return a
}

func (f *reference) compare(ids []string) {
	if f.current == nil {
		return
	}
	f.compareRows("", f.current, f.overlay, ids)
	if i := slices.IndexFunc(f.runs, func(r *ran) bool { return r.finished }); i >= 0 {
		f.compareRows(f.runs[i].id, f.runs[i], nil, ids)
	}
	for _, id := range ids {
		got, reason := f.shown(id)
		_, stored := f.customers[id]
		_, _, found := f.seen(id, f.current, f.overlay)
		switch {
		case !stored && reason != echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, stored && !found && reason != echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND:
			f.Fatalf("%q: stored %t, assigned %t, and got %v, %s", id, stored, found, got, reason)
		case found:
			f.equal(got, f.want(id, f.current, f.overlay, got.GetProvenance()))
		}
	}
}

func (f *reference) compareRows(runID string, run *ran, overlay map[string]evaluated, ids []string) {
	after := ids[len(ids)/2]
	for _, from := range []string{"", after} {
		var want []string
		for _, id := range ids {
			if _, _, found := f.seen(id, run, overlay); found && id > from {
				want = append(want, id)
			}
		}
		var got []string
		for _, a := range f.rows(runID, from) {
			got = append(got, a.GetCustomerId())
			f.equal(a, f.want(a.GetCustomerId(), run, overlay, a.GetProvenance()))
		}
		if !slices.Equal(got, want) {
			f.Fatalf("the rows of run %q after %q are %q, want %q", runID, from, got, want)
		}
	}
}

func (f *reference) equal(got, want *echelonv1.Assignment) {
	if proto.Equal(want, got) {
		return
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		f.Fatalf("(-want +got)\n%s", diff)
	}
}

// What readers see follows from a few rules, whatever is written, run, published and rolled back in whatever order.
func TestReadersSeeWhatTheRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		f := &reference{lives: make(map[string]int), customers: make(map[string]evaluated), overlay: make(map[string]evaluated), clock: noon,
			known: make(map[evaluation]*echelonv1.Assignment)}
		f.rig = newRig(t, memory.New(), f.time)
		defer f.close()
		ids := []string{"a", "b", "b\x00", "c", "d", "e"}
		id := rapid.SampledFrom(ids)
		customer := rapid.Custom(func(t *rapid.T) *echelonv1.Customer {
			var x *float64
			if rapid.IntRange(0, 4).Draw(t, "present") > 0 {
				value := float64(rapid.IntRange(0, 100).Draw(t, "x"))
				x = &value
			}
			return one(id.Draw(t, "id"), x, rapid.SampledFrom([]string{"a", "b", "", "z"}).Draw(t, "kind"))
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				c := customer.Draw(t, "customer")
				_, err := f.put(false, c)
				f.must(err)
				f.write(c, false)
			},
			"assign": func(t *rapid.T) {
				cs := rapid.SliceOfNDistinct(customer, 1, 4, (*echelonv1.Customer).GetId).Draw(t, "customers")
				written, err := f.put(true, cs...)
				if f.current == nil {
					if !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
						t.Fatalf("assigned where nothing is published: %v", err)
					}
					return
				}
				f.must(err)
				stored := 0
				for _, c := range cs {
					if f.accepted(c) {
						f.write(c, true)
						answered := written.Assignments(stored)[0]
						got, _ := f.shown(c.GetId())
						f.equal(got, answered)
						stored++
					}
				}
				if written.Stored.Len() != stored || len(written.Refused) != len(cs)-stored || written.Assigned != int64(stored) {
					t.Fatalf("stored %d, refused %v, assigned %d of %v", written.Stored.Len(), written.Refused, written.Assigned, cs)
				}
			},
			"delete": func(t *rapid.T) {
				gone := id.Draw(t, "id")
				_, stored := f.customers[gone]
				existed, err := f.in.Delete(ctx, gone)
				f.must(err)
				if existed != stored {
					t.Fatalf("%q existed: %t", gone, existed)
				}
				f.end(gone)
			},
			"erase": func(t *rapid.T) {
				gone := id.Draw(t, "id")
				_, stored := f.customers[gone]
				erased, err := f.in.Erase(ctx, gone)
				f.must(err)
				if erased.Existed != stored {
					t.Fatalf("%q existed: %t", gone, erased.Existed)
				}
				f.end(gone)
				for _, run := range f.runs {
					delete(run.rows, gone)
				}
			},
			"start": func(t *rapid.T) {
				for _, run := range f.runs {
					f.rig.finish(run.id) // one run of a model is under way at a time
					run.finished = true
				}
				f.tick()
				started := f.start()
				run := &ran{id: started.GetId(), base: started.GetBaseRunId(), write: f.writes, rows: make(map[string]evaluated)}
				for id, c := range f.customers {
					if f.accepted(c.customer) {
						c.asOf = f.clock
						run.rows[id] = c
					}
				}
				f.runs = append(f.runs, run)
			},
			"publish": func(t *rapid.T) {
				if len(f.runs) == 0 {
					return
				}
				run := rapid.SampledFrom(f.runs).Draw(t, "run")
				f.rig.finish(run.id)
				run.finished = true
				_, err := f.rig.runs.Publish(ctx, run.id)
				base := ""
				if f.current != nil {
					base = f.current.id
				}
				switch {
				case run == f.current:
					f.must(err)
				case run.published || run.base != base:
					if !fault.Is(err, echelonv1.ErrorReason_RUN_OUTDATED) {
						t.Fatalf("an outdated run was published: %v", err)
					}
				default:
					f.must(err)
					if f.current != nil {
						f.history = append(f.history, f.current)
					}
					f.current, run.published = run, true
					f.catchUp(run)
				}
			},
			"roll back": func(t *rapid.T) {
				_, err := f.rig.runs.RollBack(ctx, "m")
				if len(f.history) == 0 {
					if err == nil {
						t.Fatal("rolled back to nothing")
					}
					return
				}
				f.must(err)
				f.current, f.history = f.history[len(f.history)-1], f.history[:len(f.history)-1]
				f.catchUp(f.current)
			},
			"expire": func(t *rapid.T) {
				f.tick()
				f.must(f.rig.runs.Expire(ctx))
			},
			"restart": func(t *rapid.T) {
				for _, run := range f.runs {
					f.rig.finish(run.id)
					run.finished = true
				}
				f.rig.runs.Close()
				f.open()
			},
			"": func(t *rapid.T) {
				f.rig.fataler = t
				f.compare(slices.Sorted(slices.Values(ids)))
			},
		})
	})
}
