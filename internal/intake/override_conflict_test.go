package intake_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// overtaken is a store of which somebody else's commit overtakes the next one.
type overtaken struct {
	storage.Store
	by func()
}

func (s *overtaken) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error {
		err := fn(tx)
		if by := s.by; by != nil {
			s.by = nil
			by()
		}
		return err
	})
}

// What ends an override assigns the customer as it is: a write that overtakes it is neither lost in the assignment nor in its staleness.
func TestAWriteThatOvertakesTheEndOfAnOverrideIsNotLost(t *testing.T) {
	for name, end := range map[string]func(*rig) error{
		"deleted": func(r *rig) error { return r.in.DeleteOverride(t.Context(), "m", "b", "coverage", "") },
		"expired": func(r *rig) error { _, err := r.in.ExpireOverrides(t.Context()); return err },
	} {
		for _, assign := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				now := noon
				store := &overtaken{Store: memory.New()}
				r := newRig(t, store, func() time.Time { return now })
				defer r.close()
				_, err := r.put(false, one("a", number(500), "a"), one("b", number(1), "a"))
				r.must(err)
				r.published()
				_, err = r.in.SetOverride(t.Context(), &echelonv1.Override{
					Model: "m", CustomerId: "b", Item: "coverage", Pinned: "high", Reason: "a reason", ExpireTime: timestamppb.New(noon.Add(time.Hour)),
				}, nil)
				r.must(err)
				if name == "expired" {
					now = noon.Add(time.Hour)
				}
				other := newIntake(r, store.Store)
				store.by = func() {
					put := intakePut(r.frame(one("b", number(1000), "a")))
					if !assign {
						put.Assign = nil
					}
					_, err := other.Put(t.Context(), put)
					r.must(err)
				}
				r.must(end(r))
				a, _ := r.shown("b")
				if got := a.GetScores()[0].GetValue(); got != 100 || a.GetStale() {
					t.Errorf("written with assignment %t, it is %v", assign, a)
				}
			})
		}
	}
}

// An override that has expired is none, whether it was swept or not: a new one may take its place, and it cannot be deleted.
func TestAnOverrideThatHasExpiredIsNoneBeforeItIsSwept(t *testing.T) {
	now := noon
	r := newRig(t, memory.New(), func() time.Time { return now })
	defer r.close()
	_, err := r.put(false, one("a", number(1), "a"), one("b", number(1000), "a"))
	r.must(err)
	r.published()
	pin := &echelonv1.Override{Model: "m", CustomerId: "a", Item: "coverage", Pinned: "high", Reason: "a reason", ExpireTime: timestamppb.New(noon.Add(time.Hour))}
	none := ""
	set, err := r.in.SetOverride(t.Context(), pin, &none)
	r.must(err)
	now = noon.Add(time.Hour)
	pin.ExpireTime = nil
	etag := set.GetEtag()
	if _, err := r.in.SetOverride(t.Context(), pin, &etag); !fault.Is(err, echelonv1.ErrorReason_OVERRIDE_CHANGED) {
		t.Errorf("replacing one that has expired is %v", err)
	}
	if err := r.in.DeleteOverride(t.Context(), "m", "a", "coverage", ""); !fault.Is(err, echelonv1.ErrorReason_OVERRIDE_NOT_FOUND) {
		t.Errorf("deleting one that has expired is %v", err)
	}
	if _, err := r.in.SetOverride(t.Context(), pin, &none); err != nil {
		t.Errorf("setting one anew is %v", err)
	}
	if a, _ := r.shown("a"); a.GetTiers()[0].GetTier() != "high" {
		t.Errorf("it is %v", a)
	}
}
