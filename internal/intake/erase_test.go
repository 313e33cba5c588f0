package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/audit"
	"github.com/echelonhq/echelon/internal/intake"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/backup"
	"github.com/echelonhq/echelon/storage/badger"
	"github.com/echelonhq/echelon/storage/memory"
)

// places are the keys under which an id stands, in a key or a value, in all that a store holds.
func (r *rig) places(store storage.Store, id string) (places []string) {
	r.Helper()
	var file bytes.Buffer
	r.must(store.(storage.Backuper).Backup(context.Background(), nil, noon, &file))
	reader, err := backup.NewReader(&file)
	r.must(err)
	seen := 0
	for entry, err := range reader.Entries() {
		r.must(err)
		seen++
		if bytes.Contains(entry.Key, []byte(id)) || bytes.Contains(entry.Value, []byte(id)) {
			places = append(places, fmt.Sprintf("%q", entry.Key))
		}
	}
	if seen < 5 {
		r.Fatalf("the store holds %d keys", seen)
	}
	return places
}

const (
	gone  = "zebra-4711@example.com"
	wrong = "wrong-4711@example.com"
)

// eraseRig is a store in which two customers stand wherever one can: stored, in snapshots, in overlays current and replaced, at the end of a line,
// refused by a run, in the answer to a batch of a job, in the audit log.
func eraseRig(t *testing.T, store storage.Store) (*rig, storage.Store) {
	log, err := audit.Open(t.Context(), store, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, log.Store(), func() time.Time { return noon })
	ctx := audit.Begin(t.Context(), audit.Call{Actor: "ann", Method: "Upsert"})
	for _, c := range []*echelonv1.Customer{one(gone, number(1000), "a"), one(wrong, number(1), "z"), one("after", number(1), "a"), one("zzz", number(2), "a")} {
		if err := r.store.PutCustomers(ctx, r.frame(c), noon); err != nil {
			t.Fatal(err)
		}
	}
	r.published()
	if _, err := r.put(true, one(gone, number(1001), "b")); err != nil {
		t.Fatal(err)
	}
	r.published()
	_, err = r.in.SetOverride(ctx, &echelonv1.Override{Model: "m", CustomerId: gone, Item: "coverage", Pinned: "low", Reason: "a reason"}, nil)
	r.must(err)
	if _, err := r.put(true, one(gone, number(1002), "b"), one("zzz", number(3), "b")); err != nil {
		t.Fatal(err)
	}
	answer := &echelonv1.ImportedBatch{Sequence: 1, Errors: []*echelonv1.RowError{{CustomerId: wrong, Message: "no number"}, {CustomerId: "other"}}}
	r.must(store.Update(t.Context(), func(tx storage.Tx) error {
		return tx.PutDocument(storage.KindJobBatch, "a job/1", &storagev1.JobBatch{Answer: answer})
	}))
	return r, store
}

func TestOfWhoWasErasedNothingIsLeft(t *testing.T) {
	for name, open := range map[string]func() storage.Store{
		"memory": memory.New,
		"badger": func() storage.Store {
			store, err := badger.Open(t.TempDir(), badger.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, store := eraseRig(t, open())
			defer r.close()
			others := len(r.rows("", ""))
			for _, id := range []string{gone, wrong} {
				if len(r.places(store, id)) < 3 {
					t.Fatalf("%s stands only at %q", id, r.places(store, id))
				}
			}
			ctx := audit.Begin(t.Context(), audit.Call{Actor: "eve", Method: "Erase"})
			erased, err := r.in.Erase(ctx, gone)
			r.must(err)
			if !erased.Existed || erased.OverlayRows != 2 || erased.Snapshots != 2 || erased.Calibrations != 2 || erased.AuditEntries != 2 || erased.Runs != 0 {
				t.Errorf("erased %+v", erased)
			}
			refused, err := r.in.Erase(ctx, wrong)
			r.must(err)
			if !refused.Existed || refused.Runs != 2 || refused.Snapshots != 0 || refused.AuditEntries != 1 {
				t.Errorf("erased %+v of who was refused", refused)
			}
			for _, id := range []string{gone, wrong} {
				if places := r.places(store, id); len(places) > 0 {
					t.Errorf("%s still stands at %q", id, places)
				}
				again, err := r.in.Erase(ctx, id)
				r.must(err)
				if again.Existed || again.OverlayRows+again.Snapshots+again.Runs+again.Calibrations+again.AuditEntries != 0 {
					t.Errorf("erased again %+v", again)
				}
			}
			if got := r.rows("", ""); len(got) != others-1 {
				t.Errorf("of %d others %d are left", others-1, len(got))
			}
			// Whoever stands in its place at the end of a line keeps the others where they are.
			for _, a := range r.rows("", "") {
				view, err := r.store.View(t.Context())
				r.must(err)
				stored, err := view.Customer(a.GetCustomerId(), nil)
				r.must(err)
				view.Close()
				fresh := r.afresh(stored.Frame.Customer(0), a.GetProvenance())
				if fresh.GetTiers()[0].GetTier() != a.GetTiers()[0].GetTier() {
					t.Errorf("%q is %v, and afresh %v", a.GetCustomerId(), a.GetTiers(), fresh.GetTiers())
				}
			}
		})
	}
}

