package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func all(*echelonv1.AssignmentChange) bool { return true }

// upTo is pages of so many changes.
func upTo(limit int) func(changes, bytes int) bool {
	return func(changes, _ int) bool { return changes == limit }
}

// read reads the feed behind a position to its end, in pages.
func (r *rig) read(at feed.Position, page int) (changes []*echelonv1.AssignmentChange) {
	r.Helper()
	r.must(r.in.Feed().Order(context.Background()))
	for {
		got, err := r.in.Feed().Read(context.Background(), at, upTo(page), all)
		r.must(err)
		changes, at = append(changes, got.Changes...), got.Next
		if !got.More {
			return changes
		}
	}
}

// Whatever happens in whatever order, who replays the changes has what readers see; numbers have no gap, any watcher gets the rest, and histories are the
// changes of a customer.
func TestWhoReplaysTheChangesHasWhatReadersSee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		r := newRig(t, memory.New(), func() time.Time { now = now.Add(time.Second); return now })
		defer r.close()
		ids := []string{"a", "b", "b\x00", "c", "d", "é"}
		id := rapid.SampledFrom(ids)
		customer := rapid.Custom(func(t *rapid.T) *echelonv1.Customer {
			var x *float64
			if rapid.IntRange(0, 5).Draw(t, "has x") > 0 {
				x = number(float64(rapid.IntRange(0, 40).Draw(t, "x")))
			}
			return one(id.Draw(t, "id"), x, rapid.SampledFrom([]string{"a", "b", "z"}).Draw(t, "kind"))
		})
		erased := map[string]bool{}
		seen := []*echelonv1.AssignmentChange{}
		var ready []string
		steps := map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				_, err := r.put(false, customer.Draw(t, "customer"))
				r.must(err)
			},
			"assign": func(t *rapid.T) {
				_, err := r.put(true, customer.Draw(t, "one"), customer.Draw(t, "two"))
				if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
					r.Fatal(err)
				}
			},
			"delete": func(t *rapid.T) {
				_, err := r.in.Delete(t.Context(), id.Draw(t, "id"))
				r.must(err)
			},
			"erase": func(t *rapid.T) {
				gone := id.Draw(t, "id")
				_, err := r.in.Erase(t.Context(), gone)
				r.must(err)
				erased[gone] = true
			},
			"pin": func(t *rapid.T) {
				o := &echelonv1.Override{Model: "m", CustomerId: id.Draw(t, "id"), Item: "coverage", Pinned: rapid.SampledFrom([]string{"high", "low"}).Draw(t, "tier"), Reason: "why"}
				switch rapid.IntRange(0, 3).Draw(t, "item") {
				case 0:
					o.Item, o.Pinned = "segments.age", rapid.SampledFrom([]string{"New", "Old"}).Draw(t, "age")
				case 1:
					o.Item, o.Pinned = "reps.owner", rapid.SampledFrom([]string{"rep-1", "rep-2"}).Draw(t, "rep")
				}
				_, _, err := r.in.SetOverrides(t.Context(), []*echelonv1.Override{o})
				r.must(err)
			},
			"unpin": func(t *rapid.T) {
				err := r.in.DeleteOverride(t.Context(), "m", id.Draw(t, "id"), rapid.SampledFrom([]string{"coverage", "reps.owner"}).Draw(t, "item"), "")
				if err != nil && !fault.Is(err, echelonv1.ErrorReason_OVERRIDE_NOT_FOUND) {
					r.Fatal(err)
				}
			},
			"run": func(t *rapid.T) { ready = append(ready, r.finish(r.start().GetId()).GetId()) },
			"publish": func(t *rapid.T) {
				if len(ready) == 0 {
					t.Skip()
				}
				_, err := r.runs.Publish(t.Context(), rapid.SampledFrom(ready).Draw(t, "run"))
				if err != nil && !fault.Is(err, echelonv1.ErrorReason_RUN_OUTDATED) {
					r.Fatal(err)
				}
			},
			"roll back": func(t *rapid.T) {
				_, err := r.runs.RollBack(t.Context(), "m")
				if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) && !fault.Is(err, echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK) {
					r.Fatal(err)
				}
			},
			"watch": func(*rapid.T) { // some come late, others at once: numbers are the same
				at := int64(0)
				if n := len(seen); n > 0 {
					at = seen[n-1].GetSequence()
				}
				seen = append(seen, r.read(feed.Position{Sequence: at}, 3)...)
			},
		}
		t.Repeat(steps)
		steps["watch"](t)
		m := mirror{}
		for i, c := range seen {
			if c.GetSequence() != int64(i+1) && len(erased) == 0 {
				r.Errorf("change %d has the number %d", i+1, c.GetSequence())
			}
			m.apply(r, c)
		}
		if view, err := r.store.View(t.Context()); err == nil {
			if last, err := feed.Last(view); err != nil || len(seen) > 0 && last != seen[len(seen)-1].GetSequence() && len(erased) == 0 {
				r.Errorf("the last number is %d of %d, %v", last, len(seen), err)
			}
			view.Close()
		}
		if _, reason := r.shown("nobody"); reason != echelonv1.ErrorReason_NOTHING_PUBLISHED {
			m.whole(r, r.rows("", ""))
		}
		r.compareFeed(t, ids, seen, erased)
	})
}

