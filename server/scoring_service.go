package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// scoringService evaluates customers and stores nothing.
type scoringService struct {
	echelonv1.UnimplementedScoringServiceServer
	store   storage.Store
	meters  *meters
	catalog *catalog.Catalog
	streams streaming
	load    *load
	// single are what single calls are evaluated in.
	single sync.Pool
}

// evaluator is what a request's evaluator resolved to, ready to evaluate.
type evaluator struct {
	meter
	scorer     *engine.Scorer
	provenance *echelonv1.Provenance
	// tierings are the names of the model's.
	tierings      []string
	ignoreUnknown bool
}

// evaluate evaluates a batch. Families that a run found are read with its snapshot.
func (s *scoringService) evaluate(ctx context.Context, e *evaluator, b *batch, options engine.Options) (*engine.Result, error) {
	b.previous.To(&options)
	options.Overrides = b.overrides
	if run := e.provenance.GetCalibrationId(); run != "" && e.scorer.Program().NeedsFamilies() {
		view, err := s.store.View(ctx)
		if err != nil {
			return nil, err
		}
		defer view.Close()
		if options.Families, err = snapshot.Families(view, e.scorer.Program(), run, b.Frame); err != nil {
			return nil, err
		}
	}
	return e.scorer.EvaluateContext(ctx, b.Frame, options)
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
	return &evaluator{
		meter: s.meters.of(resolved.Provenance), scorer: scorer, provenance: resolved.Provenance,
		ignoreUnknown: request.GetIgnoreUnknownAttributes(), tierings: resolved.Program.TieringNames(),
	}, nil
}

func (e *evaluator) options(reasons, explain bool) engine.Options {
	return engine.Options{AsOf: e.provenance.GetAsOf().AsTime(), Reasons: reasons, Explain: explain, Observe: e.evaluation}
}

// batch is customers of a request that can be evaluated, in columns.
type batch struct {
	*frame.Frame
	// places are those of the rows in the request.
	places []int
	// previous is what is in force of the customers, as far as somebody said so.
	previous snapshot.Before
	// overrides are those of each customer; nil where they are given, and not stored.
	overrides [][]engine.Override
	// refused are the others, their indexes places in the request.
	refused []*echelonv1.RowError
	// brought are the customers as messages, where one may have brought along the tiers that it is in; nil for one that cannot have.
	brought []*echelonv1.Customer
	// notices are what is said of an Arrow batch, and arrived is how many rows it had.
	notices []string
	arrived int64
}

func (e *evaluator) builder() *frame.Builder {
	return frame.NewBuilder(e.scorer.Program().Schema(), frame.UniqueIDs(), frame.PreviousTiers(e.tierings...))
}

// batch builds the frame of a batch.
func (e *evaluator) batch(customers []*echelonv1.Customer) *batch {
	builder, b := e.builder(), &batch{}
	for i, customer := range customers {
		e.add(b, i, customer, builder.AddCustomer(customer, e.ignoreUnknown))
	}
	e.built(b, builder)
	return b
}

// add notes a row that was added to a builder or refused.
func (e *evaluator) add(b *batch, place int, customer *echelonv1.Customer, refused *echelonv1.RowError) {
	if refused != nil {
		e.refuse(1)
		refused.Index = int64(place)
		b.refused = append(b.refused, refused)
		return
	}
	b.places = append(b.places, place)
	if e.scorer.Program().NeedsPrevious() {
		b.brought = append(b.brought, customer)
	}
}

// built completes a batch whose rows were all added.
func (e *evaluator) built(b *batch, builder *frame.Builder) {
	b.Frame = builder.Take()
	if e.scorer.Program().NeedsPrevious() {
		b.previous = snapshot.Before{Tiers: frame.PreviousColumns(b.brought, e.tierings), Standings: e.scorer.Program().StandingsOf(b.brought)}
	}
}

// ScoreCustomer evaluates one customer, given or stored.
func (s *scoringService) ScoreCustomer(ctx context.Context, request *echelonv1.ScoreCustomerRequest) (*echelonv1.ScoreCustomerResponse, error) {
	e, err := s.resolve(ctx, request.GetEvaluator())
	if err != nil {
		return nil, err
	}
	memory := s.memory(e)
	defer s.single.Put(memory) // the answer keeps nothing of it
	var one *batch
	id := request.GetCustomerId()
	if id != "" {
		one, err = s.stored(ctx, e, request.GetEvaluator().GetStored().GetName(), id)
	} else if one, id, err = memory.given(ctx, e, request.GetGiven()); err == nil {
		defer memory.rows.Builder.Recycle(one.Frame)
	}
	if err != nil {
		return nil, err
	}
	options := e.options(true, request.GetExplain())
	options.Path = request.GetPath()
	options.Workspace = &memory.workspace
	result, err := s.evaluate(ctx, e, one, options)
	if err != nil {
		return nil, err
	}
	if arrival := arrivalOf(ctx); arrival.given != nil && !request.GetExplain() && result.IDs[0] == id {
		arrival.answer, err = memory.write(result, e, s.streams.maxMessage)
		return &echelonv1.ScoreCustomerResponse{}, err
	}
	assignment := result.Assignment(0)
	assignment.CustomerId, assignment.Provenance = id, e.provenance
	return &echelonv1.ScoreCustomerResponse{Assignment: assignment}, nil
}

