package server

import (
	"fmt"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/fault"
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

// assignmentPages writes assignments as Arrow.
type assignmentPages struct {
	program  *engine.Program
	outcomes *frame.Schema
	writer   *arrowframe.Writer
}

// newAssignmentPages returns what writes the assignments that a program made. INVALID_REQUEST.
func newAssignmentPages(program *engine.Program, idColumn string) (*assignmentPages, error) {
	p := &assignmentPages{program: program, outcomes: program.OutcomeSchema(true)}
	var err error
	p.writer, err = exportWriter(p.outcomes, idColumn)
	return p, err
}

// page puts the assignments of a page into columns.
func (p *assignmentPages) page(page *echelonv1.ExportAssignmentsResponse) error {
	result, err := p.program.ResultOf(page.GetAssignments())
	if err != nil {
		return fmt.Errorf("exporting by Arrow: %w", err)
	}
	result.TakeReasons(page.GetAssignments())
	page.Arrow, err = p.writer.Stream(result.Outcomes(p.outcomes))
	page.Assignments = nil
	return err
}
