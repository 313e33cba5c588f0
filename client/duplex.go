package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// duplex is a stream of both directions with a goroutine for each, so that neither waits for the other: a client that sends while nobody receives
// comes to a halt with a server that answers, once the buffers between them are full. Its methods are for one goroutine.
type duplex[Req, Res any] struct {
	stream   grpc.BidiStreamingClient[Req, Res]
	ctx      context.Context
	cancel   context.CancelFunc
	stall    time.Duration
	requests chan *Req
	answers  chan *Res // closed when the stream has ended
	workers  sync.WaitGroup

	sendErr, recvErr error // written by the workers, read after they ended
}

// openDuplex opens a stream on which at most that many requests may be unanswered. A connection that is made and says nothing is a stall too.
func openDuplex[Req, Res any](ctx context.Context, open opener[Req, Res], unanswered int, stall time.Duration) (*duplex[Req, Res], error) {
	ctx, cancel := context.WithCancel(ctx)
	patience := time.AfterFunc(stall, cancel)
	stream, err := open(ctx)
	if !patience.Stop() {
		cancel()
		return nil, stalled(stall)
	}
	if err != nil {
		cancel()
		return nil, typed(err)
	}
	d := &duplex[Req, Res]{
		stream: stream, ctx: ctx, cancel: cancel, stall: stall,
		requests: make(chan *Req, unanswered), answers: make(chan *Res, unanswered),
	}
	d.workers.Go(d.sendAll)
	d.workers.Go(d.receiveAll)
	return d, nil
}

func (d *duplex[Req, Res]) sendAll() {
	for {
		select {
		case <-d.ctx.Done():
			return
		case request, more := <-d.requests:
			if !more {
				d.sendErr = d.stream.CloseSend()
				return
			}
			if err := d.stream.Send(request); err != nil {
				// After EOF the receiver gets the stream's own error; any other is of the request, such as one that cannot be encoded.
				if !errors.Is(err, io.EOF) {
					d.sendErr = err
				}
				return
			}
		}
	}
}

func (d *duplex[Req, Res]) receiveAll() {
	defer close(d.answers)
	for {
		answer, err := d.stream.Recv()
		if err != nil {
			d.recvErr = err
			return
		}
		select {
		case <-d.ctx.Done():
			d.recvErr = d.ctx.Err()
			return
		case d.answers <- answer:
		}
	}
}

// send hands a request to the sender. It does not wait, as long as no more requests are unanswered than openDuplex was told.
func (d *duplex[Req, Res]) send(request *Req) { d.requests <- request }

// closeSend says that no request follows.
func (d *duplex[Req, Res]) closeSend() { close(d.requests) }

// receive waits for the next answer. io.EOF is the stream's good end.
func (d *duplex[Req, Res]) receive() (*Res, error) {
	patience := time.NewTimer(d.stall)
	defer patience.Stop()
	select {
	case answer, more := <-d.answers:
		return d.received(answer, more)
	case <-patience.C:
		return nil, stalled(d.stall)
	}
}

// poll returns the next answer, or nil where there is none yet.
func (d *duplex[Req, Res]) poll() (*Res, error) {
	select {
	case answer, more := <-d.answers:
		return d.received(answer, more)
	default:
		return nil, nil
	}
}

func (d *duplex[Req, Res]) received(answer *Res, more bool) (*Res, error) {
	if more {
		return answer, nil
	}
	d.close()
	switch {
	case d.sendErr != nil:
		return nil, typed(d.sendErr)
	case errors.Is(d.recvErr, io.EOF):
		return nil, io.EOF
	}
	return nil, typed(d.recvErr)
}

// close ends the stream, if it has not ended, and its goroutines.
func (d *duplex[Req, Res]) close() {
	d.cancel()
	d.workers.Wait()
}
