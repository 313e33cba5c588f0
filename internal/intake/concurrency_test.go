package intake_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/storage/memory"
)

// Writers assign customers, delete and erase them while runs are published and rolled back: whoever was written with assignment is assigned as a fresh
// evaluation under what its provenance names says, and is not stale, whichever publication came in between.
func TestAssignmentsHoldWhateverIsPublishedMeanwhile(t *testing.T) {
	r := newRig(t, memory.New(), clock)
	defer r.close()
	r.fill(0, 200, 0, false)
	r.published()
	r.published()
	var writers sync.WaitGroup
	done := make(chan struct{})
	for w := range 4 {
		random := rand.New(rand.NewPCG(1, uint64(w)))
		writers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				// Each writer has customers of its own, so that the last write of each is known to be one with assignment.
				id := fmt.Sprintf("w%d-%02d", w, random.IntN(40))
				switch random.IntN(10) {
				case 0:
					if _, err := r.in.Delete(t.Context(), id); err != nil {
						t.Error(err)
						return
					}
				case 1:
					if _, err := r.in.Erase(t.Context(), id); err != nil {
						t.Error(err)
						return
					}
				case 2:
					if _, err := r.put(false, one(id, number(5), "a")); err != nil {
						t.Error(err)
						return
					}
					fallthrough
				default:
					if _, err := r.put(true, one(id, number(float64(random.IntN(1000))), "a")); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for i := range 12 {
		if i%4 == 3 {
			_, err := r.runs.RollBack(t.Context(), "m")
			r.must(err)
			continue
		}
		r.published()
	}
	close(done)
	writers.Wait()
	view, err := r.store.View(t.Context())
	r.must(err)
	defer view.Close()
	online := 0
	for _, a := range r.rows("", "") {
		stored, err := view.Customer(a.GetCustomerId(), nil)
		r.must(err)
		if a.GetStale() {
			t.Errorf("%q is stale", a.GetCustomerId())
		}
		want := r.afresh(stored.Frame.Customer(0), a.GetProvenance())
		if diff := cmp.Diff(want, a, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if a.GetProvenance().GetOnline() {
			online++
		}
	}
	if online == 0 {
		t.Error("nobody was assigned online")
	}
	assigned := make(map[string]bool)
	for _, a := range r.rows("", "") {
		assigned[a.GetCustomerId()] = true
	}
	for key, err := range view.CustomerKeys(t.Context(), "") {
		r.must(err)
		if !assigned[key.ID] {
			t.Errorf("%q is stored and has no assignment", key.ID)
		}
	}
	r.leftOver()
}

// Whoever reads in the middle of it sees one publication: all that is shown names its run.
func TestAListIsOfOnePublication(t *testing.T) {
	r := newRig(t, memory.New(), clock)
	defer r.close()
	r.fill(0, 100, 0, false)
	r.published()
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				rows := r.rows("", "")
				for _, a := range rows {
					if a.GetProvenance().GetRunId() != rows[0].GetProvenance().GetRunId() {
						t.Errorf("%v beside %v", a.GetProvenance(), rows[0].GetProvenance())
						return
					}
				}
				if len(rows) != 100 {
					t.Errorf("there are %d", len(rows))
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 10 {
		run := r.start()
		r.fill(20, 40, float64(rand.IntN(50)), true)
		_, err := r.runs.Publish(t.Context(), r.finish(run.GetId()).GetId())
		r.must(err)
	}
	close(done)
	readers.Wait()
}
