package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// scoringService evaluates customers and stores nothing.
type scoringService struct {
	echelonv1.UnimplementedScoringServiceServer
	store   storage.Store
	catalog *catalog.Catalog
	streams streaming
	load    *load
}

// evaluator is what a request's evaluator resolved to, ready to evaluate.
type evaluator struct {
	scorer        *engine.Scorer
	provenance    *echelonv1.Provenance
	ignoreUnknown bool
}

func (s *scoringService) resolve(ctx context.Context, request *echelonv1.Evaluator) (*evaluator, error) {
	resolved, err := s.catalog.Resolve(ctx, request)
	if err != nil {
		return nil, err
	}
	scorer, err := s.catalog.Scorer(resolved)
	if err != nil {
		return nil, err
	}
	return &evaluator{scorer: scorer, provenance: resolved.Provenance, ignoreUnknown: request.GetIgnoreUnknownAttributes()}, nil
}

func (e *evaluator) options(reasons, explain bool) engine.Options {
	return engine.Options{AsOf: e.provenance.GetAsOf().AsTime(), Reasons: reasons, Explain: explain}
}

// frame builds the frame of a batch. The errors' indexes are places in the batch, as are the rows' in places.
func (e *evaluator) frame(customers []*echelonv1.Customer) (f *frame.Frame, places []int, refused []*echelonv1.RowError) {
	b := frame.NewBuilder(e.scorer.Program().Schema(), frame.UniqueIDs())
	for i, customer := range customers {
		if fault := b.AddCustomer(customer, e.ignoreUnknown); fault != nil {
			fault.Index = int64(i)
			refused = append(refused, fault)
			continue
		}
		places = append(places, i)
	}
	return b.Take(), places, refused
}

// ScoreCustomer evaluates one customer, given or stored.
func (s *scoringService) ScoreCustomer(ctx context.Context, request *echelonv1.ScoreCustomerRequest) (*echelonv1.ScoreCustomerResponse, error) {
	e, err := s.resolve(ctx, request.GetEvaluator())
	if err != nil {
		return nil, err
	}
	var f *frame.Frame
	if id := request.GetCustomerId(); id != "" {
		f, err = s.stored(ctx, e, id)
	} else {
		f, err = given(e, request.GetGiven())
	}
	if err != nil {
		return nil, err
	}
	result, err := e.scorer.EvaluateContext(ctx, f, e.options(true, request.GetExplain()))
	if err != nil {
		return nil, err
	}
	assignment := result.Assignment(0)
	if request.GetGiven() != nil {
		assignment.CustomerId = request.GetGiven().GetId()
	}
	assignment.Provenance = e.provenance
	return &echelonv1.ScoreCustomerResponse{Assignment: assignment}, nil
}

// lastID stands for the id of a customer that was given without one: it comes after the ids that people use.
const lastID = "\U0010FFFF"

// given returns the frame of one customer of a request.
func given(e *evaluator, customer *echelonv1.Customer) (*frame.Frame, error) {
	named := customer
	if customer.GetId() == "" {
		named = &echelonv1.Customer{Id: lastID, Attributes: customer.GetAttributes()}
	}
	f, _, refused := e.frame([]*echelonv1.Customer{named})
	if len(refused) > 0 {
		refused[0].CustomerId = customer.GetId()
		return nil, fault.Customer(refused[0])
	}
	return f, nil
}

// stored returns the frame of one stored customer.
func (s *scoringService) stored(ctx context.Context, e *evaluator, id string) (*frame.Frame, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	batch, err := view.Customer(id, e.scorer.Program().Schema())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, errNoCustomer(id)
	case err != nil:
		return nil, err
	case len(batch.Errors) > 0:
		return nil, fault.Customer(batch.Errors[0])
	}
	return batch.Frame, nil
}

func errNoCustomer(id string) error {
	return fault.New(echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, "there is no customer %q", id)
}

// BatchScoreCustomers evaluates several customers, each with an outcome or a status of its own.
func (s *scoringService) BatchScoreCustomers(ctx context.Context, request *echelonv1.BatchScoreCustomersRequest) (*echelonv1.BatchScoreCustomersResponse, error) {
	e, err := s.resolve(ctx, request.GetEvaluator())
	if err != nil {
		return nil, err
	}
	f, places, refused := e.frame(request.GetCustomers())
	response := &echelonv1.BatchScoreCustomersResponse{
		Provenance: e.provenance, Results: make([]*echelonv1.BatchScoreResult, len(request.GetCustomers())),
	}
	result, err := e.scorer.EvaluateContext(ctx, f, e.options(true, request.GetExplain()))
	if err != nil {
		return nil, err
	}
	for row, place := range places {
		response.Results[place] = &echelonv1.BatchScoreResult{Outcome: &echelonv1.BatchScoreResult_Assignment{Assignment: result.Assignment(row)}}
	}
	for _, row := range refused {
		status := statusOf(fault.Customer(row)).Proto()
		response.Results[row.GetIndex()] = &echelonv1.BatchScoreResult{Outcome: &echelonv1.BatchScoreResult_Error{Error: status}}
	}
	return response, nil
}

