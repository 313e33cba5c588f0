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
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
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
	arrow   *arrowForm
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
	arrow, err := e.arrowForm(header)
	if err != nil {
		return nil, err
	}
	o := &openAssign{
		evaluator: e, options: e.options(!header.GetOmitReasons(), header.GetExplain()), arrow: arrow, assigners: make(chan *assigner, s.workers()),
	}
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
	defer a.columns.Reset()
	defer batch.free() // what was read of it may share its memory until it is answered
	done, err := s.load.evaluation(ctx)
	if err != nil {
		return reply{}, err
	}
	defer done()
	rows, err := o.take(a, batch)
	if err != nil {
		return reply{}, err
	}
	if len(batch.arrow) == 0 {
		defer a.rows.Builder.Recycle(rows.Frame) // the answer keeps nothing of it; that of an Arrow batch is none of the builder's, but shares the batch's memory
	}
	options := o.options
	options.Workspace = &a.workspace
	result, err := s.evaluate(ctx, o.evaluator, rows, options)
	if err != nil {
		return reply{}, err
	}
	outcomes, err := o.arrow.answer(a, result)
	if err != nil {
		return reply{}, err
	}
	answer, err := a.answer(batch.sequence, result, rows, outcomes)
	if err != nil {
		return reply{}, err
	}
	if size := answer.buffers.Len(); size > s.streams.maxMessage {
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
	// columns are those of batches that came as Arrow and of answers that go so, streamBytes is how long the last such answer was, and body the rest
	// of one.
	columns     arrowframe.Memory
	streamBytes int
	body        []byte
}

// written is a message that was written as bytes.
type written struct{ buffers mem.BufferSlice }

// The numbers of the fields of an answer.
const (
	responseBatch    = protowire.Number(2)
	batchSequence    = protowire.Number(1)
	batchAssignments = protowire.Number(2)
	batchErrors      = protowire.Number(3)
	batchArrow       = protowire.Number(200)
	batchNotices     = protowire.Number(201)
	batchCount       = protowire.Number(202)
)

// answer writes the BulkAssignResponse to a batch; outcomes are by Arrow, where that was asked for.
func (a *assigner) answer(sequence int64, result *engine.Result, rows *batch, outcomes mem.Buffer) (*written, error) {
	refused := rows.refused
	body := a.body[:0]
	if sequence != 0 {
		body = protowire.AppendVarint(protowire.AppendTag(body, batchSequence, protowire.VarintType), uint64(sequence))
	}
	var err error
	if outcomes == nil {
		err = a.encoder.Reset(result)
		for row := 0; row < result.Len() && err == nil; row++ {
			body, err = a.encoder.Append(body, batchAssignments, row)
		}
	}
	for i := 0; i < len(refused) && err == nil; i++ {
		body = protowire.AppendVarint(protowire.AppendTag(body, batchErrors, protowire.BytesType), uint64(proto.Size(refused[i])))
		body, err = proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(body, refused[i])
	}
	if err != nil {
		return nil, err
	}
	for _, notice := range rows.notices {
		body = protowire.AppendString(protowire.AppendTag(body, batchNotices, protowire.BytesType), notice)
	}
	if rows.arrived > 0 {
		body = protowire.AppendVarint(protowire.AppendTag(body, batchCount, protowire.VarintType), uint64(rows.arrived))
	}
	if outcomes != nil { // they follow where they are
		body = protowire.AppendVarint(protowire.AppendTag(body, batchArrow, protowire.BytesType), uint64(outcomes.Len()))
	}
	a.body = body
	size, pool := len(body), &batchBuffers
	if outcomes != nil {
		size += outcomes.Len()
	}
	buffer := pool.Get(protowire.SizeTag(responseBatch) + protowire.SizeBytes(len(body)))
	out := protowire.AppendVarint(protowire.AppendTag((*buffer)[:0], responseBatch, protowire.BytesType), uint64(size))
	*buffer = append(out, body...)
	answer := &written{mem.BufferSlice{mem.NewBuffer(buffer, pool)}}
	if outcomes != nil {
		answer.buffers = append(answer.buffers, outcomes)
	}
	return answer, nil
}

// rows returns what reads batches for the evaluator.
func (e *evaluator) rows() *wire.Rows { return wire.NewRows(e.builder(), e.ignoreUnknown) }

// read builds the frame of a batch. INVALID_REQUEST.
func (e *evaluator) read(rows *wire.Rows, from *rowBatch) (*batch, error) {
	b := &batch{places: make([]int, 0, from.count)}
	if err := from.read(rows, func(place int, customer *echelonv1.Customer, refused *echelonv1.RowError) {
		e.add(b, place, customer, refused)
	}); err != nil {
		rows.Builder.Recycle(rows.Builder.Take()) // what was read of it is not of the batch that is read next, which may be an earlier one
		return nil, err
	}
	e.built(b, rows.Builder)
	return b, nil
}
