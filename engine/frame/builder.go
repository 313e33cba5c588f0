package frame

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Builder makes frames row by row: Start, any of the Set methods, Commit. Set methods trust the caller with the field's type, and Commit
// checks everything else.
type Builder struct {
	schema *Schema
	// frame is the one that is being built; nil where none is begun.
	frame *Frame
	dicts []map[string]uint32
	// ids are those of the rows so far; nil where they need not differ.
	ids *uniqueIDs
	// tierings are those of which customers may bring their tiers; nil where they may not.
	tierings []string

	id    string
	cells []cell
	fault *echelonv1.RowError
}

// cell is one value of the row that is being built.
type cell struct {
	set    bool
	number float64
	bits   bool
	int    int64
	text   string
	list   []string
	// known says that the text has the code in the frame's dictionary: it was checked when it came there.
	known bool
	code  uint32
}

// Option changes how a Builder works.
type Option func(*Builder)

// UniqueIDs makes the builder refuse a row whose id an earlier row of any of its frames had.
func UniqueIDs() Option { return func(b *Builder) { b.ids = new(uniqueIDs) } }

// NewBuilder returns a builder of frames of that schema.
func NewBuilder(schema *Schema, options ...Option) *Builder {
	b := &Builder{schema: schema, cells: make([]cell, schema.Len())}
	for _, option := range options {
		option(b)
	}
	return b
}

// begin begins a frame, unless one is begun.
func (b *Builder) begin() {
	if b.frame != nil {
		return
	}
	b.frame = &Frame{Schema: b.schema, Columns: make([]Column, b.schema.Len())}
	b.dicts = make([]map[string]uint32, b.schema.Len())
	for i := range b.frame.Columns {
		column := &b.frame.Columns[i]
		column.Type = b.schema.fields[i].Type
		if column.Type == echelonv1.Attribute_STRING_LIST {
			column.Offsets = []uint32{0}
		}
	}
}

// Seen reports whether a builder with UniqueIDs has a customer of that id.
func (b *Builder) Seen(id string) bool {
	b.begin()
	return b.ids.has(id, b.frame.IDs)
}

// See makes a builder with UniqueIDs refuse an id of which a customer came by another way.
func (b *Builder) See(id string) {
	b.begin()
	b.ids.collect(b.frame.IDs)
	b.ids.add(id)
}

// Schema returns the schema of the frames.
func (b *Builder) Schema() *Schema { return b.schema }

// Len returns the number of rows committed since the last Take.
func (b *Builder) Len() int {
	if b.frame == nil {
		return 0
	}
	return b.frame.Len()
}

// Take returns the rows committed so far and begins a new frame.
func (b *Builder) Take() *Frame {
	b.begin()
	taken := b.frame
	b.ids.took(taken.IDs)
	b.frame = nil
	return taken
}

// Start begins a row, whose values are all missing.
func (b *Builder) Start(id string) {
	b.begin()
	b.id, b.fault = id, nil
	clear(b.cells)
}

// SetNumber gives the row a NUMBER or an INTEGER.
func (b *Builder) SetNumber(field int, x float64) { b.cells[field] = cell{set: true, number: x} }

// SetBool gives the row a BOOLEAN.
func (b *Builder) SetBool(field int, x bool) { b.cells[field] = cell{set: true, bits: x} }

// SetInt gives the row a DATE, in days, or a TIMESTAMP, in microseconds since 1970.
func (b *Builder) SetInt(field int, x int64) { b.cells[field] = cell{set: true, int: x} }

// SetString gives the row a STRING.
func (b *Builder) SetString(field int, x string) { b.cells[field] = cell{set: true, text: x} }

// SetList gives the row a STRING_LIST. The list is not kept.
func (b *Builder) SetList(field int, x []string) { b.cells[field] = cell{set: true, list: x} }

