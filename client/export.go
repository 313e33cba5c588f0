package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// exported is a server stream whose messages have the cursor after which another stream goes on.
type exported[Res, T any] struct {
	open   func(ctx context.Context, conn grpc.ClientConnInterface, cursor string) (grpc.ServerStreamingClient[Res], error)
	items  func(*Res) []T
	cursor func(*Res) string
}

// exporting is one that is under way.
type exporting[Res, T any] struct {
	exported[Res, T]
	client *Client
	emit   func(T) error
	// conn is what the stream is of, and release closes it where it is of its own.
	conn    grpc.ClientConnInterface
	release func()
	// cursor is that of the last message; without one nobody can go on there.
	cursor string
	// items are how many were emitted, messages how many came of the stream that is open, tries how often it was opened again since one came.
	items           int64
	messages, tries int
}

// exportResuming iterates over the items of all messages of a server stream. Where it breaks, it is opened again in a new connection, after the last
// message that came whole.
func exportResuming[Res, T any](ctx context.Context, c *Client, of exported[Res, T]) iter.Seq2[T, error] {
	return sequence(func(emit func(T) error) error {
		e := &exporting[Res, T]{exported: of, client: c, emit: emit, conn: c.conn, release: func() {}}
		defer func() { e.release() }()
		for {
			err := e.stream(ctx)
			if err == nil || errors.Is(err, errLeft) {
				return err
			}
			if err = e.again(ctx, err); err != nil {
				return err
			}
		}
	})
}

// stream opens a stream and emits what comes, until the end of all.
func (e *exporting[Res, T]) stream(ctx context.Context) error {
	guard := newGuard(ctx, e.client.stall)
	defer guard.release()
	var stream grpc.ServerStreamingClient[Res]
	e.messages = 0
	err := guard.do(func(ctx context.Context) (err error) { stream, err = e.open(ctx, e.conn, e.cursor); return err })
	for err == nil {
		var page *Res
		err = guard.do(func(context.Context) (err error) { page, err = stream.Recv(); return err })
		if err != nil {
			break
		}
		for _, item := range e.exported.items(page) {
			if err := e.emit(item); err != nil {
				return err
			}
			e.items++
		}
		e.cursor = e.exported.cursor(page)
		e.tries = 0
		e.messages++
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return typed(err)
}

// again prepares to open the stream again that ended so, or returns the error where that is none to go on after, nothing had come, or there were too
// many attempts.
func (e *exporting[Res, T]) again(ctx context.Context, cause error) error {
	for {
		renewable := ReasonOf(cause) == echelonv1.ErrorReason_UNAUTHENTICATED && e.messages > 0
		if e.cursor == "" || !resumable(cause) && !renewable {
			return cause
		}
		if e.tries >= e.client.resume.attempts {
			return gaveUp(cause, e.tries, fmt.Sprintf("%d items came", e.items))
		}
		e.tries++
		before := max(e.client.resume.pause(e.tries), RetryAfterOf(cause))
		e.client.resume.tell(cause, e.tries, before)
		if err := pause(ctx, before); err != nil {
			return typed(err)
		}
		conn, release, err := e.client.redial()
		if err == nil {
			e.release()
			e.conn, e.release = conn, release
			return nil
		}
		cause = err
	}
}
