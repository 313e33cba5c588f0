package main

import (
	"io"
	"strings"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// outcomes writes assignments to a file.
type outcomes interface {
	// write writes the assignments of a batch; outcomeFrames write them from the columns, and others need none.
	write(assignments []*echelonv1.Assignment, result *engine.Result) error
	Flush() error
}

// newOutcomes begins a file of the format that its name says.
func newOutcomes(path string, to io.Writer, idColumn string, program *engine.Program) (outcomes, error) {
	format, err := tabular.ParseFormat("", path)
	if err != nil {
		return nil, err
	}
	if !format.HasTypes() {
		out, err := tabular.NewAssignmentWriter(to, idColumn, program.Model())
		return &outcomeLines{out}, err
	}
	schema := program.OutcomeSchema(true)
	out, err := tabular.NewFrameWriter(to, format, schema, idColumn)
	return &outcomeFrames{out, schema}, err
}

// outcomeLines are outcomes as CSV.
type outcomeLines struct{ *tabular.AssignmentWriter }

func (o *outcomeLines) write(assignments []*echelonv1.Assignment, _ *engine.Result) error {
	return writeAssignments(o.AssignmentWriter, assignments)
}

// outcomeFrames are outcomes as columns with types.
type outcomeFrames struct {
	*tabular.FrameWriter
	schema *frame.Schema
}

func (o *outcomeFrames) write(assignments []*echelonv1.Assignment, result *engine.Result) error {
	if result.Reasons.Offsets == nil { // made of assignments that came from a server
		result.TakeReasons(assignments)
	}
	return o.Write(result.Outcomes(o.schema))
}

// checkOutput finds a name whose ending cannot be written.
func checkOutput(path string) error {
	format, err := tabular.ParseFormat("", path)
	if err != nil {
		return err
	}
	lower := strings.ToLower(path)
	if packed := strings.HasSuffix(lower, ".gz") || strings.HasSuffix(lower, ".zst"); packed && format == tabular.Parquet {
		return usagef("--output: a Parquet file is compressed in itself: leave the ending of %s out", path)
	}
	return nil
}

// outcomesAtOnce is how many assignments gatheredOutcomes gathers.
const outcomesAtOnce = 1 << 10

// gatheredOutcomes writes assignments that come one by one.
type gatheredOutcomes struct {
	out     outcomes
	program *engine.Program
	held    []*echelonv1.Assignment
}

func (g *gatheredOutcomes) add(a *echelonv1.Assignment) error {
	g.held = append(g.held, a)
	if len(g.held) < outcomesAtOnce {
		return nil
	}
	return g.take()
}

func (g *gatheredOutcomes) take() error {
	var result *engine.Result
	if _, columns := g.out.(*outcomeFrames); columns {
		var err error
		if result, err = g.program.ResultOf(g.held); err != nil {
			return err
		}
	}
	err := g.out.write(g.held, result)
	g.held = nil
	return err
}

// finish writes what is left, and ends the file.
func (g *gatheredOutcomes) finish() error {
	if len(g.held) > 0 {
		if err := g.take(); err != nil {
			return err
		}
	}
	return g.out.Flush()
}

// customerFile is a file of customers that is being written.
type customerFile interface {
	Write(*echelonv1.Customer) error
	// Emptied returns how many empty texts and lists read back as missing.
	Emptied() int
	Flush() error
}

// newCustomerFile begins a file of the format that its name says.
func newCustomerFile(path string, to io.Writer, idColumn string, attributes []*echelonv1.Attribute) (customerFile, error) {
	format, err := tabular.ParseFormat("", path)
	if err != nil {
		return nil, err
	}
	if format.HasTypes() {
		return tabular.NewTypedCustomerWriter(to, format, idColumn, attributes)
	}
	return tabular.NewCustomerWriter(to, idColumn, attributes)
}
