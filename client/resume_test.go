package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// quickly makes pauses between attempts short.
var quickly = client.WithBackoff(time.Microsecond, time.Millisecond)

// ending is an error of the service with a reason, or without one.
func ending(code codes.Code, reason echelonv1.ErrorReason) error {
	s := status.New(code, "it ended")
	if reason != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		s, _ = s.WithDetails(&errdetails.ErrorInfo{Domain: "echelon.v1", Reason: reason.String()})
	}
	return s.Err()
}

// endings are what a stream goes on after.
var endings = map[string]error{
	"the connection is gone":            ending(codes.Unavailable, echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED),
	"a message was cut":                 ending(codes.Internal, echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED),
	"the service stops":                 ending(codes.Unavailable, echelonv1.ErrorReason_SHUTTING_DOWN),
	"the service wants it elsewhere":    ending(codes.Unavailable, echelonv1.ErrorReason_RESUME_ELSEWHERE),
	"the service found that it stalled": ending(codes.DeadlineExceeded, echelonv1.ErrorReason_STREAM_STALLED),
	"others were faster with the job":   ending(codes.Aborted, echelonv1.ErrorReason_CONFLICT),
}

// cut answers as a service does, and ends with an error instead of its nth answer to a batch.
type cut struct {
	assignServer
	answers int
	nth     int
	err     error
}

func (c *cut) Send(res *echelonv1.BulkAssignResponse) error {
	if res.GetBatch() != nil {
		if c.answers++; c.answers == c.nth {
			return c.err
		}
	}
	return c.assignServer.Send(res)
}

func TestABrokenStreamGoesOnWithTheSamePinsAndOutcomes(t *testing.T) {
	calm, stop := serve(&fake{bulkAssign: honest}, client.WithBatchRows(2))
	undisturbed, err := collect(t, calm.BulkAssign(t.Context(), header, numbered(40)))
	stop()
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range endings {
		for _, window := range []int{1, 4, 100} {
			t.Run(fmt.Sprintf("%s, %d batches under way", name, window), func(t *testing.T) {
				streams := 0
				c := start(t, &fake{bulkAssign: func(s assignServer) error {
					streams++
					return honest(&cut{assignServer: s, nth: 1 + streams%4, err: end})
				}}, client.WithBatchRows(2), client.WithWindow(window), client.WithResume(2), quickly)
				// Every fourth stream answers nothing before it ends, and the others do.
				outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(40)))
				if err != nil || streams < 5 {
					t.Fatalf("%d streams, error %v", streams, err)
				}
				if diff := cmp.Diff(undisturbed, outcomes, protocmp.Transform()); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestAResumedStreamIsPinnedToWhatTheFirstResolvedTo(t *testing.T) {
	at := timestamppb.New(time.Unix(1_700_000_000, 0))
	resolved := &echelonv1.Provenance{Model: "accounts", ModelVersion: 3, ModelFingerprint: "f", CalibrationId: "r9", AsOf: at}
	var headers []*echelonv1.BulkAssignHeader
	c := start(t, &fake{bulkAssign: func(s assignServer) error {
		first, err := s.Recv()
		if err != nil {
			return err
		}
		headers = append(headers, first.GetHeader())
		if err := s.Send(&echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Opened{Opened: resolved}}); err != nil {
			return err
		}
		for {
			b, err := nextBatch(s)
			if err != nil || b == nil {
				return err
			}
			if err := s.Send(assigned(assign(b))); err != nil || len(headers) == 1 {
				return status.Error(codes.Unavailable, "gone")
			}
		}
	}}, client.WithBatchRows(2), client.WithWindow(1), quickly)
	outcomes, err := collect(t, c.BulkAssign(t.Context(), &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("accounts", 0), OmitReasons: true}, numbered(6)))
	if err != nil || len(outcomes) != 6 {
		t.Fatalf("%d outcomes, error %v", len(outcomes), err)
	}
	want := client.StoredModel("accounts", 3)
	want.AsOf, want.Calibration = at, &echelonv1.Evaluator_CalibrationId{CalibrationId: "r9"}
	if diff := cmp.Diff([]*echelonv1.BulkAssignHeader{
		{Evaluator: client.StoredModel("accounts", 0), OmitReasons: true},
		{Evaluator: want, OmitReasons: true, FirstSequence: 2},
	}, headers, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestAResumedStreamThatEvaluatesOtherwiseIsAnError(t *testing.T) {
	streams := 0
	c := start(t, &fake{bulkAssign: func(s assignServer) error {
		if _, err := s.Recv(); err != nil {
			return err
		}
		streams++
		other := proto.CloneOf(provenance)
		other.ModelFingerprint = fmt.Sprint(streams)
		if err := s.Send(&echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Opened{Opened: other}}); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "gone")
	}}, quickly)
	_, err := collect(t, c.BulkAssign(t.Context(), header, numbered(3)))
	checkBroken(t, err, "that was resumed evaluates by")
}

func TestWhatIsWrongIsNotTriedAgain(t *testing.T) {
	for name, end := range map[string]error{
		"a fault of the service":    ending(codes.Internal, echelonv1.ErrorReason_INTERNAL_FAULT),
		"a batch that is refused":   ending(codes.InvalidArgument, echelonv1.ErrorReason_BATCH_TOO_LARGE),
		"another content of a job":  ending(codes.FailedPrecondition, echelonv1.ErrorReason_BATCH_MISMATCH),
		"a role that was withdrawn": ending(codes.PermissionDenied, echelonv1.ErrorReason_PERMISSION_DENIED),
	} {
		t.Run(name, func(t *testing.T) {
			streams := 0
			c := start(t, &fake{bulkAssign: func(s assignServer) error {
				streams++
				return honest(&cut{assignServer: s, nth: 2, err: end})
			}}, client.WithBatchRows(2), quickly)
			outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(9)))
			if client.IsInterrupted(err) || streams != 1 || len(outcomes) != 2 || status.Code(errors.Unwrap(err)) != status.Code(end) {
				t.Errorf("%d streams, %d outcomes, error %v", streams, len(outcomes), err)
			}
		})
	}
}

