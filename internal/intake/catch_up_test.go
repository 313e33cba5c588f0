package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// stepped is a store that tells of each step before it is done, whether it reads or writes.
type stepped struct {
	storage.Store
	before func(reads bool)
}

func (s *stepped) View(ctx context.Context) (storage.Reader, error) {
	s.tell(true)
	return s.Store.View(ctx)
}

func (s *stepped) Update(ctx context.Context, fn func(storage.Tx) error) error {
	s.tell(false)
	return s.Store.Update(ctx, fn)
}

func (s *stepped) tell(reads bool) {
	if s.before != nil {
		s.before(reads)
	}
}

// A customer that changes at whatever step of a publication is evaluated under it, if the publication still looks for such, and else is stale: also where
// another process writes, whom no lock holds off.
func TestACustomerThatChangesAtAnyStepOfAPublicationIsRight(t *testing.T) {
	for at := 1; ; at++ {
		store := &stepped{Store: memory.New()}
		r := newRig(t, store, clock)
		r.fill(0, 20, 0, false)
		r.published()
		run := r.finish(r.start().GetId())
		r.fill(0, 10, 500, false)
		changed := r.frame(one("c00005", number(9000), "b"), one("c00015", number(9001), "b"), one("c00099", number(1), "a"))
		step, changedAt, lastLook, compared := 0, 0, 0, 0 // the last that is read is what differs between the publications
		store.before = func(reads bool) {
			step++
			if reads {
				lastLook, compared = compared, step
			}
			if step == at {
				changedAt = step
				r.must(store.Store.PutCustomers(t.Context(), changed, noon))
			}
		}
		_, err := r.runs.Publish(t.Context(), run.GetId())
		r.must(err)
		store.before = nil
		if changedAt == 0 {
			if at < 5 {
				t.Fatalf("a publication took %d steps", step)
			}
			r.close()
			return
		}
		for i, id := range changed.IDs {
			a, reason := r.shown(id)
			fresh := a != nil && !a.GetStale()
			switch {
			case changedAt <= lastLook && !fresh:
				t.Errorf("changed at step %d, %q is %v, %s", at, id, a, reason)
			case fresh:
				if diff := cmp.Diff(r.afresh(changed.Customer(i), a.GetProvenance()), a, protocmp.Transform()); diff != "" {
					t.Errorf("changed at step %d (-want +got)\n%s", at, diff)
				}
			}
		}
		r.close()
	}
}

// The last look of a publication and the move of its pointer are one step for writers: who writes then is assigned under the new one.
func TestNoWriteComesBetweenTheLastLookAndTheMove(t *testing.T) {
	store := &stepped{Store: memory.New()}
	r := newRig(t, store, clock)
	defer r.close()
	r.fill(0, 20, 0, false)
	r.published()
	run := r.finish(r.start().GetId())
	written := make(chan error, 1)
	looks := 0
	store.before = func(reads bool) {
		if reads {
			looks++
			return
		}
		if looks < 6 {
			return
		}
		store.before = nil // it is the write that moves the pointer, or one just before it
		customer := r.frame(one("c00005", number(9000), "b"))
		go func() {
			_, err := r.in.Put(context.Background(), intakePut(customer))
			written <- err
		}()
		// Where a write could come in between it does so within this time; where none can, nothing hangs on it.
		select {
		case err := <-written:
			written <- err
		case <-time.After(50 * time.Millisecond):
		}
	}
	_, err := r.runs.Publish(t.Context(), run.GetId())
	r.must(err)
	r.must(<-written)
	if store.before != nil {
		t.Fatalf("there were %d looks", looks)
	}
	a, _ := r.shown("c00005")
	if a.GetStale() || !a.GetProvenance().GetOnline() || a.GetProvenance().GetRunId() != run.GetId() {
		t.Errorf("it is %v", a)
	}
}

// However many change at the last look, all are taken in.
func TestManyThatChangeAtTheLastLookAreTakenIn(t *testing.T) {
	store := &stepped{Store: memory.New()}
	r := newRig(t, store, clock)
	defer r.close()
	r.fill(0, many, 0, false)
	r.published()
	run := r.finish(r.start().GetId())
	var customers []*echelonv1.Customer
	for i := range many {
		customers = append(customers, one(fmt.Sprintf("c%05d", i), number(9000-float64(i)), "b"))
	}
	changed := r.frame(customers...)
	looks := 0
	store.before = func(reads bool) {
		if !reads {
			return
		}
		if looks++; looks == 6 {
			r.must(store.Store.PutCustomers(t.Context(), changed, noon))
		}
	}
	_, err := r.runs.Publish(t.Context(), run.GetId())
	r.must(err)
	store.before = nil
	if looks != 7 { // the last one compares again
		t.Fatalf("there were %d looks", looks)
	}
	for _, a := range r.rows("", "") {
		if a.GetStale() || !a.GetProvenance().GetOnline() {
			t.Fatalf("it is %v", a)
		}
	}
}

// The refused of a new model keep what the run made of them, which is stale; those whom it had not have nothing.
func TestWhomTheNewModelRefusesIsStale(t *testing.T) {
	r := newRig(t, memory.New(), clock)
	defer r.close()
	r.fill(0, 5, 0, false)
	run := r.finish(r.start().GetId())
	_, err := r.put(false, one("c00001", number(7), "z"), one("new", number(7), "z"))
	r.must(err)
	_, err = r.runs.Publish(t.Context(), run.GetId())
	r.must(err)
	if a, _ := r.shown("c00001"); !a.GetStale() || a.GetProvenance().GetOnline() {
		t.Errorf("it is %v", a)
	}
	if a, reason := r.shown("new"); reason != echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND {
		t.Errorf("it is %v", a)
	}
}

// What more there is to write is of the commit, and what it refuses nothing is left of.
func TestMoreIsWrittenInTheSameCommit(t *testing.T) {
	r := newRig(t, memory.New(), clock)
	defer r.close()
	r.fill(0, 5, 0, false)
	r.published()
	commit := func(key string) storage.Commit {
		view, err := r.store.View(t.Context())
		r.must(err)
		defer view.Close()
		for document, err := range view.Documents(storage.KindRun, storage.DocumentScan{Prefix: key}) {
			r.must(err)
			return document.Version
		}
		return 0
	}
	put := func(id, key string, failure error) error {
		return r.in.Commit(t.Context(), func(tx storage.Tx) error {
			if _, err := r.in.PutIn(t.Context(), tx, intakePut(r.frame(one(id, number(1), "a")))); err != nil {
				return err
			}
			r.must(tx.PutDocument(storage.KindRun, key, &echelonv1.Run{Id: key}))
			return failure
		})
	}
	r.must(put("x", "put", nil))
	view, err := r.store.View(t.Context())
	r.must(err)
	defer view.Close()
	stored, err := view.Customer("x", nil)
	r.must(err)
	if commit("put") != stored.Versions[0] {
		t.Errorf("written at %d, beside the customer's %d", commit("put"), stored.Versions[0])
	}
	if err := put("y", "refused", errCrashed); err != errCrashed {
		t.Errorf("the error is %v", err)
	}
	if _, reason := r.shown("y"); commit("refused") != 0 || reason != echelonv1.ErrorReason_CUSTOMER_NOT_FOUND {
		t.Errorf("what was refused was written at %d, and y is %s", commit("refused"), reason)
	}
}
