package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

var stopping = wanted{codes.Unavailable, echelonv1.ErrorReason_SHUTTING_DOWN, nil, []string{"stopping", "again"}}

var stalled = wanted{codes.DeadlineExceeded, echelonv1.ErrorReason_STREAM_STALLED, nil, []string{"no progress", "same time"}}

// narrow makes a connection whose answers wait for the reader after 64 KiB.
func narrow() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 10)}
}

func TestACancelledStreamLeavesNothingBehind(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.serving()
	before := goleak.IgnoreCurrent()
	for _, p := range protocols {
		for range 10 {
			ctx, cancel := context.WithCancel(h.context())
			stream := h.opened(ctx, h.conn, p)
			for sequence := range int64(3) {
				h.must(stream.SendMsg(p.rows(sequence+1, manyCustomers("c", 100, attrs{"arr": 1})...)))
			}
			cancel()
			if _, err := collectStream(stream); statusCode(err) != codes.Canceled {
				t.Fatalf("%s: %v", p.name, err)
			}
			h.serving()
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// What a cancelled import was told to be stored is stored.
func TestACancelledImportKeepsWhatWasAnswered(t *testing.T) {
	h := start(t)
	h.create(plain)
	ctx, cancel := context.WithCancel(h.context())
	stream := h.opened(ctx, h.conn, importCustomers)
	for sequence := range int64(5) {
		id := fmt.Sprintf("c%d", sequence)
		h.must(stream.SendMsg(importCustomers.rows(sequence+1, customer(id, attrs{"arr": 1}))))
		_, err := stream.receive()
		h.must(err)
	}
	cancel()
	for i := range 5 {
		_, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: fmt.Sprintf("c%d", i)})
		h.must(err)
	}
}

// flood is how many batches, of about 1 MiB each, a client sends that does not read: more than grpc's windows grow to.
const flood = 40

// TestAClientThatReadsLateGetsEverything sends without reading until that comes to a halt, and then reads.
func TestAClientThatReadsLateGetsEverything(t *testing.T) {
	h := start(t)
	h.create(plain)
	stream := h.opened(h.context(), h.dial(narrow()...), bulkAssign)
	rows := manyCustomers("c", 16, attrs{"note": strings.Repeat("x", 64<<10)})
	rows = append(rows, manyCustomers("d", 1000, attrs{"arr": 60})...)
	var sent atomic.Int64
	done := make(chan error, 1)
	go func() {
		for sequence := range int64(flood) {
			if err := stream.SendMsg(bulkAssign.rows(sequence+1, rows...)); err != nil {
				done <- err
				return
			}
			sent.Add(1)
		}
		done <- stream.CloseSend()
	}()
	halt(&sent)
	if n := sent.Load(); n == flood {
		t.Errorf("the server took all %d batches although nobody read its answers: its memory has no bound", n)
	}
	h.serving()
	answers, err := collectStream(stream)
	h.must(err)
	h.must(<-done)
	if len(answers) != flood {
		t.Fatalf("%d answers, want %d", len(answers), flood)
	}
	for i, answer := range answers {
		batch := answer.(*echelonv1.BulkAssignResponse).GetBatch()
		if batch.GetSequence() != int64(i+1) || len(batch.GetAssignments()) != len(rows) {
			t.Fatalf("answer %d is %d with %d assignments", i, batch.GetSequence(), len(batch.GetAssignments()))
		}
	}
}

// halt waits until a counter stands still for a while, or is at the end.
func halt(counter *atomic.Int64) {
	for last, still := int64(-1), 0; still < 20 && counter.Load() < flood; time.Sleep(25 * time.Millisecond) {
		if now := counter.Load(); now != last {
			last, still = now, 0
		} else {
			still++
		}
	}
}

func TestAStalledStreamIsCut(t *testing.T) {
	// Long enough that nothing which moves is cut on a machine that is busy; the streams stall side by side.
	h := start(t, func(c *server.Config) { c.StallTimeout = 500 * time.Millisecond })
	h.create(plain)
	h.serving()
	before := goleak.IgnoreCurrent()
	t.Run("streams", func(t *testing.T) {
		for _, p := range protocols {
			t.Run(p.name+" after the header", func(t *testing.T) {
				t.Parallel()
				_, err := collectStream(h.opened(h.context(), h.conn, p))
				stalled.check(t, err)
			})
			t.Run(p.name+" after a batch", func(t *testing.T) {
				t.Parallel()
				stream := h.opened(h.context(), h.conn, p)
				h.must(stream.SendMsg(p.rows(1, customer("kept", attrs{"arr": 1}))))
				_, err := collectStream(stream)
				stalled.check(t, err)
			})
			t.Run(p.name+" before the header", func(t *testing.T) {
				t.Parallel()
				_, err := collectStream(h.open(h.context(), h.conn, p))
				stalled.check(t, err)
			})
		}
	})
	h.serving()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestAStreamWhoseAnswersNobodyReadsIsCut(t *testing.T) {
	patient := start(t)
	patient.create(plain)
	long := manyCustomers("c", 100, attrs{"note": strings.Repeat("x", 60<<10)})
	_, err := patient.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, long...))
	patient.must(err)
	h := serve(t, patient.store, func(c *server.Config) { c.StallTimeout = 500 * time.Millisecond })
	conn := h.dial(narrow()...)
	export, err := echelonv1.NewCustomerServiceClient(conn).ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{PageSize: 10})
	h.must(err)
	h.until(func() bool { return h.handled("ExportCustomers", codes.DeadlineExceeded) == 1 })
	_, err = collect(export.Recv)
	stalled.check(t, err)

	stream := h.opened(h.context(), conn, bulkAssign)
	go func() {
		rows := manyCustomers("d", 5000, attrs{"arr": 60})
		for sequence := int64(1); ; sequence++ {
			if err := stream.SendMsg(bulkAssign.rows(sequence, rows...)); err != nil {
				return
			}
		}
	}()
	h.until(func() bool { return h.handled("BulkAssign", codes.DeadlineExceeded) == 1 })
	_, err = collectStream(stream)
	stalled.check(t, err)
	h.serving()
}

