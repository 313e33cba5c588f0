package checks

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage"
)

// modelName and tiering are the names that calls give.
const (
	modelName = "checked"
	tiering   = "coverage"
)

// modelText is a version of the model.
func modelText(version int64) string {
	return fmt.Sprintf(`
name: %s
attributes: [{name: arr, type: NUMBER}]
scores:
  - {name: value, criteria: [{name: revenue, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
tierings:
  - name: %s
    linear: {score: value, tiers: [{name: high, cut: {min_score: %d}}, {name: mid, cut: {min_score: 30}}, {name: low}]}
`, modelName, tiering, cuts[version-1])
}

// service is a server in this process, and how to reach it.
type service struct {
	listener *bufconn.Listener
	end      func()
}

// serve starts a server of a store, which it closes at the end.
func serve(t testing.TB, store storage.Store) *service {
	t.Helper()
	s, err := server.New(t.Context(), store, server.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	return &service{listener, func() {
		s.Stop()
		if err := <-served; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := store.Close(); err != nil {
			t.Errorf("the store was closed with %v", err)
		}
	}}
}

// dial returns a connection of its own; calls pass through the interceptors.
func (s *service) dial(t testing.TB, through ...grpc.UnaryClientInterceptor) *caller {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithChainUnaryInterceptor(through...),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	return &caller{conn, echelonv1.NewModelServiceClient(conn), echelonv1.NewRunServiceClient(conn), echelonv1.NewAssignmentServiceClient(conn)}
}

// fill stores what a history begins with.
func (c *caller) fill(ctx context.Context, t testing.TB) {
	t.Helper()
	for version := int64(1); version <= versions; version++ {
		text := modelText(version)
		model, _, found := modelfile.Parse("model.yaml", []byte(text))
		if found.HasMistakes() {
			t.Fatal(found)
		}
		if _, err := c.models.CreateModel(ctx, &echelonv1.CreateModelRequest{Model: model}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.models.ActivateModel(ctx, &echelonv1.ActivateModelRequest{Name: modelName, Version: 1}); err != nil {
		t.Fatal(err)
	}
	for i, amount := range amounts {
		fields := map[string]*structpb.Value{"arr": structpb.NewNumberValue(float64(amount))}
		request := &echelonv1.UpsertCustomerRequest{Customer: &echelonv1.Customer{Id: customerID(i), Attributes: &structpb.Struct{Fields: fields}}}
		if _, err := echelonv1.NewCustomerServiceClient(c.conn).UpsertCustomer(ctx, request); err != nil {
			t.Fatal(err)
		}
	}
}

func customerID(i int) string { return fmt.Sprint("c", i) }
