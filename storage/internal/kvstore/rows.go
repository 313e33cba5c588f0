package kvstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// batchBytes is how many bytes of rows a batch holds about at most, whatever its number of rows.
const batchBytes = 8 << 20

// rows turns stored rows into batches of a view.
type rows struct {
	schema  *schema
	view    *frame.Schema
	fields  []int // by attribute: its field in the view, or rowcodec.Skip
	columns *rowcodec.Columns
	batch   *storage.CustomerBatch
	room    int // the rows that a batch has at most
	read    int
	bytes   int
	last    []byte // the id that was read last
}

// newRows returns a builder of batches of at most so many rows; a nil view is the whole schema.
func newRows(schema *schema, view *frame.Schema, room int) (*rows, error) {
	if view == nil {
		view = schema.fields
	}
	r := &rows{schema: schema, view: view, room: room}
	r.fields = make([]int, len(schema.types))
	for id := range r.fields {
		r.fields[id] = rowcodec.Skip
	}
	if err := storage.CheckReadable(schema.byName, view); err != nil {
		return nil, err
	}
	for i := range view.Len() {
		attribute := schema.byName[view.Field(i).Name]
		if attribute == nil {
			continue // missing in every row
		}
		if r.fields[attribute.GetId()] != rowcodec.Skip {
			return nil, fmt.Errorf("%w: the view names %s twice", storage.ErrInvalid, attribute.GetName())
		}
		r.fields[attribute.GetId()] = i
	}
	r.columns = rowcodec.NewColumns(view, schema.types, r.fields)
	return r, nil
}

// full reports whether the batch has all the rows it may, or very long ones.
func (r *rows) full() bool { return r.read >= r.room || r.bytes >= batchBytes }

// begin begins a batch with room for so many rows.
func (r *rows) begin(room int) {
	r.columns.Begin(room)
	r.batch = &storage.CustomerBatch{Versions: make([]storage.Commit, 0, room), UpdateTimes: make([]time.Time, 0, room)}
	r.read, r.bytes = 0, 0
}

// take returns the batch.
func (r *rows) take() *storage.CustomerBatch {
	batch := r.batch
	batch.Frame, batch.Last = r.columns.Take(), string(r.last)
	r.batch, r.read, r.bytes = nil, 0, 0
	return batch
}

// add reads a stored row into the batch. A row that breaks the view's rules is no error of the store.
func (r *rows) add(key, sealed []byte, version uint64) error {
	value, err := unseal(Item{Key: key, Value: sealed})
	if err != nil {
		return damagedRow(key, err)
	}
	if r.batch == nil {
		r.begin(r.room)
	}
	r.read++
	r.bytes += len(value)
	r.last = append(r.last[:0], key[1:]...)
	update, ok := r.columns.Add(key[1:], value)
	if !ok {
		return r.refuse(key, value)
	}
	r.batch.Versions = append(r.batch.Versions, storage.Commit(version))
	r.batch.UpdateTimes = append(r.batch.UpdateTimes, time.UnixMicro(update).UTC())
	return nil
}

func damagedRow(key []byte, err error) error {
	return &storage.CorruptError{What: fmt.Sprintf("customer %q", key[1:]), Err: err}
}

// refuse finds out what is wrong with a row: damage is an error, and what breaks the view's rules one of the batch's.
func (r *rows) refuse(key, row []byte) error {
	builder, id := frame.NewBuilder(r.view), string(key[1:])
	if err := r.decode(builder, id, row); err != nil {
		return damagedRow(key, err)
	}
	fault := builder.Commit()
	if fault == nil {
		return damagedRow(key, errors.New("it breaks a rule that cannot be told"))
	}
	r.batch.Errors = append(r.batch.Errors, fault)
	return nil
}

// decode gives a builder the values of a row that the view has.
func (r *rows) decode(to *frame.Builder, id string, row []byte) error {
	to.Start(id)
	var cursor rowcodec.Cursor
	cursor.Open(row)
	for cursor.Next() {
		attribute := cursor.ID
		if int64(attribute) >= int64(len(r.schema.types)) || !rowcodec.Fits(cursor.Kind, r.schema.types[attribute]) {
			return fmt.Errorf("attribute %d with kind %d is not in the schema", attribute, cursor.Kind)
		}
		if field := r.fields[attribute]; field != rowcodec.Skip {
			set(to, field, &cursor)
		}
	}
	return cursor.Err()
}

// set gives a field the value under the cursor.
func set(to *frame.Builder, field int, cursor *rowcodec.Cursor) {
	switch cursor.Kind {
	case rowcodec.Float, rowcodec.Whole:
		to.SetNumber(field, cursor.Number)
	case rowcodec.False, rowcodec.True:
		to.SetBool(field, cursor.Kind == rowcodec.True)
	case rowcodec.Int:
		to.SetInt(field, cursor.Int)
	case rowcodec.Text:
		to.SetString(field, string(cursor.Text))
	case rowcodec.List:
		list := make([]string, len(cursor.Items))
		for i, item := range cursor.Items {
			list[i] = string(item)
		}
		to.SetList(field, list)
	}
}
