package arrowframe

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Batch is a record batch whose rows were judged.
type Batch struct {
	// Frame is the rows that were not refused, in their order.
	Frame *frame.Frame
	// Refused are the others, their indexes places in the record batch, in order.
	Refused []*echelonv1.RowError
	// Rows is how many there were.
	Rows int
	// Ignored are the names of the columns that are no fields.
	Ignored []string
	// Watched tells of the columns that Options.Watch picks which rows have a value.
	Watched []Watched
}

// Watched is a column that is no field.
type Watched struct {
	Name string
	// Rows are those of the record batch, refused ones too, that have a value.
	Rows frame.Bitmap
}

// Frame turns a record batch of the layout's schema into a frame, and says of each row that is refused why, as a frame.Builder with UniqueIDs
// does. It fails with an *Error where the batch is damaged.
func (l *Layout) Frame(record arrow.RecordBatch) (*Batch, error) { return l.frame(nil, nil, record) }

func (l *Layout) frame(memory *Memory, of *opened, record arrow.RecordBatch) (batch *Batch, err error) {
	defer func() {
		// The lengths of a message are checked before; what is left are values that point outside, which arrow-go answers by panics.
		if panicked := recover(); panicked != nil {
			batch, err = nil, disagreeing()
		}
	}()
	n := int(record.NumRows())
	if l.options.Own {
		memory = nil
	}
	d := &decoding{layout: l, memory: memory, record: record, rows: n, suspects: frame.NewBitmap(n)}
	if of != nil {
		d.entries = of.entries
	}
	f := &frame.Frame{Schema: l.to, IDs: d.ids(record.Column(l.id)), Columns: make([]frame.Column, l.to.Len())}
	for i, place := range l.fields {
		if place < 0 {
			f.Columns[i] = d.absent(l.to.Field(i))
			continue
		}
		d.field = i
		f.Columns[i] = d.column(l.to.Field(i), record.Column(place))
	}
	refused := d.judge(f.IDs)
	if len(refused) > 0 {
		kept := frame.AllRows(n)
		for _, row := range refused {
			kept.Set(int(row.GetIndex()), false)
		}
		f = f.Select(kept)
	}
	return &Batch{Frame: f, Refused: refused, Rows: n, Ignored: l.ignored, Watched: d.watched()}, nil
}

// watched tells of the watched columns which rows have a value.
func (d *decoding) watched() []Watched {
	var all []Watched
	for _, place := range d.layout.watched {
		all = append(all, Watched{d.record.ColumnName(place), d.valid(d.record.Column(place))})
	}
	return all
}

// decoding is a record batch that becomes a frame.
type decoding struct {
	layout *Layout
	memory *Memory
	record arrow.RecordBatch
	rows   int
	// field is the place of the field whose column is read, and entries what was found of the dictionaries of fields; nil where there is no next batch.
	field   int
	entries map[int]*entries
	// suspects are rows that are looked at again, one by one, since something seems to be wrong with them.
	suspects frame.Bitmap
}

func (d *decoding) suspect(row int) { d.suspects.Set(row, true) }

// bitmap returns an empty set of rows, everyRow that of all.
func (d *decoding) bitmap() frame.Bitmap   { return d.memory.newWords((d.rows + 63) / 64) }
func (d *decoding) everyRow() frame.Bitmap { return d.bitmap().Fill(d.rows) }

// suspectMissing suspects the rows that lack a value which they must have.
func (d *decoding) suspectMissing(field frame.Field, valid frame.Bitmap) {
	if !field.Required {
		return
	}
	for i, word := range d.everyRow() {
		d.suspects[i] |= word &^ valid[i]
	}
}

// judge returns why rows are refused. Of two rows with one id the first that is not refused holds.
func (d *decoding) judge(ids []string) []*echelonv1.RowError {
	if d.layout.options.Whole {
		return nil
	}
	var refused []*echelonv1.RowError
	known, before := newSeen(ids), d.layout.options.Seen
	var builder *frame.Builder
	suspicious := d.suspects.Count() > 0
	if !suspicious && known == nil && before == nil {
		return nil
	}
	for row, id := range ids {
		var wrong *echelonv1.RowError
		switch {
		case known.has(id), before != nil && before.Seen(id):
			wrong = &echelonv1.RowError{
				CustomerId: frame.Printable(id), Code: echelonv1.RowError_DUPLICATE_ID,
				Message: fmt.Sprintf("the id %q stands in an earlier row; the first one holds: remove one of them", id),
			}
		case suspicious && d.suspects.Get(row):
			if builder == nil {
				builder = frame.NewBuilder(d.layout.to)
			}
			wrong = d.build(builder, row, id)
		}
		if wrong == nil {
			known.add(row, id)
			if before != nil {
				before.See(id)
			}
			continue
		}
		wrong.Index = int64(row)
		refused = append(refused, wrong)
	}
	return refused
}

// build builds one row as all rows are built elsewhere, and returns why it is refused.
func (d *decoding) build(b *frame.Builder, row int, id string) *echelonv1.RowError {
	b.Start(id)
	for i, place := range d.layout.fields {
		if place >= 0 {
			Give(b, i, CellOf(d.record.Column(place), row))
		}
	}
	defer b.Take()
	return b.Commit()
}