// A run that has read a customer before it was erased leaves it out.
func TestARunThatReadWhoIsErasedMeanwhileLeavesItOut(t *testing.T) {
	store := memory.New()
	held := &held{Store: store, release: make(chan struct{})}
	r := newRig(t, held, func() time.Time { return noon })
	defer r.close()
	_, err := r.put(false, one("a", number(1), "a"), one(gone, number(1000), "a"), one(wrong, number(1), "z"))
	r.must(err)
	run := r.start()
	for _, id := range []string{gone, wrong} {
		erased, err := r.in.Erase(t.Context(), id)
		r.must(err)
		if !erased.Existed {
			t.Errorf("erased %+v", erased)
		}
	}
	close(held.release)
	ended := r.finish(run.GetId())
	if places := append(r.places(store, gone), r.places(store, wrong)...); len(places) > 0 {
		t.Errorf("they still stand at %q", places)
	}
	if len(ended.GetRefused()) > 0 {
		t.Errorf("the run lists %v", ended.GetRefused())
	}
	_, err = r.runs.Publish(t.Context(), run.GetId())
	r.must(err)
	if got := r.rows("", ""); len(got) != 1 || got[0].GetCustomerId() != "a" {
		t.Errorf("published is %v", got)
	}
}

// held is a store that begins no snapshot before it is released.
type held struct {
	storage.Store
	release chan struct{}
}

func (s *held) WriteSnapshot(ctx context.Context, name string) (storage.SnapshotWriter, error) {
	<-s.release
	return s.Store.WriteSnapshot(ctx, name)
}

// An erasure that was broken off is taken up by another, however far it was.
func TestAnErasureThatWasBrokenOffIsTakenUp(t *testing.T) {
	for left := int64(0); ; left++ {
		store := memory.New()
		r, _ := eraseRig(t, store)
		mortal := &dying{Store: r.store}
		mortal.left.Store(left)
		r2 := *r
		r2.in = newIntake(&r2, mortal)
		_, err := r2.in.Erase(t.Context(), gone)
		if err != nil && !errors.Is(err, errCrashed) {
			t.Fatal(err)
		}
		if err != nil {
			_, err := r.in.Erase(t.Context(), gone)
			r.must(err)
		}
		if places := r.places(store, gone); len(places) > 0 {
			t.Errorf("broken off after %d writes it still stands at %q", left, places)
		}
		r.close()
		if err == nil {
			if left < 5 {
				t.Errorf("an erasure took %d writes", left)
			}
			return
		}
	}
}

// A failure that names a customer keeps its cause.
func TestAFailureKeepsItsCauseWithoutTheCustomer(t *testing.T) {
	r, store := eraseRig(t, memory.New())
	defer r.close()
	failed := &echelonv1.Run{Id: "failed", Model: "m", State: echelonv1.Run_FAILED, Failure: fmt.Sprintf("customer %q is damaged on disk: check the disk", gone)}
	r.must(store.Update(t.Context(), func(tx storage.Tx) error { return tx.PutDocument(storage.KindRun, "failed", failed) }))
	_, err := r.in.Erase(t.Context(), gone)
	r.must(err)
	run, err := r.runs.Get(t.Context(), "failed")
	r.must(err)
	if strings.Contains(run.GetFailure(), gone) || !strings.Contains(run.GetFailure(), "a customer that was erased since is damaged on disk: check the disk") {
		t.Errorf("it says %q", run.GetFailure())
	}
}

// oddParents is a finding that gives customers as examples; a criterion may be called as one of them.
func oddParents() []*echelonv1.Finding {
	long := strings.Repeat("x", 70)
	return []*echelonv1.Finding{
		{Path: "parent", Message: fmt.Sprintf("customers that name themselves: 3 (%q names %q, \"b\\\"c\" names \"d\", %q… names \"e\", …)", gone, gone, long[:60])},
		{Path: "scores[0]", Message: fmt.Sprintf("2 of 3 customers lack the criterion %q", gone)},
	}
}

const forgotten = `customers that name themselves: 3 (a customer that was erased since names a customer that was erased since, "b\"c" names "d", ` +
	`a customer that was erased since names "e", …)`

// What is odd about parents is found with examples, who can be erased like others.
func TestExamplesOfFindingsAreErased(t *testing.T) {
	r, store := eraseRig(t, memory.New())
	defer r.close()
	ended := &echelonv1.Run{Id: "odd", Model: "m", State: echelonv1.Run_READY, SnapshotRemoved: true, Findings: oddParents()}
	r.must(store.Update(t.Context(), func(tx storage.Tx) error {
		return errors.Join(tx.PutDocument(storage.KindRun, "odd", ended),
			tx.PutDocument(storage.KindCalibration, "odd", &echelonv1.Calibration{Id: "odd", Findings: oddParents()}))
	}))
	erased, err := r.in.Erase(t.Context(), gone)
	r.must(err)
	if erased.Runs != 1 || erased.Calibrations != 3 {
		t.Errorf("erased %+v", erased)
	}
	view, err := r.store.View(t.Context())
	r.must(err)
	defer view.Close()
	run, calibration := &echelonv1.Run{}, &echelonv1.Calibration{}
	r.must(errors.Join(view.Document(storage.KindRun, "odd", run), view.Document(storage.KindCalibration, "odd", calibration)))
	// A run that is under way and has read the customer before.
	late, learned := &echelonv1.Run{Id: "late", Findings: oddParents()}, &echelonv1.Calibration{Findings: oddParents()}
	r.must(intake.LeaveOut(t.Context(), r.store, late, learned))
	for name, findings := range map[string][]*echelonv1.Finding{
		"a run": run.GetFindings(), "a calibration": calibration.GetFindings(), "a run under way": late.GetFindings(), "its calibration": learned.GetFindings(),
	} {
		if findings[0].GetMessage() != forgotten || findings[1].GetMessage() != oddParents()[1].GetMessage() {
			t.Errorf("%s says %v", name, findings)
		}
	}
}
