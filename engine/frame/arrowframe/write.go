package arrowframe

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Writer turns frames of one schema into record batches of one schema of Arrow: the ids, and a column a field. Several goroutines may use it.
type Writer struct {
	of     *frame.Schema
	schema *arrow.Schema
	// plain tells that texts stand in their rows.
	plain bool
}

// A WriterOption changes how a Writer works.
type WriterOption func(*Writer)

// PlainTexts writes texts into their rows, for files that have dictionaries of their own, in place of dictionaries of Arrow.
func PlainTexts() WriterOption { return func(w *Writer) { w.plain = true } }

// NewWriter returns a writer; an empty id column is the constant IDColumn. It fails where a field is called like the column of ids.
func NewWriter(of *frame.Schema, idColumn string, options ...WriterOption) (*Writer, error) {
	w := &Writer{of: of}
	for _, option := range options {
		option(w)
	}
	idColumn = Options{IDColumn: idColumn}.id()
	fields := []arrow.Field{{Name: idColumn, Type: arrow.BinaryTypes.String}}
	for i := range of.Len() {
		field := of.Field(i)
		if field.Name == idColumn {
			return nil, fmt.Errorf("the column %q is called like that of the ids: give the ids another one", field.Name)
		}
		fields = append(fields, arrow.Field{Name: field.Name, Type: w.typeOf(field), Nullable: true})
	}
	w.schema = arrow.NewSchema(fields, nil)
	return w, nil
}

// Schema returns the schema of the record batches.
func (w *Writer) Schema() *arrow.Schema { return w.schema }

// typeOf returns the type of a field's column.
func (w *Writer) typeOf(field frame.Field) arrow.DataType {
	switch field.Type {
	case echelonv1.Attribute_INTEGER:
		return arrow.PrimitiveTypes.Int64
	case echelonv1.Attribute_BOOLEAN:
		return arrow.FixedWidthTypes.Boolean
	case echelonv1.Attribute_DATE:
		return arrow.FixedWidthTypes.Date32
	case echelonv1.Attribute_TIMESTAMP:
		return arrow.FixedWidthTypes.Timestamp_us
	case echelonv1.Attribute_STRING:
		return w.textType(field)
	case echelonv1.Attribute_STRING_LIST:
		return arrow.ListOf(w.textType(field))
	}
	return arrow.PrimitiveTypes.Float64
}

// textType returns the type of texts: places in a dictionary, of a byte where the field says that it has few texts.
func (w *Writer) textType(field frame.Field) arrow.DataType {
	if w.plain {
		return arrow.BinaryTypes.String
	}
	var index arrow.DataType = arrow.PrimitiveTypes.Int32
	if n := len(field.Values); n > 0 && n <= math.MaxInt8 {
		index = arrow.PrimitiveTypes.Int8
	}
	return &arrow.DictionaryType{IndexType: index, ValueType: arrow.BinaryTypes.String}
}

// Record returns a frame as a record batch, which may share the frame's memory.
func (w *Writer) Record(f *frame.Frame) arrow.RecordBatch {
	return w.record(&encoding{plain: w.plain}, f)
}

func (w *Writer) record(e *encoding, f *frame.Frame) arrow.RecordBatch {
	columns := make([]arrow.Array, 0, len(f.Columns)+1)
	columns = append(columns, e.textsOf(f.IDs, nil))
	for i := range f.Columns {
		columns = append(columns, e.array(w.schema.Field(i+1).Type, &f.Columns[i], f.Len()))
	}
	return array.NewRecordBatch(w.schema, columns, int64(f.Len()))
}

// Append appends a frame as a whole IPC stream with one record batch. What it needs meanwhile it takes from memory that is used again.
func (w *Writer) Append(to []byte, lent *Memory, f *frame.Frame) ([]byte, error) {
	e := &encoding{memory: lent, plain: w.plain}
	record := w.record(e, f)
	if lent == nil {
		return appendStream(to, record)
	}
	if lent.head.of(w, e.dictionaries) {
		return appendBatch(append(to, lent.head.bytes...), record)
	}
	from := len(to)
	to, err := appendStream(to, record)
	if err == nil {
		lent.head.learn(w, e.dictionaries, to[from:])
	}
	return to, err
}