// compareFeed compares what is read later, from anywhere and by customer, with what was seen as it came.
func (r *rig) compareFeed(t *rapid.T, ids []string, seen []*echelonv1.AssignmentChange, erased map[string]bool) {
	var left []*echelonv1.AssignmentChange // without what was erased since
	for _, c := range seen {
		if !erased[c.GetCustomerId()] {
			left = append(left, c)
		}
	}
	from := rapid.IntRange(0, len(seen)).Draw(t, "from")
	sequence := int64(0)
	if from > 0 {
		sequence = seen[from-1].GetSequence()
	}
	var want []*echelonv1.AssignmentChange
	for _, c := range left {
		if c.GetSequence() > sequence {
			want = append(want, c)
		}
	}
	got := slices.DeleteFunc(r.read(feed.Position{Sequence: sequence}, rapid.IntRange(1, 5).Draw(t, "page")), func(c *echelonv1.AssignmentChange) bool { return erased[c.GetCustomerId()] })
	if diff := gocmp.Diff(want, got, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
		r.Errorf("the changes after %d (-seen +read):\n%s", sequence, diff)
	}
	for _, id := range ids {
		if erased[id] {
			continue
		}
		var want []*echelonv1.AssignmentChange
		for _, c := range slices.Backward(left) {
			if c.GetCustomerId() == id {
				want = append(want, c)
			}
		}
		got, err := r.in.Feed().History(context.Background(), "m", id, 0, 1000)
		r.must(err)
		if diff := gocmp.Diff(want, got, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
			r.Errorf("the history of %q (-seen +read):\n%s", id, diff)
		}
	}
}

// mortal is a dying store whose process may die as it writes blocks, too.
type mortal struct{ dying }

func (s *mortal) WriteSnapshot(ctx context.Context, name string) (storage.SnapshotWriter, error) {
	writer, err := s.Store.WriteSnapshot(ctx, name)
	return &mortalWriter{writer, s}, errors.Join(err, s.alive())
}

func (s *mortal) DeleteSnapshot(ctx context.Context, name string) error {
	if err := s.alive(); err != nil {
		return err
	}
	return s.Store.DeleteSnapshot(ctx, name)
}

type mortalWriter struct {
	storage.SnapshotWriter
	store *mortal
}

func (w *mortalWriter) Close() error {
	if err := w.SnapshotWriter.Close(); err != nil {
		return err
	}
	return w.store.alive()
}

// A process that dies at any write of a publication leaves the changes of all of it, or none.
func TestADeadPublicationLeavesAllItsChangesOrNone(t *testing.T) {
	for left := int64(0); ; left++ {
		store := memory.New()
		r := newRig(t, store, clock)
		r.fill(0, 30, 0, false)
		r.published()
		r.fill(0, 30, 100, false)
		r.fill(30, 60, 1000, false)
		run := r.finish(r.start().GetId())
		r.fill(50, 70, 5, false)
		r.runs.Close()
		process := &mortal{dying{Store: store}}
		process.left.Store(1 << 40)
		dead := *r
		dead.store, dead.in = process, newIntake(r, process)
		dead.open()
		process.left.Store(left)
		_, err := dead.runs.Publish(t.Context(), run.GetId())
		if err != nil && !errors.Is(err, errCrashed) {
			t.Fatal(err)
		}
		dead.runs.Close()
		r.open()
		m := mirror{}
		for i, c := range r.read(feed.Position{}, 7) {
			if c.GetSequence() != int64(i+1) {
				t.Errorf("after %d writes change %d has the number %d", left, i+1, c.GetSequence())
			}
			m.apply(r, c)
		}
		m.whole(r, r.rows("", ""))
		view, viewErr := store.View(t.Context())
		r.must(viewErr)
		names, viewErr := view.SnapshotNames(t.Context())
		r.must(viewErr)
		for _, name := range names {
			if batch, changes := storage.BatchOf(name); changes && view.Document(storage.KindChangeBatch, batch, &storagev1.ChangeBatch{}) != nil {
				t.Errorf("after %d writes blocks of %s are left over", left, batch)
			}
		}
		view.Close()
		r.close()
		if err == nil {
			if left < 3 {
				t.Errorf("a publication took %d writes", left)
			}
			return
		}
	}
}

