package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// callMeters are what is counted of calls beside what the interceptor of the middleware counts: bytes, rows and streams, which it does not see, and
// reasons of errors. It implements stats.Handler.
type callMeters struct {
	received, sent *prometheus.CounterVec
	streams        *prometheus.GaugeVec
	batches, rows  *prometheus.CounterVec
	errors         *prometheus.CounterVec
}

func newCallMeters(to prometheus.Registerer) (*callMeters, error) {
	m := &callMeters{
		received: counters("received_bytes_total", "Bytes of messages received, without compression.", "method"),
		sent:     counters("sent_bytes_total", "Bytes of messages sent, without compression.", "method"),
		streams:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "echelon_open_streams", Help: "Streams that are open."}, []string{"method"}),
		batches:  counters("stream_batches_total", "Batches of customers received in streams.", "method"),
		rows:     counters("stream_rows_total", "Rows of those batches, refused ones included.", "method"),
		errors:   counters("errors_total", "Calls that ended with an error, by its reason.", "method", "reason"),
	}
	for _, c := range []prometheus.Collector{m.received, m.sent, m.streams, m.batches, m.rows, m.errors} {
		if err := to.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of streams: %w", err)
		}
	}
	return m, nil
}

type callKey struct{}

// call is one call.
type call struct {
	method string
	stream bool
}

// otherMethod is the label of methods that are not ours: a caller may name any.
const otherMethod = "other"

// TagRPC implements stats.Handler.
func (m *callMeters) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	method := otherMethod
	if _, ours := roleOf[info.FullMethodName]; ours {
		method = strings.TrimPrefix(info.FullMethodName, "/"+domain+".")
	}
	return context.WithValue(ctx, callKey{}, &call{method: method})
}

// HandleRPC implements stats.Handler.
func (m *callMeters) HandleRPC(ctx context.Context, event stats.RPCStats) {
	of, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return
	}
	method := of.method
	switch e := event.(type) {
	case *stats.Begin:
		if of.stream = e.IsClientStream || e.IsServerStream; of.stream {
			m.streams.WithLabelValues(method).Inc()
		}
	case *stats.InPayload:
		m.received.WithLabelValues(method).Add(float64(e.Length))
		if in, ok := e.Payload.(*incoming); ok {
			if request, ok := in.message.(*received); ok && request.hasBatch() {
				m.batches.WithLabelValues(method).Inc()
				m.rows.WithLabelValues(method).Add(float64(request.rows()))
			}
		}
	case *stats.OutPayload:
		m.sent.WithLabelValues(method).Add(float64(e.Length))
	case *stats.End:
		if of.stream {
			m.streams.WithLabelValues(method).Dec()
		}
		if e.Error != nil {
			m.errors.WithLabelValues(method, reasonOf(e.Error)).Inc()
		}
	}
}

// reasonOf returns the reason of an error as it goes over the wire, or its code where gRPC made it.
func reasonOf(err error) string {
	s := status.Convert(err)
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return info.GetReason()
		}
	}
	return strings.ToUpper(s.Code().String())
}

// TagConn implements stats.Handler.
func (m *callMeters) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (m *callMeters) HandleConn(context.Context, stats.ConnStats) {}