// A token can expire in the middle of a stream, and the next one have a new token; one that is refused at once is refused for good.
func TestAStreamWhoseCredentialsEndedIsOpenedOnceMore(t *testing.T) {
	ended := ending(codes.Unauthenticated, echelonv1.ErrorReason_UNAUTHENTICATED)
	for _, test := range []struct {
		name        string
		renewed     bool
		wantStreams int
		wantRows    int
	}{{"with a new token", true, 2, 12}, {"with the same token", false, 2, 6}} {
		t.Run(test.name, func(t *testing.T) {
			streams := 0
			c := start(t, &fake{bulkAssign: func(s assignServer) error {
				if streams++; streams > 1 && !test.renewed {
					return ended
				}
				return honest(&cut{assignServer: s, nth: 4, err: ended})
			}}, client.WithBatchRows(2), quickly)
			outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(12)))
			if streams != test.wantStreams || len(outcomes) != test.wantRows || (err == nil) != test.renewed {
				t.Errorf("%d streams, %d outcomes, error %v", streams, len(outcomes), err)
			}
		})
	}
}

func TestAStreamWithoutProgressIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told := 0, 0
		c, stop := serve(&fake{bulkAssign: func(s assignServer) error {
			streams++
			if streams == 1 {
				return honest(&cut{assignServer: s, nth: 2, err: ending(codes.Unavailable, 0)})
			}
			return ending(codes.Unavailable, 0)
		}}, client.WithBatchRows(2), client.WithResuming(func(cause error, attempt int, pause time.Duration) {
			if told++; attempt != told || !client.IsUnavailable(cause) || pause < 50*time.Millisecond || pause > 15*time.Second {
				t.Errorf("attempt %d after a pause of %v and %v", attempt, pause, cause)
			}
		}))
		defer stop()
		outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(9)))
		if told != 10 || streams != 11 || len(outcomes) != 2 || !client.IsUnavailable(err) || !client.IsInterrupted(err) || !strings.Contains(err.Error(), "gave up after 10 attempts to resume; the last batch that was answered is 1") {
			t.Errorf("%d streams, %d outcomes, error %v", streams, len(outcomes), err)
		}
	})
}

func TestAPauseBeforeAnAttemptEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{bulkAssign: func(s assignServer) error {
			return honest(&cut{assignServer: s, nth: 1, err: ending(codes.Unavailable, 0)})
		}}, client.WithBackoff(time.Hour, time.Hour))
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := collect(t, c.BulkAssign(ctx, header, numbered(1))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestClosingTheClientEndsAResumedStream(t *testing.T) {
	streams := 0
	closing := make(chan struct{})
	c, stop := serve(&fake{bulkAssign: func(s assignServer) error {
		if streams++; streams == 1 {
			return honest(&cut{assignServer: s, nth: 1, err: ending(codes.Unavailable, 0)})
		}
		if err := s.Send(opened()); err != nil {
			return err
		}
		close(closing)
		return silent(s)
	}}, quickly)
	go func() {
		<-closing
		stop()
	}()
	if _, err := collect(t, c.BulkAssign(t.Context(), header, numbered(1))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestAStreamThatFallsSilentIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := 0
		c, stop := serve(&fake{bulkAssign: func(s assignServer) error {
			if streams++; streams > 3 {
				return honest(s)
			}
			err := honest(&cut{assignServer: s, nth: 2, err: io.ErrNoProgress})
			<-s.Context().Done()
			return err
		}}, client.WithBatchRows(2))
		defer stop()
		outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(20)))
		if err != nil || len(outcomes) != 20 || streams != 4 {
			t.Errorf("%d outcomes of %d streams, error %v", len(outcomes), streams, err)
		}
	})
}

// A service that has no room says when it will have: the stream goes on after that, and no earlier.
func TestAStreamThatIsShedGoesOnWhenTheServiceSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shed, err := status.New(codes.ResourceExhausted, "as much as it may").WithDetails(
			&errdetails.ErrorInfo{Domain: "echelon.v1", Reason: echelonv1.ErrorReason_OVERLOADED.String()},
			&errdetails.RetryInfo{RetryDelay: durationpb.New(40 * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		streams := 0
		c, stop := serve(&fake{bulkAssign: func(s assignServer) error {
			if streams++; streams > 1 {
				return honest(s)
			}
			return honest(&cut{assignServer: s, nth: 2, err: shed.Err()})
		}}, client.WithBatchRows(2))
		defer stop()
		began := time.Now()
		outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(20)))
		if err != nil || len(outcomes) != 20 || streams != 2 {
			t.Errorf("%d outcomes of %d streams, error %v", len(outcomes), streams, err)
		}
		if took := time.Since(began); took < 40*time.Second {
			t.Errorf("it came again after %s", took)
		}
	})
}

// A service cuts a stream on which nothing moves; a caller that takes minutes for a batch goes on all the same.
func TestACallerMayTakeMinutesForABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{bulkAssign: func(s assignServer) error {
			ended := make(chan error, 1)
			go func() { ended <- honest(s) }()
			select {
			case err := <-ended:
				return err
			case <-time.After(5 * time.Minute):
				return ending(codes.DeadlineExceeded, echelonv1.ErrorReason_STREAM_STALLED)
			}
		}}, client.WithBatchRows(2), client.WithWindow(1), client.WithResume(1))
		defer stop()
		outcomes := 0
		for _, err := range c.BulkAssign(t.Context(), header, numbered(12)) {
			if err != nil {
				t.Fatal(err)
			}
			if outcomes++; outcomes%2 == 0 {
				time.Sleep(7 * time.Minute)
			}
		}
		if outcomes != 12 {
			t.Errorf("%d outcomes", outcomes)
		}
	})
}

// ledger is a service that stores what each job sends once.
type ledger struct {
	mu      sync.Mutex
	answers map[string][]*echelonv1.ImportedBatch
	stored  []string
	headers []*echelonv1.ImportHeader
	// broken is asked after each batch, before its answer: an error ends the stream.
	broken func(streams int, sequence int64) error
}

func (l *ledger) serve(s importServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.headers = append(l.headers, first.GetHeader())
	streams, job := len(l.headers), first.GetHeader().GetJobId()
	last := int64(len(l.answers[job]))
	l.mu.Unlock()
	opened := &echelonv1.ImportCustomersResponse_Opened{Opened: &echelonv1.ImportOpened{LastSequence: last}}
	if err := s.Send(&echelonv1.ImportCustomersResponse{Message: opened}); err != nil {
		return err
	}
	for {
		request, err := s.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := l.store(job, request.GetBatch())
		if err == nil {
			err = l.broken(streams, request.GetBatch().GetSequence())
		}
		if err == nil {
			err = s.Send(&echelonv1.ImportCustomersResponse{Message: &echelonv1.ImportCustomersResponse_Batch{Batch: answer}})
		}
		if err != nil {
			return err
		}
	}
}

