package intake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/intake"
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

// refusing is a store that refuses updates while it has faults, and counts the overrides that are read.
type refusing struct {
	storage.Store
	faults []error
	read   int
}

func (s *refusing) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if len(s.faults) > 0 {
		err := s.faults[0]
		s.faults = s.faults[1:]
		return err
	}
	return s.Store.Update(ctx, fn)
}

func (s *refusing) View(ctx context.Context) (storage.Reader, error) {
	view, err := s.Store.View(ctx)
	return &countingReader{view, s}, err
}

type countingReader struct {
	storage.Reader
	store *refusing
}

func (r *countingReader) Documents(kind storage.Kind, scan storage.DocumentScan) iter.Seq2[storage.Document, error] {
	return func(yield func(storage.Document, error) bool) {
		for document, err := range r.Reader.Documents(kind, scan) {
			if kind == storage.KindOverride {
				r.store.read++
			}
			if !yield(document, err) {
				return
			}
		}
	}
}

func TestAnOverrideThatCannotBeEndedKeepsNoOtherFromIt(t *testing.T) {
	now := noon
	store := &refusing{Store: memory.New()}
	r := newRig(t, store, func() time.Time { return now })
	defer r.close()
	_, err := r.put(false, one("a", number(1), "a"), one("b", number(2), "a"), one("c", number(1000), "a"))
	r.must(err)
	r.published()
	for _, id := range []string{"a", "b"} {
		_, err := r.in.SetOverride(t.Context(), &echelonv1.Override{
			Model: "m", CustomerId: id, Item: "coverage", Pinned: "high", Reason: "a reason", ExpireTime: timestamppb.New(noon.Add(time.Hour)),
		}, nil)
		r.must(err)
	}
	now = noon.Add(time.Hour)
	store.faults = []error{&storage.CorruptError{What: "the run", Err: storage.ErrInvalid}}
	ended, err := r.in.ExpireOverrides(t.Context())
	var corrupt *storage.CorruptError
	if ended != 1 || !errors.As(err, &corrupt) {
		t.Errorf("%d ended, and %v", ended, err)
	}
	if a, b := r.tierOf("a"), r.tierOf("b"); a != "high" || b != "low" {
		t.Errorf("a is %s, and b %s", a, b)
	}
	if ended, err = r.in.ExpireOverrides(t.Context()); ended != 1 || err != nil {
		t.Errorf("then %d ended, and %v", ended, err)
	}
}

// A page reads the overrides that it has, not all that come before it.
func TestPagesOfOverridesGoOnWhereTheLastOneEnded(t *testing.T) {
	store := &refusing{Store: memory.New()}
	r := newRig(t, store, clock)
	defer r.close()
	const customers = 20
	var want, got []string
	for i := range customers {
		id := fmt.Sprintf("c%02d", i)
		_, err := r.put(false, one(id, number(1), "a"))
		r.must(err)
		for item, name := range map[string]string{"coverage": "high", "segments.age": "Old"} {
			_, err := r.in.SetOverride(t.Context(), &echelonv1.Override{Model: "m", CustomerId: id, Item: item, Pinned: name, Reason: "a reason"}, nil)
			r.must(err)
		}
		want = append(want, id+" coverage", id+" segments.age")
	}
	filter, most := intake.OverrideFilter{Model: "m"}, 0
	for {
		store.read = 0
		page, err := r.in.Overrides(t.Context(), filter, 1)
		r.must(err)
		if most = max(most, store.read); len(page) == 0 {
			break
		}
		filter.AfterCustomer, filter.AfterItem = page[0].GetCustomerId(), page[0].GetItem()
		got = append(got, filter.AfterCustomer+" "+filter.AfterItem)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages have %q", got)
	}
	if most > 2 {
		t.Errorf("a page of one reads %d", most)
	}
}

// Numbers that could not be given are given later, though nothing else is committed.
func TestNumbersThatCouldNotBeGivenAreGivenLater(t *testing.T) {
	store := &refusing{Store: memory.New()}
	r := newRig(t, store, clock)
	defer r.close()
	_, err := r.put(false, one("a", number(1), "a"))
	r.must(err)
	r.published()
	store.faults = []error{storage.ErrDiskFull}
	ctx, cancel := context.WithCancel(t.Context())
	ended, failures := make(chan struct{}), 0
	go func() {
		defer close(ended)
		r.in.Feed().OrderUntil(ctx, func(error) { failures++ })
	}()
	for given := false; !given; time.Sleep(10 * time.Millisecond) {
		page, err := r.in.Feed().Read(ctx, feed.Position{}, upTo(10), all)
		r.must(err)
		given = len(page.Changes) == 1
	}
	cancel()
	<-ended
	if failures != 1 {
		t.Errorf("%d attempts failed", failures)
	}
}
