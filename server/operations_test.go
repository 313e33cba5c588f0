package server_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestARunIsWatchedUntilItHasEnded(t *testing.T) {
	h := start(t)
	h.create(ranked)
	h.upsert("a", attrs{"arr": 60})
	started, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "ranked"})
	h.must(err)
	stream, err := h.runs.WatchRun(h.context(), &echelonv1.WatchRunRequest{RunId: started.GetRun().GetId()})
	h.must(err)
	all, err := collect(stream.Recv)
	h.must(err)
	last := all[len(all)-1]
	if last.GetRun().GetState() != echelonv1.Run_READY || last.GetPhase() != echelonv1.WatchRunResponse_UNSPECIFIED || last.GetDone() != 1 || last.GetRemaining() != nil {
		t.Errorf("the last is %v", last)
	}
	for _, one := range all[:len(all)-1] {
		if one.GetRun().GetState() != echelonv1.Run_RUNNING || one.GetPhase() == echelonv1.WatchRunResponse_UNSPECIFIED {
			t.Errorf("on the way: %v", one)
		}
	}
	stream, err = h.runs.WatchRun(h.context(), &echelonv1.WatchRunRequest{RunId: "none"})
	h.must(err)
	_, err = stream.Recv()
	wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, nil}.check(t, err)
	stream, err = h.runs.WatchRun(h.context(), &echelonv1.WatchRunRequest{})
	h.must(err)
	_, err = stream.Recv()
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"run_id"}, nil}.check(t, err)
}

func TestOnlyARunThatIsUnderWayIsCancelled(t *testing.T) {
	h := start(t)
	h.create(plain)
	run := h.run("plain")
	_, err := h.runs.CancelRun(h.context(), &echelonv1.CancelRunRequest{RunId: run.GetId()})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_STATE, nil, []string{"READY", "RUNNING"}}.check(t, err)
	_, err = h.runs.CancelRun(h.context(), &echelonv1.CancelRunRequest{RunId: "none"})
	wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, nil}.check(t, err)
}

func TestAServerKeepsAsManySnapshotsAsItIsTold(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	var seconds atomic.Int64
	moving := func(c *server.Config) { // ids sort by the time, so that the newest are known
		c.Now = func() time.Time { return noon.Add(time.Duration(seconds.Add(1)) * time.Second) }
	}
	h := serve(t, store, moving)
	h.create(plain)
	h.upsert("a", attrs{"arr": 60})
	first := h.published("plain").GetId()
	for range 2 {
		h.published("plain")
	}
	h.stop()
	h = serve(t, store, moving, func(c *server.Config) { c.KeepRuns = 1 })
	for ctx := h.context(); ; time.Sleep(time.Millisecond) {
		got, err := h.runs.GetRun(ctx, &echelonv1.GetRunRequest{RunId: first})
		h.must(err)
		if got.GetRun().GetSnapshotRemoved() {
			break
		}
	}
	stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: first})
	h.must(err)
	_, err = stream.Recv()
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SNAPSHOT_REMOVED, nil, []string{first}}.check(t, err)
}

// disk is a store on a disk that is full or not.
type disk struct {
	storage.Store
	full atomic.Bool
}

func (d *disk) DiskState() storage.DiskState {
	state := storage.DiskState{Known: true, Free: 3 << 30, Reserve: 1 << 30, Used: 5 << 20}
	if d.full.Load() {
		state.Free, state.Err = 1<<20, storage.ErrDiskFull
	}
	return state
}

func TestTheHealthAndTheMetricsTellOfAFullDisk(t *testing.T) {
	store := &disk{Store: memory.New()}
	t.Cleanup(func() { _ = store.Close() })
	h := serve(t, store)
	health := healthv1.NewHealthClient(h.conn)
	become := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for ctx := h.context(); ; time.Sleep(5 * time.Millisecond) {
			got, err := health.Check(ctx, &healthv1.HealthCheckRequest{Service: "writes"})
			if statusCode(err) == codes.NotFound {
				continue // the watch has just begun
			}
			h.must(err)
			if got.GetStatus() == want {
				return
			}
		}
	}
	metric := func(name string) float64 {
		t.Helper()
		families, err := h.metrics.Gather()
		h.must(err)
		for _, family := range families {
			if family.GetName() == name {
				return family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Fatalf("there is no metric %s", name)
		return 0
	}
	become(healthv1.HealthCheckResponse_SERVING)
	if metric("echelon_store_writable") != 1 || metric("echelon_store_free_bytes") != 3<<30 || metric("echelon_store_reserve_bytes") != 1<<30 || metric("echelon_store_used_bytes") != 5<<20 {
		t.Error("the metrics do not show the disk")
	}
	store.full.Store(true)
	become(healthv1.HealthCheckResponse_NOT_SERVING)
	if metric("echelon_store_writable") != 0 || metric("echelon_store_free_bytes") != 1<<20 {
		t.Error("the metrics do not show the full disk")
	}
	own, err := health.Check(h.context(), &healthv1.HealthCheckRequest{})
	h.must(err)
	if own.GetStatus() != healthv1.HealthCheckResponse_SERVING || strings.Contains(h.log.String(), "internal fault") {
		t.Errorf("reads are not served on a full disk: %v", own)
	}
	store.full.Store(false)
	become(healthv1.HealthCheckResponse_SERVING)
}