func (l *ledger) store(job string, b *echelonv1.CustomerBatch) (*echelonv1.ImportedBatch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.answers[job]
	switch sequence := b.GetSequence(); {
	case sequence <= int64(len(known)):
		again := proto.CloneOf(known[sequence-1])
		again.Repeated = true
		return again, nil
	case sequence > int64(len(known))+1:
		return nil, ending(codes.InvalidArgument, echelonv1.ErrorReason_OUT_OF_SEQUENCE)
	}
	answer := storeBatch(b, &l.stored)
	l.answers[job] = append(known, answer)
	return answer, nil
}

func TestABrokenImportStoresEveryBatchOnce(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			l := &ledger{answers: map[string][]*echelonv1.ImportedBatch{}, broken: func(streams int, sequence int64) error {
				if sequence%3 == int64(streams%3) && streams < 8 {
					return end
				}
				return nil
			}}
			c := start(t, &fake{importCustomers: l.serve}, client.WithBatchRows(2), quickly)
			progress, err := collect(t, c.ImportCustomers(t.Context(), nil, numbered(40)))
			if err != nil || len(progress) != 20 || progress[19].Acknowledged != 40 || progress[19].Stored != 40 || progress[19].Repeated == 0 {
				t.Fatalf("progress %v, error %v", progress, err)
			}
			var want []string
			for i := range 40 {
				want = append(want, fmt.Sprint("c", i))
			}
			if diff := cmp.Diff(want, l.stored); diff != "" {
				t.Error(diff)
			}
			for _, h := range l.headers {
				if len(h.GetJobId()) < 20 || h.GetJobId() != l.headers[0].GetJobId() {
					t.Errorf("a stream has the job %q, the first %q", h.GetJobId(), l.headers[0].GetJobId())
				}
			}
		})
	}
}

func TestAnImportGoesOnUnderItsJobInAnotherProgram(t *testing.T) {
	l := &ledger{answers: map[string][]*echelonv1.ImportedBatch{}, broken: func(streams int, sequence int64) error {
		if streams == 1 && sequence == 6 {
			return ending(codes.FailedPrecondition, echelonv1.ErrorReason_STORE_READ_ONLY)
		}
		return nil
	}}
	header := &echelonv1.ImportHeader{JobId: "nightly"}
	rows := all(customer("c0"), customer("c1", "refuse", true), customer("c2"), customer("c3"), customer("c4"), customer("c5"), customer("c6"))
	first, stop := serve(&fake{importCustomers: l.serve}, client.WithBatchRows(1))
	defer stop()
	if _, err := collect(t, first.ImportCustomers(t.Context(), header, rows)); client.ReasonOf(err) != echelonv1.ErrorReason_STORE_READ_ONLY {
		t.Fatal(err)
	}
	second, stopSecond := serve(&fake{importCustomers: l.serve}, client.WithBatchRows(1))
	defer stopSecond()
	progress, err := collect(t, second.ImportCustomers(t.Context(), header, rows))
	if err != nil || len(progress) != 7 {
		t.Fatalf("progress %v, error %v", progress, err)
	}
	if last := progress[6]; last.Stored != 6 || last.Repeated != 6 || len(progress[1].Errors) != 1 || len(l.stored) != 6 || header.GetJobId() != "nightly" {
		t.Errorf("the last progress is %v, the second %v; stored are %v", last, progress[1], l.stored)
	}
}

func TestAServiceThatLostWhatItAcknowledgedIsAnError(t *testing.T) {
	l := &ledger{answers: map[string][]*echelonv1.ImportedBatch{}}
	l.broken = func(_ int, sequence int64) error {
		if sequence < 3 {
			return nil
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		clear(l.answers)
		return ending(codes.Unavailable, 0)
	}
	c := start(t, &fake{importCustomers: l.serve}, client.WithBatchRows(1), quickly)
	progress, err := collect(t, c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{JobId: "j"}, numbered(9)))
	var failed *client.Error
	if !errors.As(err, &failed) || failed.Code != codes.DataLoss || len(progress) != 2 || !strings.Contains(err.Error(), `"j" up to 0 and acknowledged 2`) {
		t.Errorf("%d batches, error %v", len(progress), err)
	}
}

func TestWithoutResumingABrokenImportHasNoJob(t *testing.T) {
	l := &ledger{answers: map[string][]*echelonv1.ImportedBatch{}, broken: func(int, int64) error { return nil }}
	c := start(t, &fake{importCustomers: l.serve}, client.WithResume(0))
	if _, err := collect(t, c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{}, numbered(3))); err != nil || l.headers[0].GetJobId() != "" {
		t.Errorf("the job is %q, error %v", l.headers[0].GetJobId(), err)
	}
}
