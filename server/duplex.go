package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// duplex is a bulk stream whose batches are received, worked on and answered at the same time, with a bounded number of messages in between.
type duplex[R request] struct {
	streaming
	stream grpc.ServerStream
	// receive takes the next request.
	receive func(grpc.ServerStream) (R, error)
	// begin is called for one request after another, and returns what answers it. Those of several requests go on at the same time; their answers are
	// sent in the order of the requests.
	begin func(R) (work, error)
	// sent is told of each answer that was sent; it may be nil.
	sent func(reply)
	// ahead is how many answers may be worked on while an earlier one is not sent.
	ahead int

	progress atomic.Int64
	works    sync.WaitGroup
	// todo are the answers that somebody takes who made one before.
	todo chan todo
}

// todo is an answer that is to be made.
type todo struct {
	promise *promise
	work    work
}

// request is what came over a stream.
type request interface {
	// proto is the message, which is marked where it could not be decoded.
	proto() proto.Message
}

// work makes an answer, unless ctx is over, which also ends with the first answer that cannot be made.
type work func(ctx context.Context) (reply, error)

// reply is an answer to a request.
type reply struct {
	// message is what is sent.
	message any
	// sequence is that of the batch which it answers; 0 where it answers a header.
	sequence int64
}

// promise is an answer that is being made: it is there, or the reason why not, once made is closed.
type promise struct {
	made  chan struct{}
	reply reply
	err   error
}

// run goes on until the client has sent all and has all answers.
func (d *duplex[R]) run() error {
	ctx, cancel := context.WithCancelCause(d.stream.Context())
	d.todo = make(chan todo)
	defer func() {
		cancel(nil)
		close(d.todo)
		d.works.Wait()
	}()
	requests, promises, sent := make(chan R, inFlight), make(chan *promise, d.ahead), make(chan struct{})
	go d.receiveAll(ctx, requests, cancel)
	go d.sendAll(ctx, promises, sent, cancel)
	defer d.watch(ctx, &d.progress, cancel)()
	aged, free := d.age.reached(d.stream.Context())
	defer free()
	err := d.workAll(ctx, endings{d.stopping, aged}, requests, promises)
	// What was answered is sent before the stream ends, unless the client takes nothing any more.
	select {
	case <-sent:
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	if promise, ok := cause.(*broken); ok {
		return promise.error // whatever went wrong elsewhere is of a later request
	}
	if err == nil {
		err = cause
	}
	return err
}

// broken is why an answer could not be made.
type broken struct{ error }

// workAll begins the work of every request until there are no more, and closes promises, even where that panics.
func (d *duplex[R]) workAll(ctx context.Context, ends endings, requests <-chan R, promises chan<- *promise) error {
	defer close(promises)
	for {
		var request R
		var more bool
		select {
		case request, more = <-requests:
			if !more {
				return nil
			}
		case <-ends.stopping:
			return errStopping()
		case <-ends.aged:
			return errAged()
		case <-ctx.Done():
			// What came before whatever ended it is begun all the same.
			select {
			case request, more = <-requests:
			default:
			}
			if !more {
				return context.Cause(ctx)
			}
		}
		if err := unreadable(request.proto()); err != nil {
			return err
		}
		work, err := d.begin(request)
		if err != nil {
			return err
		}
		p := &promise{made: make(chan struct{})}
		select {
		case promises <- p:
		default:
			select {
			case promises <- p:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		d.do(ctx, todo{p, work})
	}
}

// do lets an answer be made by a goroutine that is free, whose stack has grown to what that takes, or else by a new one.
func (d *duplex[R]) do(ctx context.Context, next todo) {
	select {
	case d.todo <- next:
	default:
		d.works.Go(func() {
			next.promise.make(ctx, next.work)
			for next := range d.todo {
				next.promise.make(ctx, next.work)
			}
		})
	}
}

// make makes the answer. What it panics with is an error of the call, as it would be within the call's own goroutine.
func (p *promise) make(ctx context.Context, work work) {
	defer close(p.made)
	defer func() {
		if panicked := recover(); panicked != nil {
			p.err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	p.reply, p.err = work(ctx)
}

// done is the work that was done before.
func done(r reply) work { return func(context.Context) (reply, error) { return r, nil } }

// sendAll sends every answer, in order, until there are no more, and then closes sent. What goes wrong ends ctx.
func (d *duplex[R]) sendAll(ctx context.Context, promises <-chan *promise, sent chan<- struct{}, cancel context.CancelCauseFunc) {
	defer close(sent)
	for p := range promises {
		select {
		case <-p.made:
		case <-ctx.Done():
			return
		}
		if p.err != nil {
			cancel(&broken{p.err})
			return
		}
		if err := d.stream.SendMsg(p.reply.message); err != nil {
			cancel(err)
			return
		}
		if d.sent != nil {
			d.sent(p.reply)
		}
		d.progress.Add(1)
	}
}

// receiveAll receives until the client has sent all. What goes wrong ends ctx.
func (d *duplex[R]) receiveAll(ctx context.Context, requests chan<- R, cancel context.CancelCauseFunc) {
	defer close(requests)
	for {
		request, err := d.receive(d.stream)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			cancel(err)
			return
		}
		d.progress.Add(1)
		select {
		case requests <- request:
		case <-ctx.Done():
			return
		}
	}
}
