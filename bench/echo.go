package main

import (
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/grpc"
)

// echoMethod is a stream that answers each message after the first with as many bytes as that asked for.
const echoMethod = "/bench.Echo/Stream"

// echoHeader asks for answers of these sizes.
func echoHeader(sizes []int) message {
	var data []byte
	for _, n := range sizes {
		data = binary.LittleEndian.AppendUint32(data, uint32(n))
	}
	return message{data}
}

// serveEcho is the raw stream that bulk calls are measured against: grpc alone, with messages that are bytes, and no work.
func serveEcho() error {
	server := grpc.NewServer(grpc.ForceServerCodecV2(bytesCodec{}), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return echo(stream) }))
	return listenAndServe(server.Serve, server.GracefulStop)
}

func echo(stream grpc.ServerStream) error {
	header := answer{keep: true}
	if err := stream.RecvMsg(&header); err != nil {
		return err
	}
	if err := stream.SendMsg(message{}); err != nil {
		return err
	}
	zeros := make([]byte, maxMessage)
	for at := 0; ; at += 4 {
		if err := stream.RecvMsg(&ignored{}); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(message{zeros[:binary.LittleEndian.Uint32(header.data[at:])]}); err != nil {
			return err
		}
	}
}
