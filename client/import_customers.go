package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

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
	// Repeated is how many of them had been settled before, by the same job in an earlier stream: they were acknowledged again, and not stored again.
	Repeated int64
	// Unlisted is how many rows this batch refused beside those in Errors: of a batch that is repeated the service keeps the first errors.
	Unlisted int64
	// Errors are the rows that this batch refused, in order; their index is the place in the caller's sequence, from 0.
	Errors []*echelonv1.RowError
	// Families says what this batch means for the families of published models: whose parents are odd, and which run they are of.
	Families []*echelonv1.WrittenFamilies
	// Notices are what people should know of Arrow batches, with the first one: which of its columns are ignored.
	Notices []string
}

// ImportCustomers stores as many customers as the sequence yields, in batches, and yields the progress after each. A customer replaces what was
// stored of it.
//
// The header's job id makes a batch that is sent again be stored once; where it has none, a random one is taken. So a stream that breaks, because the
// connection does, the service stops or wants it elsewhere, is opened again in a new connection (WithResume) and goes on after the last batch that was
// answered. To go on after this program ended too, give a job id of your own and, under it, the same customers in the same order with the same
// WithBatchRows: what is stored already is acknowledged again, and what differs is BATCH_MISMATCH.
//
// With `assign` in the header each customer is assigned anew in the commit of its batch, under what is published then.
//
// A customer that cannot be read is one of the progress' errors, and the others go on. Errors and the sequence are as with BulkAssign.
func (c *Client) ImportCustomers(
	ctx context.Context, header *echelonv1.ImportHeader, customers iter.Seq2[*echelonv1.Customer, error],
) iter.Seq2[ImportProgress, error] {
	return sequence(func(emit func(ImportProgress) error) error {
		e := c.importing(header, func(b *batch, answer *echelonv1.ImportedBatch) (rows int64, err error) {
			refused := answer.GetErrors()
			if answer.GetStored()+int64(len(refused))+answer.GetUnlistedErrors() != int64(len(b.customers)) {
				return 0, broken("batch %d of %d rows has %d stored and %d errors", b.sequence, len(b.customers), answer.GetStored(), len(refused))
			}
			return b.end - b.from, nil
		}, emit)
		return e.run(ctx, batches(customers, c.batchRows))
	})
}

// importing returns an ImportCustomers stream, of which count tells how many rows a batch had by its answer.
func (c *Client) importing(
	header *echelonv1.ImportHeader, count func(*batch, *echelonv1.ImportedBatch) (rows int64, err error), emit func(ImportProgress) error,
) *exchange[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse, *echelonv1.ImportedBatch] {
	var stored, assigned, repeated int64
	if header.GetJobId() == "" && c.resume.attempts > 0 {
		header = proto.CloneOf(header)
		if header == nil {
			header = &echelonv1.ImportHeader{}
		}
		header.JobId = rand.Text()
	}
	return &exchange[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse, *echelonv1.ImportedBatch]{
		client: c,
		call: func(conn grpc.ClientConnInterface) opener[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse] {
			return echelonv1.NewCustomerServiceClient(conn).ImportCustomers
		},
		header: func(int64) *echelonv1.ImportCustomersRequest {
			return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: header}}
		},
		request: func(b *echelonv1.CustomerBatch) *echelonv1.ImportCustomersRequest {
			return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: b}}
		},
		opened: func(res *echelonv1.ImportCustomersResponse, after int64) error {
			switch opened := res.GetOpened(); {
			case opened == nil:
				return errNotOpened
			case opened.GetLastSequence() < after:
				return lost(header.GetJobId(), opened.GetLastSequence(), after)
			}
			return nil
		},
		batch: (*echelonv1.ImportCustomersResponse).GetBatch,
		settle: func(b *batch, answer *echelonv1.ImportedBatch) error {
			rows, err := int64(0), error(nil)
			if answer != nil {
				if rows, err = count(b, answer); err != nil {
					return err
				}
			}
			stored += answer.GetStored()
			assigned += answer.GetAssigned()
			if answer.GetRepeated() {
				repeated += rows
			}
			return emit(ImportProgress{
				Acknowledged: b.end, Stored: stored, Assigned: assigned, Repeated: repeated, Unlisted: answer.GetUnlistedErrors(),
				Errors: mergeErrors(b.refused, answer.GetErrors()), Notices: answer.GetNotices(), Families: answer.GetFamilies(),
			})
		},
	}
}

// lost is the error of a service that has not what it acknowledged: another one, or one whose store is gone or was restored.
func lost(job string, has, acknowledged int64) *Error {
	return &Error{
		Code: codes.DataLoss,
		Message: fmt.Sprintf("the service has batches of the job %q up to %d and acknowledged %d: its store is another one, or an older state of it; import the whole again",
			job, has, acknowledged),
	}
}

// mergeErrors joins errors of rows in the order of their index.
func mergeErrors(a, b []*echelonv1.RowError) []*echelonv1.RowError {
	merged := slices.Concat(a, b)
	slices.SortFunc(merged, func(x, y *echelonv1.RowError) int { return cmp.Compare(x.GetIndex(), y.GetIndex()) })
	return merged
}
