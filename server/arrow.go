package server

import (
	"errors"
	"fmt"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// batchRows returns how many customers a batch carries, in whatever form.
func batchRows(batch *echelonv1.CustomerBatch) int {
	if len(batch.GetArrow()) > 0 {
		return arrowframe.Rows(batch.GetArrow())
	}
	return len(batch.GetRows().GetCustomers())
}

// readArrow reads the Arrow of a batch. ARROW_INVALID.
func readArrow(reader *arrowframe.Reader, batch *echelonv1.CustomerBatch) (*arrowframe.Batch, []string, error) {
	read, notices, err := reader.Read(batch.GetArrow())
	var wrong *arrowframe.Error
	if errors.As(err, &wrong) {
		return nil, nil, fault.New(echelonv1.ErrorReason_ARROW_INVALID, "batch %d: %v", batch.GetSequence(), wrong)
	}
	return read, notices, err
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

// answer returns outcomes as an IPC stream.
func (f *arrowForm) answer(result *engine.Result) ([]byte, error) {
	stream, err := f.writer.Stream(result.Outcomes(f.outcomes))
	if err != nil {
		return nil, fmt.Errorf("answering by Arrow: %w", err)
	}
	return stream, nil
}

// take reads a batch in whatever form it has, and notes in its answer what only Arrow batches tell. ARROW_INVALID.
func (o *openAssign) take(sent *echelonv1.CustomerBatch, answer *echelonv1.AssignmentBatch) (*batch, error) {
	if len(sent.GetArrow()) == 0 {
		return o.batch(sent.GetRows().GetCustomers()), nil
	}
	read, notices, err := readArrow(o.arrow.reader, sent)
	if err != nil {
		return nil, err
	}
	o.refuse(len(read.Refused))
	answer.Notices, answer.Rows = notices, int64(read.Rows)
	return o.split(read), nil
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
func (g *gathering) addArrow(batch *echelonv1.CustomerBatch) error {
	if len(batch.GetArrow()) == 0 {
		return nil
	}
	read, notices, err := readArrow(g.arrow, batch)
	if err != nil {
		return err
	}
	g.notices = append(g.notices, notices...)
	for _, wrong := range read.Refused {
		g.refused++
		if len(g.errors) < refusedKept {
			wrong.Index += g.rows
			g.errors = append(g.errors, wrong)
		}
	}
	g.rows += int64(read.Rows)
	if read.Frame.Len() > 0 {
		g.frames = append(g.frames, read.Frame)
	}
	return nil
}

// arrow returns what reads Arrow batches of customers that are stored. A former name is refused, since what it holds would be lost; a retired one
// is ignored as others are that the schema does not know.
func (r *reader) arrow(header *echelonv1.ImportHeader) *arrowframe.Reader {
	return arrowframe.NewReader(r.schema, arrowframe.Options{IDColumn: header.GetIdColumn(), Refuse: func(column string) error {
		if what, ok := r.gone[column]; ok && what.renamed != "" {
			return fmt.Errorf("the attribute %q was renamed: call the column %q", column, what.renamed)
		}
		return nil
	}})
}

// imported is a batch that is to be stored: the customers that can be, and the places in the batch of each of them.
type imported struct {
	customers *frame.Frame
	places    []int64
	unread    []*echelonv1.RowError
	notices   []string
}

// read reads a batch in whatever form it has. ARROW_INVALID.
func (o *openImport) read(batch *echelonv1.CustomerBatch) (*imported, error) {
	if len(batch.GetArrow()) > 0 {
		return o.readArrow(batch)
	}
	b := frame.NewBuilder(o.reader.schema, frame.UniqueIDs())
	made := &imported{}
	for i, customer := range batch.GetRows().GetCustomers() {
		if refused := o.reader.add(b, customer, o.ignoreUnknown); refused != nil {
			refused.Index = int64(i)
			made.unread = append(made.unread, refused)
			continue
		}
		made.places = append(made.places, int64(i))
	}
	made.customers = b.Take()
	return made, nil
}

func (o *openImport) readArrow(batch *echelonv1.CustomerBatch) (*imported, error) {
	read, notices, err := readArrow(o.arrow, batch)
	if err != nil {
		return nil, err
	}
	made := &imported{customers: read.Frame, unread: read.Refused, notices: notices, places: make([]int64, 0, read.Frame.Len())}
	refused := read.Refused
	for i := range int64(read.Rows) {
		if len(refused) > 0 && refused[0].GetIndex() == i {
			refused = refused[1:]
			continue
		}
		made.places = append(made.places, i)
	}
	return made, nil
}
