package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// connectionAge is how old connections become. At its age, which gRPC varies by a tenth either way, a connection takes no new calls, and those under
// way go on for the grace. Streams that can be resumed do not wait for its end: they leave once the connection surely takes no new calls, so that
// opening them again finds another one.
type connectionAge struct {
	// most is the age; none where it is not above 0.
	most, grace time.Duration
}

var _ stats.Handler = connectionAge{}

// leaveAfter is how long after its last moment a stream leaves: the client must have been told that the connection takes no more calls.
const leaveAfter = time.Second

type connectedKey struct{}

// TagConn implements stats.Handler: it notes when the connection began.
func (connectionAge) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectedKey{}, time.Now())
}

// HandleConn implements stats.Handler.
func (connectionAge) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler.
func (connectionAge) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (connectionAge) HandleRPC(context.Context, stats.RPCStats) {}

// lives is how long a connection's streams may stay on it: beyond what gRPC may make of the age, and before the earliest end of the grace.
func (a connectionAge) lives() time.Duration {
	tenth := a.most / 10
	return a.most + tenth + min(leaveAfter, (a.grace-2*tenth)/4)
}

// reached returns what tells the stream of a context to leave its connection, and what frees it.
func (a connectionAge) reached(ctx context.Context) (leave <-chan time.Time, free func()) {
	connected, known := ctx.Value(connectedKey{}).(time.Time)
	if a.most <= 0 || !known {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(connected.Add(a.lives())))
	return timer.C, func() { timer.Stop() }
}

// tellFor is how long before the grace may end a stream of the server's is told to go on elsewhere.
const tellFor = 10 * time.Second

// stream ends a stream that only the server sends on, such as an export, at a message shortly before the grace would cut it: its cursor goes on
// elsewhere.
func (a connectionAge) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	connected, known := stream.Context().Value(connectedKey{}).(time.Time)
	if a.most <= 0 || !known || info.IsClientStream {
		return handler(server, stream)
	}
	until := connected.Add(a.most - a.most/10 + a.grace - min(tellFor, a.grace/10))
	return handler(server, &agingStream{ServerStream: stream, until: until})
}

// agingStream is a stream that goes on until its connection is about to be cut.
type agingStream struct {
	grpc.ServerStream
	until time.Time
}

// SendMsg sends a message, unless the connection is about to be cut. RESUME_ELSEWHERE.
func (s *agingStream) SendMsg(message any) error {
	if !time.Now().Before(s.until) {
		return errAged()
	}
	return s.ServerStream.SendMsg(message)
}

// endings are what ends a bulk stream politely, between two messages.
type endings struct {
	stopping <-chan struct{}
	aged     <-chan time.Time
}

func errAged() error {
	return fault.New(echelonv1.ErrorReason_RESUME_ELSEWHERE,
		"the connection has reached its age: open the stream again, which takes a new connection, after the last batch that was answered")
}
