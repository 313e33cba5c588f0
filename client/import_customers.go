package client

import (
	"cmp"
	"context"
	"iter"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ImportProgress is how far an import is, after one more batch was settled.
type ImportProgress struct {
	// Acknowledged is how many rows, from the first, are settled for good: stored durably or refused. An import that broke off goes on there.
	Acknowledged int64
	// Stored is how many of them were stored.
	Stored int64
	// Assigned is how many assignments were stored with them, where the header asked for it.
	Assigned int64
	// Errors are the rows that this batch refused, in order; their index is the place in the caller's sequence, from 0.
	Errors []*echelonv1.RowError
}

// ImportCustomers stores as many customers as the sequence yields, in batches, and yields the progress after each. A customer replaces what was
// stored of it, so sending one again is harmless.
//
// With `assign` in the header each customer is assigned anew in the commit of its batch, under what is published then.
//
// A customer that cannot be read is one of the progress' errors, and the others go on. Errors and the sequence are as with BulkAssign.
func (c *Client) ImportCustomers(
	ctx context.Context, header *echelonv1.ImportHeader, customers iter.Seq2[*echelonv1.Customer, error],
) iter.Seq2[ImportProgress, error] {
	return sequence(func(emit func(ImportProgress) error) error {
		var stored, assigned int64
		e := &exchange[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse, *echelonv1.ImportedBatch]{
			open:   c.customers.ImportCustomers,
			header: &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: header}},
			request: func(b *echelonv1.CustomerBatch) *echelonv1.ImportCustomersRequest {
				return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: b}}
			},
			opened: func(res *echelonv1.ImportCustomersResponse) bool { return res.GetOpened() != nil },
			batch:  (*echelonv1.ImportCustomersResponse).GetBatch,
			settle: func(b *batch, answer *echelonv1.ImportedBatch) error {
				refused := answer.GetErrors()
				if answer.GetStored()+int64(len(refused)) != int64(len(b.customers)) {
					return broken("batch %d of %d rows has %d stored and %d errors", b.sequence, len(b.customers), answer.GetStored(), len(refused))
				}
				stored += answer.GetStored()
				assigned += answer.GetAssigned()
				return emit(ImportProgress{Acknowledged: b.end, Stored: stored, Assigned: assigned, Errors: mergeErrors(b.refused, refused)})
			},
			rows: c.batchRows,
		}
		return e.run(ctx, c, customers)
	})
}

// mergeErrors joins errors of rows in the order of their index.
func mergeErrors(a, b []*echelonv1.RowError) []*echelonv1.RowError {
	merged := slices.Concat(a, b)
	slices.SortFunc(merged, func(x, y *echelonv1.RowError) int { return cmp.Compare(x.GetIndex(), y.GetIndex()) })
	return merged
}