// Fail refuses the row that is being built, for a cause that its reader found. Of several the first stands.
func (b *Builder) Fail(field string, code echelonv1.RowError_Code, format string, args ...any) {
	if b.fault == nil {
		b.fault = &echelonv1.RowError{CustomerId: Printable(b.id), Field: field, Code: code, Message: fmt.Sprintf(format, args...)}
	}
}

// Commit adds the row to the frame, or returns the first thing that is wrong with it. The error's index is left to the caller, who knows what
// it counts.
func (b *Builder) Commit() *echelonv1.RowError {
	fault := b.fault
	b.fault = nil
	if idFault := b.checkID(); idFault != nil {
		fault = idFault
	}
	for i := 0; fault == nil && i < len(b.cells); i++ {
		b.checkCell(i)
		fault, b.fault = b.fault, nil
	}
	if fault != nil {
		return fault
	}
	row := b.frame.Len()
	b.ids.add(b.id)
	b.frame.IDs = append(b.frame.IDs, b.id)
	for i := range b.cells {
		b.add(i, row)
	}
	return nil
}

func (b *Builder) checkID() *echelonv1.RowError {
	code, message := echelonv1.RowError_UNSPECIFIED, ""
	if b.ids.has(b.id, b.frame.IDs) {
		code, message = echelonv1.RowError_DUPLICATE_ID, fmt.Sprintf("the id %q stands in an earlier row; the first one holds: remove one of them", b.id)
	}
	switch {
	case b.id == "":
		code, message = echelonv1.RowError_EMPTY_ID, "the id is empty: give every customer one"
	case len(b.id) > MaxIDBytes:
		code, message = echelonv1.RowError_ID_TOO_LONG, fmt.Sprintf("the id has %d bytes, at most %d are allowed", len(b.id), MaxIDBytes)
	case !utf8.ValidString(b.id):
		code, message = echelonv1.RowError_INVALID_UTF8, "the id is no valid UTF-8: convert the input to UTF-8"
	}
	if message == "" {
		return nil
	}
	return &echelonv1.RowError{CustomerId: Printable(b.id), Code: code, Message: message}
}

func (b *Builder) checkCell(i int) {
	field, value := b.schema.fields[i], &b.cells[i]
	if !value.set {
		if field.Required {
			b.Fail(field.Name, echelonv1.RowError_REQUIRED_MISSING, "%s is required and missing", field.Name)
		}
		return
	}
	switch field.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		b.checkNumber(field, value.number)
	case echelonv1.Attribute_DATE:
		if !InRange(field.Type, value.int) {
			b.Fail(field.Name, echelonv1.RowError_OUT_OF_RANGE, "%s: the day lies outside 0001-01-01 to 9999-12-31", field.Name)
		}
	case echelonv1.Attribute_TIMESTAMP:
		if !InRange(field.Type, value.int) {
			b.Fail(field.Name, echelonv1.RowError_OUT_OF_RANGE, "%s: the instant lies outside the years 0001 to 9999", field.Name)
		}
	case echelonv1.Attribute_STRING:
		if !value.known {
			b.checkText(field, len(value.text), value.text)
		}
	case echelonv1.Attribute_STRING_LIST:
		size := 0
		for _, item := range value.list {
			size += len(item)
		}
		for _, item := range value.list {
			b.checkText(field, size, item)
		}
	}
}

func (b *Builder) checkNumber(field Field, x float64) {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		b.Fail(field.Name, echelonv1.RowError_OUT_OF_RANGE, "%s: %v is no finite number; leave it out where the value is unknown", field.Name, x)
	case field.Type == echelonv1.Attribute_INTEGER && x != math.Trunc(x):
		b.Fail(field.Name, echelonv1.RowError_OUT_OF_RANGE, "%s: %s has a fraction, and the attribute is an INTEGER", field.Name, FormatNumber(x))
	case field.Type == echelonv1.Attribute_INTEGER && math.Abs(x) > MaxInteger:
		b.Fail(field.Name, echelonv1.RowError_OUT_OF_RANGE, "%s: %s lies beyond 2^53, the largest INTEGER", field.Name, FormatNumber(x))
	}
}

