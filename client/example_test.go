package client_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// listen starts a small service that stands for a real one, such as `echelon serve`, and returns its address and what stops it. It puts customers
// onto the tier that their attribute "tier" says.
func listen() (address string, stop func()) {
	var stored []string
	service := &fake{bulkAssign: honest, calibrate: calibrating(learn), importCustomers: importing(&stored, imported)}
	service.unary = func(_ string, request any) (any, error) {
		if _, ok := request.(*echelonv1.ScoreCustomerRequest); !ok {
			return nil, detailed(codes.NotFound, `there is no model "acounts"`, "MODEL_NOT_FOUND").Err()
		}
		given := request.(*echelonv1.ScoreCustomerRequest).GetGiven()
		answer := assign(&echelonv1.CustomerBatch{Rows: &echelonv1.CustomerRows{Customers: []*echelonv1.Customer{given}}})
		return &echelonv1.ScoreCustomerResponse{Assignment: answer.GetAssignments()[0]}, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(service.intercept))
	echelonv1.RegisterScoringServiceServer(server, service)
	echelonv1.RegisterCustomerServiceServer(server, service)
	echelonv1.RegisterModelServiceServer(server, service)
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	return listener.Addr().String(), func() {
		server.Stop()
		if err := <-served; err != nil {
			panic(err)
		}
	}
}

func Example() {
	address, stop := listen()
	defer stop()
	c, err := client.Dial(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	attributes, err := structpb.NewStruct(map[string]any{"tier": "Gold", "revenue_12m": 125_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	assignment, err := c.ScoreCustomer(context.Background(), &echelonv1.ScoreCustomerRequest{
		Evaluator: client.StoredModel("accounts", 0),
		Customer:  &echelonv1.ScoreCustomerRequest_Given{Given: &echelonv1.Customer{Id: "acme", Attributes: attributes}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assignment.GetCustomerId(), assignment.GetTiers()[0].GetTier())
	// Output: acme Gold
}

func ExampleClient_BulkAssign() {
	address, stop := listen()
	defer stop()
	c, err := client.Dial(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	// Any sequence will do: of a file, of a query, of another stream.
	customers := func(yield func(*echelonv1.Customer, error) bool) {
		_ = yield(customer("acme", "tier", "Gold"), nil) &&
			yield(customer("globex", "refuse", true), nil) &&
			yield(customer("initech", "tier", "Silver"), nil)
	}
	header := &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("accounts", 0)}
	for outcome, err := range c.BulkAssign(context.Background(), header, customers) {
		switch {
		case err != nil:
			fmt.Println(err)
			return
		case outcome.Error != nil:
			fmt.Printf("row %d, %s: %s\n", outcome.Index, outcome.Error.GetCustomerId(), outcome.Error.GetMessage())
		default:
			fmt.Printf("row %d, %s: %s\n", outcome.Index, outcome.Assignment.GetCustomerId(), outcome.Assignment.GetTiers()[0].GetTier())
		}
	}
	// Output:
	// row 0, acme: Gold
	// row 1, globex: refused by the service
	// row 2, initech: Silver
}

func ExampleClient_Calibrate() {
	address, stop := listen()
	defer stop()
	c, err := client.Dial(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	model := &echelonv1.Model{Name: "accounts"} // or one that was read from a file
	population := all(customer("acme", "tier", "Gold"), customer("globex", "refuse", true), customer("initech", "tier", "Silver"))
	calibration, refused, err := c.Calibrate(context.Background(), client.InlineModel(model, nil), population)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("learned from %d customers\n", calibration.GetCustomers())
	for _, row := range refused {
		fmt.Printf("row %d, %s: %s\n", row.GetIndex(), row.GetCustomerId(), row.GetMessage())
	}
	// With it, any customer gets what it would have got among all of these.
	_ = &echelonv1.BulkAssignHeader{Evaluator: client.InlineModel(model, calibration)}
	// Output:
	// learned from 2 customers
	// row 1, globex: refused by the service
}

func ExampleClient_ImportCustomers() {
	address, stop := listen()
	defer stop()
	c, err := client.Dial(address, client.WithBatchRows(2))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	customers := all(customer("acme"), customer("globex", "refuse", true), customer("initech"))
	header := &echelonv1.ImportHeader{JobId: "2026-01-31 nightly"}
	for progress, err := range c.ImportCustomers(context.Background(), header, customers) {
		if err != nil {
			fmt.Println(err) // what was acknowledged is stored; the same call goes on after it, in another program too
			return
		}
		fmt.Printf("%d rows settled, %d customers stored\n", progress.Acknowledged, progress.Stored)
	}
	// Output:
	// 2 rows settled, 1 customers stored
	// 3 rows settled, 2 customers stored
}

func ExampleReasonOf() {
	address, stop := listen()
	defer stop()
	c, err := client.Dial(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	_, err = c.GetModel(context.Background(), "acounts", 0)
	if client.ReasonOf(err) == echelonv1.ErrorReason_MODEL_NOT_FOUND {
		fmt.Println("create the model first")
	}
	// Output: create the model first
}
