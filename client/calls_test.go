package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// call is a unary call: what the client does, what the service gets, what it answers, and what the client returns.
type call struct {
	name    string
	do      func(context.Context, *client.Client) (proto.Message, error)
	method  string
	request proto.Message
	answer  proto.Message
	want    proto.Message
}

var calls = []call{
	{"ScoreCustomer", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.ScoreCustomer(ctx, scoreRequest)
	}, echelonv1.ScoringService_ScoreCustomer_FullMethodName, scoreRequest, &echelonv1.ScoreCustomerResponse{Assignment: acmeAssigned}, acmeAssigned},
	{"UpsertCustomer", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.UpsertCustomer(ctx, acme)
	}, echelonv1.CustomerService_UpsertCustomer_FullMethodName, &echelonv1.UpsertCustomerRequest{Customer: acme},
		&echelonv1.UpsertCustomerResponse{Customer: acme}, acme},
	{"GetCustomer", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetCustomer(ctx, "acme")
	}, echelonv1.CustomerService_GetCustomer_FullMethodName, &echelonv1.GetCustomerRequest{CustomerId: "acme"},
		&echelonv1.GetCustomerResponse{Customer: acme}, acme},
	{"CreateModel", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.CreateModel(ctx, model)
	}, echelonv1.ModelService_CreateModel_FullMethodName, &echelonv1.CreateModelRequest{Model: model},
		&echelonv1.CreateModelResponse{Version: version}, version},
	{"GetModel", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetModel(ctx, "accounts", 2)
	}, echelonv1.ModelService_GetModel_FullMethodName, &echelonv1.GetModelRequest{Name: "accounts", Version: 2},
		&echelonv1.GetModelResponse{Version: version}, version},
	{"ActivateModel", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.ActivateModel(ctx, "accounts", 2)
	}, echelonv1.ModelService_ActivateModel_FullMethodName, &echelonv1.ActivateModelRequest{Name: "accounts", Version: 2},
		&echelonv1.ActivateModelResponse{Version: version}, version},
	{"StartRun", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.StartRun(ctx, runRequest)
	}, echelonv1.RunService_StartRun_FullMethodName, runRequest, &echelonv1.StartRunResponse{Run: run}, run},
	{"GetRun", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetRun(ctx, "r1")
	}, echelonv1.RunService_GetRun_FullMethodName, &echelonv1.GetRunRequest{RunId: "r1"}, &echelonv1.GetRunResponse{Run: run}, run},
	{"CancelRun", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.CancelRun(ctx, "r1")
	}, echelonv1.RunService_CancelRun_FullMethodName, &echelonv1.CancelRunRequest{RunId: "r1"}, &echelonv1.CancelRunResponse{Run: run}, run},
	{"GetCalibration", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetCalibration(ctx, "r1")
	}, echelonv1.ModelService_GetCalibration_FullMethodName, &echelonv1.GetCalibrationRequest{Id: "r1"},
		&echelonv1.GetCalibrationResponse{Calibration: &echelonv1.Calibration{Id: "r1"}}, &echelonv1.Calibration{Id: "r1"}},
	{"GetSchema", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetSchema(ctx)
	}, echelonv1.CustomerService_GetSchema_FullMethodName, &echelonv1.GetSchemaRequest{},
		&echelonv1.GetSchemaResponse{Schema: &echelonv1.Schema{Version: 3}}, &echelonv1.Schema{Version: 3}},
	{"GetFamily", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetFamily(ctx, "accounts", "acme")
	}, echelonv1.AssignmentService_GetFamily_FullMethodName, &echelonv1.GetFamilyRequest{Model: "accounts", CustomerId: "acme", PageSize: 1000},
		&echelonv1.GetFamilyResponse{Family: &echelonv1.Family{Root: "acme", Members: []string{"acme", "sub"}}},
		&echelonv1.Family{Root: "acme", Members: []string{"acme", "sub"}}},
	{"RenameAttribute", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.RenameAttribute(ctx, "arr", "revenue")
	}, echelonv1.CustomerService_RenameAttribute_FullMethodName, &echelonv1.RenameAttributeRequest{From: "arr", To: "revenue"},
		&echelonv1.RenameAttributeResponse{Schema: &echelonv1.Schema{Version: 4}}, &echelonv1.Schema{Version: 4}},
	{"RetireAttribute", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.RetireAttribute(ctx, "arr")
	}, echelonv1.CustomerService_RetireAttribute_FullMethodName, &echelonv1.RetireAttributeRequest{Name: "arr"},
		&echelonv1.RetireAttributeResponse{Schema: &echelonv1.Schema{Version: 5}}, &echelonv1.Schema{Version: 5}},
	{"PublishRun", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.PublishRun(ctx, "r1")
	}, echelonv1.RunService_PublishRun_FullMethodName, &echelonv1.PublishRunRequest{RunId: "r1"}, &echelonv1.PublishRunResponse{Run: run}, run},
	{"CompareRuns", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.CompareRuns(ctx, &echelonv1.CompareRunsRequest{Tiering: "coverage"})
	}, echelonv1.RunService_CompareRuns_FullMethodName, &echelonv1.CompareRunsRequest{Tiering: "coverage"},
		&echelonv1.CompareRunsResponse{Migration: &echelonv1.Migration{Both: 7}}, &echelonv1.CompareRunsResponse{Migration: &echelonv1.Migration{Both: 7}}},
	{"PreviewRun", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.PreviewRun(ctx, &echelonv1.PreviewRunRequest{Tiering: "coverage"})
	}, echelonv1.RunService_PreviewRun_FullMethodName, &echelonv1.PreviewRunRequest{Tiering: "coverage"},
		&echelonv1.PreviewRunResponse{Run: run, Movers: 7}, &echelonv1.PreviewRunResponse{Run: run, Movers: 7}},
	{"ExplainAssignment", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.ExplainAssignment(ctx, &echelonv1.ExplainAssignmentRequest{Model: "accounts", CustomerId: "acme"})
	}, echelonv1.AssignmentService_ExplainAssignment_FullMethodName, &echelonv1.ExplainAssignmentRequest{Model: "accounts", CustomerId: "acme"},
		&echelonv1.ExplainAssignmentResponse{Assignment: acmeAssigned}, &echelonv1.ExplainAssignmentResponse{Assignment: acmeAssigned}},
	{"RollBack", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.RollBack(ctx, "accounts")
	}, echelonv1.RunService_RollBack_FullMethodName, &echelonv1.RollBackRequest{Model: "accounts"}, &echelonv1.RollBackResponse{Run: run}, run},
	{"GetAssignment", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.GetAssignment(ctx, "accounts", "acme")
	}, echelonv1.AssignmentService_GetAssignment_FullMethodName, &echelonv1.GetAssignmentRequest{Model: "accounts", CustomerId: "acme"},
		&echelonv1.GetAssignmentResponse{Assignment: acmeAssigned}, acmeAssigned},
	{"ValidateModel", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.ValidateModel(ctx, model)
	}, echelonv1.ModelService_ValidateModel_FullMethodName, &echelonv1.ValidateModelRequest{Model: model}, validated, validated},
	{"DeleteCustomer", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return &echelonv1.DeleteCustomerResponse{}, c.DeleteCustomer(ctx, "acme")
	}, echelonv1.CustomerService_DeleteCustomer_FullMethodName, &echelonv1.DeleteCustomerRequest{CustomerId: "acme"},
		&echelonv1.DeleteCustomerResponse{}, &echelonv1.DeleteCustomerResponse{}},
	{"UpsertAndAssign", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.UpsertAndAssign(ctx, acme, "accounts")
	}, echelonv1.CustomerService_UpsertCustomer_FullMethodName,
		&echelonv1.UpsertCustomerRequest{Customer: acme, Assign: true, AssignModels: []string{"accounts"}}, upserted, upserted},
	{"EraseCustomer", func(ctx context.Context, c *client.Client) (proto.Message, error) {
		return c.EraseCustomer(ctx, "acme")
	}, echelonv1.CustomerService_EraseCustomer_FullMethodName, &echelonv1.EraseCustomerRequest{CustomerId: "acme"}, erased, erased},
}

