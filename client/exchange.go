package client

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// exchange is a bulk stream: a header and its answer, then batches and an answer to each, in order. All of it but sending and receiving happens in
// the caller's goroutine, and so do the caller's sequence and loop: they need no locks, and what one of them panics with reaches the caller.
type exchange[Req, Res any, A answer] struct {
	open    func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Req, Res], error)
	header  *Req
	request func(*echelonv1.CustomerBatch) *Req
	// opened takes the answer to the header and reports whether it is one.
	opened func(*Res) bool
	// batch returns the answer to a batch, and nil for another message.
	batch func(*Res) A
	// settle takes a batch and its answer, whose errors have the caller's indexes; the answer is nil for a batch that was not sent.
	settle func(*batch, A) error
	// rows is how many rows a batch has at most.
	rows int

	stream  *duplex[Req, Res]
	window  int
	pending []*batch
}

// answer is what answers a batch.
type answer interface {
	comparable
	GetSequence() int64
	GetErrors() []*echelonv1.RowError
}

// run sends the customers and settles them, all those too that came before an error of their sequence. It returns when everything is settled or
// the stream broke, and leaves nothing behind, whatever way it ends.
func (e *exchange[Req, Res, A]) run(ctx context.Context, c *Client, customers iter.Seq2[*echelonv1.Customer, error]) error {
	stream, err := openDuplex(ctx, e.open, c.window+1, c.stall) // the header is a request too
	if err != nil {
		return err
	}
	defer stream.close()
	e.stream, e.window = stream, c.window
	if err := e.introduce(); err != nil {
		return err
	}
	var failure error
	for b, err := range batches(customers, e.rows) {
		if err != nil {
			failure = err
			break
		}
		if err := e.submit(b); err != nil {
			return err
		}
	}
	stream.closeSend()
	err = e.finish()
	switch {
	case failure == nil:
		return err
	case err == nil:
		return failure
	}
	return errors.Join(failure, err)
}

// introduce sends the header and waits for its answer, so that a stream which cannot be opened takes no customer from the caller's sequence.
func (e *exchange[Req, Res, A]) introduce() error {
	e.stream.send(e.header)
	res, err := e.receive()
	if err != nil {
		return err
	}
	if !e.opened(res) {
		return broken("the first message of the stream does not answer its header")
	}
	return nil
}

// submit sends a batch and settles what has been answered, at least one batch where the window is full.
func (e *exchange[Req, Res, A]) submit(b *batch) error {
	if len(b.customers) > 0 {
		e.stream.send(e.request(b.message()))
	}
	e.pending = append(e.pending, b)
	for len(e.pending) > 0 {
		settled, err := e.settleNext(len(e.pending) == e.window)
		if err != nil || !settled {
			return err
		}
	}
	return nil
}

// finish settles what is pending and waits for the stream's end.
func (e *exchange[Req, Res, A]) finish() error {
	for len(e.pending) > 0 {
		if _, err := e.settleNext(true); err != nil {
			return err
		}
	}
	_, err := e.stream.receive()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return broken("there is an answer after that to the last batch")
}

// settleNext settles the first pending batch and reports whether it could. Unless it is to wait, it cannot before the answer is there.
func (e *exchange[Req, Res, A]) settleNext(wait bool) (bool, error) {
	b := e.pending[0]
	var none A
	if b.sequence == 0 {
		e.pending = e.pending[1:]
		return true, e.settle(b, none)
	}
	take := e.stream.poll
	if wait {
		take = e.stream.receive
	}
	res, err := take()
	switch {
	case errors.Is(err, io.EOF):
		return false, broken("the stream ended before batch %d was answered", b.sequence)
	case res == nil || err != nil:
		return false, err
	}
	a := e.batch(res)
	if a == none {
		return false, broken("a message that answers no batch came where batch %d was to be answered", b.sequence)
	}
	if a.GetSequence() != b.sequence {
		return false, broken("batch %d was answered where batch %d was to be", a.GetSequence(), b.sequence)
	}
	if err := b.place(a.GetErrors()); err != nil {
		return false, err
	}
	e.pending = e.pending[1:]
	return true, e.settle(b, a)
}

func (e *exchange[Req, Res, A]) receive() (*Res, error) {
	res, err := e.stream.receive()
	if errors.Is(err, io.EOF) {
		return nil, broken("the stream ended before its header was answered")
	}
	return res, err
}
