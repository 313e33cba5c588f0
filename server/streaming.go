package server

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// maxBatchRows is the most rows of a batch.
	maxBatchRows = 10_000
	// inFlight is how many messages wait on each side of a bulk stream's work.
	inFlight = 2
)

// streaming is what all bulk streams share.
type streaming struct {
	validator protovalidate.Validator
	stopping  <-chan struct{}
	stall     time.Duration
	// age is when streams that can be resumed leave their connection.
	age connectionAge
	// maxMessage is the largest message that is sent, in bytes.
	maxMessage int
}

// batches checks that a stream's batches follow one another.
type batches struct {
	// last is the last batch that was done.
	last int64
	// job tells that a job decides which batch may come, since it may have been sent before.
	job bool
	// arrow tells that there was a batch of Arrow.
	arrow bool
}

// check checks the batch that is to be done next. HEADER_EXPECTED, OUT_OF_SEQUENCE, BATCH_TOO_LARGE.
func (b *batches) check(batch *rowBatch) error {
	switch {
	case batch == nil:
		return fault.New(echelonv1.ErrorReason_HEADER_EXPECTED, "the header stands only at the stream's beginning, and every later message is a batch")
	case batch.sequence != b.last+1 && !b.job:
		return fault.New(echelonv1.ErrorReason_OUT_OF_SEQUENCE, "the batch has sequence %d, and %d follows: number batches 1, 2, 3 and so on",
			batch.sequence, b.last+1)
	case batch.count > maxBatchRows:
		return fault.New(echelonv1.ErrorReason_BATCH_TOO_LARGE, "the batch %d has %d rows, at most %d are allowed: send more and smaller batches",
			batch.sequence, batch.count, maxBatchRows)
	case len(batch.arrow) > 0 && batch.message.GetRows() != nil:
		return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the batch %d has rows and an Arrow batch: send one of them", batch.sequence)
	}
	batch.first = len(batch.arrow) > 0 && !b.arrow
	b.arrow = b.arrow || batch.first
	return nil
}

// done notes that the batch that was checked is done.
func (b *batches) done(batch *rowBatch) { b.last = max(b.last, batch.sequence) }

// header checks what must be a stream's first message. HEADER_EXPECTED, INVALID_REQUEST.
func (s streaming) header(header proto.Message, given bool) error {
	if !given {
		return fault.New(echelonv1.ErrorReason_HEADER_EXPECTED, "the stream's first message is no header: send the header first, then batches")
	}
	return validate(s.validator, header)
}

// at adds to the fault that ends a stream which batch was done last.
func (b *batches) at(err error) error {
	_, transport := status.FromError(err)
	if err == nil || transport || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return faultOf(err).With("last_sequence", strconv.FormatInt(b.last, 10))
}

// errStalled is the fault of a stream that made no progress.
func (s streaming) errStalled() error {
	return fault.New(echelonv1.ErrorReason_STREAM_STALLED,
		"the stream made no progress for %s and was cut: send and receive at the same time, and open it again after the last batch that was answered", s.stall)
}

// answerBytes is more than what an answer to a batch has beside its errors, and errorFraming than what each error has beside itself.
const (
	answerBytes  = 1 << 10
	errorFraming = 8
)

// listFitting leaves out of an answer the errors that do not fit a message: the batch is stored, and must be answered.
func (s streaming) listFitting(answer *echelonv1.ImportedBatch) {
	room := s.maxMessage - answerBytes
	for _, f := range answer.GetFamilies() {
		room -= proto.Size(f) + errorFraming
	}
	for i, e := range answer.GetErrors() {
		if room -= proto.Size(e) + errorFraming; room < 0 {
			answer.UnlistedErrors += int64(len(answer.GetErrors()) - i)
			answer.Errors = answer.GetErrors()[:i]
			return
		}
	}
}

func errStopping() error {
	return fault.New(echelonv1.ErrorReason_SHUTTING_DOWN, "the server is stopping: open the stream again, elsewhere or later, after the last batch that was answered")
}

// watch ends ctx when no progress is made for too long. It returns what ends the watch.
func (s streaming) watch(ctx context.Context, progress *atomic.Int64, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(s.stall)
		defer ticker.Stop()
		last := progress.Load()
		for {
			select {
			case <-ctx.Done():
				return
			case <-done:
				return
			case <-ticker.C:
			}
			now := progress.Load()
			if now == last {
				cancel(s.errStalled())
				return
			}
			last = now
		}
	}()
	return func() { close(done) }
}

// sendOrStop sends a message of a stream that only the server sends on, or ends the stream when the server stops or the client takes nothing for
// too long.
func (s streaming) sendOrStop(send func() error) error {
	sent := make(chan error, 1)
	go func() { sent <- send() }()
	timer := time.NewTimer(s.stall)
	defer timer.Stop()
	select {
	case err := <-sent:
		return err
	case <-s.stopping:
		return errStopping()
	case <-timer.C:
		return s.errStalled()
	}
}
