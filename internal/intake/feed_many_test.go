package intake_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/feed"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// newcomers stores customers whose ids begin so, without assigning them.
func (r *rig) newcomers(prefix string, n int) {
	r.Helper()
	for from := 0; from < n; from += 1000 {
		var customers []*echelonv1.Customer
		for i := from; i < min(n, from+1000); i++ {
			customers = append(customers, one(fmt.Sprintf("%s%05d", prefix, i), number(float64(i)), "a"))
		}
		_, err := r.put(false, customers...)
		r.must(err)
	}
}

// However many come while a publication is compared, and wherever: no block of its changes grows beyond what one may have, and who replays them has what
// readers see, without a gap.
func TestBlocksOfChangesStayBoundedHoweverManyComeMeanwhile(t *testing.T) {
	const people, coming, most = 3000, 9500, 2048
	for _, prefix := range []string{"a", "c01500-", "z"} { // before all others, within one block, after all
		for _, before := range []bool{false, true} { // nothing is published before, or everybody
			t.Run(fmt.Sprintf("%s, published before %t", prefix, before), func(t *testing.T) {
				store, now := &stepped{Store: memory.New()}, noon
				r := newRig(t, store, func() time.Time { now = now.Add(time.Second); return now })
				defer r.close()
				r.fill(0, people, 0, false)
				if before {
					r.published()
					r.fill(0, people/2, 1e6, false)
				}
				run := r.finish(r.start().GetId())
				m := mirror{}
				seen := r.read(feed.Position{}, 1000)
				for _, c := range seen {
					m.apply(r, c)
				}
				looks := 0
				store.before = func(reads bool) {
					if !reads {
						return
					}
					if looks++; looks == 4 {
						store.before = nil
						r.newcomers(prefix, coming)
						_, err := r.in.Delete(t.Context(), "c00007")
						r.must(err)
						_, err = r.in.Erase(t.Context(), "c02999")
						r.must(err)
					}
				}
				_, err := r.runs.Publish(t.Context(), run.GetId())
				r.must(err)
				after := r.read(feed.Position{Sequence: int64(len(seen))}, 700)
				for i, c := range after {
					if c.GetSequence() != int64(len(seen)+i+1) {
						t.Fatalf("change %d has the number %d: %v", len(seen)+i+1, c.GetSequence(), c)
					}
					m.apply(r, c)
				}
				m.whole(r, r.rows("", ""))
				r.agreesOf(after, prefix+"00000", prefix+"04321", prefix+"09499", "c00007", "c00008", "c02998")
				if got := r.largestBlockOfChanges(); got == 0 || got > most {
					t.Errorf("a block has %d changes, of %d at most", got, most)
				}
			})
		}
	}
}

// largestBlockOfChanges returns how many changes the largest block of a publication has.
func (r *rig) largestBlockOfChanges() (largest int) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	names, err := view.SnapshotNames(context.Background())
	r.must(err)
	for _, name := range names {
		if _, changes := storage.BatchOf(name); !changes {
			continue
		}
		for block, err := range view.SnapshotBlocks(context.Background(), name, "") {
			r.must(err)
			largest = max(largest, len(block.GetIds()))
		}
	}
	return largest
}

// blockCounting is a store that counts the blocks of changes that are gone through.
type blockCounting struct {
	*stepped
	blocks atomic.Int64
}

func (s *blockCounting) View(ctx context.Context) (storage.Reader, error) {
	view, err := s.stepped.View(ctx)
	return &blockReader{view, s}, err
}

type blockReader struct {
	storage.Reader
	store *blockCounting
}

func (r *blockReader) SnapshotBlocks(ctx context.Context, name, after string) iter.Seq2[*storagev1.SnapshotBlock, error] {
	blocks := r.Reader.SnapshotBlocks(ctx, name, after)
	if _, changes := storage.BatchOf(name); !changes {
		return blocks
	}
	return func(yield func(*storagev1.SnapshotBlock, error) bool) {
		for block, err := range blocks {
			r.store.blocks.Add(1)
			if !yield(block, err) {
				return
			}
		}
	}
}

