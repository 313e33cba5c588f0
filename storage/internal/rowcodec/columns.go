package rowcodec

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// maxTexts is how many different texts of a column are kept from one frame to the next, and maxTextBytes how long they are together.
	maxTexts     = 4096
	maxTextBytes = 256 << 10
)

// Columns decodes rows into the columns of frames, which is what a Cursor and a frame.Builder do together, several times as fast. It takes rows that are well
// formed and obey the rules of the frame's schema; what is wrong with another, the Cursor or the builder tells.
type Columns struct {
	schema *frame.Schema
	// targets are where attributes go, by their ids.
	targets  []target
	required []int
	texts    []texts

	frame *frame.Frame
	ids   []byte // of all rows, one after the other
	ends  []int
	rows  int
}

// target is where the values of an attribute go.
type target struct {
	kinds  uint8 // a bit for each kind that a value may have
	field  int32 // the column, or Skip
	whole  bool  // whether numbers must be whole
	of     echelonv1.Attribute_Type
	column *frame.Column
}

// Skip stands for an attribute that is read by, since the frame has no column for it.
const Skip = -1

// kindsOf are the kinds that a value of an attribute can have.
var kindsOf = map[echelonv1.Attribute_Type]uint8{
	echelonv1.Attribute_NUMBER: 1<<Float | 1<<Whole, echelonv1.Attribute_INTEGER: 1<<Float | 1<<Whole, echelonv1.Attribute_BOOLEAN: 1<<False | 1<<True,
	echelonv1.Attribute_DATE: 1 << Int, echelonv1.Attribute_TIMESTAMP: 1 << Int, echelonv1.Attribute_STRING: 1 << Text, echelonv1.Attribute_STRING_LIST: 1 << List,
}

// Fits reports whether a value of an attribute of that type can have a kind.
func Fits(kind Kind, of echelonv1.Attribute_Type) bool { return kindsOf[of]>>kind&1 != 0 }

// NewColumns returns a decoder into frames of a schema. Types are those of the attributes by their ids, and fields the places in the schema of those that it
// has, or Skip. Types are those of the schema's fields.
func NewColumns(schema *frame.Schema, types []echelonv1.Attribute_Type, fields []int) *Columns {
	c := &Columns{schema: schema, targets: make([]target, len(types)), texts: make([]texts, schema.Len())}
	for id, of := range types {
		c.targets[id] = target{kinds: kindsOf[of], field: int32(fields[id]), whole: of == echelonv1.Attribute_INTEGER, of: of}
	}
	for i := range schema.Len() {
		field := schema.Field(i)
		if field.Required {
			c.required = append(c.required, i)
		}
		c.texts[i].allowed = field.Values
	}
	return c
}

// Begin begins a frame with room for so many rows.
func (c *Columns) Begin(rows int) {
	c.frame = &frame.Frame{Schema: c.schema, Columns: make([]frame.Column, c.schema.Len())}
	c.rows, c.ids, c.ends = 0, c.ids[:0], c.ends[:0]
	for i := range c.frame.Columns {
		column := &c.frame.Columns[i]
		column.Type = c.schema.Field(i).Type
		column.Valid = frame.NewBitmap(rows)
		switch column.Type {
		case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
			column.Numbers = make([]float64, rows)
		case echelonv1.Attribute_BOOLEAN:
			column.Bits = frame.NewBitmap(rows)
		case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
			column.Ints = make([]int64, rows)
		case echelonv1.Attribute_STRING:
			column.Codes = make([]uint32, rows)
			c.texts[i].begin(column)
		case echelonv1.Attribute_STRING_LIST:
			column.Offsets = make([]uint32, 1, rows+1)
			c.texts[i].begin(column)
		}
	}
	for i := range c.targets {
		if to := &c.targets[i]; to.field != Skip {
			to.column = &c.frame.Columns[to.field]
		}
	}
}

// Len returns the number of rows that the frame has.
func (c *Columns) Len() int { return c.rows }

// Add adds a customer, for which the frame must have room. Where it returns false, nothing was added: the row is damaged, or breaks a rule.
func (c *Columns) Add(id, row []byte) (update int64, ok bool) {
	if len(id) == 0 || len(id) > frame.MaxIDBytes || !utf8.Valid(id) {
		return 0, false
	}
	update, ok = c.values(row)
	for i := 0; ok && i < len(c.required); i++ {
		ok = c.frame.Columns[c.required[i]].Valid.Get(c.rows)
	}
	if !ok {
		c.undo()
		return 0, false
	}
	for i := range c.frame.Columns {
		if column := &c.frame.Columns[i]; column.Offsets != nil {
			column.Offsets = append(column.Offsets, uint32(len(column.Codes)))
		}
	}
	c.ids = append(c.ids, id...)
	c.ends = append(c.ends, len(c.ids))
	c.rows++
	return update, true
}

