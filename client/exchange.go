package client

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// exchange is a bulk stream: a header and its answer, then batches and an answer to each, in order. A stream that breaks is opened again and goes on
// after the last batch that was answered. All of it but sending and receiving happens in the caller's goroutine, and so do the caller's sequence and
// loop: they need no locks, and what one of them panics with reaches the caller.
type exchange[Req, Res any, A answer] struct {
	client *Client
	// call returns the method of a connection.
	call func(grpc.ClientConnInterface) opener[Req, Res]
	// header returns the header of a stream that goes on after a batch; 0 is the beginning.
	header func(after int64) *Req
	// opened takes the answer to that header. errNotOpened where it is none.
	opened  func(res *Res, after int64) error
	request func(*echelonv1.CustomerBatch) *Req
	// batch returns the answer to a batch, and nil for another message.
	batch func(*Res) A
	// settle takes a batch and its answer, whose errors have the caller's indexes; the answer is nil for a batch that was not sent.
	settle func(*batch, A) error

	stream *duplex[Req, Res]
	// release frees the connection of a stream that was resumed.
	release func()
	// pending are the batches that are not settled, at most as many as the client's window.
	pending []*batch
	// acknowledged is the last batch that was answered, and tries how often the stream was opened since.
	acknowledged int64
	tries        int
	// began is the last batch that was answered when the stream was opened.
	began int64
	// complete says that no batch follows those that are pending.
	complete bool
}

// errNotOpened is of an answer that answers no header.
var errNotOpened = errors.New("no answer to a header")

// opener is a method that opens a stream.
type opener[Req, Res any] = func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Req, Res], error)

// answer is what answers a batch.
type answer interface {
	comparable
	GetSequence() int64
	GetErrors() []*echelonv1.RowError
}

// run sends the batches and settles them, all those too that came before an error of their sequence. It returns when everything is settled or
// the stream broke for good, and leaves nothing behind, whatever way it ends.
func (e *exchange[Req, Res, A]) run(ctx context.Context, batches iter.Seq2[*batch, error]) error {
	e.release = func() {}
	defer func() {
		if e.stream != nil {
			e.stream.close()
		}
		e.release()
	}()
	// A service that cannot be reached at all is told at once.
	if err := e.start(ctx, e.client.conn); err != nil {
		return err
	}
	failure, err := e.submitAll(ctx, batches)
	if err == nil {
		e.complete = true
		e.stream.closeSend()
		err = e.finish(ctx)
	}
	switch {
	case failure == nil:
		return err
	case err == nil:
		return failure
	}
	return errors.Join(failure, err)
}

// submitAll submits the batches, and returns the error that their sequence ended with and the one that the stream broke for good with. There are both
// where the stream broke after the sequence had come to its error, which it tells with its last batch; a stream that broke before asks no more.
func (e *exchange[Req, Res, A]) submitAll(ctx context.Context, batches iter.Seq2[*batch, error]) (failure, err error) {
	for b, failure := range batches {
		if b != nil {
			err = e.submit(ctx, b)
		}
		if failure != nil || err != nil {
			return failure, err
		}
	}
	return nil, nil
}

// start opens the stream and waits for the answer to its header, so that a stream which cannot be opened takes no customer from the caller's sequence.
func (e *exchange[Req, Res, A]) start(ctx context.Context, conn grpc.ClientConnInterface) error {
	stream, err := openDuplex(ctx, e.call(conn), e.client.window+1, e.client.stall) // the header is a request too
	if err != nil {
		return err
	}
	e.stream, e.began = stream, e.acknowledged
	stream.send(e.header(e.acknowledged))
	res, err := stream.receive()
	switch {
	case errors.Is(err, io.EOF):
		return broken("the stream ended before its header was answered")
	case err != nil:
		return err
	}
	err = e.opened(res, e.acknowledged)
	if errors.Is(err, errNotOpened) {
		return broken("the first message of the stream does not answer its header")
	}
	return err
}

// submit sends a batch and settles what has been answered, at least one batch where the window is full.
func (e *exchange[Req, Res, A]) submit(ctx context.Context, b *batch) error {
	e.pending = append(e.pending, b)
	e.transmit(b)
	return e.settleAll(ctx, e.client.window-1)
}

// transmit sends a batch, unless nothing of it is left to send.
func (e *exchange[Req, Res, A]) transmit(b *batch) {
	if b.sequence != 0 {
		e.stream.send(e.request(b.message()))
	}
}

// settleAll settles what has been answered, and waits until no more than that many batches are pending. A stream that breaks meanwhile is resumed.
func (e *exchange[Req, Res, A]) settleAll(ctx context.Context, left int) error {
	for len(e.pending) > 0 {
		a, settled, err := e.next(len(e.pending) > left)
		if err != nil {
			if err := e.resume(ctx, err); err != nil {
				return err
			}
			continue
		}
		if !settled {
			return nil
		}
		b := e.pending[0]
		e.pending = e.pending[1:]
		if err := e.settle(b, a); err != nil {
			return err
		}
	}
	return nil
}

// finish settles what is pending and waits for the stream's end.
func (e *exchange[Req, Res, A]) finish(ctx context.Context) error {
	if err := e.settleAll(ctx, 0); err != nil {
		return err
	}
	_, err := e.stream.receive()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case resumable(err) && e.client.resume.attempts > 0:
		return nil // everything is answered: there is nothing to go on with
	case err != nil:
		return err
	}
	return broken("there is an answer after that to the last batch")
}

// next returns the answer to the first pending batch and reports whether it is settled by that. Unless it is to wait, it is not before the answer is
// there.
func (e *exchange[Req, Res, A]) next(wait bool) (a A, settled bool, err error) {
	b := e.pending[0]
	var none A
	if b.sequence == 0 {
		return none, true, nil
	}
	take := e.stream.poll
	if wait {
		take = e.stream.receive
	}
	res, err := take()
	switch {
	case errors.Is(err, io.EOF):
		return none, false, broken("the stream ended before batch %d was answered", b.sequence)
	case res == nil || err != nil:
		return none, false, err
	}
	a = e.batch(res)
	if a == none {
		return none, false, broken("a message that answers no batch came where batch %d was to be answered", b.sequence)
	}
	if a.GetSequence() != b.sequence {
		return none, false, broken("batch %d was answered where batch %d was to be", a.GetSequence(), b.sequence)
	}
	if err := b.place(a.GetErrors()); err != nil {
		return none, false, err
	}
	e.acknowledged, e.tries = b.sequence, 0
	return a, true, nil
}
