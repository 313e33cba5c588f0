package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// meddle does to customers, of whom there are blocks, what can be done to them: to those at the ends of blocks, too, and to those who come first or last.
func (r *rig) meddle(assign bool) {
	r.Helper()
	_, err := r.put(assign, one("c00007", number(1e6), "a"), one("c00500x", number(3), "a"), one("a", number(5), "b"), one("z", number(2e6), "a"))
	r.must(err)
	_, err = r.put(false, one("c01100", number(1e6), "b"), one("c02047", number(-5), "a"))
	r.must(err)
	for _, id := range []string{"c00003", "c02999"} {
		_, err = r.in.Delete(context.Background(), id)
		r.must(err)
	}
	for _, id := range []string{"c00000", "c00010", "c01023", "c03500"} {
		_, err = r.in.Erase(context.Background(), id)
		r.must(err)
	}
	pin := func(id, tier string) *echelonv1.Override {
		return &echelonv1.Override{Model: "m", CustomerId: id, Item: "coverage", Pinned: tier, Reason: "why"}
	}
	_, _, err = r.in.SetOverrides(context.Background(), []*echelonv1.Override{pin("c00020", "high"), pin("c02020", "low"), pin("c01024", "high")})
	r.must(err)
	_, err = r.in.Delete(context.Background(), "c00050")
	r.must(err)
	_, err = r.put(assign, one("c00050", number(7), "a")) // it is another customer
	r.must(err)
}

// noOrphans looks that there are no blocks of changes that are of no publication.
func (r *rig) noOrphans() {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	names, err := view.SnapshotNames(context.Background())
	r.must(err)
	for _, name := range names {
		if batch, changes := storage.BatchOf(name); changes && view.Document(storage.KindChangeBatch, batch, &storagev1.ChangeBatch{}) != nil {
			r.Errorf("blocks of %s are left over", batch)
		}
	}
}

// Whatever is written while a publication is compared, before it is, and after: who replays the changes has what readers see, and the numbers of what is
// published have no gap.
func TestWhatIsWrittenWhileAPublicationIsComparedIsInItsChanges(t *testing.T) {
	const people = 4500
	for _, kind := range []string{"the first", "another", "the one before", "one that changes nobody"} {
		for at := 3; at <= 5; at++ { // before it is compared, after that, and when it is compared again; what comes later comes under the lock
			t.Run(fmt.Sprintf("%s, at look %d", kind, at), func(t *testing.T) {
				store, now := &stepped{Store: memory.New()}, noon
				r := newRig(t, store, func() time.Time { now = now.Add(time.Second); return now })
				defer r.close()
				r.fill(0, people, 0, false)
				if kind != "the first" {
					r.published()
				}
				for i := range people {
					if kind == "another" && i%400 == 0 { // who was large is small
						r.fill(i, min(people, i+400), 1e6-1000*float64(i), false)
					}
				}
				run := r.finish(r.start().GetId())
				publish := func() error { _, err := r.runs.Publish(t.Context(), run.GetId()); return err }
				if kind == "the one before" {
					r.fill(100, 4400, 5e5, true)
					r.must(publish())
					publish = func() error { _, err := r.runs.RollBack(t.Context(), "m"); return err }
				}
				m := mirror{}
				before := r.read(feed.Position{}, 1000)
				for _, c := range before {
					m.apply(r, c)
				}
				looks := 0
				store.before = func(reads bool) {
					if !reads {
						return
					}
					if looks++; looks == at {
						store.before = nil
						r.meddle(kind != "the first")
					}
				}
				r.must(publish())
				if store.before != nil {
					t.Fatalf("there were %d looks", looks)
				}
				after := r.read(feed.Position{Sequence: int64(len(before))}, 700)
				for i, c := range after {
					if c.GetSequence() != int64(len(before)+i+1) {
						t.Fatalf("change %d has the number %d: %v", len(before)+i+1, c.GetSequence(), c)
					}
					m.apply(r, c)
				}
				m.whole(r, r.rows("", ""))
				r.noOrphans()
				r.agreesOf(after, "c00007", "c00050", "c00500x", "a", "z", "c01100", "c02047", "c01024", "c02020", "c02998", "c00003")
			})
		}
	}
}

// agreesOf compares the histories of customers with the changes that were read.
func (r *rig) agreesOf(changes []*echelonv1.AssignmentChange, ids ...string) {
	r.Helper()
	for _, id := range ids {
		last := int64(0)
		for _, c := range changes {
			if c.GetCustomerId() == id {
				last = c.GetSequence()
			}
		}
		history, err := r.in.Feed().History(context.Background(), "m", id, 0, 1)
		r.must(err)
		if last > 0 && (len(history) == 0 || history[0].GetSequence() != last) {
			r.Errorf("the last change of %q is %d, and its history is %v", id, last, history)
		}
	}
}