// undo takes back what a row left in the columns.
func (c *Columns) undo() {
	for i := range c.frame.Columns {
		column := &c.frame.Columns[i]
		column.Valid.Set(c.rows, false)
		switch column.Type {
		case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
			column.Numbers[c.rows] = 0
		case echelonv1.Attribute_BOOLEAN:
			column.Bits.Set(c.rows, false)
		case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
			column.Ints[c.rows] = 0
		case echelonv1.Attribute_STRING:
			column.Codes[c.rows] = 0
		case echelonv1.Attribute_STRING_LIST:
			column.Codes = column.Codes[:column.Offsets[c.rows]]
		}
	}
}

// Take returns the frame of the rows that were added; Begin comes before the next.
func (c *Columns) Take() *frame.Frame {
	taken, all := c.frame, string(c.ids)
	taken.IDs = make([]string, c.rows)
	start := 0
	for i, end := range c.ends {
		taken.IDs[i] = all[start:end]
		start = end
	}
	words := (c.rows + 63) / 64
	for i := range taken.Columns {
		column := &taken.Columns[i]
		column.Valid = column.Valid[:words:words]
		switch column.Type {
		case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
			column.Numbers = column.Numbers[:c.rows:c.rows]
		case echelonv1.Attribute_BOOLEAN:
			column.Bits = column.Bits[:words:words]
		case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
			column.Ints = column.Ints[:c.rows:c.rows]
		case echelonv1.Attribute_STRING:
			column.Codes = column.Codes[:c.rows:c.rows]
		}
	}
	c.frame = nil
	return taken
}

// values reads a row into the columns; false where it is damaged or breaks a rule of the schema.
func (c *Columns) values(row []byte) (update int64, ok bool) {
	if len(row) == 0 || row[0] != format {
		return 0, false
	}
	update, n := binary.Varint(row[1:])
	if n <= 0 {
		return 0, false
	}
	at := 1 + n
	left, n := binary.Uvarint(row[at:])
	if n <= 0 {
		return 0, false
	}
	at += n
	last, place := uint64(0), c.rows
	word, bit := place>>6, uint64(1)<<(uint(place)&63)
	for ; left > 0; left-- {
		tag := uint64(0)
		if at < len(row) && row[at] < 0x80 {
			tag = uint64(row[at])
			at++
		} else if tag, n = binary.Uvarint(row[at:]); n > 0 {
			at += n
		} else {
			return 0, false
		}
		id, kind := tag>>kindBits, Kind(tag&kindMask)
		if id <= last || id >= uint64(len(c.targets)) {
			return 0, false
		}
		last = id
		to := &c.targets[id]
		if to.kinds>>kind&1 == 0 {
			return 0, false
		}
		switch kind {
		case Float:
			if len(row)-at < 8 {
				return 0, false
			}
			bits := binary.LittleEndian.Uint64(row[at:])
			at += 8
			if to.field == Skip {
				continue
			}
			x := math.Float64frombits(bits)
			if bits&infinite == infinite || to.whole && (x != math.Trunc(x) || math.Abs(x) > frame.MaxInteger) {
				return 0, false
			}
			to.column.Numbers[place] = x
		case Whole, Int:
			value := int64(0)
			if at < len(row) && row[at] < 0x80 {
				value = int64(row[at]>>1) ^ -int64(row[at]&1)
				at++
			} else if at+1 < len(row) && row[at+1] < 0x80 {
				zigzag := uint64(row[at]&0x7f) | uint64(row[at+1])<<7
				value = int64(zigzag>>1) ^ -int64(zigzag&1)
				at += 2
			} else if value, n = binary.Varint(row[at:]); n > 0 {
				at += n
			} else {
				return 0, false
			}
			if to.field == Skip {
				continue
			}
			if kind == Whole {
				if to.whole && (value > frame.MaxInteger || value < -frame.MaxInteger) {
					return 0, false
				}
				to.column.Numbers[place] = float64(value)
			} else {
				if !frame.InRange(to.of, value) {
					return 0, false
				}
				to.column.Ints[place] = value
			}
		case False:
			if to.field == Skip {
				continue
			}
		case True:
			if to.field == Skip {
				continue
			}
			to.column.Bits[word] |= bit
		case Text:
			size, next := length(row, at)
			if next < 0 {
				return 0, false
			}
			at = next + size
			if to.field == Skip {
				continue
			}
			code, allowed := c.texts[to.field].code(to.column, row[next:at])
			if !allowed {
				return 0, false
			}
			to.column.Codes[place] = code
		case List:
			if at, ok = c.list(to, row, at); !ok {
				return 0, false
			}
			if to.field == Skip {
				continue
			}
		}
		to.column.Valid[word] |= bit
	}
	return update, at == len(row)
}

