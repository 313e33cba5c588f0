package runs_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// fullDisk is a store whose disk fills up after the updates that are left.
type fullDisk struct {
	storage.Store
	left atomic.Int64
}

func (s *fullDisk) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if s.left.Add(-1) < 0 {
		return storage.ErrDiskFull
	}
	return s.Store.Update(ctx, fn)
}

func (s *fullDisk) WriteSnapshot(context.Context, string) (storage.SnapshotWriter, error) {
	return nil, storage.ErrDiskFull
}

func TestARunOnAFullDiskFailsAtOnceAndIsRecordedWhenThereIsSpace(t *testing.T) {
	store := &fullDisk{Store: memory.New()}
	store.left.Store(100)
	r := newRig(t, store)
	store.left.Store(1)
	run, err := r.Start(t.Context(), runs.Request{Model: "m"})
	r.must(err)
	if got := ended(t, r, run.GetId()); got.GetState() != echelonv1.Run_FAILED || !strings.Contains(got.GetFailure(), "disk is full") {
		t.Errorf("the run is %v", got)
	}
	store.left.Store(100)
	stored := &echelonv1.Run{}
	for stored.GetState() != echelonv1.Run_FAILED {
		time.Sleep(10 * time.Millisecond)
		view, err := store.View(t.Context())
		r.must(err)
		r.must(view.Document(storage.KindRun, run.GetId(), stored))
		view.Close()
	}
}

// ended waits until a run is no longer under way.
func ended(t *testing.T, r *rig, id string) *echelonv1.Run {
	t.Helper()
	for {
		run, err := r.Get(t.Context(), id)
		r.must(err)
		if run.GetState() != echelonv1.Run_RUNNING {
			return run
		}
		time.Sleep(time.Millisecond)
	}
}

func TestARunOfTomorrowIsRefused(t *testing.T) {
	r := newRig(t, memory.New())
	_, err := r.Start(t.Context(), runs.Request{Model: "m", AsOf: noon.AddDate(180, 0, 0)})
	if !fault.Is(err, echelonv1.ErrorReason_INVALID_REQUEST) {
		t.Errorf("a run as of another century is %v", err)
	}
}
