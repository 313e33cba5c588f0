package client_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// fake is a service whose streams do what a test says.
type fake struct {
	echelonv1.UnimplementedScoringServiceServer
	echelonv1.UnimplementedCustomerServiceServer
	echelonv1.UnimplementedModelServiceServer
	echelonv1.UnimplementedRunServiceServer
	echelonv1.UnimplementedAssignmentServiceServer
	echelonv1.UnimplementedAuditServiceServer

	bulkAssign        func(assignServer) error
	calibrate         func(calibrateServer) error
	importCustomers   func(importServer) error
	exportCustomers   func(*echelonv1.ExportCustomersRequest, grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error
	exportAssignments func(*echelonv1.ExportAssignmentsRequest, grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse]) error
	watchAudit        func(*echelonv1.WatchAuditRequest, grpc.ServerStreamingServer[echelonv1.WatchAuditResponse]) error
	// unary answers every unary call.
	unary func(method string, request any) (any, error)
}

type (
	assignServer    = grpc.BidiStreamingServer[echelonv1.BulkAssignRequest, echelonv1.BulkAssignResponse]
	importServer    = grpc.BidiStreamingServer[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse]
	calibrateServer = grpc.ClientStreamingServer[echelonv1.CalibrateRequest, echelonv1.CalibrateResponse]
)

func (f *fake) BulkAssign(s assignServer) error      { return f.bulkAssign(s) }
func (f *fake) Calibrate(s calibrateServer) error    { return f.calibrate(s) }
func (f *fake) ImportCustomers(s importServer) error { return f.importCustomers(s) }
func (f *fake) intercept(_ context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	return f.unary(info.FullMethod, request)
}

func (f *fake) ExportCustomers(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
	return f.exportCustomers(r, s)
}

func (f *fake) WatchAudit(r *echelonv1.WatchAuditRequest, s grpc.ServerStreamingServer[echelonv1.WatchAuditResponse]) error {
	return f.watchAudit(r, s)
}

func (f *fake) ExportAssignments(
	r *echelonv1.ExportAssignmentsRequest, s grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse],
) error {
	return f.exportAssignments(r, s)
}

// serve starts the fake over a connection in memory and returns a client of it and what stops both.
func serve(f *fake, options ...client.Option) (*client.Client, func()) {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(
		grpc.UnaryInterceptor(f.intercept),
		grpc.MaxRecvMsgSize(16<<20),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second}), // the service's policy
	)
	echelonv1.RegisterScoringServiceServer(server, f)
	echelonv1.RegisterCustomerServiceServer(server, f)
	echelonv1.RegisterModelServiceServer(server, f)
	echelonv1.RegisterRunServiceServer(server, f)
	echelonv1.RegisterAssignmentServiceServer(server, f)
	echelonv1.RegisterAuditServiceServer(server, f)
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	dialer := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
	options = append([]client.Option{client.WithInsecure(), client.WithDialOptions(dialer)}, options...)
	c, err := client.Dial("passthrough:///memory", options...)
	if err != nil {
		panic(err)
	}
	return c, func() {
		err := c.Close()
		server.Stop()
		if served := <-served; err != nil || served != nil {
			panic(fmt.Sprint(err, served))
		}
	}
}

// start is serve for a test, at whose end no goroutine may be left.
func start(t *testing.T, f *fake, options ...client.Option) *client.Client {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	c, stop := serve(f, options...)
	t.Cleanup(stop)
	return c
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var provenance = &echelonv1.Provenance{Model: "accounts", ModelVersion: 3, ModelFingerprint: "f"}

func opened() *echelonv1.BulkAssignResponse {
	return &echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Opened{Opened: provenance}}
}

func assigned(b *echelonv1.AssignmentBatch) *echelonv1.BulkAssignResponse {
	return &echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Batch{Batch: b}}
}

// assign answers a batch as a service does: customers whose attribute "refuse" is set are refused, the others are of the tier that their
// attribute "tier" says.
func assign(b *echelonv1.CustomerBatch) *echelonv1.AssignmentBatch {
	answer := &echelonv1.AssignmentBatch{Sequence: b.GetSequence()}
	for i, customer := range b.GetRows().GetCustomers() {
		if refusal := refuse(i, customer); refusal != nil {
			answer.Errors = append(answer.Errors, refusal)
			continue
		}
		tier := customer.GetAttributes().GetFields()["tier"].GetStringValue()
		answer.Assignments = append(answer.Assignments, &echelonv1.Assignment{
			CustomerId: customer.GetId(), Tiers: []*echelonv1.TierOutcome{{Tiering: "coverage", Tier: &tier}},
		})
	}
	return answer
}

func refuse(row int, customer *echelonv1.Customer) *echelonv1.RowError {
	if customer.GetAttributes().GetFields()["refuse"] == nil {
		return nil
	}
	return &echelonv1.RowError{
		Index: int64(row), CustomerId: customer.GetId(), Field: "refuse", Code: echelonv1.RowError_WRONG_TYPE, Message: "refused by the service",
	}
}

// honest answers a BulkAssign stream by the rules, and fails where the client breaks one.
func honest(s assignServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	if first.GetHeader() == nil {
		return fmt.Errorf("the first message is no header: %v", first)
	}
	if err := s.Send(opened()); err != nil {
		return err
	}
	for want := max(first.GetHeader().GetFirstSequence(), 1); ; want++ {
		b, err := nextBatch(s)
		if err != nil || b == nil {
			return err
		}
		if b.GetSequence() != want {
			return fmt.Errorf("batch %d came where %d was due", b.GetSequence(), want)
		}
		if err := s.Send(assigned(assign(b))); err != nil {
			return err
		}
	}
}

// nextBatch returns the next batch, or nil at the stream's end.
func nextBatch(s assignServer) (*echelonv1.CustomerBatch, error) {
	request, err := s.Recv()
	if err == io.EOF {
		return nil, nil
	}
	if err == nil && len(request.GetBatch().GetRows().GetCustomers()) == 0 {
		err = fmt.Errorf("a batch without rows came")
	}
	return request.GetBatch(), err
}

// customer returns a customer; attributes are pairs of a name and a value.
func customer(id string, attributes ...any) *echelonv1.Customer {
	fields := map[string]*structpb.Value{}
	for i := 0; i < len(attributes); i += 2 {
		switch value := attributes[i+1].(type) {
		case string:
			fields[attributes[i].(string)] = structpb.NewStringValue(value) // NewValue refuses what is no UTF-8
		case bool:
			fields[attributes[i].(string)] = structpb.NewBoolValue(value)
		}
	}
	return &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: fields}}
}

// numbered returns n customers, c0, c1 and so on, of tier "A".
func numbered(n int) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for i := range n {
			if !yield(customer(fmt.Sprint("c", i), "tier", "A"), nil) {
				return
			}
		}
	}
}

// all is a sequence of these customers.
func all(customers ...*echelonv1.Customer) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for c := range slices.Values(customers) {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// collect returns everything that a sequence yields before its error, and the error. After an error nothing may come.
func collect[T any](t *testing.T, items iter.Seq2[T, error]) ([]T, error) {
	t.Helper()
	var collected []T
	var failure error
	for item, err := range items {
		if failure != nil {
			t.Fatalf("%v was yielded after the error %v", item, failure)
		}
		if failure = err; err == nil {
			collected = append(collected, item)
		}
	}
	return collected, failure
}
