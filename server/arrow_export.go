package server

import (
	"fmt"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// exportWriter returns what writes the pages of an export. INVALID_REQUEST.
func exportWriter(of *frame.Schema, idColumn string) (*arrowframe.Writer, error) {
	w, err := arrowframe.NewWriter(of, idColumn)
	if err != nil {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "id_column: %v", err)
	}
	return w, nil
}

// customerPages writes customers as Arrow, in pages that fit a message.
type customerPages struct {
	idColumn string
	most     int
	writer   *arrowframe.Writer
}

// write writes a frame, in halves where it is too large, and sends each part with its last id. INVALID_REQUEST.
func (p *customerPages) write(f *frame.Frame, send func(stream []byte, last string) error) error {
	if p.writer == nil {
		var err error
		if p.writer, err = exportWriter(f.Schema, p.idColumn); err != nil {
			return err
		}
	}
	stream, err := p.writer.Stream(f)
	switch n := f.Len(); {
	case err != nil:
		return fmt.Errorf("exporting by Arrow: %w", err)
	case n == 0:
		return nil
	case len(stream) <= p.most || n == 1:
		return send(stream, f.IDs[n-1])
	}
	first, second := f.Halves()
	if err := p.write(first, send); err != nil {
		return err
	}
	return p.write(second, send)
}

// assignmentPages gathers assignments in columns, from those of the snapshot, and writes them as Arrow.
type assignmentPages struct {
	outcomes *frame.Schema
	writer   *arrowframe.Writer
	rows     *frame.Collector
	// of is the result that the last row was of, and columns are its outcomes.
	of      *engine.Result
	columns *frame.Frame
}

// newAssignmentPages returns what writes the assignments that a program made. INVALID_REQUEST.
func newAssignmentPages(program *engine.Program, idColumn string) (*assignmentPages, error) {
	outcomes := program.OutcomeSchema(true)
	writer, err := exportWriter(outcomes, idColumn)
	if err != nil {
		return nil, err
	}
	return &assignmentPages{outcomes: outcomes, writer: writer, rows: frame.NewCollector(outcomes)}, nil
}

// add adds the assignment of a customer.
func (p *assignmentPages) add(row *snapshot.Row) {
	if p.of != row.Result {
		p.of, p.columns = row.Result, row.Result.Outcomes(p.outcomes)
	}
	p.rows.Add(p.columns, row.Index)
}

// take gives a page the assignments that were added, and returns the last one's id; empty where there are none.
func (p *assignmentPages) take(page *echelonv1.ExportAssignmentsResponse) (last string, err error) {
	f := p.rows.Take()
	if n := f.Len(); n > 0 {
		last = f.IDs[n-1]
	}
	if page.Arrow, err = p.writer.Stream(f); err != nil {
		err = fmt.Errorf("exporting by Arrow: %w", err)
	}
	return last, err
}
