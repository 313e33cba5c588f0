package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// traced serves with traces, over a connection whose calls are traced too, and returns where the spans of the server go.
func traced(t *testing.T) (*harness, *tracetest.SpanRecorder, *sdktrace.TracerProvider) {
	recorder, callers := tracetest.NewSpanRecorder(), sdktrace.NewTracerProvider()
	h := start(t, func(c *server.Config) { c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)) })
	h.conn = h.dial(grpc.WithStatsHandler(otelgrpc.NewClientHandler(
		otelgrpc.WithTracerProvider(callers), otelgrpc.WithPropagators(propagation.TraceContext{}))))
	h.scoring, h.customers = echelonv1.NewScoringServiceClient(h.conn), echelonv1.NewCustomerServiceClient(h.conn)
	h.models, h.runs = echelonv1.NewModelServiceClient(h.conn), echelonv1.NewRunServiceClient(h.conn)
	return h, recorder, callers
}

// errTrouble is what keeps a run from its customers.
var errTrouble = errors.New("customer secret-one is on fire")

// under returns the names of the spans of a trace, each below its parents', as "a/b/c".
func under(recorder *tracetest.SpanRecorder, trace string) []string {
	spans := make(map[string]sdktrace.ReadOnlySpan)
	for _, span := range recorder.Ended() {
		if span.SpanContext().TraceID().String() == trace {
			spans[span.SpanContext().SpanID().String()] = span
		}
	}
	var paths []string
	for _, span := range spans {
		path := span.Name()
		for parent, ok := spans[span.Parent().SpanID().String()]; ok; parent, ok = spans[parent.Parent().SpanID().String()] {
			path = parent.Name() + "/" + path
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// has waits until a trace has a span with this end of its path: gRPC ends the span of a call after the client has the answer.
func (h *harness) has(recorder *tracetest.SpanRecorder, trace string, paths ...string) {
	h.Helper()
	ctx := h.context()
	for _, path := range paths {
		for !slices.ContainsFunc(under(recorder, trace), func(one string) bool { return one == path }) {
			if ctx.Err() != nil {
				h.Fatalf("no span %s in %q", path, under(recorder, trace))
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestCallsStreamsAndRunsAreTracedBelowTheirCallers(t *testing.T) {
	h, recorder, callers := traced(t)
	h.create(ranked)
	caller := func(do func(ctx context.Context)) (trace string) {
		ctx, span := callers.Tracer("test").Start(h.context(), "caller")
		defer span.End()
		do(ctx)
		return span.SpanContext().TraceID().String()
	}
	importing := caller(func(ctx context.Context) {
		stream := h.opened(ctx, h.conn, importCustomers)
		for i, id := range []string{"secret-one", "secret-two"} {
			h.must(stream.SendMsg(importCustomers.rows(int64(i+1), customer(id, attrs{"arr": 10, "note": "confidential"}))))
			_, err := stream.receive()
			h.must(err)
		}
		h.must(stream.CloseSend())
		_, err := collectStream(stream)
		h.must(err)
	})
	h.has(recorder, importing, "echelon.v1.CustomerService/ImportCustomers", "echelon.v1.CustomerService/ImportCustomers/storage.commit")

	scoring := caller(func(ctx context.Context) {
		_, err := h.scoring.ScoreCustomer(ctx, &echelonv1.ScoreCustomerRequest{
			Evaluator: inline(model(t, plain)), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "secret-one"},
		})
		h.must(err)
		_, err = h.customers.GetCustomer(ctx, &echelonv1.GetCustomerRequest{CustomerId: "secret-nobody"})
		if err == nil {
			t.Error("there is no such customer")
		}
	})
	h.has(recorder, scoring, "echelon.v1.ScoringService/ScoreCustomer", "echelon.v1.CustomerService/GetCustomer")

	running := caller(func(ctx context.Context) {
		started, err := h.runs.StartRun(ctx, &echelonv1.StartRunRequest{Model: "ranked"})
		h.must(err)
		h.wait(started.GetRun().GetId())
		_, err = h.runs.PublishRun(ctx, &echelonv1.PublishRunRequest{RunId: started.GetRun().GetId()})
		h.must(err)
	})
	const run = "echelon.v1.RunService/StartRun/run"
	h.has(recorder, running, run, run+"/run.calibrate", run+"/run.evaluate", "echelon.v1.RunService/PublishRun/run.publish/storage.commit")

	for _, span := range recorder.Ended() {
		if strings.Contains(span.Name(), "Import") && !span.Parent().IsRemote() {
			t.Errorf("%s is not below the caller's span", span.Name())
		}
		shown, err := json.Marshal(tracetest.SpanStubFromReadOnlySpan(span))
		h.must(err)
		for _, word := range []string{"secret-", "confidential"} {
			if strings.Contains(string(shown), word) {
				t.Errorf("a span tells of a customer: %s", shown)
			}
		}
	}
}

func TestAFailedRunMarksItsSpan(t *testing.T) {
	store := newTroubled(t)
	recorder := tracetest.NewSpanRecorder()
	h := serve(t, store, func(c *server.Config) { c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)) })
	h.create(plain)
	h.upsert("acme", nil)
	store.make(func() error { return errTrouble })
	if ended := h.run("plain"); ended.GetState() != echelonv1.Run_FAILED {
		t.Fatalf("the run is %v", ended.GetState())
	}
	h.stop()
	found := false
	for _, span := range recorder.Ended() {
		if span.Name() == "run" {
			found = true
			if span.Status().Code != codes.Error || strings.Contains(span.Status().Description, errTrouble.Error()) {
				t.Errorf("the span of the run says %v", span.Status())
			}
		}
	}
	if !found {
		t.Error("the run has no span")
	}
	h.counts(1, "echelon_runs_total", "model=plain", "state=failed")
}

func TestLinesOfTheLogNameTheirRequestAndTrace(t *testing.T) {
	h, _, callers := traced(t)
	for _, test := range []struct {
		name, given string
		kept        bool
	}{
		{"the caller's id", "order-4711", true},
		{"none", "", false},
		{"one that is too long", strings.Repeat("x", 129), false},
		{"one with a blank", "a b", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, span := callers.Tracer("test").Start(h.context(), "caller")
			defer span.End()
			if test.given != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", test.given)
			}
			var header metadata.MD
			_, err := h.customers.GetCustomer(ctx, &echelonv1.GetCustomerRequest{CustomerId: "nobody"}, grpc.Header(&header))
			if err == nil {
				t.Fatal("there is no such customer")
			}
			id := header.Get("x-request-id")
			if len(id) != 1 || id[0] == "" || (id[0] == test.given) != test.kept {
				t.Fatalf("the answer's header has the ids %q", id)
			}
			logged := false
			for line := range strings.Lines(h.log.String()) {
				logged = logged || strings.Contains(line, "request_id="+id[0]) && strings.Contains(line, "trace_id="+span.SpanContext().TraceID().String())
			}
			if !logged {
				t.Errorf("no line has the ids %s and %s:\n%s", id[0], span.SpanContext().TraceID(), h.log)
			}
		})
	}
}
