package arrowframe

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
)

// codes makes a dictionary of texts. Texts that a field does not take have no place in it.
type codes struct {
	field frame.Field
	dict  []string
	known map[string]uint32
}

// refusedCode stands, in known, for a text that is not taken.
const refusedCode = ^uint32(0)

func newCodes(field frame.Field) *codes { return &codes{field: field, known: make(map[string]uint32)} }

// of returns a text's code, and whether the field takes it. The text is copied where it is new.
func (c *codes) of(text string) (code uint32, sound bool) {
	code, known := c.known[text]
	if !known {
		text = strings.Clone(text)
		code = refusedCode
		if c.takes(text) {
			code = uint32(len(c.dict))
			c.dict = append(c.dict, text)
		}
		c.known[text] = code
	}
	if code == refusedCode {
		return 0, false
	}
	return code, true
}

func (c *codes) takes(text string) bool {
	return len(text) <= frame.MaxValueBytes && utf8.ValidString(text) && (len(c.field.Values) == 0 || slices.Contains(c.field.Values, text))
}

// texts takes a column of texts.
func (d *decoding) texts(c *frame.Column, field frame.Field, of arrow.Array) bool {
	switch a := of.(type) {
	case *array.Dictionary:
		return d.dictionary(c, field, a)
	case *array.String:
		d.plain(c, field, a.Value)
	case *array.LargeString:
		d.plain(c, field, a.Value)
	case *array.StringView:
		d.plain(c, field, a.Value)
	default:
		return false
	}
	return true
}

// plain takes texts that stand in their rows.
func (d *decoding) plain(c *frame.Column, field frame.Field, text func(int) string) {
	c.Codes = d.memory.newCodes(d.rows)
	codes := newCodes(field)
	last, lastCode, lastSound := "", uint32(0), false
	for row := range d.rows {
		if !c.Valid.Get(row) {
			continue
		}
		if now := text(row); row == 0 || now != last || !lastSound {
			last = now
			lastCode, lastSound = codes.of(now)
		}
		if c.Codes[row] = lastCode; !lastSound {
			d.suspect(row)
		}
	}
	c.Dict = codes.dict
}

// entries are those of a dictionary of Arrow, as a field takes them.
type entries struct {
	dict []string
	// codes are the entries' places in dict, or why they have none, and clear tells that all have one.
	codes []uint32
	clear bool
}

// entriesOf looks at each entry of a dictionary.
func entriesOf(of arrow.Array, field frame.Field) *entries {
	if last := of.Len() - 1; last >= 0 {
		CellOf(of, last) // it panics where there are fewer than it says, before there is room for them
	}
	found := &entries{codes: make([]uint32, of.Len()), clear: of.Len() > 0}
	codes := newCodes(field)
	for i := range found.codes {
		code := missingCode
		if cell := CellOf(of, i); cell.Kind == Text {
			var sound bool
			if code, sound = codes.of(cell.Text); !sound {
				code = refusedCode
			}
		}
		found.codes[i] = code
		found.clear = found.clear && code < missingCode
	}
	found.dict = codes.dict
	return found
}

// dictionary takes texts that are places in a dictionary, which is looked at once an entry, and once for all batches that have the same one.
func (d *decoding) dictionary(c *frame.Column, field frame.Field, of *array.Dictionary) bool {
	if familyOf(of.Dictionary().DataType()) != texts {
		return false
	}
	to, known := d.entries[d.field]
	if !known {
		to = entriesOf(of.Dictionary(), field)
		if d.entries != nil {
			d.entries[d.field] = to
		}
	}
	c.Dict = to.dict
	switch a := of.Indices().(type) {
	case *array.Int8:
		translate(d, c, a.Int8Values()[:d.rows], to)
	case *array.Int16:
		translate(d, c, a.Int16Values()[:d.rows], to)
	case *array.Int32:
		translate(d, c, a.Int32Values()[:d.rows], to)
	case *array.Int64:
		translate(d, c, a.Int64Values()[:d.rows], to)
	case *array.Uint8:
		translate(d, c, a.Uint8Values()[:d.rows], to)
	case *array.Uint16:
		translate(d, c, a.Uint16Values()[:d.rows], to)
	case *array.Uint32:
		translate(d, c, a.Uint32Values()[:d.rows], to)
	case *array.Uint64:
		translate(d, c, a.Uint64Values()[:d.rows], to)
	default:
		return false
	}
	return true
}

// missingCode stands for an entry of a dictionary that is null.
const missingCode = refusedCode - 1

// translate takes places of one dictionary into another.
func translate[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](d *decoding, c *frame.Column, places []T, to *entries) {
	if to.clear {
		c.Codes = d.memory.anyCodes(len(places))
		if !kernel.Recode(c.Codes, places, to.codes, c.Valid) {
			panic("a place outside of the dictionary") // the batch is damaged
		}
		return
	}
	c.Codes = d.memory.newCodes(d.rows)
	for i, place := range places {
		if !c.Valid.Get(i) {
			continue
		}
		switch code := to.codes[place]; code { // outside of the dictionary it panics, and the batch is damaged
		case missingCode:
			c.Valid.Set(i, false)
		case refusedCode:
			d.suspect(i)
		default:
			c.Codes[i] = code
		}
	}
}
