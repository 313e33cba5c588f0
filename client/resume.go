package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// IsInterrupted reports whether a stream ended for no fault of what was sent, so that another try may succeed: imports, exports and bulk assignments have been
// resumed as often as WithResume says by then, while a calibration must be begun again with all of its population.
func IsInterrupted(err error) bool { return resumable(err) }

// resumable reports whether a stream that ended so may be opened again and go on: the connection broke or nothing came, the service stops, wants
// the stream elsewhere or has no room, or others were faster with the same job. Where the service gives no reason, gRPC itself ended the stream.
func resumable(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Reason {
	case echelonv1.ErrorReason_STREAM_STALLED, echelonv1.ErrorReason_CONFLICT:
		return true
	case echelonv1.ErrorReason_RATE_LIMITED, echelonv1.ErrorReason_OVERLOADED, echelonv1.ErrorReason_TOO_MANY_STREAMS:
		return true
	case echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED:
		return e.Code == codes.Unavailable || e.Code == codes.Internal // a message that was cut is INTERNAL to gRPC
	}
	return e.Code == codes.Unavailable
}

// resume opens a stream that ended with an error again, in a new connection, and sends what was not answered. It returns the error where that is none
// to go on after, or nothing was answered in too many attempts, each after a longer pause.
func (e *exchange[Req, Res, A]) resume(ctx context.Context, cause error) error {
	for resumable(cause) || e.renewable(cause) {
		if e.tries >= e.client.resume.attempts {
			return gaveUp(cause, e.tries, fmt.Sprintf("the last batch that was answered is %d", e.acknowledged))
		}
		e.tries++
		e.stream.close()
		before := max(e.client.resume.pause(e.tries), RetryAfterOf(cause))
		e.client.resume.tell(cause, e.tries, before)
		if err := pause(ctx, before); err != nil {
			return typed(err)
		}
		cause = e.reopen(ctx)
	}
	return cause
}

// renewable reports whether a stream ended because credentials did that were good at its beginning: those of the next one may be new.
func (e *exchange[Req, Res, A]) renewable(err error) bool {
	return ReasonOf(err) == echelonv1.ErrorReason_UNAUTHENTICATED && e.acknowledged > e.began
}

func (e *exchange[Req, Res, A]) reopen(ctx context.Context) error {
	conn, release, err := e.client.redial()
	if err != nil {
		return err
	}
	e.release()
	e.release = release
	if err := e.start(ctx, conn); err != nil {
		return err
	}
	for _, b := range e.pending {
		e.transmit(b)
	}
	if e.complete {
		e.stream.closeSend()
	}
	return nil
}

// gaveUp is the error of a stream that could not be resumed; it tells how it ended last, and how far it came.
func gaveUp(cause error, tries int, came string) error {
	var last *Error
	if tries == 0 || !errors.As(cause, &last) {
		return cause
	}
	told := *last
	told.Message = fmt.Sprintf("%s (gave up after %d attempts to resume; %s)", last.Message, tries, came)
	return &told
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// resumption is how often a stream is opened again while nothing is answered, and how long the pauses between are.
type resumption struct {
	attempts       int
	first, longest time.Duration
	tell           func(cause error, attempt int, pause time.Duration)
}

// pause returns the pause before an attempt, from 1: it doubles up to the longest, and half of it is random, so that many clients of a server that was
// away do not come back at once.
func (r resumption) pause(attempt int) time.Duration {
	longest := r.first
	for range attempt - 1 {
		if longest *= 2; longest >= r.longest {
			break
		}
	}
	longest = min(longest, r.longest)
	return longest/2 + rand.N(longest/2+1)
}

// redial returns a connection of its own and what closes it. gRPC keeps a connection that nothing comes from for a while; a stream that goes on
// cannot wait for that. Close closes it too.
func (c *Client) redial() (*grpc.ClientConn, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, &Error{Code: codes.Canceled, Message: "the client was closed"}
	}
	conn, err := grpc.NewClient(c.target, c.dial...)
	if err != nil {
		return nil, nil, fmt.Errorf("dialing %q: %w", c.target, err)
	}
	c.redialed[conn] = true
	return conn, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.redialed, conn)
		_ = conn.Close()
	}, nil
}
