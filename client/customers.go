package client

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// UpsertCustomer stores a customer in place of what was stored of it. One that cannot be read is CUSTOMER_INVALID.
func (c *Client) UpsertCustomer(ctx context.Context, customer *echelonv1.Customer) (*echelonv1.Customer, error) {
	if refusal := checkText(customer); refusal != nil {
		return nil, invalid(refusal)
	}
	res, err := c.customers.UpsertCustomer(ctx, &echelonv1.UpsertCustomerRequest{Customer: customer})
	return answered(res.GetCustomer(), err)
}

// UpsertAndAssign stores a customer as UpsertCustomer does, and with it, in the same commit, its new assignments under what is published of the
// models; of every model that has something published where none is named. The answer has them. A customer that a model refuses is
// CUSTOMER_INVALID, and not stored.
func (c *Client) UpsertAndAssign(ctx context.Context, customer *echelonv1.Customer, models ...string) (*echelonv1.UpsertCustomerResponse, error) {
	if refusal := checkText(customer); refusal != nil {
		return nil, invalid(refusal)
	}
	return answered(c.customers.UpsertCustomer(ctx, &echelonv1.UpsertCustomerRequest{Customer: customer, Assign: true, AssignModels: models}))
}

// GetCustomer returns a stored customer.
func (c *Client) GetCustomer(ctx context.Context, id string) (*echelonv1.Customer, error) {
	res, err := c.customers.GetCustomer(ctx, &echelonv1.GetCustomerRequest{CustomerId: id})
	return answered(res.GetCustomer(), err)
}

// DeleteCustomer removes a stored customer; its assignments are hidden from then on, also when it is stored again.
func (c *Client) DeleteCustomer(ctx context.Context, id string) error {
	_, err := c.customers.DeleteCustomer(ctx, &echelonv1.DeleteCustomerRequest{CustomerId: id})
	return typed(err)
}

// EraseCustomer removes a customer and all that is kept of it, in the snapshots of runs and in the audit log too, and says what that was. It needs the
// role admin. Erasing what is not there is harmless.
func (c *Client) EraseCustomer(ctx context.Context, id string) (*echelonv1.EraseCustomerResponse, error) {
	return answered(c.customers.EraseCustomer(ctx, &echelonv1.EraseCustomerRequest{CustomerId: id}))
}

// ExportCustomers iterates over all stored customers, by id, as of one moment. A stream that breaks goes on in a new connection (WithResume) after the
// last customer that came: those after it are as of then. WithResume(0) leaves it broken instead.
func (c *Client) ExportCustomers(ctx context.Context) iter.Seq2[*echelonv1.Customer, error] {
	return exportCustomers(ctx, c, &echelonv1.ExportCustomersRequest{}, (*echelonv1.ExportCustomersResponse).GetCustomers)
}

// exportCustomers iterates over what a request's pages have, and resumes.
func exportCustomers[T any](
	ctx context.Context, c *Client, from *echelonv1.ExportCustomersRequest, items func(*echelonv1.ExportCustomersResponse) []T,
) iter.Seq2[T, error] {
	return exportResuming(ctx, c, exported[echelonv1.ExportCustomersResponse, T]{
		open: func(ctx context.Context, conn grpc.ClientConnInterface, cursor string) (grpc.ServerStreamingClient[echelonv1.ExportCustomersResponse], error) {
			request := proto.CloneOf(from)
			request.Cursor = cursor
			return echelonv1.NewCustomerServiceClient(conn).ExportCustomers(ctx, request)
		},
		items:  items,
		cursor: (*echelonv1.ExportCustomersResponse).GetCursor,
	})
}

// RenameAttribute gives an attribute of stored customers another name, and returns the schema. ATTRIBUTE_NOT_FOUND, SCHEMA_CONFLICT.
func (c *Client) RenameAttribute(ctx context.Context, from, to string) (*echelonv1.Schema, error) {
	res, err := c.customers.RenameAttribute(ctx, &echelonv1.RenameAttributeRequest{From: from, To: to})
	return answered(res.GetSchema(), err)
}

// RetireAttribute ends an attribute of stored customers, for ever, and returns the schema. ATTRIBUTE_NOT_FOUND, ATTRIBUTE_IN_USE.
func (c *Client) RetireAttribute(ctx context.Context, name string) (*echelonv1.Schema, error) {
	res, err := c.customers.RetireAttribute(ctx, &echelonv1.RetireAttributeRequest{Name: name})
	return answered(res.GetSchema(), err)
}