func (b *Builder) checkText(field Field, size int, text string) {
	switch {
	case size > MaxValueBytes:
		b.Fail(field.Name, echelonv1.RowError_VALUE_TOO_LONG, "%s: the value has %d bytes, at most %d are allowed", field.Name, size, MaxValueBytes)
	case !utf8.ValidString(text):
		b.Fail(field.Name, echelonv1.RowError_INVALID_UTF8, "%s: the text is no valid UTF-8: convert the input to UTF-8", field.Name)
	case len(field.Values) > 0 && !slices.Contains(field.Values, text):
		b.Fail(field.Name, echelonv1.RowError_VALUE_NOT_ALLOWED, "%s: %s is none of the values that the attribute may take: %s",
			field.Name, Quote(text), quoteAll(field.Values, 8))
	}
}

// add appends field i's value of the row that is being built.
func (b *Builder) add(i, row int) {
	column, value := &b.frame.Columns[i], &b.cells[i]
	column.Valid.add(row, value.set)
	switch column.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		column.Numbers = append(column.Numbers, value.number)
	case echelonv1.Attribute_BOOLEAN:
		column.Bits.add(row, value.bits)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		column.Ints = append(column.Ints, value.int)
	case echelonv1.Attribute_STRING:
		code := value.code
		if value.set && !value.known {
			code = b.code(i, value.text)
		}
		column.Codes = append(column.Codes, code)
	case echelonv1.Attribute_STRING_LIST:
		for _, item := range value.list {
			column.Codes = append(column.Codes, b.code(i, item))
		}
		column.Offsets = append(column.Offsets, uint32(len(column.Codes)))
	}
}

// code returns the code of a text of field i, which it has from then on. The first text of a dictionary is not looked up: for a single row, which has no
// other, keeping it in a map takes longer than everything else.
func (b *Builder) code(i int, text string) uint32 {
	column := &b.frame.Columns[i]
	code := uint32(len(column.Dict))
	if code == 0 {
		column.Dict = append(column.Dict, text)
		return 0
	}
	if code == 1 && column.Dict[0] == text {
		return 0
	}
	if known, ok := b.dicts[i][text]; ok {
		return known
	}
	if b.dicts[i] == nil {
		b.dicts[i] = make(map[string]uint32)
	}
	if code == 1 {
		b.dicts[i][column.Dict[0]] = 0
	}
	column.Dict = append(column.Dict, text)
	b.dicts[i][text] = code
	return code
}

// known returns the code of a text of field i, where it has one.
func (b *Builder) known(i int, text []byte) (code uint32, ok bool) {
	if dict := b.frame.Columns[i].Dict; len(dict) == 1 {
		return 0, dict[0] == string(text)
	}
	code, ok = b.dicts[i][string(text)]
	return code, ok
}

// FormatNumber writes a double as the shortest decimal that reads back.
func FormatNumber(x float64) string {
	if format := strconv.FormatFloat(x, 'f', -1, 64); len(format) <= 21 {
		return format
	}
	return strconv.FormatFloat(x, 'e', -1, 64)
}

// Quote quotes a text for a message, shortened where it is long.
func Quote(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) > most {
		return strconv.Quote(string([]rune(text)[:most])) + "…"
	}
	return strconv.Quote(text)
}

func quoteAll(texts []string, most int) string {
	out := ""
	for i, text := range texts {
		if i == most {
			return fmt.Sprintf("%s and %d more", out, len(texts)-most)
		}
		if i > 0 {
			out += ", "
		}
		out += Quote(text)
	}
	return out
}

// Printable makes a text that was refused, such as an id, fit for a message on the wire: valid UTF-8, and no longer than an id.
func Printable(id string) string {
	if !utf8.ValidString(id) {
		id = strconv.QuoteToASCII(id)
	}
	if len(id) > MaxIDBytes {
		id = id[:MaxIDBytes]
		for !utf8.ValidString(id) {
			id = id[:len(id)-1]
		}
	}
	return id
}