// Whom this process deletes while a publication is compared is found by the id, rather than by looking through all that was prepared; whoever is erased and
// ended a block takes a look at that one.
func TestADeletionLooksAtNoBlocksButItsOwn(t *testing.T) {
	const people = 5000
	for name, test := range map[string]struct {
		leave func(r *rig) error
		most  int64
	}{
		"deleted":                    {func(r *rig) error { _, err := r.in.Delete(context.Background(), "c01234"); return err }, 0},
		"erased":                     {func(r *rig) error { _, err := r.in.Erase(context.Background(), "c01234"); return err }, 0},
		"erased at a block's end":    {func(r *rig) error { _, err := r.in.Erase(context.Background(), "c01023"); return err }, 1},
		"deleted by another process": {func(r *rig) error { _, err := r.store.DeleteCustomer(context.Background(), "c01234"); return err }, people},
	} {
		t.Run(name, func(t *testing.T) {
			store := &blockCounting{stepped: &stepped{Store: memory.New()}}
			r := newRig(t, store, clock)
			defer r.close()
			r.fill(0, people, 0, false)
			run := r.finish(r.start().GetId())
			looks := 0
			store.before = func(reads bool) {
				if !reads {
					return
				}
				if looks++; looks == 4 { // it is compared
					store.before = nil
					r.must(test.leave(r))
					store.blocks.Store(0)
				}
			}
			_, err := r.runs.Publish(t.Context(), run.GetId())
			r.must(err)
			if got := store.blocks.Load(); got > test.most {
				t.Errorf("%d blocks of changes are looked at, want %d at most", got, test.most)
			}
			m := mirror{}
			changes := r.read(feed.Position{}, 1000)
			for _, c := range changes {
				if strings.HasPrefix(c.GetCustomerId(), "erased-") {
					continue
				}
				m.apply(r, c)
			}
			m.whole(r, r.rows("", ""))
			if last := changes[len(changes)-1].GetSequence(); last != int64(len(changes)) || last != people-1 {
				t.Errorf("there are %d changes, the last with the number %d", len(changes), last)
			}
		})
	}
}

// stubborn is a store that removes no blocks of changes, until it does.
type stubborn struct {
	*stepped
	refuses bool
}

func (s *stubborn) DeleteSnapshot(ctx context.Context, name string) error {
	if _, changes := storage.BatchOf(name); changes && s.refuses {
		return errCrashed
	}
	return s.stepped.DeleteSnapshot(ctx, name)
}

// What a publication that failed could not remove is removed by the next sweep, and what became current stays.
func TestTheSweepTakesWhatAFailedPublicationLeft(t *testing.T) {
	store := &stubborn{stepped: &stepped{Store: memory.New()}}
	r := newRig(t, store, clock)
	defer r.close()
	r.fill(0, 2000, 0, false)
	first := r.published()
	r.fill(0, 1000, 1e6, false)
	run := r.finish(r.start().GetId())
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	store.before = func(reads bool) {
		if !reads {
			return
		}
		if looks++; looks == 5 {
			store.before, store.refuses = nil, true
			cancel()
		}
	}
	if _, err := r.runs.Publish(ctx, run.GetId()); err == nil {
		t.Fatal("it is published")
	}
	if r.leftOverChanges() == 0 {
		t.Fatal("nothing is left over: the test shows nothing")
	}
	r.must(r.runs.ExpireOverlays(t.Context()))
	store.refuses = false
	before := r.read(feed.Position{}, 1000)
	r.must(r.runs.Expire(t.Context()))
	if got := r.leftOverChanges(); got > 0 {
		t.Errorf("%d blocks are left over", got)
	}
	if after := r.read(feed.Position{}, 1000); len(after) != len(before) || len(after) != 2000 {
		t.Errorf("of %d changes of %s there are %d", len(before), first.GetId(), len(after))
	}
	_, err := r.runs.Publish(t.Context(), run.GetId())
	r.must(err)
}

// leftOverChanges returns how many sets of blocks of changes are of no publication.
func (r *rig) leftOverChanges() (n int) {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	names, err := view.SnapshotNames(context.Background())
	r.must(err)
	for _, name := range names {
		if batch, changes := storage.BatchOf(name); changes && view.Document(storage.KindChangeBatch, batch, &storagev1.ChangeBatch{}) != nil {
			n++
		}
	}
	return n
}