// until waits for something that must come.
func (h *harness) until(there func() bool) {
	h.Helper()
	for ctx := h.context(); !there(); time.Sleep(5 * time.Millisecond) {
		if ctx.Err() != nil {
			h.Fatal("it did not come")
		}
	}
}

func TestAStopEndsLongStreamsInTime(t *testing.T) {
	h := start(t, func(c *server.Config) { c.DrainTimeout = 5 * time.Second })
	h.create(plain)
	var streams []rawStream
	for _, p := range protocols {
		streams = append(streams, h.opened(h.context(), h.conn, p), h.opened(h.context(), h.dial(), p))
	}
	streams = append(streams, h.open(h.context(), h.conn, bulkAssign), h.open(h.context(), h.conn, calibrate))
	h.serving()
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("stopping took %v, although every stream could be told", took)
	}
	for _, stream := range streams {
		t.Run(stream.name, func(t *testing.T) {
			_, err := collectStream(stream)
			stopping.check(t, err)
		})
	}
}

// Clients that neither read nor end must not hold up a stop longer than the drain timeout.
func TestAStopCutsStreamsThatDoNotEnd(t *testing.T) {
	h := start(t, func(c *server.Config) { c.DrainTimeout = 200 * time.Millisecond })
	h.create(plain)
	conn := h.dial(narrow()...)
	stream := h.opened(h.context(), conn, bulkAssign)
	var sent atomic.Int64
	go func() {
		rows := manyCustomers("d", 5000, attrs{"arr": 60})
		for sequence := int64(1); stream.SendMsg(bulkAssign.rows(sequence, rows...)) == nil; sequence++ {
			sent.Add(1)
		}
	}()
	h.until(func() bool { return sent.Load() > 3 })
	watch, err := healthv1.NewHealthClient(conn).Watch(h.context(), &healthv1.HealthCheckRequest{})
	h.must(err)
	_, err = watch.Recv()
	h.must(err)
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if _, err := collectStream(stream); err == nil || errors.Is(err, io.EOF) {
		t.Error("the stream that was cut seems to have ended well")
	}
}

// A server that only watches of its health keep open has nothing to wait for.
func TestWatchesOfTheHealthDoNotHoldUpAStop(t *testing.T) {
	h := start(t, func(c *server.Config) { c.DrainTimeout = 4 * time.Second })
	watch, err := healthv1.NewHealthClient(h.conn).Watch(h.context(), &healthv1.HealthCheckRequest{})
	h.must(err)
	_, err = watch.Recv()
	h.must(err)
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
}
