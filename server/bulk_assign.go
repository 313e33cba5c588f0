package server

import (
	"context"
	"runtime"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// assignStream is a BulkAssign stream.
type assignStream struct {
	service  *scoringService
	ctx      context.Context
	open     *openAssign
	sequence batches
	// delivered is the last batch whose answer was sent.
	delivered atomic.Int64
}

// BulkAssign evaluates a stream of batches, several at the same time.
func (s *scoringService) BulkAssign(stream grpc.BidiStreamingServer[echelonv1.BulkAssignRequest, echelonv1.BulkAssignResponse]) error {
	a := &assignStream{service: s, ctx: stream.Context()}
	d := &duplex[*bulkRequest[*echelonv1.BulkAssignRequest]]{
		streaming: s.streams, stream: stream, receive: receiveBulk[echelonv1.BulkAssignRequest], begin: a.begin, ahead: inFlight + s.workers(),
		sent: func(r reply) {
			if r.sequence > 0 {
				a.delivered.Store(r.sequence)
			}
		},
	}
	err := d.run()
	if err == nil && a.open == nil {
		err = s.streams.header(nil, false)
	}
	// What was computed and not sent is not done: the client must begin there again.
	return (&batches{last: a.delivered.Load()}).at(err)
}

// workers is how many batches of one stream are evaluated at the same time.
func (s *scoringService) workers() int {
	return min(runtime.GOMAXPROCS(0), s.load.limits.MaxEvaluations)
}

// begin answers a header, or begins the evaluation of a batch.
func (a *assignStream) begin(request *bulkRequest[*echelonv1.BulkAssignRequest]) (work, error) {
	if a.open == nil {
		header := request.message.GetHeader()
		open, err := a.service.openAssign(a.ctx, header)
		if err != nil {
			return nil, err
		}
		a.open = open
		a.sequence.last = max(header.GetFirstSequence(), 1) - 1
		a.delivered.Store(a.sequence.last)
		return done(reply{message: &echelonv1.BulkAssignResponse{Message: &echelonv1.BulkAssignResponse_Opened{Opened: open.provenance}}}), nil
	}
	batch := request.batch
	if err := a.sequence.check(batch); err != nil {
		return nil, err
	}
	a.sequence.done(batch)
	return func(ctx context.Context) (reply, error) { return a.service.assign(ctx, a.open, batch) }, nil
}

// openAssign is a BulkAssign stream whose header was read.
type openAssign struct {
	*evaluator
	options engine.Options
	// assigners are those that are free.
	assigners chan *assigner
}

func (s *scoringService) openAssign(ctx context.Context, header *echelonv1.BulkAssignHeader) (*openAssign, error) {
	if err := s.streams.header(header, header != nil); err != nil {
		return nil, err
	}
	e, err := s.resolve(ctx, header.GetEvaluator())
	if err != nil {
		return nil, err
	}
	e.way = wayStream
	o := &openAssign{evaluator: e, options: e.options(!header.GetOmitReasons(), header.GetExplain()), assigners: make(chan *assigner, s.workers())}
	for range cap(o.assigners) {
		o.assigners <- &assigner{rows: e.rows(), encoder: e.scorer.Program().NewEncoder()}
	}
	return o, nil
}

// assign evaluates a batch and writes the answer. MESSAGE_TOO_LARGE.
func (s *scoringService) assign(ctx context.Context, o *openAssign, batch *rowBatch) (reply, error) {
	var a *assigner
	select {
	case a = <-o.assigners:
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
	defer func() { o.assigners <- a }()
	done, err := s.load.evaluation(ctx)
	if err != nil {
		return reply{}, err
	}
	defer done()
	rows, err := o.read(a.rows, batch)
	if err != nil {
		return reply{}, err
	}
	options := o.options
	options.Workspace = &a.workspace
	result, err := s.evaluate(ctx, o.evaluator, rows, options)
	if err != nil {
		return reply{}, err
	}
	answer, err := a.answer(batch.sequence, result, rows.refused)
	if err != nil {
		return reply{}, err
	}
	if size := answer.buffer.Len(); size > s.streams.maxMessage {
		return reply{}, fault.New(echelonv1.ErrorReason_MESSAGE_TOO_LARGE,
			"the answer to the batch %d has %d bytes, at most %d are allowed: send smaller batches, or leave out explanations and reasons",
			batch.sequence, size, s.streams.maxMessage)
	}
	return reply{message: answer, sequence: batch.sequence}, nil
}

// assigner is the memory in which batches of a stream are evaluated, one after another: an answer keeps nothing of it.
type assigner struct {
	rows      *wire.Rows
	workspace engine.Workspace
	encoder   *engine.Encoder
	body      []byte
}

// written is a message that was written as bytes.
type written struct{ buffer mem.Buffer }

// The numbers of the fields of an answer.
const (
	responseBatch    = protowire.Number(2)
	batchSequence    = protowire.Number(1)
	batchAssignments = protowire.Number(2)
	batchErrors      = protowire.Number(3)
)

// answer writes the BulkAssignResponse to a batch.
func (a *assigner) answer(sequence int64, result *engine.Result, refused []*echelonv1.RowError) (*written, error) {
	body := a.body[:0]
	if sequence != 0 {
		body = protowire.AppendVarint(protowire.AppendTag(body, batchSequence, protowire.VarintType), uint64(sequence))
	}
	err := a.encoder.Reset(result)
	for row := 0; row < result.Len() && err == nil; row++ {
		body, err = a.encoder.Append(body, batchAssignments, row)
	}
	for i := 0; i < len(refused) && err == nil; i++ {
		body = protowire.AppendVarint(protowire.AppendTag(body, batchErrors, protowire.BytesType), uint64(proto.Size(refused[i])))
		body, err = proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(body, refused[i])
	}
	if err != nil {
		return nil, err
	}
	a.body = body
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(protowire.SizeTag(responseBatch) + protowire.SizeBytes(len(body)))
	*buffer = protowire.AppendBytes(protowire.AppendTag((*buffer)[:0], responseBatch, protowire.BytesType), body)
	return &written{mem.NewBuffer(buffer, pool)}, nil
}

// rows returns what reads batches for the evaluator.
func (e *evaluator) rows() *wire.Rows { return wire.NewRows(e.builder(), e.ignoreUnknown) }

// read builds the frame of a batch. INVALID_REQUEST.
func (e *evaluator) read(rows *wire.Rows, from *rowBatch) (*batch, error) {
	rows.Builder = e.builder()
	b := &batch{places: make([]int, 0, from.count)}
	if err := from.read(rows, func(place int, customer *echelonv1.Customer, refused *echelonv1.RowError) {
		e.add(b, place, customer, refused)
	}); err != nil {
		return nil, err
	}
	return e.built(b, rows.Builder), nil
}
