package client

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// calibrationErrors is how many refused rows Calibrate lists.
const calibrationErrors = 1000

// Calibrate learns a model's breakpoints and decision lines from the customers that the sequence yields, and stores nothing. It also returns the
// customers that were refused, the first 1,000 of them, with their places in the sequence as index; the calibration counts all.
//
// There is no calibration without the whole population, so an error of the sequence is the call's. The sequence runs in the caller's goroutine.
// How long the service may compute after the last customer, ctx alone decides.
func (c *Client) Calibrate(
	ctx context.Context, evaluator *echelonv1.Evaluator, customers iter.Seq2[*echelonv1.Customer, error],
) (*echelonv1.Calibration, []*echelonv1.RowError, error) {
	return c.CalibrateBy(ctx, &echelonv1.CalibrateHeader{Evaluator: evaluator}, customers)
}

// CalibrateBy is Calibrate with a whole header, which may bring exchange rates along.
func (c *Client) CalibrateBy(
	ctx context.Context, header *echelonv1.CalibrateHeader, customers iter.Seq2[*echelonv1.Customer, error],
) (*echelonv1.Calibration, []*echelonv1.RowError, error) {
	guard := newGuard(ctx, c.stall)
	defer guard.release()
	stream := &calibration{guard: guard}
	if err := stream.open(c.scoring.Calibrate, header); err != nil {
		return nil, nil, err
	}
	for b, err := range batches(customers, c.batchRows) {
		if err == nil { // else the rows before the error are of no use
			err = stream.add(b)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return stream.finish()
}

// calibration is a Calibrate stream. It needs no goroutines: nothing is answered before the last customer was sent.
type calibration struct {
	guard  *guard
	stream grpc.ClientStreamingClient[echelonv1.CalibrateRequest, echelonv1.CalibrateResponse]
	unsent []*echelonv1.RowError // the first of the rows that were refused without sending them
	places []int64               // of all such rows
	sent   int64                 // how many rows were sent
}

func (s *calibration) open(
	open func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[echelonv1.CalibrateRequest, echelonv1.CalibrateResponse], error),
	header *echelonv1.CalibrateHeader,
) error {
	err := s.guard.do(func(ctx context.Context) (err error) { s.stream, err = open(ctx); return err })
	if err != nil {
		return typed(err)
	}
	return s.send(&echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: header}})
}

func (s *calibration) add(b *batch) error {
	for _, row := range b.refused {
		s.places = append(s.places, row.GetIndex())
		if len(s.unsent) < calibrationErrors {
			s.unsent = append(s.unsent, row)
		}
	}
	if len(b.customers) == 0 {
		return nil
	}
	s.sent += int64(len(b.customers))
	return s.send(&echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Batch{Batch: b.message()}})
}

func (s *calibration) send(request *echelonv1.CalibrateRequest) error {
	err := s.guard.do(func(context.Context) error { return s.stream.Send(request) })
	if !errors.Is(err, io.EOF) {
		return typed(err)
	}
	// The service has ended the stream; receiving tells why.
	if _, err = s.stream.CloseAndRecv(); err != nil {
		return typed(err)
	}
	return broken("the calibration came before all customers were sent")
}

func (s *calibration) finish() (*echelonv1.Calibration, []*echelonv1.RowError, error) {
	res, err := s.stream.CloseAndRecv()
	learned, err := answered(res.GetCalibration(), err)
	if err != nil {
		return nil, nil, err
	}
	last := int64(-1)
	for _, row := range res.GetErrors() {
		if row.GetIndex() <= last || row.GetIndex() >= s.sent {
			return nil, nil, broken("an error for row %d of %d came after one for row %d", row.GetIndex(), s.sent, last)
		}
		last = row.GetIndex()
	}
	s.place(res.GetErrors())
	learned.Refused += int64(len(s.places))
	refused := mergeErrors(s.unsent, res.GetErrors())
	return learned, refused[:min(len(refused), calibrationErrors)], nil
}

// place gives the errors, which count the rows that were sent, the caller's indexes: each moves on by the unsent rows before it.
func (s *calibration) place(refused []*echelonv1.RowError) {
	skipped := 0
	for _, row := range refused {
		for skipped < len(s.places) && s.places[skipped] <= row.GetIndex()+int64(skipped) {
			skipped++
		}
		row.Index += int64(skipped)
	}
}
