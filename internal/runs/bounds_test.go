package runs_test

import (
	"context"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/runs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// gated is a store whose snapshots wait until they are let go.
type gated struct {
	storage.Store
	gate chan struct{}
}

func (h *gated) WriteSnapshot(ctx context.Context, id string) (storage.SnapshotWriter, error) {
	select {
	case <-h.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return h.Store.WriteSnapshot(ctx, id)
}

// also stores and activates the test's model under another name.
func (r *rig) also(name string) {
	r.Helper()
	m, _, found := modelfile.Parse("model.yaml", []byte(strings.Replace(file, "name: m\n", "name: "+name+"\n", 1)))
	if found.HasMistakes() {
		r.Fatal(found)
	}
	_, err := r.catalog.Create(context.Background(), m)
	r.must(err)
	_, err = r.catalog.Activate(context.Background(), name, 0)
	r.must(err)
}

func TestOneRunOfAModelIsUnderWayAndFewInAll(t *testing.T) {
	store := &gated{memory.New(), make(chan struct{})}
	r := newRig(t, store)
	r.also("second")
	r.also("third")
	r.AtMost(2)
	begin := func(model string) (*echelonv1.Run, error) {
		return r.Start(context.Background(), runs.Request{Model: model})
	}
	first, err := begin("m")
	r.must(err)
	_, err = begin("m")
	if !fault.Is(err, echelonv1.ErrorReason_RUN_IN_PROGRESS) || err.(*fault.Fault).Metadata["run_id"] != first.GetId() {
		t.Errorf("a second run of the model: %v", err)
	}
	second, err := begin("second")
	r.must(err)
	_, err = begin("third")
	if !fault.Is(err, echelonv1.ErrorReason_OVERLOADED) || err.(*fault.Fault).Retry <= 0 {
		t.Errorf("a third run: %v", err)
	}
	// What was refused left no trace, nor does what does not begin for another cause keep a place.
	if _, err := begin("nobody"); !fault.Is(err, echelonv1.ErrorReason_MODEL_NOT_FOUND) {
		t.Error(err)
	}
	list, err := r.List(context.Background(), "", "", 10)
	r.must(err)
	if len(list) != 2 {
		t.Errorf("%d runs are recorded", len(list))
	}
	// One that is cancelled makes room, as do those that end.
	_, err = r.Cancel(context.Background(), second.GetId())
	r.must(err)
	third, err := begin("third")
	r.must(err)
	close(store.gate)
	for _, id := range []string{first.GetId(), third.GetId()} {
		if ended := r.ended(id); ended.GetState() != echelonv1.Run_READY {
			t.Errorf("the run ended %v: %s", ended.GetState(), ended.GetFailure())
		}
	}
	// Who sees that a run has ended may start the next one at once.
	for range 50 {
		if ended := r.run(); ended.GetState() != echelonv1.Run_READY {
			t.Fatal(ended.GetFailure())
		}
	}
}
