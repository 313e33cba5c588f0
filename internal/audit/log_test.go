package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/audit"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, store storage.Store) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), store, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func newStore(t *testing.T) storage.Store {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// customers returns a frame of customers without attributes.
func customers(ids ...string) *frame.Frame {
	b := frame.NewBuilder(frame.NewSchema())
	for _, id := range ids {
		if refused := b.AddCustomer(&echelonv1.Customer{Id: id}, false); refused != nil {
			panic(refused)
		}
	}
	return b.Take()
}

// told is what a log says, the newest first: who did what to what, and with how many customers.
func told(t *testing.T, log *audit.Log) []string {
	t.Helper()
	entries, err := log.List(t.Context(), 0, 100, audit.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if e.GetTime().AsTime() != noon || e.GetSequence() == 0 {
			t.Errorf("the entry %v has no time or no place", e)
		}
		all = append(all, fmt.Sprintf("%s %s %s %d", e.GetActor(), e.GetMethod(), e.GetSubject(), e.GetCustomers()))
	}
	return all
}

func by(t *testing.T, actor, method string) context.Context {
	return audit.Begin(t.Context(), audit.Call{Actor: actor, Method: method})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestChangesAreWrittenDownAndNothingElse(t *testing.T) {
	store := newStore(t)
	log := open(t, store)
	kept := log.Store()
	must(t, kept.PutCustomers(by(t, "ann", "Upsert"), customers("acme"), noon))
	existed, err := kept.DeleteCustomer(by(t, "bob", "Delete"), "acme")
	if err != nil || !existed {
		t.Fatal(existed, err)
	}
	// No change: nobody was removed, nothing was written, it failed, or the server did it for itself.
	if _, err := kept.DeleteCustomer(by(t, "bob", "Delete"), "nobody"); err != nil {
		t.Fatal(err)
	}
	must(t, kept.Update(by(t, "bob", "Look"), func(storage.Tx) error { return nil }))
	failed := errors.New("failed")
	err = kept.Update(by(t, "bob", "Fail"), func(tx storage.Tx) error {
		if err := tx.PutDocument(storage.KindRun, "r", &echelonv1.Run{}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("the error of a change is %v", err)
	}
	must(t, kept.PutCustomers(t.Context(), customers("beta"), noon))
	must(t, kept.Update(by(t, "eve", "Publish"), func(tx storage.Tx) error {
		return errors.Join(tx.PutDocument(storage.KindCurrent, "b2b", &storagev1.Current{RunId: "r1"}),
			tx.PutDocument(storage.KindRun, "r1", &echelonv1.Run{Id: "r1", Model: "b2b"}))
	}))
	must(t, kept.Update(by(t, "eve", "Activate"), func(tx storage.Tx) error {
		return tx.PutDocument(storage.KindModelHead, "b2b", &storagev1.ModelHead{ActiveVersion: 3, LatestVersion: 4})
	}))
	must(t, kept.Update(by(t, "eve", "Other"), func(tx storage.Tx) error { return tx.DeleteDocument(storage.KindCurrent, "b2b") }))
	want := []string{
		"eve Other publication b2b 0", "eve Activate models/b2b/versions/3 0", "eve Publish models/b2b/runs/r1 0", "bob Delete customers/acme 0", "ann Upsert customers/acme 1",
	}
	if diff := cmp.Diff(want, told(t, log)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, told(t, open(t, store))); diff != "" {
		t.Errorf("opened again: %s", diff)
	}
}

func TestAStreamIsOneEntryAlsoWhereACrashCutItOff(t *testing.T) {
	store := newStore(t)
	log := open(t, store)
	whole := audit.Begin(t.Context(), audit.Call{Actor: "ann", Method: "Import", Stream: true})
	cut := audit.Begin(t.Context(), audit.Call{Actor: "bob", Method: "Import", Stream: true})
	empty := audit.Begin(t.Context(), audit.Call{Actor: "eve", Method: "Import", Stream: true})
	must(t, log.Store().PutCustomers(whole, customers("a", "b"), noon))
	must(t, log.Store().PutCustomers(cut, customers("x"), noon))
	must(t, log.Store().PutCustomers(whole, customers("c"), noon))
	must(t, log.Store().PutCustomers(by(t, "zoe", "Upsert"), customers("d"), noon))
	must(t, log.End(whole))
	must(t, log.End(empty))
	if diff := cmp.Diff([]string{"ann Import customers 3", "zoe Upsert customers/d 1"}, told(t, log)); diff != "" {
		t.Error(diff)
	}
	want := []string{"bob Import customers 1", "ann Import customers 3", "zoe Upsert customers/d 1"}
	for range 2 {
		if diff := cmp.Diff(want, told(t, open(t, store))); diff != "" {
			t.Errorf("after a crash: %s", diff)
		}
	}
}

func TestWhoFollowsSeesEveryEntryOnceAndInOrder(t *testing.T) {
	const writers, each = 8, 25
	store := newStore(t)
	log := open(t, store)
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			ctx := by(t, fmt.Sprint("w", w), "Upsert")
			for i := range each {
				if err := log.Store().PutCustomers(ctx, customers(fmt.Sprint(w, "-", i)), noon); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := make(map[string]bool)
	for at := int64(0); len(seen) < writers*each; {
		entries, changed, err := log.After(t.Context(), at, 7)
		must(t, err)
		for _, e := range entries {
			if e.GetSequence() <= at || seen[e.GetSubject()] {
				t.Fatalf("%v comes after %d", e, at)
			}
			at, seen[e.GetSubject()] = e.GetSequence(), true
		}
		if len(entries) == 0 {
			select {
			case <-changed:
			case <-t.Context().Done():
				t.Fatal("nothing more came")
			}
		}
	}
	wait.Wait()
}

func TestAListIsFilteredAndGoesOn(t *testing.T) {
	log := open(t, newStore(t))
	for i := range 10 {
		must(t, log.Store().PutCustomers(by(t, fmt.Sprint("a", i%2), "Upsert"), customers(fmt.Sprint("c", i)), noon))
	}
	for _, size := range []int{1, 2, 7, 10} {
		var got []string
		for before := int64(0); ; {
			entries, err := log.List(t.Context(), before, size, audit.Filter{Actor: "a1", Subject: "customers/c"})
			must(t, err)
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				got, before = append(got, e.GetSubject()), e.GetSequence()
			}
		}
		if diff := cmp.Diff([]string{"customers/c9", "customers/c7", "customers/c5", "customers/c3", "customers/c1"}, got); diff != "" {
			t.Errorf("in pages of %d: %s", size, diff)
		}
	}
}
