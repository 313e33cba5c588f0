package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/server"
)

// otlp is a collector of traces.
type otlp struct {
	collector.UnimplementedTraceServiceServer
	mu    sync.Mutex
	names []string
	spans []*tracev1.Span
}

// Export implements the collector's service.
func (o *otlp) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				o.names = append(o.names, attribute.GetValue().GetStringValue())
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			o.spans = append(o.spans, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// collect starts a collector, and returns its URL.
func collect(t *testing.T) (*otlp, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o, s := &otlp{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(s, o)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return o, "http://" + listener.Addr().String()
}

// callUnder starts a server whose traces go where the options say, calls it below a span, stops it, and returns the trace.
func callUnder(t *testing.T, traces traceOptions) (trace string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	provider, flush, err := traces.provider(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	o := &serveOptions{memory: true, listen: "127.0.0.1:0", server: server.DefaultConfig()}
	o.server.Log, o.server.Traces = log, provider
	running, err := start(t.Context(), o, log)
	if err != nil {
		t.Fatal(err)
	}
	callers := sdktrace.NewTracerProvider()
	c, err := client.Dial(running.address, client.WithDialOptions(grpc.WithStatsHandler(otelgrpc.NewClientHandler(
		otelgrpc.WithTracerProvider(callers), otelgrpc.WithPropagators(propagation.TraceContext{})))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := callers.Tracer("test").Start(t.Context(), "caller")
	for _, err := range c.Models(ctx) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	running.stop()
	flush()
	return span.SpanContext().TraceID().String()
}

func TestTracesReachACollectorBeforeTheServerEnds(t *testing.T) {
	for _, test := range []struct {
		name     string
		variable bool
	}{{"named by the flag", false}, {"named by the standard variable", true}} {
		t.Run(test.name, func(t *testing.T) {
			o, url := collect(t)
			traces := traceOptions{endpoint: url, ratio: 1, flush: time.Minute}
			service := "echelon"
			if test.variable {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
				t.Setenv("OTEL_SERVICE_NAME", "crm-tiers")
				traces.endpoint, service = "", "crm-tiers"
			}
			trace := callUnder(t, traces)
			o.mu.Lock()
			defer o.mu.Unlock()
			at := slices.IndexFunc(o.spans, func(s *tracev1.Span) bool { return s.GetName() == "echelon.v1.ModelService/ListModels" })
			if at < 0 {
				t.Fatalf("the call is not among %d spans", len(o.spans))
			}
			if got := hex.EncodeToString(o.spans[at].GetTraceId()); got != trace || len(o.spans[at].GetParentSpanId()) == 0 {
				t.Errorf("the span is of the trace %s, not below the caller's %s", got, trace)
			}
			if !slices.Contains(o.names, service) {
				t.Errorf("the service is called %q, want %s", o.names, service)
			}
		})
	}
}

func TestNoTracesAreMadeWhereNobodyAskedForThem(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"nothing is said":         {},
		"OpenTelemetry is off":    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"only metrics are wanted": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range variables {
				t.Setenv(variable, value)
			}
			provider, flush, err := (&traceOptions{ratio: 1}).provider(t.Context(), slog.New(slog.DiscardHandler))
			if provider != nil || err != nil {
				t.Errorf("%v, %v", provider, err)
			}
			flush()
		})
	}
}

// A collector that takes connections and never answers must not keep the server from ending.
func TestACollectorThatHangsIsNotWaitedForForEver(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	callUnder(t, traceOptions{endpoint: "http://" + listener.Addr().String(), ratio: 1, flush: 100 * time.Millisecond})
}

func TestACallersDecisionToTraceStands(t *testing.T) {
	o, url := collect(t)
	callUnder(t, traceOptions{endpoint: url, ratio: 0, flush: time.Minute})
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.spans) == 0 {
		t.Error("the caller keeps its trace, and the server's part of it is missing")
	}
}

func TestTraceOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, arguments := range [][]string{
		{"--otlp-endpoint", "127.0.0.1:4317"}, {"--otlp-endpoint", "ftp://127.0.0.1"}, {"--trace-sample-ratio", "1.5"}, {"--trace-sample-ratio", "NaN"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"config", "check", "--memory"}, arguments...), &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stdout.String(), arguments[0]) {
			t.Errorf("%q: code %d, %s%s", arguments, code, &stdout, &stderr)
		}
	}
}
