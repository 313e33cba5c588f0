package runs

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// Who is refused takes memory too, though a frame does not have it: a population of which most is refused is kept no further than any other.
func TestWhatIsKeptOfThoseWhoAreRefusedCounts(t *testing.T) {
	batch, least := &storage.CustomerBatch{Frame: frame.NewBuilder(frame.NewSchema()).Take()}, 0
	for i := range 1000 {
		refused := &echelonv1.RowError{CustomerId: fmt.Sprintf("c%03d", i), Message: "kind: the value is none of a, b"}
		batch.Errors = append(batch.Errors, refused)
		least += proto.Size(refused)
	}
	if got := sizeOf(batch); got < int64(least) {
		t.Errorf("%d refused customers take %d bytes, and %d are counted", len(batch.Errors), least, got)
	}
}

// The memory of customers is given back while they are gone through a last time, to whichever run wants it next.
func TestGoingThroughCustomersALastTimeGivesTheirMemoryBack(t *testing.T) {
	store := memory.New()
	defer func() { _ = store.Close() }()
	b := frame.NewBuilder(frame.NewSchema())
	var want []string
	for i := range 3*blockRows + 7 {
		want = append(want, fmt.Sprintf("c%05d", i))
		b.Start(want[i])
		if fault := b.Commit(); fault != nil {
			t.Fatal(fault)
		}
	}
	if err := store.PutCustomers(t.Context(), b.Take(), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	view, err := store.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	var used atomic.Int64
	all := &customers{view: view, schema: frame.NewSchema(), used: &used}
	defer all.release()
	for pass, through := range []func() []int64{
		func() (left []int64) {
			for range all.batches(t.Context()) {
				left = append(left, used.Load())
			}
			return left
		},
		func() (left []int64) {
			var got []string
			for batch, err := range all.lastly(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got, left = append(got, batch.Frame.IDs...), append(left, used.Load())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d customers came, want %d", len(got), len(want))
			}
			return left
		},
	} {
		left := through()
		grows := slices.IsSorted(left) && left[0] > 0
		shrinks := slices.IsSortedFunc(left, func(a, b int64) int { return int(b - a) }) && left[len(left)-1] == 0
		if len(left) != 4 || pass == 0 && !grows || pass == 1 && !shrinks {
			t.Errorf("in pass %d so many bytes were kept: %d", pass, left)
		}
	}
}