// infinite are the bits that are set in all doubles that are not finite.
const infinite = 0x7ff << 52

// length reads the length of a text and returns it and where the text begins; less than 0 where the row ends before the text.
func length(row []byte, at int) (size, next int) {
	if at < len(row) && row[at] < 0x80 {
		size, next = int(row[at]), at+1
	} else {
		long, n := binary.Uvarint(row[at:])
		if n <= 0 || long > uint64(len(row)) {
			return 0, -1
		}
		size, next = int(long), at+n
	}
	if size > len(row)-next {
		return 0, -1
	}
	return size, next
}

// list reads a list of texts and returns where it ends.
func (c *Columns) list(to *target, row []byte, at int) (end int, ok bool) {
	left, n := binary.Uvarint(row[at:])
	if n <= 0 {
		return 0, false
	}
	at += n
	total := 0
	for ; left > 0; left-- {
		size, next := length(row, at)
		if next < 0 {
			return 0, false
		}
		at = next + size
		if to.field == Skip {
			continue
		}
		code, allowed := c.texts[to.field].code(to.column, row[next:at])
		if total += size; !allowed || total > frame.MaxValueBytes {
			return 0, false
		}
		to.column.Codes = append(to.column.Codes, code)
	}
	return at, true
}

// texts finds the codes of a column's texts. Most texts come again in the next frame, so that they are kept rather than made and judged anew.
type texts struct {
	allowed []string // the only texts that may be; any where it is empty
	known   map[string]int
	entries []entry
	bytes   int
	frame   uint32
	// near has the place of the entry of the text that came last of those with the same mark: most texts are found there. It may be that of another text.
	near [1 << markBits]int32
}

// markBits is how many bits a mark has.
const markBits = 8

// mark returns a number made of a text's length and ends, which differs for most texts.
func mark(text []byte) int {
	n := len(text)
	bits := uint64(n)
	switch {
	case n >= 8:
		bits += binary.LittleEndian.Uint64(text[n-8:])
	case n >= 4:
		bits += uint64(binary.LittleEndian.Uint32(text))<<32 | uint64(binary.LittleEndian.Uint32(text[n-4:]))
	case n > 0:
		bits += uint64(text[0])<<16 | uint64(text[n/2])<<24 | uint64(text[n-1])<<32
	}
	return int(bits * 0x9e3779b97f4a7c15 >> (64 - markBits))
}

// entry is a text that was seen.
type entry struct {
	text string
	ok   bool   // whether it may be in the column
	in   uint32 // the last frame whose dictionary has it
	code uint32 // its code there
}

// begin begins the dictionary of the next frame.
func (t *texts) begin(column *frame.Column) {
	if t.frame++; t.frame == 0 || len(t.entries) > maxTexts || t.bytes > maxTextBytes {
		clear(t.known)
		t.entries, t.bytes, t.frame = t.entries[:0], 0, 1
	}
	if n := len(t.entries); n > 0 {
		column.Dict = make([]string, 0, n)
	}
}

// code returns the code of a text, and whether it may be in the column.
func (t *texts) code(column *frame.Column, text []byte) (uint32, bool) {
	near := &t.near[mark(text)]
	place := int(*near)
	if place >= len(t.entries) || t.entries[place].text != string(text) {
		place = t.find(text)
		*near = int32(place)
	}
	e := &t.entries[place]
	if e.in != t.frame && e.ok {
		e.in, e.code = t.frame, uint32(len(column.Dict))
		column.Dict = append(column.Dict, e.text)
	}
	return e.code, e.ok
}

// find returns the place of a text among the entries, where it is put if it is new.
func (t *texts) find(text []byte) int {
	if place, known := t.known[string(text)]; known {
		return place
	}
	return t.add(string(text))
}

func (t *texts) add(text string) int {
	if t.known == nil {
		t.known = make(map[string]int)
	}
	ok := len(text) <= frame.MaxValueBytes && utf8.ValidString(text) && (len(t.allowed) == 0 || slices.Contains(t.allowed, text))
	t.known[text] = len(t.entries)
	t.entries = append(t.entries, entry{text: text, ok: ok})
	t.bytes += len(text)
	return len(t.entries) - 1
}