// Many write, pin and publish at once while others watch: every watcher gets every change once, in order, and has what readers see.
func TestWatchersAmongManyWritersGetEveryChangeOnce(t *testing.T) {
	r := newRig(t, memory.New(), clock)
	defer r.close()
	r.fill(0, 40, 0, false)
	r.published()
	var writers, watchers sync.WaitGroup
	done := make(chan struct{})
	logs := make([][]*echelonv1.AssignmentChange, 3)
	for w := range logs {
		watchers.Go(func() {
			at := feed.Position{}
			for ended := false; !ended; {
				changed := r.in.Feed().Changed()
				select {
				case <-done:
					ended = true
				default:
				}
				if err := r.in.Feed().Order(t.Context()); err != nil {
					t.Error(err)
				}
				for more := true; more; {
					page, err := r.in.Feed().Read(t.Context(), at, upTo(1+w*5), all)
					if err != nil {
						t.Error(err)
						return
					}
					logs[w], at, more = append(logs[w], page.Changes...), page.Next, page.More
				}
				if !ended {
					select {
					case <-changed:
					case <-done:
					}
				}
			}
		})
	}
	for w := range 3 {
		writers.Go(func() {
			for i := range 30 {
				id := fmt.Sprintf("c%05d", (i*7+w)%45)
				if _, err := r.put(true, one(id, number(float64(i*w%50)), "a")); err != nil {
					t.Error(err)
				}
				switch i % 5 {
				case 1:
					_, _, _ = r.in.SetOverrides(t.Context(), []*echelonv1.Override{{Model: "m", CustomerId: id, Item: "coverage", Pinned: "high", Reason: "why"}})
				case 2:
					_, _ = r.in.Delete(t.Context(), id)
				}
			}
		})
	}
	writers.Go(func() {
		for range 4 {
			r.published()
		}
	})
	writers.Wait()
	close(done)
	watchers.Wait()
	for w, log := range logs {
		m := mirror{}
		for i, c := range log {
			if c.GetSequence() != int64(i+1) {
				t.Fatalf("watcher %d: change %d has the number %d", w, i+1, c.GetSequence())
			}
			m.apply(r, c)
		}
		m.whole(r, r.rows("", ""))
	}
}

func TestOldChangesAreRemovedAndWhoIsBehindIsTold(t *testing.T) {
	now := noon
	r := newRig(t, memory.New(), func() time.Time { return now })
	defer r.close()
	r.fill(0, 20, 0, false)
	r.published()
	now = now.AddDate(0, 0, 10)
	_, err := r.put(true, one("c00003", number(9000), "a"))
	r.must(err)
	_, err = r.in.Delete(t.Context(), "c00001")
	r.must(err)
	last := r.read(feed.Position{}, 100)
	removed, err := r.runs.SweepChanges(t.Context(), 5)
	r.must(err)
	if removed != 1 {
		t.Errorf("%d batches were removed", removed)
	}
	for _, behind := range []int64{0, 7, 19} {
		_, err := r.in.Feed().Read(t.Context(), feed.Position{Sequence: behind}, upTo(10), all)
		if !fault.Is(err, echelonv1.ErrorReason_CHANGES_EXPIRED) || !strings.Contains(err.Error(), "export the assignments anew") {
			t.Errorf("behind %d: %v", behind, err)
		}
	}
	if got := r.read(feed.Position{Sequence: 20}, 1); len(got) != 2 || got[1].GetSequence() != last[len(last)-1].GetSequence() {
		t.Errorf("what is kept is %v", got)
	}
	if got, err := r.in.Feed().History(t.Context(), "m", "c00003", 0, 10); err != nil || len(got) != 1 {
		t.Errorf("the history is %v, %v", got, err)
	}
	a, told, err := r.in.Feed().At(t.Context(), "m", "c00003", noon)
	if err != nil || !told || a.GetTiers()[0].GetTier() != "low" {
		t.Errorf("as far back as is kept it was %v, %t, %v", a, told, err)
	}
	now = now.AddDate(0, 0, 10)
	_, err = r.runs.SweepChanges(t.Context(), 5)
	r.must(err)
	if got := r.read(feed.Position{Sequence: 22}, 1); len(got) != 0 {
		t.Errorf("all are removed, and %v are left", got)
	}
	_, err = r.in.Feed().Read(t.Context(), feed.Position{Sequence: 23}, upTo(1), all)
	if !fault.Is(err, echelonv1.ErrorReason_INVALID_REQUEST) {
		t.Errorf("a number of the future: %v", err)
	}
	view, err := r.store.View(t.Context())
	r.must(err)
	defer view.Close()
	for _, kind := range []storage.Kind{storage.KindChangeBatch, storage.KindCustomerChange} {
		for document, err := range view.Documents(kind, storage.DocumentScan{}) {
			r.must(err)
			t.Errorf("%s %q is left", kind, document.Key)
		}
	}
}
