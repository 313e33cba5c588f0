package client

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// explainedRows is how many rows a batch has at most where each is explained, so that the answer fits into a message.
const explainedRows = 100

// Outcome is what came out for one customer of BulkAssign: an assignment or an error.
type Outcome struct {
	// Index is the customer's place in the caller's sequence, from 0.
	Index int64
	// Assignment is the customer's assignment, with the provenance that the stream stated.
	Assignment *echelonv1.Assignment
	// Error says why the customer was refused; its index is Index.
	Error *echelonv1.RowError
}

// BulkAssign evaluates as many customers as the sequence yields, in batches, and yields an outcome for each, in order. It stores nothing.
//
// A customer that cannot be read is an outcome with an error, and the others go on. An error of the service, of the connection or of the sequence
// itself is yielded last; every customer before an error of the sequence is settled first, and if that fails both errors are told as one. A sequence
// whose stream ended for good is not asked for more, so an error that it had not come to by then is not told. The sequence runs in the caller's
// goroutine, between outcomes, and must not change a customer after it yielded it. It may take its time: nothing is sent meanwhile, and a stream that
// the service cut because nothing moved is resumed as one that broke.
//
// A stream that breaks, because the connection does, the service stops or wants it elsewhere, is opened again in a new connection (WithResume), goes on
// after the last batch that was answered, and evaluates by the same model version, calibration and instant. The first one must be opened at once.
func (c *Client) BulkAssign(
	ctx context.Context, header *echelonv1.BulkAssignHeader, customers iter.Seq2[*echelonv1.Customer, error],
) iter.Seq2[Outcome, error] {
	rows := c.batchRows
	if header.GetExplain() {
		rows = min(rows, explainedRows)
	}
	return sequence(func(emit func(Outcome) error) error {
		e := c.assigning(header, func(provenance *echelonv1.Provenance, b *batch, answer *echelonv1.AssignmentBatch) error {
			attach(provenance, answer.GetAssignments())
			return settleAssigned(b, answer, emit)
		})
		return e.run(ctx, batches(customers, rows))
	})
}

// assigning returns a BulkAssign stream, whose answers are settled with the provenance that the stream stated.
func (c *Client) assigning(
	header *echelonv1.BulkAssignHeader, settle func(*echelonv1.Provenance, *batch, *echelonv1.AssignmentBatch) error,
) *exchange[echelonv1.BulkAssignRequest, echelonv1.BulkAssignResponse, *echelonv1.AssignmentBatch] {
	var provenance *echelonv1.Provenance
	return &exchange[echelonv1.BulkAssignRequest, echelonv1.BulkAssignResponse, *echelonv1.AssignmentBatch]{
		client: c,
		call: func(conn grpc.ClientConnInterface) opener[echelonv1.BulkAssignRequest, echelonv1.BulkAssignResponse] {
			return echelonv1.NewScoringServiceClient(conn).BulkAssign
		},
		header: func(after int64) *echelonv1.BulkAssignRequest {
			return &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: pinned(header, provenance, after)}}
		},
		request: func(b *echelonv1.CustomerBatch) *echelonv1.BulkAssignRequest {
			return &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{Batch: b}}
		},
		opened: func(res *echelonv1.BulkAssignResponse, _ int64) error {
			now := res.GetOpened()
			switch {
			case now == nil:
				return errNotOpened
			case provenance != nil && !proto.Equal(now, provenance):
				return broken("the stream that was resumed evaluates by %v, and by %v before", now, provenance)
			}
			provenance = now
			return nil
		},
		batch:  (*echelonv1.BulkAssignResponse).GetBatch,
		settle: func(b *batch, answer *echelonv1.AssignmentBatch) error { return settle(provenance, b, answer) },
	}
}

// pinned returns the header of a stream that goes on after a batch, by what the first one resolved to: what was published or activated since, and the
// time that went by, change none of the answers.
func pinned(header *echelonv1.BulkAssignHeader, to *echelonv1.Provenance, after int64) *echelonv1.BulkAssignHeader {
	if to == nil && header.GetFirstSequence() == 0 {
		return header
	}
	h := proto.CloneOf(header)
	h.FirstSequence = after + 1
	if to == nil {
		return h
	}
	h.Evaluator.AsOf = to.GetAsOf()
	if stored := h.GetEvaluator().GetStored(); stored != nil {
		stored.Version = to.GetModelVersion()
	}
	if id := to.GetCalibrationId(); id != "" {
		h.Evaluator.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: id}
	}
	return h
}

// settleAssigned emits the outcomes of a batch in the order of its rows. Assignments come in the order of the rows that were not refused.
func settleAssigned(b *batch, answer *echelonv1.AssignmentBatch, emit func(Outcome) error) error {
	assignments, refused := answer.GetAssignments(), answer.GetErrors()
	if len(assignments)+len(refused) != len(b.customers) {
		return broken("batch %d of %d rows has %d assignments and %d errors", b.sequence, len(b.customers), len(assignments), len(refused))
	}
	unsent, row := b.refused, 0
	for index := b.from; index < b.end; index++ {
		outcome := Outcome{Index: index}
		switch {
		case len(unsent) > 0 && unsent[0].GetIndex() == index:
			outcome.Error, unsent = unsent[0], unsent[1:]
		case len(refused) > 0 && refused[0].GetIndex() == index:
			outcome.Error, refused = refused[0], refused[1:]
			row++
		default:
			outcome.Assignment, assignments = assignments[0], assignments[1:]
			if got, want := outcome.Assignment.GetCustomerId(), b.customers[row].GetId(); got != want {
				return broken("row %d of batch %d is customer %q and was answered for customer %q", row, b.sequence, want, got)
			}
			row++
		}
		if err := emit(outcome); err != nil {
			return err
		}
	}
	return nil
}
