package client

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// errLeft means that the caller left its loop, after which nothing may be yielded.
var errLeft = errors.New("the caller left its loop")

// sequence makes an iterator of a function that emits items. The function returns what emit returned, at once, or an error of its own, which is
// yielded last.
func sequence[T any](run func(emit func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := run(func(item T) error {
			if !yield(item, nil) {
				return errLeft
			}
			return nil
		})
		if err != nil && !errors.Is(err, errLeft) {
			var none T
			yield(none, err)
		}
	}
}

// pages iterates over the items of all pages. fetch returns a page and the token of the next, empty after the last.
func pages[T any](fetch func(token string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return sequence(func(emit func(T) error) error {
		for token := ""; ; {
			items, next, err := fetch(token)
			if err != nil {
				return typed(err)
			}
			for _, item := range items {
				if err := emit(item); err != nil {
					return err
				}
			}
			if next == "" {
				return nil
			}
			if next == token {
				return broken("the token of the next page is that of this page")
			}
			token = next
		}
	})
}

// export iterates over the items of all messages of a server stream.
func export[Res, T any](
	ctx context.Context, stall time.Duration,
	open func(context.Context) (grpc.ServerStreamingClient[Res], error), items func(*Res) []T,
) iter.Seq2[T, error] {
	return sequence(func(emit func(T) error) error {
		guard := newGuard(ctx, stall)
		defer guard.release()
		var stream grpc.ServerStreamingClient[Res]
		err := guard.do(func(ctx context.Context) (err error) { stream, err = open(ctx); return err })
		for err == nil {
			var page *Res
			err = guard.do(func(context.Context) (err error) { page, err = stream.Recv(); return err })
			if err != nil {
				break
			}
			for _, item := range items(page) {
				if err := emit(item); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return typed(err)
	})
}

// guard cuts a stream of one direction when a step of it takes too long. Its steps are of one goroutine.
type guard struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
}

func newGuard(ctx context.Context, stall time.Duration) *guard {
	ctx, cancel := context.WithCancelCause(ctx)
	return &guard{ctx: ctx, cancel: cancel, stall: stall}
}

// release ends the stream, if it has not ended.
func (g *guard) release() { g.cancel(nil) }

func (g *guard) do(step func(context.Context) error) error {
	timer := time.AfterFunc(g.stall, func() { g.cancel(stalled(g.stall)) })
	defer timer.Stop()
	err := step(g.ctx)
	if cause := context.Cause(g.ctx); err != nil && ReasonOf(cause) == echelonv1.ErrorReason_STREAM_STALLED {
		return cause
	}
	return err
}

func stalled(after time.Duration) *Error {
	return &Error{
		Code:    codes.DeadlineExceeded,
		Reason:  echelonv1.ErrorReason_STREAM_STALLED,
		Message: "the service made no progress for " + after.String() + " and the stream was cut; try again, or give WithStallTimeout more",
	}
}
