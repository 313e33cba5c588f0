package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func checkNoGoroutines(t *testing.T) {
	t.Helper()
	if err := goleak.Find(); err != nil {
		t.Error(err)
	}
}

// endless yields customers until it is stopped, and then says so.
func endless(stopped *bool) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		defer func() { *stopped = true }()
		for i := 0; yield(customer(fmt.Sprint("c", i)), nil); i++ {
		}
	}
}

// ended returns a fake whose stream tells how its handler's context ended.
func ended() (*fake, <-chan error) {
	ends := make(chan error, 1)
	return &fake{bulkAssign: func(s assignServer) error {
		err := honest(s)
		<-s.Context().Done()
		ends <- s.Context().Err()
		return err
	}}, ends
}

func TestLeavingTheLoopByAnyWayEndsTheStream(t *testing.T) {
	for _, test := range []struct {
		name string
		loop func(outcomes iter.Seq2[client.Outcome, error])
	}{
		{"break", func(outcomes iter.Seq2[client.Outcome, error]) {
			for range outcomes {
				break
			}
		}},
		{"a panic", func(outcomes iter.Seq2[client.Outcome, error]) {
			defer func() { _ = recover() }()
			for range outcomes {
				panic("in the loop")
			}
		}},
		{"the goroutine's exit", func(outcomes iter.Seq2[client.Outcome, error]) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range outcomes {
					runtime.Goexit()
				}
			}()
			<-done
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			service, ends := ended()
			c := start(t, service, client.WithBatchRows(3))
			stopped := false
			test.loop(c.BulkAssign(t.Context(), header, endless(&stopped)))
			if !stopped {
				t.Error("the caller's sequence was not stopped")
			}
			if err := <-ends; !errors.Is(err, context.Canceled) {
				t.Errorf("the service saw the end %v", err)
			}
		})
	}
}

func TestAPanicOfTheSequenceReachesTheCaller(t *testing.T) {
	service, ends := ended()
	c := start(t, service, client.WithBatchRows(1))
	defer func() {
		if got := recover(); got != "in the sequence" {
			t.Errorf("the caller saw the panic %v", got)
		}
		<-ends
	}()
	panicking := func(yield func(*echelonv1.Customer, error) bool) {
		yield(customer("c0"), nil)
		panic("in the sequence")
	}
	for range c.BulkAssign(t.Context(), header, panicking) {
	}
}

var errFile = errors.New("line 8 of the file is damaged")

// damaged yields n customers and then an error; what it yields after that must not be asked for.
func damaged(t *testing.T, n int) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for c, err := range numbered(n) {
			if !yield(c, err) {
				return
			}
		}
		if yield(nil, errFile) {
			t.Error("the sequence was asked for more after its error")
		}
	}
}

func TestAnErrorOfTheSequenceComesLastAfterAllOutcomesBeforeIt(t *testing.T) {
	for _, rows := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprintf("batches of %d rows", rows), func(t *testing.T) {
			c := start(t, &fake{bulkAssign: honest}, client.WithBatchRows(rows))
			outcomes, err := collect(t, c.BulkAssign(t.Context(), header, damaged(t, 7)))
			if len(outcomes) != 7 || err != errFile {
				t.Errorf("%d outcomes and error %v", len(outcomes), err)
			}
		})
	}
}

func TestErrorsOfTheSequenceAndOfTheServiceAreBothTold(t *testing.T) {
	c := start(t, &fake{bulkAssign: func(s assignServer) error {
		if _, err := s.Recv(); err != nil {
			return err
		}
		if err := s.Send(opened()); err != nil {
			return err
		}
		if b, err := nextBatch(s); err != nil || b == nil {
			return fmt.Errorf("the batch did not come: %w", err)
		}
		return status.Error(codes.Unavailable, "gone")
	}}, client.WithResume(0))
	_, err := collect(t, c.BulkAssign(t.Context(), header, damaged(t, 7)))
	if !errors.Is(err, errFile) || !client.IsUnavailable(err) {
		t.Errorf("error %v", err)
	}
}

