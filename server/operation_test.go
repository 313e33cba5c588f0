package server_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestTheHealthIsServedUntilTheStop(t *testing.T) {
	h := start(t)
	health := healthv1.NewHealthClient(h.conn)
	got, err := health.Check(h.context(), &healthv1.HealthCheckRequest{})
	h.must(err)
	if got.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("the health is %v", got)
	}
	watch, err := health.Watch(h.context(), &healthv1.HealthCheckRequest{})
	h.must(err)
	first, err := watch.Recv()
	h.must(err)
	go h.stop()
	// The end of the watch may come before its last word; both say that the server is not there any more.
	second, err := watch.Recv()
	if err != nil {
		stopping.check(t, err)
	} else if first.GetStatus() != healthv1.HealthCheckResponse_SERVING || second.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("the health goes from %v to %v", first, second)
	}
	h.stop()
}

func TestReflectionListsTheServices(t *testing.T) {
	h := start(t)
	stream, err := reflectionv1.NewServerReflectionClient(h.conn).ServerReflectionInfo(h.context())
	h.must(err)
	h.must(stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}))
	got, err := stream.Recv()
	h.must(err)
	h.must(stream.CloseSend())
	var names []string
	for _, s := range got.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	for _, want := range []string{"AssignmentService", "CustomerService", "ModelService", "RunService", "ScoringService"} {
		if !slices.Contains(names, "echelon.v1."+want) {
			t.Errorf("%s is not in %v", want, names)
		}
	}
	if !slices.Contains(names, "grpc.health.v1.Health") {
		t.Errorf("the health is not in %v", names)
	}
}

func TestHeadersHaveALimit(t *testing.T) {
	h := start(t)
	small := metadata.AppendToOutgoingContext(h.context(), "note", strings.Repeat("x", 8<<10))
	_, err := h.models.ListModels(small, &echelonv1.ListModelsRequest{})
	h.must(err)
	large := metadata.AppendToOutgoingContext(h.context(), "note", strings.Repeat("x", 17<<10))
	if _, err := h.models.ListModels(large, &echelonv1.ListModelsRequest{}); err == nil {
		t.Error("17 KiB of headers were taken")
	}
	h.serving()
}

func TestCallsThatEndWellAreCountedAndErrorsAreLogged(t *testing.T) {
	h := start(t)
	h.serving()
	_, err := h.models.GetModel(h.context(), &echelonv1.GetModelRequest{Name: "nobody"})
	if err == nil {
		t.Fatal("there is a model")
	}
	_, err = h.models.GetModel(h.context(), &echelonv1.GetModelRequest{})
	if err == nil {
		t.Fatal("there is a model without a name")
	}
	_, err = h.exchange(bulkAssign)
	if err == nil {
		t.Fatal("a stream without a header went well")
	}
	for method, code := range map[string]codes.Code{"ListModels": codes.OK, "GetModel": codes.NotFound, "BulkAssign": codes.InvalidArgument} {
		if n := h.handled(method, code); n != 1 {
			t.Errorf("%s is counted %v times as %v", method, n, code)
		}
	}
	if n := h.handled("GetModel", codes.InvalidArgument); n != 1 {
		t.Errorf("a call that validation refused is counted %v times", n)
	}
	log := h.log.String()
	if !strings.Contains(log, "grpc.method=GetModel") || !strings.Contains(log, "NotFound") {
		t.Errorf("the log does not tell of the error:\n%s", log)
	}
}

func TestTwoServersDoNotShareARegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := memory.New()
	defer func() { _ = store.Close() }()
	s, err := server.New(context.Background(), store, server.Config{Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if _, err := server.New(context.Background(), store, server.Config{Metrics: registry}); err == nil || !strings.Contains(err.Error(), "metrics") {
		t.Errorf("got %v", err)
	}
}

func TestServingOnAClosedListenerIsAnError(t *testing.T) {
	store := memory.New()
	defer func() { _ = store.Close() }()
	s, err := server.New(context.Background(), store, server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := s.Serve(listener); err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestAServerOverAClosedStoreDoesNotStart(t *testing.T) {
	store := memory.New()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := server.New(context.Background(), store, server.Config{}); err == nil {
		t.Error("it started")
	}
}