var (
	acme         = customer("acme", "country", "DE")
	acmeAssigned = &echelonv1.Assignment{CustomerId: "acme", Provenance: provenance}
	upserted     = &echelonv1.UpsertCustomerResponse{Customer: acme, Assignments: []*echelonv1.Assignment{acmeAssigned}}
	erased       = &echelonv1.EraseCustomerResponse{Existed: true, Snapshots: 2}
	model        = &echelonv1.Model{Name: "accounts"}
	version      = &echelonv1.ModelVersion{Name: "accounts", Version: 2}
	validated    = &echelonv1.ValidateModelResponse{NeedsCalibration: true, Findings: []*echelonv1.Finding{{Message: "one criterion"}}}
	runRequest   = &echelonv1.StartRunRequest{Model: "accounts", AsOf: timestamppb.New(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))}
	run          = &echelonv1.Run{Id: "r1", Model: "accounts", State: echelonv1.Run_READY}
	scoreRequest = &echelonv1.ScoreCustomerRequest{
		Evaluator: evaluator, Customer: &echelonv1.ScoreCustomerRequest_Given{Given: acme}, Explain: true,
	}
)

func TestACallSendsItsArgumentsAndReturnsItsAnswer(t *testing.T) {
	for _, test := range calls {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{unary: func(method string, request any) (any, error) {
				if diff := cmp.Diff(test.request, request, protocmp.Transform()); diff != "" || method != test.method {
					t.Errorf("%s, request: %s", method, diff)
				}
				return test.answer, nil
			}})
			got, err := test.do(t.Context(), c)
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" || err != nil {
				t.Errorf("error %v, answer: %s", err, diff)
			}
		})
	}
}

