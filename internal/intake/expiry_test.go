package intake_test

import (
	"errors"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func (r *rig) overlays() []string {
	r.Helper()
	view, err := r.store.View(r.context())
	r.must(err)
	defer view.Close()
	names, err := view.OverlayNames(r.context())
	r.must(err)
	return names
}

func (r *rig) buried(id string) bool {
	r.Helper()
	view, err := r.store.View(r.context())
	r.must(err)
	defer view.Close()
	_, err = view.Tombstone(id)
	if errors.Is(err, storage.ErrNotFound) {
		return false
	}
	r.must(err)
	return true
}

// Overlays that were replaced are kept for lists that go on in them, for an hour.
func TestOverlaysOfReplacedPublicationsExpire(t *testing.T) {
	now := noon
	r := newRig(t, memory.New(), func() time.Time { return now })
	defer r.close()
	r.fill(0, 5, 0, false)
	for range 3 {
		r.published()
		r.fill(0, 5, 100, true)
	}
	if got := r.overlays(); len(got) != 3 {
		t.Fatalf("there are %q", got)
	}
	now = noon.Add(time.Hour - time.Microsecond)
	r.must(r.runs.Expire(t.Context()))
	if got := r.overlays(); len(got) != 3 {
		t.Errorf("after less than an hour there are %q", got)
	}
	now = noon.Add(time.Hour)
	before := r.rows("", "")
	r.must(r.runs.Expire(t.Context()))
	if got := r.overlays(); len(got) != 1 {
		t.Errorf("after an hour there are %q", got)
	}
	if after := r.rows("", ""); len(after) != len(before) || !after[0].GetProvenance().GetOnline() {
		t.Errorf("what is current is %v", after)
	}
	r.leftOver()
}

// A tombstone is kept as long as a run has read the store before it, and has a snapshot or is under way.
func TestTombstonesExpireWithTheLastRunThatReadBefore(t *testing.T) {
	now := noon
	store := &held{Store: memory.New(), release: make(chan struct{})}
	r := newRig(t, store, func() time.Time { return now })
	defer r.close()
	r.fill(0, 3, 0, false)
	running := r.start()
	for _, id := range []string{"c00000", "c00001"} {
		if _, err := r.in.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	r.must(r.runs.Expire(t.Context()))
	if !r.buried("c00000") {
		t.Error("a tombstone went while a run is under way that has read the customer")
	}
	close(store.release)
	r.finish(running.GetId())
	r.must(r.runs.Expire(t.Context()))
	if !r.buried("c00000") {
		t.Error("a tombstone went while there is a snapshot with the customer")
	}
	_, err := r.put(false, one("c00001", number(7), "a"))
	r.must(err)
	now = noon.Add(time.Minute) // the newer of two runs
	later := r.published()
	_, err = r.runs.Sweep(t.Context(), runs.Retention{Runs: 1})
	r.must(err)
	if _, err := r.in.Delete(t.Context(), "c00002"); err != nil {
		t.Fatal(err)
	}
	r.must(r.runs.Expire(t.Context()))
	if r.buried("c00000") || r.buried("c00001") || !r.buried("c00002") {
		t.Errorf("kept are %t, %t, %t", r.buried("c00000"), r.buried("c00001"), r.buried("c00002"))
	}
	if got := r.rows("", ""); len(got) != 1 || got[0].GetCustomerId() != "c00001" || got[0].GetProvenance().GetRunId() != later.GetId() {
		t.Errorf("shown are %v", got)
	}
}