// stored returns one stored customer, with the tiers that it is in by the publication of a stored model and its overrides; an inline one, which has no
// name, has none.
func (s *scoringService) stored(ctx context.Context, e *evaluator, model, id string) (*batch, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	found, err := view.Customer(id, e.scorer.Program().Schema())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, errNoCustomer(id)
	case err != nil:
		return nil, err
	case len(found.Errors) > 0:
		return nil, fault.Customer(found.Errors[0])
	}
	one := &batch{Frame: found.Frame}
	if model != "" {
		if one.previous, err = snapshot.PreviousOf(s.catalog, view, e.scorer.Program(), id); err != nil {
			return nil, err
		}
		one.overrides, err = snapshot.OverridesOf(view, model, []string{id}, e.provenance.GetAsOf().AsTime())
	}
	return one, err
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
	all := e.batch(request.GetCustomers())
	response := &echelonv1.BatchScoreCustomersResponse{
		Provenance: e.provenance, Results: make([]*echelonv1.BatchScoreResult, len(request.GetCustomers())),
	}
	result, err := s.evaluate(ctx, e, all, e.options(true, request.GetExplain()))
	if err != nil {
		return nil, err
	}
	for row, place := range all.places {
		response.Results[place] = &echelonv1.BatchScoreResult{Outcome: &echelonv1.BatchScoreResult_Assignment{Assignment: result.Assignment(row)}}
	}
	for _, row := range all.refused {
		status := statusOf(fault.Customer(row)).Proto()
		response.Results[row.GetIndex()] = &echelonv1.BatchScoreResult{Outcome: &echelonv1.BatchScoreResult_Error{Error: status}}
	}
	return response, nil
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
	var header *echelonv1.CalibrateHeader
	if first != nil {
		header = first.message.GetHeader()
	}
	if err := s.streams.header(header, header != nil); err != nil {
		return nil, err
	}
	if header.GetEvaluator().GetCalibration() != nil {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "header.evaluator has a calibration, and this call makes one: leave it out")
	}
	resolved, err := s.catalog.Resolve(stream.Context(), header.GetEvaluator())
	if err != nil {
		return nil, err
	}
	rates := header.GetRates()
	if err := catalog.CheckRates(resolved.Program, rates); err != nil {
		return nil, err
	}
	builder := frame.NewBuilder(resolved.Program.Schema(), frame.UniqueIDs(), frame.PreviousTiers(resolved.Program.TieringNames()...))
	gathered := &gathering{
		rows: wire.NewRows(builder, header.GetEvaluator().GetIgnoreUnknownAttributes()), arrow: populationReader(builder, header.GetIdColumn()),
	}
	defer gathered.leave()
	if err := s.gather(stream, sequence, gathered); err != nil {
		return nil, err
	}
	ended := s.meters.of(resolved.Provenance).calibration()
	calibration, err := resolved.Program.Calibrate(stream.Context(), gathered.population, resolved.Provenance.GetAsOf().AsTime(), rates...)
	ended(err)
	if err != nil {
		return nil, fmt.Errorf("calibrating: %w", err)
	}
	calibration.Refused = gathered.refused
	response := &echelonv1.CalibrateResponse{Calibration: calibration, Errors: gathered.errors, Notices: gathered.notices}
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
			err = sequence.check(request.batch)
		}
		if err != nil {
			return err
		}
		// It is let in by its size as it came, and then stays as large as it is in memory: packed values, or rows that lack most attributes, are more there.
		size, before := request.batch.size, to.bytes
		if err := s.holdBytes(to, int64(size)); err != nil {
			return err
		}
		if err := s.gatherBatch(stream.Context(), to, request.batch); err != nil {
			return err
		}
		if more := to.bytes - before - int64(size); more > 0 {
			if err := s.holdBytes(to, more); err != nil {
				return err
			}
		}
		sequence.done(request.batch)
	}
}

// holdBytes takes bytes that a population has until its stream ends. OVERLOADED.
func (s *scoringService) holdBytes(to *gathering, bytes int64) error {
	leave, err := s.load.calibrateBytes(bytes)
	if err == nil {
		to.leaving = append(to.leaving, leave)
	}
	return err
}

// gatherBatch reads a batch of the population.
func (s *scoringService) gatherBatch(ctx context.Context, to *gathering, batch *rowBatch) error {
	done, err := s.load.evaluation(ctx)
	if err != nil {
		return err
	}
	defer done()
	return to.add(batch)
}
