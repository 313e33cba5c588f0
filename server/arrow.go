package server

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/jobs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// batchRows returns how many customers a batch carries, in whatever form.
func batchRows(batch *echelonv1.CustomerBatch) int {
	if len(batch.GetArrow()) > 0 {
		return arrowframe.Rows(batch.GetArrow())
	}
	return len(batch.GetRows().GetCustomers())
}

// readArrow reads the Arrow of a batch, into memory that is used again unless it is nil, and says of the first one of a stream what people should know. ARROW_INVALID.
func readArrow(reader *arrowframe.Reader, memory *arrowframe.Memory, batch *rowBatch) (*arrowframe.Batch, []string, error) {
	read, err := reader.ReadInto(memory, batch.arrow)
	var wrong *arrowframe.Error
	if errors.As(err, &wrong) {
		return nil, nil, fault.New(echelonv1.ErrorReason_ARROW_INVALID, "batch %d: %v", batch.sequence, wrong)
	}
	if err != nil || !batch.first {
		return read, nil, err
	}
	return read, arrowframe.Notices(read.Ignored), nil
}

// arrowForm is how a BulkAssign stream reads Arrow batches, and answers where that was asked for.
type arrowForm struct {
	reader *arrowframe.Reader
	// writer is nil where answers are rows; outcomes is the schema of its frames.
	writer   *arrowframe.Writer
	outcomes *frame.Schema
}

// previousColumn is the column of Arrow batches that has the tiers of a tiering that customers are in.
func previousColumn(tiering string) string { return "previous_tier." + tiering }

// arrowForm returns the form that a header asks for. INVALID_REQUEST.
func (e *evaluator) arrowForm(header *echelonv1.BulkAssignHeader) (*arrowForm, error) {
	program := e.scorer.Program()
	read := program.Schema().Fields()
	for _, tiering := range e.tierings {
		read = append(read, frame.Field{Name: previousColumn(tiering), Type: echelonv1.Attribute_STRING})
	}
	form := &arrowForm{reader: arrowframe.NewReader(frame.NewSchema(read...), arrowframe.Options{IDColumn: header.GetIdColumn()})}
	if !header.GetArrowAnswers() {
		return form, nil
	}
	if header.GetExplain() {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST,
			"header has explain and arrow_answers, and explanations have no form in Arrow: leave one of them out")
	}
	form.outcomes = program.OutcomeSchema(!header.GetOmitReasons())
	var err error
	if form.writer, err = arrowframe.NewWriter(form.outcomes, header.GetIdColumn()); err != nil {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "header.id_column: %v", err)
	}
	return form, nil
}

// answer returns outcomes as an IPC stream, in a buffer that is given back once it is sent; nil where answers are rows.
func (f *arrowForm) answer(a *assigner, result *engine.Result) (mem.Buffer, error) {
	if f.writer == nil {
		return nil, nil
	}
	buffer := batchBuffers.Get(a.streamBytes)
	stream, err := f.writer.Append((*buffer)[:0], &a.columns, result.Outcomes(f.outcomes))
	if err != nil {
		return nil, fmt.Errorf("answering by Arrow: %w", err)
	}
	a.streamBytes, *buffer = len(stream), stream // it has moved where it was larger than those before
	return mem.NewBuffer(buffer, &batchBuffers), nil
}

// take reads a batch in whatever form it has. INVALID_REQUEST, ARROW_INVALID.
func (o *openAssign) take(a *assigner, sent *rowBatch) (*batch, error) {
	if len(sent.arrow) == 0 {
		return o.read(a.rows, sent)
	}
	read, notices, err := readArrow(o.arrow.reader, &a.columns, sent)
	if err != nil {
		return nil, err
	}
	o.refuse(len(read.Refused))
	made := o.split(read)
	made.notices, made.arrived = notices, int64(read.Rows)
	return made, nil
}

// split separates the attributes from the tiers that customers are in.
func (o *openAssign) split(read *arrowframe.Batch) *batch {
	program := o.scorer.Program()
	attributes := program.Schema().Len()
	made := &batch{refused: read.Refused}
	made.Frame = &frame.Frame{Schema: program.Schema(), IDs: read.Frame.IDs, Columns: read.Frame.Columns[:attributes:attributes]}
	if !program.NeedsPrevious() {
		return made
	}
	made.previous.Tiers = make([]*frame.Column, len(o.tierings))
	for i := range made.previous.Tiers {
		if column := &read.Frame.Columns[attributes+i]; column.Valid.Count() > 0 {
			made.previous.Tiers[i] = column
		}
	}
	return made
}

// populationReader reads Arrow batches of a population that stays until its stream ends, beside the rows that a builder takes.
func populationReader(rows *frame.Builder, idColumn string) *arrowframe.Reader {
	return arrowframe.NewReader(rows.Schema(), arrowframe.Options{IDColumn: idColumn, Seen: rows, Own: true})
}

// addArrow adds the customers of a batch that came as Arrow. ARROW_INVALID.
func (g *gathering) addArrow(batch *rowBatch) error {
	defer batch.free()
	read, notices, err := readArrow(g.arrow, nil, batch)
	if err != nil {
		return err
	}
	g.notices = append(g.notices, notices...)
	for _, wrong := range read.Refused {
		g.refused++
		if len(g.errors) < refusedKept {
			wrong.Index += g.count
			g.errors = append(g.errors, wrong)
		}
	}
	g.count += int64(read.Rows)
	g.keep(read.Frame)
	return nil
}

// arrow returns what reads Arrow batches of customers that are stored. A former name is refused, since what it holds would be lost; of a retired one
// it is told which rows have a value. Other columns that the schema does not know are ignored.
func (r *reader) arrow(header *echelonv1.ImportHeader) *arrowframe.Reader {
	refuse := func(column string) error {
		if what, ok := r.gone[column]; ok && what.renamed != "" {
			return fmt.Errorf("the attribute %q was renamed: call the column %q", column, what.renamed)
		}
		return nil
	}
	watch := func(column string) bool {
		_, retired := r.gone[column] // those that were renamed are refused
		return retired && !header.GetIgnoreUnknownAttributes()
	}
	return arrowframe.NewReader(r.schema, arrowframe.Options{IDColumn: header.GetIdColumn(), Own: true, Refuse: refuse, Watch: watch})
}

// readArrow reads a batch that is to be stored, and gives back its buffer. ARROW_INVALID.
func (o *openImport) readArrow(batch *rowBatch) (*importRows, error) {
	defer batch.free()
	read, notices, err := readArrow(o.arrow, nil, batch)
	if err != nil {
		return nil, err
	}
	made := &importRows{Frame: read.Frame, refused: read.Refused, notices: notices, places: make([]int64, 0, read.Frame.Len())}
	if o.job != nil {
		made.hash = jobs.HashArrow(batch.arrow)
	}
	refused := read.Refused
	for i := range int64(read.Rows) {
		if len(refused) > 0 && refused[0].GetIndex() == i {
			refused = refused[1:]
			continue
		}
		made.places = append(made.places, i)
	}
	made.refuseWatched(read.Watched)
	return made, nil
}
