package main

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// asOf is the instant for which everything is evaluated, so that answers are the same in every round.
var asOf = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// wModel is W's model, compiled, with its customers in columns and what it learns from them.
type wModel struct {
	model       *echelonv1.Model
	program     *engine.Program
	frame       *frame.Frame
	calibration *echelonv1.Calibration
}

func newWModel(c *workload.Cols) (*wModel, error) {
	model, program, err := compile("model.yaml", workload.ModelYAML)
	if err != nil {
		return nil, err
	}
	m := &wModel{model: model, program: program, frame: frameOf(c, program.Schema())}
	m.calibration, err = calibrate(program, m.frame)
	return m, err
}

// compile reads a model file and compiles it.
func compile(name string, file []byte) (*echelonv1.Model, *engine.Program, error) {
	model, _, found := modelfile.Parse(name, file)
	if err := found.Err(); err != nil {
		return nil, nil, err
	}
	program, found := engine.Compile(model)
	return model, program, found.Err()
}

func calibrate(program *engine.Program, f *frame.Frame) (*echelonv1.Calibration, error) {
	ctx, cancel := within()
	defer cancel()
	return program.Calibrate(ctx, func(yield func(*frame.Frame, error) bool) { yield(f, nil) }, asOf)
}

// assignHeader opens a BulkAssign stream by W's model, without reasons.
func (m *wModel) assignHeader() *echelonv1.BulkAssignHeader {
	return &echelonv1.BulkAssignHeader{OmitReasons: true, Evaluator: &echelonv1.Evaluator{
		Model: &echelonv1.Evaluator_Inline{Inline: m.model}, Calibration: &echelonv1.Evaluator_InlineCalibration{InlineCalibration: m.calibration},
		AsOf: timestamppb.New(asOf),
	}}
}

// rowsOfBatch is how many customers a batch of rows has.
const rowsOfBatch = 1000

// rowBatches are the first customers of W in batches of rows, encoded, each without its number.
func rowBatches(c *workload.Cols, rows int) ([][]byte, error) {
	var batches [][]byte
	for from := 0; from < rows; from += rowsOfBatch {
		list := &echelonv1.CustomerRows{}
		for i := from; i < min(rows, from+rowsOfBatch); i++ {
			list.Customers = append(list.Customers, workload.Customer(c, i))
		}
		data, err := proto.Marshal(&echelonv1.CustomerBatch{Rows: list})
		if err != nil {
			return nil, err
		}
		batches = append(batches, data)
	}
	return batches, nil
}

// bulk is BulkAssign of encoded batches, through a server in a process of its own.
type bulk struct {
	conn    *grpc.ClientConn
	header  message
	batches []message
	// sum is the check sum of the answers, which were compared with what Fused says, and sizes are their sizes.
	sum   uint32
	sizes []int
}

// newBulk sends everything once and checks the answers: read returns a batch's outcomes.
func newBulk(p *process, header *echelonv1.BulkAssignHeader, batches [][]byte, want *workload.Out, read func(*echelonv1.AssignmentBatch, *workload.Out, int) (int, error)) (*bulk, error) {
	b := &bulk{}
	for i, rest := range batches {
		b.batches = append(b.batches, batchOf(i+1, rest))
	}
	var err error
	if b.header, err = marshal(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: header}}); err != nil {
		return nil, err
	}
	if b.conn, err = p.dial(); err != nil {
		return nil, err
	}
	got, row := workload.NewOut(len(want.Seg)), 0
	e := b.exchange()
	e.keep, e.answered = true, func(_ int, a *answer) error {
		b.sizes = append(b.sizes, a.size)
		var response echelonv1.BulkAssignResponse
		if err := proto.Unmarshal(a.data, &response); err != nil {
			return err
		}
		if refused := response.GetBatch().GetErrors(); len(refused) > 0 {
			return fmt.Errorf("%d customers are refused: %s", len(refused), refused[0].GetMessage())
		}
		n, err := read(response.GetBatch(), got, row)
		row += n
		return err
	}
	if b.sum, err = e.run(); err == nil {
		err = agree("BulkAssign", got.Sums(), want.Sums())
	}
	if err != nil {
		return nil, errors.Join(err, b.conn.Close())
	}
	return b, nil
}

func (b *bulk) exchange() *exchange {
	return &exchange{conn: b.conn, method: echelonv1.ScoringService_BulkAssign_FullMethodName, header: b.header, count: len(b.batches),
		batch: func(i int) message { return b.batches[i] }}
}

// run sends everything, and holds the check sum of the answers against that of those that were compared.
func (b *bulk) run() error {
	sum, err := b.exchange().run()
	if err == nil && sum != b.sum {
		err = errors.New("the answers are others than before")
	}
	return err
}

// digit is what a name says that is a number of one digit, as all names of W's model are; 0 of none.
func digit(name string) uint8 {
	if name == "" {
		return 0
	}
	return name[0] - '0'
}

// readRows writes down the outcomes of a batch of assignments.
func readRows(batch *echelonv1.AssignmentBatch, to *workload.Out, row int) (int, error) {
	for i, a := range batch.GetAssignments() {
		to.Seg[row+i], to.Score[row+i] = digit(a.GetSegments()[0].GetSegment()), a.GetScores()[0].GetValue()
		to.Tier[row+i], to.Persona[row+i] = digit(a.GetTiers()[0].GetTier()), digit(a.GetTiers()[1].GetTier())
	}
	return len(batch.GetAssignments()), nil
}

// fused is what Fused says of the first customers.
func fused(c *workload.Cols, rows int) *workload.Out {
	out := workload.NewOut(rows)
	workload.Fused(c, out, 0, rows)
	return out
}
