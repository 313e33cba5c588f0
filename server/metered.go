package server

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// metered bounds a stream: its slot, the bytes of its messages and the rows that it carries. TOO_MANY_STREAMS, OVERLOADED, RATE_LIMITED.
func (l *load) metered(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return handler(service, stream)
	}
	principal := nameOf(stream.Context())
	leave, err := l.stream(info.FullMethod, principal)
	if err != nil {
		return err
	}
	defer leave()
	m := &meteredStream{
		ServerStream: stream, load: l, principal: principal, id: strconv.FormatInt(l.streams.Add(1), 10),
		sendsAlone: !info.IsClientStream, receivesAlone: !info.IsServerStream,
	}
	defer m.close()
	return handler(service, m)
}

// meteredStream is a stream whose messages are counted. One message of its client is answered by one of the server's: what came in is given back
// when its answer was sent. Where only the client sends, it is when the next message is asked for; where only the server sends, what goes out is
// counted instead.
type meteredStream struct {
	grpc.ServerStream
	load          *load
	principal, id string
	sendsAlone    bool // only the server sends
	receivesAlone bool // only the client sends

	mu     sync.Mutex
	closed bool
	// held gives back the bytes of what came in and was not answered, the oldest first.
	held []func()
}

// RecvMsg takes a message once there are bytes for it, and waits as long as its rows must wait, so that whoever is too fast is slowed.
func (s *meteredStream) RecvMsg(message any) error {
	if s.receivesAlone {
		s.giveBack()
	}
	in := &incoming{message: message, admit: s.hold, decoding: func() (func(), error) { return s.load.evaluation(s.Context()) }}
	if err := s.ServerStream.RecvMsg(in); err != nil {
		return err
	}
	if in.refused != nil {
		return in.refused
	}
	if rows := rowsOf(message); rows > 0 {
		return s.load.streamRows(s.Context(), rows, s.principal)
	}
	return nil
}

// hold takes bytes until they are given back.
func (s *meteredStream) hold(size int) error {
	giveBack, err := s.load.streamBytes(s.Context(), size, s.id, s.principal)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		giveBack()
		return context.Canceled
	}
	s.held = append(s.held, giveBack)
	return nil
}

// giveBack gives back the bytes of the oldest message, if there is one.
func (s *meteredStream) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) > 0 {
		s.held[0]()
		s.held = s.held[1:]
	}
}

func (s *meteredStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, giveBack := range s.held {
		giveBack()
	}
	s.held = nil
}

// SendMsg sends a message, and gives back what it answers.
func (s *meteredStream) SendMsg(message any) error {
	if s.sendsAlone {
		return s.sendCounted(message)
	}
	if err := s.send(message); err != nil {
		return err
	}
	s.giveBack()
	return nil
}

// sendCounted sends a message once there are bytes for it, and its rows need not wait any more.
func (s *meteredStream) sendCounted(message any) error {
	size := 0
	if m, ok := message.(proto.Message); ok {
		size = proto.Size(m)
	}
	giveBack, err := s.load.streamBytes(s.Context(), size, s.id, s.principal)
	if err != nil {
		return err
	}
	defer giveBack()
	if rows := rowsOf(message); rows > 0 {
		if err := s.load.streamRows(s.Context(), rows, s.principal); err != nil {
			return err
		}
	}
	return s.send(message)
}

// looksOnSlowReaders is how often, in each slow reader timeout, somebody looks whether others wait for what a reader holds.
const looksOnSlowReaders = 4

// send sends a message, or gives up after a while where the reader does not take it and others wait for the bytes that it holds. The call is over
// then, which ends the sending.
func (s *meteredStream) send(message any) error {
	sent := make(chan error, 1)
	go func() { sent <- s.ServerStream.SendMsg(message) }()
	limit := s.load.limits.SlowReaderTimeout
	begun := time.Now()
	ticker := time.NewTicker(max(time.Millisecond, limit/looksOnSlowReaders))
	defer ticker.Stop()
	for {
		select {
		case err := <-sent:
			return err
		case <-ticker.C:
		}
		if time.Since(begun) >= limit && s.load.wanted() {
			return s.load.refuse(limitBytes, fault.New(echelonv1.ErrorReason_STREAM_STALLED,
				"the answers were not read for %s, while others wait for the memory that they take: read while you send, and open the stream again after the last batch that was answered",
				limit))
		}
	}
}