func TestACallReturnsTheServicesErrorTyped(t *testing.T) {
	for _, test := range calls {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{unary: func(string, any) (any, error) { return nil, status.Error(codes.NotFound, "there is none") }})
			if _, err := test.do(t.Context(), c); !client.IsNotFound(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestACallWhoseAnswerLacksItsContentIsAnError(t *testing.T) {
	for _, test := range calls {
		if test.answer == test.want || proto.Size(test.answer) == 0 {
			continue // these answers are their own content
		}
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{unary: func(string, any) (any, error) { return test.answer.ProtoReflect().New().Interface(), nil }})
			_, err := test.do(t.Context(), c)
			checkBroken(t, err, "the answer lacks its")
		})
	}
}

func TestACustomerThatCannotBeSentIsAnErrorOfTheCall(t *testing.T) {
	c := start(t, &fake{unary: func(string, any) (any, error) { return nil, errors.New("it was sent") }})
	bad := customer("acme", "country", "\xff")
	for name, do := range map[string]func() (proto.Message, error){
		"UpsertCustomer": func() (proto.Message, error) { return c.UpsertCustomer(t.Context(), bad) },
		"ScoreCustomer": func() (proto.Message, error) {
			return c.ScoreCustomer(t.Context(), &echelonv1.ScoreCustomerRequest{
				Evaluator: evaluator, Customer: &echelonv1.ScoreCustomerRequest_Given{Given: bad},
			})
		},
	} {
		_, err := do()
		checkRefused(t, name, err)
	}
}

func checkRefused(t *testing.T, name string, err error) {
	t.Helper()
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != codes.InvalidArgument {
		t.Errorf("%s: error %v", name, err)
		return
	}
	text := "country: the text is no valid UTF-8: convert the input to UTF-8"
	want := &client.Error{
		Code: codes.InvalidArgument, Reason: echelonv1.ErrorReason_CUSTOMER_INVALID, Message: `customer "acme" is refused: ` + text,
		Metadata: map[string]string{"code": "INVALID_UTF8"}, Violations: []client.Violation{{Field: "attributes.country", Description: text}},
	}
	if diff := cmp.Diff(want, refused, cmp.FilterPath(unexported, cmp.Ignore())); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// unexported tells fields that only the client sees.
func unexported(path cmp.Path) bool { return path.Last().String() == ".cause" }

func TestABatchHasAnOutcomeForEachCustomer(t *testing.T) {
	bad := customer("acme", "country", "\xff")
	c := start(t, &fake{unary: func(_ string, request any) (any, error) {
		sent := request.(*echelonv1.BatchScoreCustomersRequest)
		if len(sent.GetCustomers()) != 2 || !sent.GetExplain() || !proto.Equal(sent.GetEvaluator(), evaluator) {
			return nil, errors.New("something else was sent")
		}
		return &echelonv1.BatchScoreCustomersResponse{Provenance: provenance, Results: []*echelonv1.BatchScoreResult{
			{Outcome: &echelonv1.BatchScoreResult_Error{Error: detailed(codes.InvalidArgument, "refused", "CUSTOMER_INVALID").Proto()}},
			{Outcome: &echelonv1.BatchScoreResult_Assignment{Assignment: &echelonv1.Assignment{CustomerId: "c3"}}},
		}}, nil
	}})
	request := &echelonv1.BatchScoreCustomersRequest{
		Evaluator: evaluator, Explain: true, Customers: []*echelonv1.Customer{bad, customer("c1"), bad, customer("c3")},
	}
	scored, err := c.BatchScoreCustomers(t.Context(), request)
	if err != nil || len(scored) != 4 || len(request.GetCustomers()) != 4 {
		t.Fatalf("%v and error %v", scored, err)
	}
	checkRefused(t, "the first", scored[0].Error)
	checkRefused(t, "the third", scored[2].Error)
	if client.ReasonOf(scored[1].Error) != echelonv1.ErrorReason_CUSTOMER_INVALID || scored[1].Error.Message != "refused" {
		t.Errorf("the second has the error %v", scored[1].Error)
	}
	want := client.Scored{Assignment: &echelonv1.Assignment{CustomerId: "c3", Provenance: provenance}}
	if diff := cmp.Diff(want, scored[3], protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestABatchThatIsNotAnsweredInFullIsAnError(t *testing.T) {
	for _, test := range []struct {
		name    string
		results []*echelonv1.BatchScoreResult
		want    string
	}{
		{"no result", nil, "1 customers have 0 results"},
		{"two results", []*echelonv1.BatchScoreResult{{}, {}}, "1 customers have 2 results"},
		{"an empty result", []*echelonv1.BatchScoreResult{{}}, "neither an assignment nor an error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{unary: func(string, any) (any, error) {
				return &echelonv1.BatchScoreCustomersResponse{Results: test.results}, nil
			}})
			_, err := c.BatchScoreCustomers(t.Context(), &echelonv1.BatchScoreCustomersRequest{Customers: []*echelonv1.Customer{acme}})
			checkBroken(t, err, test.want)
		})
	}
}
