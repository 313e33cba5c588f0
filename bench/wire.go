package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// message is a message in bytes, which may lie in several places.
type message [][]byte

// joined is the message in one place.
func (m message) joined() []byte {
	var all []byte
	for _, part := range m {
		all = append(all, part...)
	}
	return all
}

// answer is a message that was received: its size and check sum, and its bytes where they are to be kept.
type answer struct {
	keep bool
	data []byte
	size int
	sum  uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// bytesCodec sends and receives messages as the bytes that they are, so that what is measured is not the client's protobuf.
type bytesCodec struct{}

// Name is that of protobuf, which the other side takes it for.
func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	var out mem.BufferSlice
	for _, part := range v.(message) {
		out = append(out, mem.SliceBuffer(part))
	}
	return out, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	a, wanted := v.(*answer)
	if !wanted {
		return nil
	}
	a.size, a.sum, a.data = data.Len(), 0, nil
	for _, part := range data {
		a.sum = crc32.Update(a.sum, castagnoli, part.ReadOnlyData())
	}
	if a.keep {
		a.data = data.Materialize()
	}
	return nil
}

// ignored takes a message that nobody looks at.
type ignored struct{}

// batchOf is a message of a bulk stream that carries a batch: its number is written anew, and the rest is the bytes of a CustomerBatch without one.
func batchOf(sequence int, rest []byte) message {
	const batch, number = 2, 1 // fields of the requests of bulk streams, and of CustomerBatch
	numbered := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), uint64(sequence))
	head := protowire.AppendVarint(protowire.AppendTag(nil, batch, protowire.BytesType), uint64(len(numbered)+len(rest)))
	return message{append(head, numbered...), rest}
}

// window is how many batches of a stream may await their answer.
const window = 8

// exchange is a stream of batches, each of which is answered.
type exchange struct {
	conn   *grpc.ClientConn
	method string
	// header is the first message, whose answer is no batch's.
	header message
	// count is how many batches follow, and batch returns each, from 0.
	count int
	batch func(i int) message
	// keep tells that answers are wanted, and answered takes each of them; nil where nobody looks.
	keep     bool
	answered func(i int, a *answer) error
}

// run sends and receives everything, at the same time, and returns the check sum of all answers but that of the header.
func (e *exchange) run() (sum uint32, err error) {
	ctx, cancel := within()
	defer cancel()
	stream, err := e.conn.NewStream(ctx, &grpc.StreamDesc{StreamName: "Bulk", ServerStreams: true, ClientStreams: true}, e.method, grpc.ForceCodecV2(bytesCodec{}))
	if err != nil {
		return 0, err
	}
	room, sent := make(chan struct{}, window), make(chan error, 1)
	go func() { sent <- e.send(ctx, stream, room) }()
	sum, err = e.receive(stream, room)
	cancel()
	if failed := <-sent; err == nil && failed != nil && !errors.Is(failed, io.EOF) && !errors.Is(failed, context.Canceled) {
		err = failed
	}
	return sum, err
}

func (e *exchange) send(ctx context.Context, stream grpc.ClientStream, room chan<- struct{}) error {
	if err := stream.SendMsg(e.header); err != nil {
		return err
	}
	for i := range e.count {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := stream.SendMsg(e.batch(i)); err != nil {
			return err
		}
	}
	return stream.CloseSend()
}

func (e *exchange) receive(stream grpc.ClientStream, room <-chan struct{}) (sum uint32, err error) {
	a := &answer{}
	if err := stream.RecvMsg(a); err != nil {
		return 0, fmt.Errorf("the header: %w", err)
	}
	a.keep = e.keep
	for i := range e.count {
		if err := stream.RecvMsg(a); err != nil {
			return 0, fmt.Errorf("batch %d: %w", i+1, err)
		}
		<-room
		sum = sum*31 + a.sum
		if e.answered != nil {
			if err := e.answered(i, a); err != nil {
				return 0, fmt.Errorf("batch %d: %w", i+1, err)
			}
		}
	}
	if err := stream.RecvMsg(a); !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("after the last batch: %w", err)
	}
	return sum, nil
}

// marshal is a message's bytes.
func marshal(m proto.Message) (message, error) {
	data, err := proto.Marshal(m)
	return message{data}, err
}
