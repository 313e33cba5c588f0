package intake_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func (r *rig) tierOf(id string) string {
	r.Helper()
	for _, a := range r.rows("", "") {
		if a.GetCustomerId() == id {
			return a.GetTiers()[0].GetTier()
		}
	}
	return ""
}

func TestWhatExpiresIsWrittenByTheSweeperAndForgottenWhenNoRunCanHaveReadIt(t *testing.T) {
	now := noon
	store := memory.New()
	r := newRig(t, store, func() time.Time { return now })
	defer r.close()
	_, err := r.put(false, one("a", number(1), "a"), one("b", number(1000), "a"))
	r.must(err)
	r.published()
	for _, id := range []string{"a", "b"} {
		o := &echelonv1.Override{Model: "m", CustomerId: id, Item: "coverage", Pinned: "high", Reason: "a reason"}
		if id == "a" {
			o.ExpireTime = timestamppb.New(noon.Add(time.Hour))
		}
		_, err := r.in.SetOverride(t.Context(), o, nil)
		r.must(err)
	}
	if got := r.tierOf("a"); got != "high" {
		t.Fatalf("pinned: %s", got)
	}
	expire := func(want int) {
		t.Helper()
		ended, err := r.in.ExpireOverrides(t.Context())
		r.must(err)
		if ended != want {
			t.Errorf("%d expired, want %d", ended, want)
		}
	}
	expire(0)
	now = noon.Add(time.Hour)
	expire(1)
	if got := r.tierOf("a"); got != "low" {
		t.Errorf("expired: %s", got)
	}
	expire(0)
	kept := func() (keys []string) {
		view, err := store.View(t.Context())
		r.must(err)
		defer view.Close()
		for document, err := range view.Documents(storage.KindOverride, storage.DocumentScan{Prefix: "m/"}) {
			r.must(err)
			keys = append(keys, document.Key)
		}
		return keys
	}
	r.must(r.runs.Expire(t.Context()))
	if got := kept(); len(got) != 3 {
		t.Errorf("while the run may be rolled back to, %q is kept", got)
	}
	r.published()
	r.published()
	_, err = r.runs.Sweep(t.Context(), runs.Retention{Runs: 1})
	r.must(err)
	r.must(r.runs.Expire(t.Context()))
	if got := kept(); len(got) != 2 || got[1] != "m/b" {
		t.Errorf("at last %q is kept", got)
	}
}

// A pin and a write of the same customer that know nothing of each other do not both commit as they are: whichever is later sees the other.
func TestAPinAndAWriteWithAssignmentSeeEachOther(t *testing.T) {
	for range 50 {
		r := newRig(t, memory.New(), clock)
		_, err := r.put(false, one("a", number(1), "a"), one("b", number(1000), "a"))
		r.must(err)
		r.published()
		pinned := make(chan error, 1)
		go func() {
			_, err := r.in.SetOverride(t.Context(), &echelonv1.Override{Model: "m", CustomerId: "a", Item: "coverage", Pinned: "high", Reason: "a reason"}, nil)
			pinned <- err
		}()
		_, err = r.put(true, one("a", number(2), "a"))
		r.must(err)
		r.must(<-pinned)
		for _, a := range r.rows("", "") {
			if a.GetCustomerId() == "a" && (a.GetTiers()[0].GetTier() != "high" || a.GetStale()) {
				t.Errorf("it is %v", a)
			}
		}
		r.close()
	}
}
