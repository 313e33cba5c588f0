package server

import (
	"context"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// givenCustomer is a request to score a customer on its way through the codec. The customer is mostly kept as it came, to be read into columns: making
// messages of it takes longer than evaluating it.
type givenCustomer struct {
	request *echelonv1.ScoreCustomerRequest
	// evaluators are those that were decoded before.
	evaluators *wire.Evaluators
	// raw is the customer as it came; nil where the request has it as a message, or none.
	raw []byte
}

// take decodes the request, but for its customer, and reports false where protobuf is to decode it.
func (g *givenCustomer) take(data mem.BufferSlice) bool {
	request := data.Materialize()
	if g.raw = g.evaluators.SplitGiven(request, g.request); g.raw == nil {
		return false
	}
	g.request.Customer = &echelonv1.ScoreCustomerRequest_Given{Given: &echelonv1.Customer{}}
	return true
}

// arrivalOf returns the call of a context, or one that nobody looks at.
func arrivalOf(ctx context.Context) *arrival {
	if a, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		return a
	}
	return &arrival{}
}

// The numbers of the fields of an answer to a single call, and of its assignment's provenance.
const (
	responseAssignment   = protowire.Number(1)
	assignmentProvenance = protowire.Number(2)
)

// write writes the answer of the customer that was evaluated, straight from the columns. MESSAGE_TOO_LARGE.
func (m *singleMemory) write(result *engine.Result, e *evaluator, most int) (*written, error) {
	if program := e.scorer.Program(); m.program != program {
		m.program, m.encoder = program, program.NewEncoder()
	}
	if err := m.encoder.Reset(result); err != nil {
		return nil, err
	}
	row, err := m.encoder.Row(0)
	if err != nil {
		return nil, err
	}
	if row, err = appendProvenance(append(m.answer[:0], row...), assignmentProvenance, e.provenance); err != nil {
		return nil, err
	}
	m.answer = row
	size := protowire.SizeTag(responseAssignment) + protowire.SizeBytes(len(row))
	if err := fitsSize(size, most); err != nil {
		return nil, err
	}
	out := protowire.AppendTag(make([]byte, 0, size), responseAssignment, protowire.BytesType)
	return &written{mem.BufferSlice{mem.SliceBuffer(protowire.AppendBytes(out, row))}}, nil
}

// rawCustomer returns the customer of a call as it came; nil where its request has it as a message.
func rawCustomer(ctx context.Context) []byte {
	if given := arrivalOf(ctx).given; given != nil {
		return given.raw
	}
	return nil
}

// singleMemory is what calls for one customer are evaluated in, one after another.
type singleMemory struct {
	workspace engine.Workspace
	// rows reads customers of the schema of the program that was used last.
	rows *wire.Rows
	// ignoreUnknown tells whether attributes that the schema lacks are left out, and one is the batch.
	ignoreUnknown bool
	one           batch
	// encoder writes answers of the program that was used last.
	encoder *engine.Encoder
	program *engine.Program
	// answer is the assignment of an answer.
	answer []byte
}

// memory returns one for an evaluator.
func (s *scoringService) memory(e *evaluator) *singleMemory {
	memory, ok := s.single.Get().(*singleMemory)
	if !ok {
		memory = new(singleMemory)
	}
	if schema := e.scorer.Program().Schema(); memory.rows == nil || memory.rows.Builder.Schema() != schema {
		memory.rows = wire.NewRows(frame.NewBuilder(schema, frame.PreviousTiers(e.tierings...)), false)
		memory.rows.Add = func(customer *echelonv1.Customer) *echelonv1.RowError {
			return memory.rows.Builder.AddCustomer(customer, memory.ignoreUnknown)
		}
		memory.rows.Ignore = func(string) bool { return memory.ignoreUnknown }
	}
	memory.ignoreUnknown, memory.one = e.ignoreUnknown, batch{places: memory.one.places[:0]}
	return memory
}

// lastID stands for the id of a customer that was given without one: it comes after the ids that people use.
const lastID = "\U0010FFFF"

// given returns the one customer of a request, and its id, which may be empty. The frame is in the memory.
func (m *singleMemory) given(ctx context.Context, e *evaluator, customer *echelonv1.Customer) (*batch, string, error) {
	b := &m.one
	if raw := rawCustomer(ctx); raw != nil {
		message, refused, err := m.rows.ReadOne(raw, wire.GivenDepth)
		if err != nil {
			return nil, "", errUndecodable()
		}
		if refused == nil {
			e.add(b, 0, message, nil)
			e.built(b, m.rows.Builder)
			return b, b.IDs[0], nil
		}
		// What is refused, such as one without an id, is looked at as a message.
		customer = &echelonv1.Customer{}
		if wire.DecodeGiven(raw, customer) != nil {
			return nil, "", errUndecodable()
		}
	}
	named := customer
	if customer.GetId() == "" {
		named = &echelonv1.Customer{Id: lastID, Attributes: customer.GetAttributes(), PreviousTiers: customer.GetPreviousTiers(), PreviousStandings: customer.GetPreviousStandings()}
	}
	if e.add(b, 0, named, m.rows.Add(named)); len(b.refused) > 0 {
		b.refused[0].CustomerId = customer.GetId()
		return nil, "", fault.Customer(b.refused[0])
	}
	e.built(b, m.rows.Builder)
	return b, customer.GetId(), nil
}