// BulkAssign evaluates a stream of batches.
func (s *scoringService) BulkAssign(stream grpc.BidiStreamingServer[echelonv1.BulkAssignRequest, echelonv1.BulkAssignResponse]) error {
	var open *openAssign
	var sequence batches
	err := duplex(s.streams, stream, func(request *echelonv1.BulkAssignRequest) (*echelonv1.BulkAssignResponse, error) {
		if open == nil {
			var err error
			open, err = s.openAssign(stream.Context(), request.GetHeader())
			if err != nil {
				return nil, err
			}
			return &echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Opened{Opened: open.provenance}}, nil
		}
		if err := sequence.check(request.GetBatch()); err != nil {
			return nil, err
		}
		done, err := s.load.evaluation(stream.Context())
		if err != nil {
			return nil, err
		}
		defer done()
		assigned, err := open.assign(stream.Context(), request.GetBatch())
		if err != nil {
			return nil, err
		}
		response := &echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Batch{Batch: assigned}}
		if size := proto.Size(response); size > s.streams.maxMessage {
			return nil, fault.New(echelonv1.ErrorReason_MESSAGE_TOO_LARGE,
				"the answer to the batch %d has %d bytes, at most %d are allowed: send smaller batches, or leave out explanations and reasons",
				sequence.last+1, size, s.streams.maxMessage)
		}
		sequence.done()
		return response, nil
	})
	if err == nil && open == nil {
		err = s.streams.header(nil, false)
	}
	return sequence.at(err)
}

// openAssign is a BulkAssign stream whose header was read.
type openAssign struct {
	*evaluator
	options engine.Options
}

func (s *scoringService) openAssign(ctx context.Context, header *echelonv1.BulkAssignHeader) (*openAssign, error) {
	if err := s.streams.header(header, header != nil); err != nil {
		return nil, err
	}
	e, err := s.resolve(ctx, header.GetEvaluator())
	if err != nil {
		return nil, err
	}
	return &openAssign{evaluator: e, options: e.options(!header.GetOmitReasons(), header.GetExplain())}, nil
}

func (o *openAssign) assign(ctx context.Context, batch *echelonv1.CustomerBatch) (*echelonv1.AssignmentBatch, error) {
	f, _, refused := o.frame(batch.GetRows().GetCustomers())
	result, err := o.scorer.EvaluateContext(ctx, f, o.options)
	if err != nil {
		return nil, err
	}
	answer := &echelonv1.AssignmentBatch{Sequence: batch.GetSequence(), Errors: refused, Assignments: make([]*echelonv1.Assignment, result.Len())}
	for row := range answer.Assignments {
		answer.Assignments[row] = result.Assignment(row)
	}
	return answer, nil
}

// refusedKept is how many of the customers that were refused Calibrate lists.
const refusedKept = 1000

type calibrateStream = grpc.ClientStreamingServer[echelonv1.CalibrateRequest, echelonv1.CalibrateResponse]

// Calibrate learns from a streamed population, which it keeps in columns until the stream ends.
func (s *scoringService) Calibrate(stream calibrateStream) error {
	var sequence batches
	response, err := s.calibrate(stream, &sequence)
	if err != nil {
		return sequence.at(err)
	}
	return stream.SendAndClose(response)
}

func (s *scoringService) calibrate(stream calibrateStream, sequence *batches) (*echelonv1.CalibrateResponse, error) {
	first, err := s.receive(stream)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := s.streams.header(first.GetHeader(), first.GetHeader() != nil); err != nil {
		return nil, err
	}
	if first.GetHeader().GetEvaluator().GetCalibration() != nil {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "header.evaluator has a calibration, and this call makes one: leave it out")
	}
	resolved, err := s.catalog.Resolve(stream.Context(), first.GetHeader().GetEvaluator())
	if err != nil {
		return nil, err
	}
	gathered := &gathering{
		builder:       frame.NewBuilder(resolved.Program.Schema(), frame.UniqueIDs()),
		ignoreUnknown: first.GetHeader().GetEvaluator().GetIgnoreUnknownAttributes(),
	}
	defer gathered.leave()
	if err := s.gather(stream, sequence, gathered); err != nil {
		return nil, err
	}
	calibration, err := resolved.Program.Calibrate(stream.Context(), gathered.population, resolved.Provenance.GetAsOf().AsTime())
	if err != nil {
		return nil, fmt.Errorf("calibrating: %w", err)
	}
	calibration.Refused = gathered.refused
	response := &echelonv1.CalibrateResponse{Calibration: calibration, Errors: gathered.errors}
	return response, fits(response, s.streams.maxMessage)
}

// gather receives the population's batches.
func (s *scoringService) gather(stream calibrateStream, sequence *batches, to *gathering) error {
	for {
		request, err := s.receive(stream)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = sequence.check(request.GetBatch())
		}
		if err != nil {
			return err
		}
		leave, err := s.load.calibrateBytes(proto.Size(request))
		if err != nil {
			return err
		}
		to.leaving = append(to.leaving, leave)
		to.add(request.GetBatch().GetRows().GetCustomers())
		sequence.done()
	}
}
