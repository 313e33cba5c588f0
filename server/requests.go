package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// requestIDHeader is what a caller calls its request, and what it is told that the server does: it stands in every line of the log about it.
const requestIDHeader = "x-request-id"

// maxRequestID is how long a request's id may be, in bytes; another one is made instead of a longer one.
const maxRequestID = 128

type requestIDKey struct{}

// withRequestID returns the context of a call with its id, which the caller gave or which is new.
func withRequestID(ctx context.Context) (context.Context, string) {
	id := ""
	if given := metadata.ValueFromIncomingContext(ctx, requestIDHeader); len(given) == 1 && printable(given[0]) {
		id = given[0]
	} else {
		id = rand.Text()
	}
	return context.WithValue(ctx, requestIDKey{}, id), id
}

// printable reports whether an id can stand in a log and in a header.
func printable(id string) bool {
	return id != "" && len(id) <= maxRequestID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// identifyUnary gives a call an id, which the answer's header tells.
func identifyUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, id := withRequestID(ctx)
	// It fails where the caller is gone, who needs no header then.
	_ = grpc.SetHeader(ctx, metadata.Pairs(requestIDHeader, id))
	return handler(ctx, request)
}

// identifyStream gives a stream an id, which the header tells.
func identifyStream(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, id := withRequestID(stream.Context())
	_ = stream.SetHeader(metadata.Pairs(requestIDHeader, id))
	return handler(server, &identifiedStream{stream, ctx})
}

// identifiedStream is a stream with an id.
type identifiedStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the call's context, with its id.
func (s *identifiedStream) Context() context.Context { return s.ctx }

// requestLog adds to each line of a log the id of the request and of the trace that it is about.
type requestLog struct{ slog.Handler }

// Handle implements slog.Handler.
func (h requestLog) Handle(ctx context.Context, record slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		record.AddAttrs(slog.String("request_id", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h requestLog) WithGroup(name string) slog.Handler { return requestLog{h.Handler.WithGroup(name)} }

// tracing makes spans of calls, below those of the callers where they send a trace (W3C). Health is left out: it is asked every few seconds.
func tracing(provider trace.TracerProvider) grpc.ServerOption {
	if provider == nil {
		return grpc.EmptyServerOption{}
	}
	return grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(provider),
		otelgrpc.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
	))
}
