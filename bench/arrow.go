package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// rowsOfArrow is how many customers a batch of Arrow has: about 0.8 MB of W's.
const rowsOfArrow = 8192

// arrowBatches are customers in batches of Arrow, encoded, each without its number.
func arrowBatches(customers *frame.Frame) ([][]byte, error) {
	writer, err := arrowframe.NewWriter(customers.Schema, "")
	if err != nil {
		return nil, err
	}
	var batches [][]byte
	for from := 0; from < customers.Len(); from += rowsOfArrow {
		stream, err := writer.Stream(customers.Slice(from, min(customers.Len(), from+rowsOfArrow)))
		if err != nil {
			return nil, err
		}
		data, err := proto.Marshal(&echelonv1.CustomerBatch{Arrow: stream})
		if err != nil {
			return nil, err
		}
		batches = append(batches, data)
	}
	return batches, nil
}

// newArrowBulk is BulkAssign by Arrow, both ways.
func (m *wModel) newArrowBulk(p *process, batches [][]byte, want *workload.Out) (*bulk, error) {
	header := m.assignHeader()
	header.ArrowAnswers = true
	reader := arrowframe.NewReader(m.program.OutcomeSchema(false), arrowframe.Options{})
	return newBulk(p, header, batches, want, func(answer *echelonv1.AssignmentBatch, to *workload.Out, row int) (int, error) {
		read, err := reader.Read(answer.GetArrow())
		if err != nil {
			return 0, err
		}
		f := read.Frame
		end := row + f.Len()
		copy(to.Score[row:end], f.Column("score.score").Numbers)
		numbers(to.Seg[row:end], f.Column("segment.segment"))
		numbers(to.Tier[row:end], f.Column("tier.tier"))
		numbers(to.Persona[row:end], f.Column("tier.persona"))
		return f.Len(), nil
	})
}

// arrowFigures measures batches of Arrow through the whole server against a raw stream of as many messages, of the same sizes, in both directions.
func arrowFigures(b *bench) (_ []figure, err error) {
	m, err := b.model()
	if err != nil {
		return nil, err
	}
	batches, err := arrowBatches(m.frame)
	if err != nil {
		return nil, err
	}
	server, err := b.serve(filepath.Join(b.folder, "arrow"), "--memory")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	assign, err := m.newArrowBulk(server, batches, b.wanted())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, assign.conn.Close()) }()
	raw, err := b.peer("serve-echo")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, raw.stop()) }()
	conn, err := raw.dial()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	through := contestant{name: "Arrow through the server", rows: million, run: assign.run}
	echo := contestant{name: "a raw stream of the same sizes", rows: million, run: func() error {
		e := assign.exchange()
		e.conn, e.method, e.header = conn, echoMethod, echoHeader(assign.sizes)
		_, err := e.run()
		return err
	}}
	s, err := race(b.choose(3, 11), through, echo)
	if err != nil {
		return nil, err
	}
	s.print(through, echo)
	if err := printTimes(len(s[echo.name])+1, server, raw); err != nil {
		return nil, err
	}
	fmt.Printf("  %-46s %10.0f bytes a customer, and %.0f of the answer\n", "sizes", bytesOf(batches)/million, total(assign.sizes)/million)
	return []figure{{"bulk_arrow_vs_echo", s.ratio(through.name, echo.name), ">=", 0.65}}, nil
}

// printTimes prints what the servers used of the processors, a million customers. The first one went once more through all, when its answers were checked.
func printTimes(rounds int, server, raw *process) error {
	used, err := server.processorTime()
	none, failed := raw.processorTime()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	fmt.Printf("  %-46s %10.0f ms a million customers, and %.0f of the raw stream's\n", "processor time of the server", 1e3*used/float64(rounds+1), 1e3*none/float64(rounds))
	return nil
}

func bytesOf(batches [][]byte) (n float64) {
	for _, batch := range batches {
		n += float64(len(batch))
	}
	return n
}

func total(sizes []int) (n float64) {
	for _, size := range sizes {
		n += float64(size)
	}
	return n
}
