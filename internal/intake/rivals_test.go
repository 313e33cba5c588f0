package intake_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// current is what is published.
func (r *rig) current() *storagev1.Current {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	current := &storagev1.Current{}
	r.must(view.Document(storage.KindCurrent, "m", current))
	return current
}

// consistent looks that who replays the changes has what readers see, that numbers have no gap, and that nothing is left over.
func (r *rig) consistent() {
	r.Helper()
	m := mirror{}
	for i, c := range r.read(feed.Position{}, 500) {
		if c.GetSequence() != int64(i+1) {
			r.Fatalf("change %d has the number %d", i+1, c.GetSequence())
		}
		m.apply(r, c)
	}
	m.whole(r, r.rows("", ""))
	r.noOrphans()
	r.leftOver()
}

// unpublished looks that a run was not published and can still be told so.
func (r *rig) unpublished(id string) {
	r.Helper()
	run, err := r.runs.Get(context.Background(), id)
	r.must(err)
	if run.GetState() != echelonv1.Run_READY || run.GetPublishTime() != nil {
		r.Errorf("the run that lost is %v", run)
	}
	for _, c := range r.read(feed.Position{}, 500) {
		if c.GetRunId() == id {
			r.Fatalf("a change is of the run that lost: %v", c)
		}
	}
}

// twoReady is a store with a publication and two runs that each would change it.
func twoReady(t *testing.T) (r *rig, store *stepped, one, other *echelonv1.Run) {
	store = &stepped{Store: memory.New()}
	now := noon
	var mu sync.Mutex
	r = newRig(t, store, func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	})
	r.fill(0, 30, 0, false)
	r.published()
	r.fill(0, 10, 500, false)
	r.published()
	r.fill(10, 20, 900, false)
	other = r.finish(r.start().GetId())
	r.fill(20, 40, 5000, false)
	return r, store, r.finish(r.start().GetId()), other
}

// Whatever another process publishes or rolls back at whatever step of a publication, one of them wins: the other is told that it is too late, and leaves
// nothing behind.
func TestAPublicationThatIsOvertakenChangesNothing(t *testing.T) {
	for name, overtake := range map[string]func(rival *rig, run string) error{
		"by another run": func(rival *rig, run string) error {
			_, err := rival.runs.Publish(context.Background(), run)
			return err
		},
		"by a roll back": func(rival *rig, _ string) error {
			_, err := rival.runs.RollBack(context.Background(), "m")
			return err
		},
		"by another run and back": func(rival *rig, run string) error { // the same run is current, with another overlay
			_, err := rival.runs.Publish(context.Background(), run)
			if err == nil {
				_, err = rival.runs.RollBack(context.Background(), "m")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				r, store, run, other := twoReady(t)
				process := *r
				process.store = store.Store
				process.in = newIntake(r, store.Store)
				process.open() // before the publication begins: it removes what is left over
				step, overtaken := 0, false
				store.before = func(bool) {
					if step++; step == at {
						overtaken = true
						r.must(overtake(&process, other.GetId()))
					}
				}
				_, err := r.runs.Publish(t.Context(), run.GetId())
				store.before = nil
				switch {
				case !overtaken:
					r.must(err)
				case err == nil:
					if name != "by another run and back" || r.current().GetRunId() != run.GetId() {
						t.Fatalf("overtaken at step %d, it was published", at)
					}
				case !fault.Is(err, echelonv1.ErrorReason_RUN_OUTDATED) && !errors.Is(err, storage.ErrConflict):
					t.Fatalf("overtaken at step %d: %v", at, err)
				default:
					r.unpublished(run.GetId())
				}
				r.consistent()
				process.runs.Close()
				r.close()
				if !overtaken {
					if at < 6 {
						t.Fatalf("a publication took %d steps", step)
					}
					return
				}
			}
		})
	}
}

// Two who publish at once through one server, beside others who activate and pin: one wins.
func TestOfTwoPublicationsAtOnceOneWins(t *testing.T) {
	for round := range 10 {
		r, _, one, other := twoReady(t)
		var all sync.WaitGroup
		begin := make(chan struct{})
		failed := make([]error, 4)
		for i, do := range []func() error{
			func() error { _, err := r.runs.Publish(context.Background(), one.GetId()); return err },
			func() error { _, err := r.runs.Publish(context.Background(), other.GetId()); return err },
			func() error { _, err := r.catalog.Activate(context.Background(), "m", 1); return err },
			func() error {
				pin := &echelonv1.Override{Model: "m", CustomerId: fmt.Sprintf("c%05d", round), Item: "coverage", Pinned: "high", Reason: "why"}
				_, _, err := r.in.SetOverrides(context.Background(), []*echelonv1.Override{pin})
				return err
			},
		} {
			all.Go(func() {
				<-begin
				failed[i] = do()
			})
		}
		close(begin)
		all.Wait()
		winner, loser, late := one, other, failed[1]
		if failed[0] != nil {
			winner, loser, late = other, one, failed[0]
		}
		if failed[2] != nil || failed[3] != nil || failed[0] != nil && failed[1] != nil || !fault.Is(late, echelonv1.ErrorReason_RUN_OUTDATED) {
			t.Fatalf("they ended with %v", failed)
		}
		if got := r.current(); got.GetRunId() != winner.GetId() || got.GetModelVersion() != 1 {
			t.Errorf("%v is current, and %s won", got, winner.GetId())
		}
		r.unpublished(loser.GetId())
		if tier := r.tierOf(fmt.Sprintf("c%05d", round)); tier != "high" {
			t.Errorf("who was pinned is in %q", tier)
		}
		r.consistent()
		r.close()
	}
}
