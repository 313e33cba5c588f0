package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// protocol is one of the streams that take a header and then batches.
type protocol struct {
	name string
	desc grpc.StreamDesc
	// header is a good first message, batch a later one, answer an empty response.
	header func() proto.Message
	batch  func(b *echelonv1.CustomerBatch) proto.Message
	answer func() proto.Message
	// empty is a message with nothing in it.
	empty func() proto.Message
}

var (
	bulkAssign = protocol{
		name: "/echelon.v1.ScoringService/BulkAssign", desc: grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		header: func() proto.Message {
			return &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{
				Header: &echelonv1.BulkAssignHeader{Evaluator: storedModel("plain")}}}
		},
		batch: func(b *echelonv1.CustomerBatch) proto.Message {
			return &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{Batch: b}}
		},
		answer: func() proto.Message { return &echelonv1.BulkAssignResponse{} },
		empty:  func() proto.Message { return &echelonv1.BulkAssignRequest{} },
	}
	importCustomers = protocol{
		name: "/echelon.v1.CustomerService/ImportCustomers", desc: grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		header: func() proto.Message {
			return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{}}}
		},
		batch: func(b *echelonv1.CustomerBatch) proto.Message {
			return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: b}}
		},
		answer: func() proto.Message { return &echelonv1.ImportCustomersResponse{} },
		empty:  func() proto.Message { return &echelonv1.ImportCustomersRequest{} },
	}
	calibrate = protocol{
		name: "/echelon.v1.ScoringService/Calibrate", desc: grpc.StreamDesc{ClientStreams: true},
		header: func() proto.Message {
			return &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{
				Header: &echelonv1.CalibrateHeader{Evaluator: storedModel("plain")}}}
		},
		batch: func(b *echelonv1.CustomerBatch) proto.Message {
			return &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Batch{Batch: b}}
		},
		answer: func() proto.Message { return &echelonv1.CalibrateResponse{} },
		empty:  func() proto.Message { return &echelonv1.CalibrateRequest{} },
	}
	protocols = []protocol{bulkAssign, importCustomers, calibrate}
)

// rows is a batch message.
func (p protocol) rows(sequence int64, customers ...*echelonv1.Customer) proto.Message {
	return p.batch(&echelonv1.CustomerBatch{Sequence: sequence, Rows: &echelonv1.CustomerRows{Customers: customers}})
}

// wire is a message as it stands on the wire, right or wrong.
type wire []byte

// wireCodec sends a wire as it is.
type wireCodec struct{}

func (wireCodec) Name() string { return "proto" }

func (wireCodec) Marshal(v any) ([]byte, error) {
	if data, ok := v.(wire); ok {
		return data, nil
	}
	return proto.Marshal(v.(proto.Message))
}

func (wireCodec) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }

// rawStream is an open stream of a protocol.
type rawStream struct {
	protocol
	grpc.ClientStream
}

// open opens a stream. Nothing is sent yet.
func (h *harness) open(ctx context.Context, conn *grpc.ClientConn, p protocol) rawStream {
	h.Helper()
	stream, err := conn.NewStream(ctx, &p.desc, p.name, grpc.ForceCodec(wireCodec{}))
	h.must(err)
	return rawStream{p, stream}
}

// opened opens a stream, sends the header and, where there is one, waits for its answer.
func (h *harness) opened(ctx context.Context, conn *grpc.ClientConn, p protocol) rawStream {
	h.Helper()
	stream := h.open(ctx, conn, p)
	h.must(stream.SendMsg(p.header()))
	if p.desc.ServerStreams {
		_, err := stream.receive()
		h.must(err)
	}
	return stream
}

// receive returns the next answer.
func (s rawStream) receive() (proto.Message, error) {
	answer := s.answer()
	return answer, s.RecvMsg(answer)
}

// exchange sends messages, reading at the same time, and returns the answers and how the stream ended.
func (h *harness) exchange(p protocol, messages ...any) ([]proto.Message, error) {
	h.Helper()
	stream := h.open(h.context(), h.conn, p)
	sent := make(chan error, 1)
	go func() {
		for _, message := range messages {
			if err := stream.SendMsg(message); err != nil {
				sent <- err
				return
			}
		}
		sent <- stream.CloseSend()
	}()
	answers, err := collectStream(stream)
	if sendErr := <-sent; sendErr != nil && !errors.Is(sendErr, io.EOF) {
		h.Fatalf("sending: %v", sendErr)
	}
	return answers, err
}

// collectStream receives until a stream ends; after the one answer of a stream that only the client sends on nothing follows.
func collectStream(s rawStream) ([]proto.Message, error) {
	if s.desc.ServerStreams {
		return collect(s.receive)
	}
	answer, err := s.receive()
	if err != nil {
		return nil, err
	}
	return []proto.Message{answer}, nil
}

// manyCustomers are customers whose ids begin with a prefix.
func manyCustomers(prefix string, n int, a attrs) []*echelonv1.Customer {
	customers := make([]*echelonv1.Customer, n)
	for i := range customers {
		customers[i] = customer(fmt.Sprintf("%s%05d", prefix, i), a)
	}
	return customers
}
