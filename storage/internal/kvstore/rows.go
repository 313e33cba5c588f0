package kvstore

import (
	"fmt"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

const (
	// batchBytes is how many bytes of rows a batch holds about at most, whatever its number of rows.
	batchBytes = 8 << 20
	// maxTexts is how many different texts are kept at a time for a scan, and maxTextBytes how long they are at most.
	maxTexts     = 4096
	maxTextBytes = 64
	// notInView stands for an attribute that the view lacks.
	notInView = -1
)

// rows turns stored rows into batches of a view.
type rows struct {
	schema  *schema
	fields  []int // by attribute: its field in the view, or notInView
	builder *frame.Builder
	cursor  rowcodec.Cursor
	texts   map[string]string
	batch   *storage.CustomerBatch
	read    int
	bytes   int
}

// newRows returns a builder of batches; a nil view is the whole schema.
func newRows(schema *schema, view *frame.Schema) (*rows, error) {
	if view == nil {
		view = schema.fields
	}
	r := &rows{schema: schema, builder: frame.NewBuilder(view), texts: make(map[string]string), batch: new(storage.CustomerBatch)}
	r.fields = make([]int, len(schema.types))
	for id := range r.fields {
		r.fields[id] = notInView
	}
	if err := storage.CheckReadable(schema.byName, view); err != nil {
		return nil, err
	}
	for i := range view.Len() {
		attribute := schema.byName[view.Field(i).Name]
		if attribute == nil {
			continue // missing in every row
		}
		if r.fields[attribute.GetId()] != notInView {
			return nil, fmt.Errorf("%w: the view names %s twice", storage.ErrInvalid, attribute.GetName())
		}
		r.fields[attribute.GetId()] = i
	}
	return r, nil
}

// full reports whether the batch has the number of rows, or very long ones.
func (r *rows) full(size int) bool { return r.read >= size || r.bytes >= batchBytes }

// take returns the batch and begins the next.
func (r *rows) take() *storage.CustomerBatch {
	batch := r.batch
	batch.Frame = r.builder.Take()
	r.batch, r.read, r.bytes = new(storage.CustomerBatch), 0, 0
	return batch
}

// add reads a stored row into the batch. A row that breaks the view's rules is no error of the store.
func (r *rows) add(item Item) error {
	id := string(item.Key[1:])
	value, err := unseal(item)
	if err == nil {
		err = r.decode(id, value)
	}
	if err != nil {
		return &storage.CorruptError{What: fmt.Sprintf("customer %q", id), Err: err}
	}
	r.read++
	r.bytes += len(value)
	r.batch.Last = id
	if fault := r.builder.Commit(); fault != nil {
		r.batch.Errors = append(r.batch.Errors, fault)
		return nil
	}
	r.batch.Versions = append(r.batch.Versions, storage.Commit(item.Version))
	r.batch.UpdateTimes = append(r.batch.UpdateTimes, time.UnixMicro(r.cursor.Update).UTC())
	return nil
}

// decode gives the builder the values of a row that the view has.
func (r *rows) decode(id string, row []byte) error {
	r.builder.Start(id)
	r.cursor.Open(row)
	for r.cursor.Next() {
		attribute := r.cursor.ID
		if int64(attribute) >= int64(len(r.schema.types)) || !fits(r.cursor.Kind, r.schema.types[attribute]) {
			return fmt.Errorf("attribute %d with kind %d is not in the schema", attribute, r.cursor.Kind)
		}
		if field := r.fields[attribute]; field != notInView {
			r.set(field)
		}
	}
	return r.cursor.Err()
}

// fits reports whether a value of an attribute of that type can have the kind.
func fits(kind rowcodec.Kind, t echelonv1.Attribute_Type) bool {
	switch t {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return kind == rowcodec.Float || kind == rowcodec.Whole
	case echelonv1.Attribute_BOOLEAN:
		return kind == rowcodec.False || kind == rowcodec.True
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		return kind == rowcodec.Int
	case echelonv1.Attribute_STRING:
		return kind == rowcodec.Text
	case echelonv1.Attribute_STRING_LIST:
		return kind == rowcodec.List
	}
	return false
}

// set gives a field the value under the cursor.
func (r *rows) set(field int) {
	switch r.cursor.Kind {
	case rowcodec.Float, rowcodec.Whole:
		r.builder.SetNumber(field, r.cursor.Number)
	case rowcodec.False, rowcodec.True:
		r.builder.SetBool(field, r.cursor.Kind == rowcodec.True)
	case rowcodec.Int:
		r.builder.SetInt(field, r.cursor.Int)
	case rowcodec.Text:
		r.builder.SetString(field, r.text(r.cursor.Text))
	case rowcodec.List:
		list := make([]string, len(r.cursor.Items))
		for i, item := range r.cursor.Items {
			list[i] = r.text(item)
		}
		r.builder.SetList(field, list)
	}
}

// text returns bytes as a string. Most texts of a scan come again and again, so that short ones are kept rather than made anew.
func (r *rows) text(b []byte) string {
	if len(b) > maxTextBytes {
		return string(b)
	}
	if text, known := r.texts[string(b)]; known {
		return text
	}
	if len(r.texts) == maxTexts {
		clear(r.texts)
	}
	text := string(b)
	r.texts[text] = text
	return text
}