// Stream returns a frame as a whole IPC stream with one record batch.
func (w *Writer) Stream(f *frame.Frame) ([]byte, error) { return Stream(w.Record(f)) }

// Stream returns a record batch as a whole IPC stream.
func Stream(record arrow.RecordBatch) ([]byte, error) {
	return appendStream(make([]byte, 0, streamBytes(record)), record)
}

// appended is what is written, at the end of a slice.
type appended struct{ bytes []byte }

// Write implements io.Writer.
func (a *appended) Write(p []byte) (int, error) {
	a.bytes = append(a.bytes, p...)
	return len(p), nil
}

func appendStream(to []byte, record arrow.RecordBatch) ([]byte, error) {
	out := &appended{to}
	writer := ipc.NewWriter(out, ipc.WithSchema(record.Schema()))
	if err := writer.Write(record); err != nil {
		return nil, fmt.Errorf("writing a record batch: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("writing a record batch: %w", err)
	}
	return out.bytes, nil
}

// writtenHead is what a stream began with, up to its record batch: the schema and the dictionaries, which those after it mostly have in common with it.
type writtenHead struct {
	by           *Writer
	dictionaries [][]string
	bytes        []byte
}

// of reports whether a writer's stream with these dictionaries begins so.
func (h *writtenHead) of(by *Writer, dictionaries [][]string) bool {
	return h.by == by && slices.EqualFunc(h.dictionaries, dictionaries, slices.Equal)
}

func (h *writtenHead) learn(by *Writer, dictionaries [][]string, stream []byte) {
	*h = writtenHead{}
	if n := headBytes(stream); n > 0 && n <= mostKept {
		*h = writtenHead{by, dictionaries, slices.Clone(stream[:n])}
	}
}

// endOfStream is the mark of the end, behind which a stream has no more messages.
var endOfStream = []byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}

// appendBatch appends a record batch alone, and the end of the stream.
func appendBatch(to []byte, record arrow.RecordBatch) ([]byte, error) {
	payload, err := ipc.GetRecordBatchPayload(record)
	if err != nil {
		return nil, fmt.Errorf("writing a record batch: %w", err)
	}
	defer payload.Release()
	out := &appended{to}
	if _, err := payload.WritePayload(out); err != nil {
		return nil, fmt.Errorf("writing a record batch: %w", err)
	}
	return append(out.bytes, endOfStream...), nil
}

// framingBytes is about what a stream has beside the values: a schema, and metadata of each column.
const framingBytes, framingColumn = 1 << 10, 256

// streamBytes guesses how long a stream will be.
func streamBytes(record arrow.RecordBatch) int {
	n := framingBytes
	for _, column := range record.Columns() {
		n += framingColumn + int(column.Data().SizeInBytes())
	}
	return n
}

// encoding is a frame that becomes a record batch.
type encoding struct {
	memory *Memory
	plain  bool
	// dictionaries are those that were written, in order.
	dictionaries [][]string
}

// array returns a column.
func (e *encoding) array(as arrow.DataType, c *frame.Column, rows int) arrow.Array {
	bits, nulls := validityOf(c.Valid, rows)
	made := func(values []byte) arrow.Array {
		data := array.NewData(as, rows, []*memory.Buffer{bits, memory.NewBufferBytes(values)}, nil, nulls, 0)
		return array.MakeFromData(data)
	}
	switch c.Type {
	case echelonv1.Attribute_NUMBER:
		return made(arrow.Float64Traits.CastToBytes(c.Numbers[:rows]))
	case echelonv1.Attribute_INTEGER:
		return made(arrow.Int64Traits.CastToBytes(converted(e.memory.newInts(rows), c.Numbers[:rows])))
	case echelonv1.Attribute_BOOLEAN:
		return made(arrow.Uint64Traits.CastToBytes(c.Bits))
	case echelonv1.Attribute_DATE:
		return made(arrow.Int32Traits.CastToBytes(converted(e.memory.newPlaces(rows), c.Ints[:rows])))
	case echelonv1.Attribute_TIMESTAMP:
		return made(arrow.Int64Traits.CastToBytes(c.Ints[:rows]))
	case echelonv1.Attribute_STRING:
		return e.texts(as, c.Codes[:rows], c.Dict, c.Valid, bits, nulls)
	}
	return e.lists(as.(*arrow.ListType), c, rows, bits, nulls)
}

