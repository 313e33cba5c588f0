package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

var errCrashed = errors.New("the process is dead")

// dying is a store whose process dies after the writes that are left.
type dying struct {
	storage.Store
	left atomic.Int64
}

func (s *dying) alive() error {
	if s.left.Add(-1) < 0 {
		return errCrashed
	}
	return nil
}

func (s *dying) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := s.alive(); err != nil {
		return err
	}
	return s.Store.Update(ctx, fn)
}

func (s *dying) DeleteOverlay(ctx context.Context, name string) error {
	if err := s.alive(); err != nil {
		return err
	}
	return s.Store.DeleteOverlay(ctx, name)
}

func (s *dying) RewriteBlock(ctx context.Context, name, id string, rewrite storage.Rewrite) (bool, error) {
	if err := s.alive(); err != nil {
		return false, err
	}
	return s.Store.RewriteBlock(ctx, name, id, rewrite)
}

// many is customers of whom some change between the read of a run and its publication: more than are evaluated at a time.
const many = 1100

func number(x float64) *float64 { return &x }

func (r *rig) fill(from, to int, x float64, assign bool) {
	r.Helper()
	for ; from < to; from += 400 {
		var customers []*echelonv1.Customer
		for i := from; i < min(to, from+400); i++ {
			customers = append(customers, one(fmt.Sprintf("c%05d", i), number(x+float64(i)), "a"))
		}
		_, err := r.put(assign, customers...)
		r.must(err)
	}
}

// leftOver looks that there is no overlay but the current one and those that are recorded as replaced.
func (r *rig) leftOver() {
	r.Helper()
	view, err := r.store.View(context.Background())
	r.must(err)
	defer view.Close()
	current := &storagev1.Current{}
	if err := view.Document(storage.KindCurrent, "m", current); err != nil && !errors.Is(err, storage.ErrNotFound) {
		r.Fatal(err)
	}
	known := map[string]bool{storage.OverlayOf(current): true}
	for document, err := range view.Documents(storage.KindOverlay, storage.DocumentScan{}) {
		r.must(err)
		known[document.Key] = true
	}
	names, err := view.OverlayNames(context.Background())
	r.must(err)
	for _, name := range names {
		if !known[name] {
			r.Fatalf("the overlay %q is left over", name)
		}
	}
}

// A process that dies in the middle of a publication leaves the one before, or the new one, whole.
func TestAPublicationThatIsBrokenOffIsNeverHalf(t *testing.T) {
	for _, back := range []bool{false, true} {
		for left := int64(0); ; left++ {
			now := noon
			store := &dying{Store: memory.New()}
			store.left.Store(1 << 40)
			r := newRig(t, store, func() time.Time { return now })
			r.fill(0, many, 0, false)
			first := r.published()
			r.fill(0, 30, 5000, true)
			run := r.finish(r.start().GetId())
			r.fill(10, many, 9000, false)
			publish := func() error {
				_, err := r.runs.Publish(t.Context(), run.GetId())
				return err
			}
			if back {
				r.must(publish())
				r.fill(20, 40, 100, true)
				publish = func() error {
					_, err := r.runs.RollBack(t.Context(), "m")
					return err
				}
			}
			before := r.rows("", "")
			now = now.Add(time.Minute)
			store.left.Store(left)
			err := publish()
			if err != nil && !errors.Is(err, errCrashed) {
				t.Fatal(err)
			}
			store.left.Store(1 << 40)
			r.runs.Close()
			if err != nil {
				same := func(a, b *echelonv1.Assignment) bool { return proto.Equal(a, b) }
				if got := r.rows("", ""); !slices.EqualFunc(before, got, same) {
					t.Fatalf("after %d writes half of a publication is seen:\n%v\nand before it was\n%v", left, got, before)
				}
			}
			r.open() // recovers
			r.leftOver()
			if err != nil {
				r.must(publish()) // it can be done again
			}
			r.leftOver()
			want := run
			if back {
				want = first
			}
			after := r.rows("", "")
			for _, a := range after {
				if a.GetStale() || a.GetProvenance().GetRunId() != want.GetId() {
					t.Fatalf("after %d writes: %v", left, a)
				}
			}
			if len(after) != many {
				t.Fatalf("there are %d", len(after))
			}
			r.close()
			if err == nil {
				if left < 4 {
					t.Fatalf("a publication took %d writes: it does not catch up in batches", left)
				}
				break
			}
		}
	}
}