func TestTheServicesErrorIsYieldedLast(t *testing.T) {
	c := start(t, &fake{bulkAssign: func(s assignServer) error {
		answers := 0
		err := honest(limited{s, &answers, 2})
		if answers != 2 {
			return fmt.Errorf("%d batches were answered: %w", answers, err)
		}
		return status.Error(codes.Unavailable, "the server is stopping")
	}}, client.WithBatchRows(2), client.WithResume(0))
	stopped := false
	outcomes, err := collect(t, c.BulkAssign(t.Context(), header, endless(&stopped)))
	if len(outcomes) != 4 || !client.IsUnavailable(err) || !stopped {
		t.Errorf("%d outcomes, error %v, sequence stopped: %v", len(outcomes), err, stopped)
	}
}

// limited fails to send after that many answers.
type limited struct {
	assignServer
	answers *int
	most    int
}

func (l limited) Send(res *echelonv1.BulkAssignResponse) error {
	if res.GetBatch() != nil {
		if *l.answers == l.most {
			return errors.New("no more")
		}
		*l.answers++
	}
	return l.assignServer.Send(res)
}

func TestAStreamThatIsNotOpenedTakesNoCustomer(t *testing.T) {
	c := start(t, &fake{bulkAssign: func(assignServer) error { return status.Error(codes.FailedPrecondition, "a calibration is required") }})
	untouched := func(func(*echelonv1.Customer, error) bool) { t.Error("the sequence was asked for a customer") }
	var failed *client.Error
	if _, err := collect(t, c.BulkAssign(t.Context(), header, untouched)); !errors.As(err, &failed) || failed.Code != codes.FailedPrecondition {
		t.Errorf("error %v", err)
	}
}

func TestACanceledContextEndsTheStream(t *testing.T) {
	service, ends := ended()
	c := start(t, service, client.WithBatchRows(1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := false
	var last error
	for _, err := range c.BulkAssign(ctx, header, endless(&stopped)) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) || !stopped {
		t.Errorf("error %v, sequence stopped: %v", last, stopped)
	}
	<-ends
}

func TestADeadlineEndsAStreamThatIsNotOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{bulkAssign: silent})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := collect(t, c.BulkAssign(ctx, header, numbered(1))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func silent(s assignServer) error {
	<-s.Context().Done()
	return s.Context().Err()
}

func TestAStreamWithoutAnswersIsCut(t *testing.T) {
	for _, test := range []struct {
		name  string
		serve func(assignServer) error
	}{
		{"to the header", silent},
		{"to a batch", func(s assignServer) error {
			if err := s.Send(opened()); err != nil {
				return err
			}
			return silent(s)
		}},
		{"at its end", func(s assignServer) error {
			if err := honest(s); err != nil {
				return err
			}
			return silent(s)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, stop := serve(&fake{bulkAssign: test.serve}, client.WithResume(0))
				defer stop()
				began := time.Now()
				_, err := collect(t, c.BulkAssign(t.Context(), header, numbered(1)))
				if client.ReasonOf(err) != echelonv1.ErrorReason_STREAM_STALLED || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != 2*time.Minute {
					t.Errorf("the stream was cut after %v", took)
				}
			})
		})
	}
}

func TestASlowCallerIsNoStallAndIsNotSentAwayForItsPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{bulkAssign: honest}, client.WithStallTimeout(time.Second), client.WithBatchRows(2))
		defer stop()
		slow := func(yield func(*echelonv1.Customer, error) bool) {
			for c, err := range numbered(10) {
				time.Sleep(10 * time.Minute)
				if !yield(c, err) {
					return
				}
			}
		}
		outcomes := 0
		for _, err := range c.BulkAssign(t.Context(), header, slow) {
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			outcomes++
		}
		if outcomes != 10 {
			t.Errorf("%d outcomes", outcomes)
		}
	})
}
