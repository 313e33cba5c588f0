package client

import (
	"context"
	"fmt"
	"iter"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ArrowAnswer is what came out for one batch of BulkAssignArrow.
type ArrowAnswer struct {
	// First is the place of the batch's first row among the rows of all batches, from 0, and Rows is how many it had.
	First, Rows int64
	// Arrow is the outcomes of the rows that were not refused, in their order: an Arrow IPC stream with one record batch.
	Arrow []byte
	// Errors are the rows that were refused, in order; their index is the place among the rows of all batches.
	Errors []*echelonv1.RowError
	// Notices are what people should know, with the first batch: which of its columns are ignored.
	Notices []string
	// Provenance is what made the outcomes; the same for all batches.
	Provenance *echelonv1.Provenance
}

// BulkAssignArrow is BulkAssign for batches of Apache Arrow: each is a whole IPC stream with one record batch of at most 10,000 rows, as
// arrowframe.Streams makes them of record batches, and so is each answer. The header's id_column says which column has the ids; explanations have no
// form in Arrow. Nothing is looked at here: what is wrong with a batch the service says, and the stream ends.
//
// Errors, resuming and the sequence are as with BulkAssign. A batch must not be changed after it was yielded.
func (c *Client) BulkAssignArrow(
	ctx context.Context, header *echelonv1.BulkAssignHeader, batches iter.Seq2[[]byte, error],
) iter.Seq2[ArrowAnswer, error] {
	return sequence(func(emit func(ArrowAnswer) error) error {
		asked := &echelonv1.BulkAssignHeader{}
		if header != nil {
			asked = proto.CloneOf(header)
		}
		asked.ArrowAnswers = true
		first := int64(0)
		e := c.assigning(asked, func(provenance *echelonv1.Provenance, b *batch, answer *echelonv1.AssignmentBatch) error {
			if err := checkArrow(b, answer); err != nil {
				return err
			}
			a := ArrowAnswer{
				First: first, Rows: answer.GetRows(), Arrow: answer.GetArrow(), Errors: movedOn(answer.GetErrors(), first),
				Notices: answer.GetNotices(), Provenance: provenance,
			}
			first += a.Rows
			return emit(a)
		})
		return e.run(ctx, arrowBatches(batches))
	})
}

// checkArrow checks that an answer can be one to an Arrow batch.
func checkArrow(b *batch, answer *echelonv1.AssignmentBatch) error {
	refused := answer.GetErrors()
	switch n := int64(len(refused)); {
	case n > answer.GetRows() || n > 0 && refused[n-1].GetIndex() >= answer.GetRows():
		return broken("batch %d of %d rows has %d errors, beyond its rows", b.sequence, answer.GetRows(), n)
	case len(answer.GetArrow()) == 0:
		return broken("batch %d was not answered by Arrow: the service may be older than this client", b.sequence)
	}
	return nil
}

// ImportArrow is ImportCustomers for batches of Apache Arrow, as BulkAssignArrow takes them. To go on after this program ended, the same bytes must
// come again under the same job id.
func (c *Client) ImportArrow(
	ctx context.Context, header *echelonv1.ImportHeader, batches iter.Seq2[[]byte, error],
) iter.Seq2[ImportProgress, error] {
	return sequence(func(emit func(ImportProgress) error) error {
		settled := int64(0)
		e := c.importing(header, func(b *batch, answer *echelonv1.ImportedBatch) (rows int64, err error) {
			rows = answer.GetStored() + int64(len(answer.GetErrors())) + answer.GetUnlistedErrors()
			answer.Errors = movedOn(answer.GetErrors(), settled)
			settled += rows
			b.end = settled
			return rows, nil
		}, emit)
		return e.run(ctx, arrowBatches(batches))
	})
}

// movedOn gives errors of a batch the places among the rows of all batches.
func movedOn(refused []*echelonv1.RowError, by int64) []*echelonv1.RowError {
	for _, row := range refused {
		row.Index += by
	}
	return refused
}

// arrowBytes is the largest Arrow batch that is sent: a message with room for what surrounds it.
const arrowBytes = maxMessageBytes - 1<<10

// arrowBatches numbers the caller's batches.
func arrowBatches(streams iter.Seq2[[]byte, error]) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		sequence := int64(0)
		for stream, err := range streams {
			sequence++
			if err == nil {
				err = checkSize(sequence, stream)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&batch{sequence: sequence, arrow: stream}, nil) {
				return
			}
		}
	}
}

func checkSize(sequence int64, stream []byte) error {
	switch {
	case len(stream) == 0:
		return &Error{Code: codes.InvalidArgument, Reason: echelonv1.ErrorReason_ARROW_INVALID,
			Message: fmt.Sprintf("the Arrow batch %d is empty: send a whole IPC stream, even of a record batch without rows", sequence)}
	case len(stream) > arrowBytes:
		return &Error{Code: codes.ResourceExhausted, Reason: echelonv1.ErrorReason_MESSAGE_TOO_LARGE,
			Message: fmt.Sprintf("the Arrow batch %d has %d bytes, at most %d fit into a message: send batches of fewer rows", sequence, len(stream), arrowBytes)}
	}
	return nil
}

// CalibrateArrow is CalibrateBy for batches of Apache Arrow, as BulkAssignArrow takes them.
func (c *Client) CalibrateArrow(
	ctx context.Context, header *echelonv1.CalibrateHeader, batches iter.Seq2[[]byte, error],
) (*echelonv1.Calibration, []*echelonv1.RowError, error) {
	guard := newGuard(ctx, c.stall)
	defer guard.release()
	stream := &calibration{guard: guard}
	if err := stream.open(c.scoring.Calibrate, header); err != nil {
		return nil, nil, err
	}
	for b, err := range arrowBatches(batches) {
		if err == nil {
			err = stream.send(&echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Batch{Batch: b.message()}})
		}
		if err != nil {
			return nil, nil, err
		}
	}
	res, err := stream.stream.CloseAndRecv()
	learned, err := answered(res.GetCalibration(), err)
	return learned, res.GetErrors(), err
}

// ExportCustomersArrow is ExportCustomers in columns: it yields IPC streams with one record batch each, as ImportArrow takes them. An empty id column is
// `customer_id`. It goes on after the last batch that came as ExportCustomers does; batches of a stream that was resumed have the columns of the
// schema as it is then.
func (c *Client) ExportCustomersArrow(ctx context.Context, idColumn string) iter.Seq2[[]byte, error] {
	request := &echelonv1.ExportCustomersRequest{Arrow: true, IdColumn: idColumn, PageSize: arrowPage}
	return exportCustomers(ctx, c, request, func(page *echelonv1.ExportCustomersResponse) [][]byte { return streamsOf(page.GetArrow()) })
}

// ExportAssignmentsArrow is ExportAssignments in columns: it yields IPC streams with one record batch each, with the columns of BulkAssignArrow's. It
// goes on after the last batch that came as ExportAssignments does.
func (c *Client) ExportAssignmentsArrow(ctx context.Context, model, runID, idColumn string) iter.Seq2[[]byte, error] {
	request := &echelonv1.ExportAssignmentsRequest{Model: model, RunId: runID, Arrow: true, IdColumn: idColumn, PageSize: arrowPage}
	return exportAssignments(ctx, c, request, func(_ *echelonv1.Provenance, page *echelonv1.ExportAssignmentsResponse) [][]byte {
		return streamsOf(page.GetArrow())
	})
}

// arrowPage is how many rows a page in columns has.
const arrowPage = 8192

func streamsOf(arrow []byte) [][]byte {
	if len(arrow) == 0 {
		return nil
	}
	return [][]byte{arrow}
}
