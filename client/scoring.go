package client

import (
	"context"

	"google.golang.org/grpc/status"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Scored is the outcome of one customer of a batch: one of the two.
type Scored struct {
	// Assignment is the customer's assignment.
	Assignment *echelonv1.Assignment
	// Error says why there is none.
	Error *Error
}

// ScoreCustomer evaluates one customer, given or stored. One that cannot be read is CUSTOMER_INVALID.
func (c *Client) ScoreCustomer(ctx context.Context, request *echelonv1.ScoreCustomerRequest) (*echelonv1.Assignment, error) {
	if refusal := checkText(request.GetGiven()); refusal != nil {
		return nil, invalid(refusal)
	}
	res, err := c.scoring.ScoreCustomer(ctx, request)
	return answered(res.GetAssignment(), err)
}

// BatchScoreCustomers evaluates up to 1,000 customers in one message and returns an outcome for each, in their order. For more, and for customers
// that together are larger than a message, there is BulkAssign.
func (c *Client) BatchScoreCustomers(ctx context.Context, request *echelonv1.BatchScoreCustomersRequest) ([]Scored, error) {
	scored := make([]Scored, len(request.GetCustomers()))
	sent := &echelonv1.BatchScoreCustomersRequest{Evaluator: request.GetEvaluator(), Explain: request.GetExplain()}
	var places []int // of the customers that are sent
	for i, customer := range request.GetCustomers() {
		if refusal := checkText(customer); refusal != nil {
			scored[i].Error = invalid(refusal)
			continue
		}
		sent.Customers = append(sent.Customers, customer)
		places = append(places, i)
	}
	res, err := answered(c.scoring.BatchScoreCustomers(ctx, sent))
	if err != nil {
		return nil, err
	}
	if len(res.GetResults()) != len(places) {
		return nil, broken("%d customers have %d results", len(places), len(res.GetResults()))
	}
	for k, result := range res.GetResults() {
		outcome, err := scoredOf(result, res.GetProvenance())
		if err != nil {
			return nil, err
		}
		scored[places[k]] = outcome
	}
	return scored, nil
}

func scoredOf(result *echelonv1.BatchScoreResult, provenance *echelonv1.Provenance) (Scored, error) {
	if assignment := result.GetAssignment(); assignment != nil {
		assignment.Provenance = provenance
		return Scored{Assignment: assignment}, nil
	}
	refused := status.FromProto(result.GetError())
	if refused.Err() == nil {
		return Scored{}, broken("a result has neither an assignment nor an error")
	}
	return Scored{Error: ofStatus(refused, refused.Err())}, nil
}