func converted[T int32 | int64, F float64 | int64](to []T, values []F) []T {
	for i, x := range values {
		to[i] = T(x)
	}
	return to
}

// validityOf returns the rows that have a value as Arrow writes it: nothing where all have.
func validityOf(valid frame.Bitmap, rows int) (bits *memory.Buffer, nulls int) {
	if nulls = rows - valid.Count(); nulls == 0 {
		return nil, 0
	}
	return memory.NewBufferBytes(arrow.Uint64Traits.CastToBytes(valid)), nulls
}

// textsOf returns texts in their rows.
func (e *encoding) textsOf(texts []string, bits *memory.Buffer) arrow.Array {
	offsets, end := e.memory.newPlaces(len(texts)+1), 0
	for i, text := range texts {
		end += len(text)
		offsets[i+1] = int32(end)
	}
	values := e.memory.join(texts, end)
	buffers := []*memory.Buffer{bits, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(values)}
	nulls := 0
	if bits != nil {
		nulls = array.UnknownNullCount
	}
	return array.MakeFromData(array.NewData(arrow.BinaryTypes.String, len(texts), buffers, nil, nulls, 0))
}

// texts returns texts, by places in a dictionary or in their rows. A nil set of valid places means all.
func (e *encoding) texts(as arrow.DataType, codes []uint32, dict []string, valid frame.Bitmap, bits *memory.Buffer, nulls int) arrow.Array {
	if e.plain {
		texts := e.memory.newTexts(len(codes))
		for i, code := range codes {
			if valid == nil || valid.Get(i) {
				texts[i] = dict[code]
			}
		}
		return e.textsOf(texts, bits)
	}
	dictionary := as.(*arrow.DictionaryType)
	short := dictionary.IndexType.ID() == arrow.INT8
	if len(dict) > math.MaxInt8 && short || len(dict) > len(codes)/rowsPerEntry {
		codes, dict = e.used(codes, dict, valid)
	}
	e.dictionaries = append(e.dictionaries, dict)
	values := arrow.Uint32Traits.CastToBytes(codes)
	if short {
		values = e.memory.anyBytes(len(codes))
		kernel.Narrow(values, codes)
	}
	indices := array.NewData(dictionary.IndexType, len(codes), []*memory.Buffer{bits, memory.NewBufferBytes(values)}, nil, nulls, 0)
	return array.NewDictionaryArray(as, array.MakeFromData(indices), e.textsOf(dict, nil))
}

// rowsPerEntry is how many rows there are at least for each entry of a dictionary that is written as it is.
const rowsPerEntry = 16

// used returns a dictionary of what is used alone, and places in it: the dictionary of a frame may be that of a larger one.
func (e *encoding) used(codes []uint32, dict []string, valid frame.Bitmap) (at []uint32, used []string) {
	places := e.memory.newCodes(len(dict))
	at = e.memory.newCodes(len(codes))
	for i, code := range codes {
		if valid != nil && !valid.Get(i) {
			continue
		}
		if places[code] == 0 {
			used = append(used, dict[code])
			places[code] = uint32(len(used))
		}
		at[i] = places[code] - 1
	}
	return at, used
}

// lists returns lists of texts.
func (e *encoding) lists(as *arrow.ListType, c *frame.Column, rows int, bits *memory.Buffer, nulls int) arrow.Array {
	first, last := c.Offsets[0], c.Offsets[rows]
	offsets := e.memory.newPlaces(rows + 1)
	for i := range offsets {
		offsets[i] = int32(c.Offsets[i] - first)
	}
	items := e.texts(as.Elem(), c.Codes[first:last], c.Dict, nil, nil, 0)
	buffers := []*memory.Buffer{bits, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}
	return array.MakeFromData(array.NewData(as, rows, buffers, []arrow.ArrayData{items.Data()}, nulls, 0))
}
