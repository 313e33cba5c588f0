package arrowframe

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// column returns a field's values, and suspects the rows with one that may not be taken. What it has no loop for goes cell by cell.
func (d *decoding) column(field frame.Field, of arrow.Array) frame.Column {
	c := frame.Column{Type: field.Type, Valid: d.valid(of)}
	if storage, is := of.(array.ExtensionArray); is {
		of = storage.Storage()
	}
	done := false
	switch field.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		done = d.numbers(&c, field, of)
	case echelonv1.Attribute_BOOLEAN:
		done = d.truths(&c, of)
	case echelonv1.Attribute_STRING:
		done = d.texts(&c, field, of)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		done = d.times(&c, field, of)
	}
	if !done {
		d.cells(&c, field, of)
	}
	d.suspectMissing(field, c.Valid)
	return c
}

// absent returns the column of a field that the batch lacks.
func (d *decoding) absent(field frame.Field) frame.Column {
	c := frame.Column{Type: field.Type, Valid: d.bitmap()}
	d.room(&c)
	d.suspectMissing(field, c.Valid)
	return c
}

// room makes room for the values of a column.
func (d *decoding) room(c *frame.Column) {
	switch c.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		c.Numbers = d.memory.newDoubles(d.rows)
	case echelonv1.Attribute_BOOLEAN:
		c.Bits = d.bitmap()
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		c.Ints = d.memory.newInts(d.rows)
	case echelonv1.Attribute_STRING:
		c.Codes = d.memory.newCodes(d.rows)
	case echelonv1.Attribute_STRING_LIST:
		c.Offsets = make([]uint32, d.rows+1)
	}
}

// valid returns the rows that have a value.
func (d *decoding) valid(of arrow.Array) frame.Bitmap {
	if _, is := of.(*array.Null); is {
		return d.bitmap()
	}
	if of.NullN() == 0 || len(of.NullBitmapBytes()) == 0 {
		return d.everyRow()
	}
	return bitmapOf(d.bitmap(), of.NullBitmapBytes(), of.Data().Offset(), d.rows)
}

// bitmapOf copies n bits from a place on into an empty set.
func bitmapOf(to frame.Bitmap, set []byte, from, n int) frame.Bitmap {
	if from&7 != 0 {
		for i := range n {
			to.Set(i, set[(from+i)>>3]&(1<<(uint(from+i)&7)) != 0)
		}
		return to
	}
	set = set[from>>3 : from>>3+(n+7)>>3]
	whole := len(set) >> 3
	for w := range whole {
		to[w] = binary.LittleEndian.Uint64(set[w<<3:])
	}
	for i, b := range set[whole<<3:] {
		to[whole] |= uint64(b) << (8 * i)
	}
	if n&63 != 0 {
		to[len(to)-1] &= 1<<(uint(n)&63) - 1
	}
	return to
}

// cells takes a column cell by cell.
func (d *decoding) cells(c *frame.Column, field frame.Field, of arrow.Array) {
	d.room(c)
	codes := newCodes(field)
	for row := range d.rows {
		v, wrong := resolve(field, CellOf(of, row))
		c.Valid.Set(row, v.set)
		if wrong != nil {
			d.suspect(row)
		}
		if v.set && !d.put(c, codes, row, v) {
			d.suspect(row)
		}
		if c.Type == echelonv1.Attribute_STRING_LIST {
			c.Offsets[row+1] = uint32(len(c.Codes))
		}
	}
	c.Dict = codes.dict
}

// put puts a value into its row, and reports whether nothing is wrong with it.
func (d *decoding) put(c *frame.Column, codes *codes, row int, v value) bool {
	sound := true
	switch c.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		c.Numbers[row] = v.number
		return fits(c.Type, v.number)
	case echelonv1.Attribute_BOOLEAN:
		c.Bits.Set(row, v.truth)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		c.Ints[row] = v.int
		return inRange(c.Type, v.int)
	case echelonv1.Attribute_STRING:
		c.Codes[row], sound = codes.of(v.text)
	case echelonv1.Attribute_STRING_LIST:
		size := 0
		for _, item := range v.list {
			code, ok := codes.of(item)
			c.Codes = append(c.Codes, code)
			sound, size = sound && ok, size+len(item)
		}
		sound = sound && size <= frame.MaxValueBytes
	}
	return sound
}

// fits reports whether a number can be one of a field's.
func fits(of echelonv1.Attribute_Type, x float64) bool {
	if of == echelonv1.Attribute_INTEGER {
		return x == math.Trunc(x) && math.Abs(x) <= frame.MaxInteger
	}
	return !math.IsNaN(x) && !math.IsInf(x, 0)
}

// numbers takes a column of numbers.
func (d *decoding) numbers(c *frame.Column, field frame.Field, of arrow.Array) bool {
	switch a := of.(type) {
	case *array.Float64:
		d.doubles(c, field, a.Float64Values()[:d.rows])
	case *array.Float32:
		c.Numbers = widened(d, a.Float32Values()[:d.rows], c.Valid)
		d.suspectUnfit(c, field)
	case *array.Int8:
		c.Numbers = widened(d, a.Int8Values()[:d.rows], c.Valid)
	case *array.Int16:
		c.Numbers = widened(d, a.Int16Values()[:d.rows], c.Valid)
	case *array.Int32:
		c.Numbers = widened(d, a.Int32Values()[:d.rows], c.Valid)
	case *array.Int64:
		d.whole(c, a.Int64Values()[:d.rows])
	case *array.Uint8:
		c.Numbers = widened(d, a.Uint8Values()[:d.rows], c.Valid)
	case *array.Uint16:
		c.Numbers = widened(d, a.Uint16Values()[:d.rows], c.Valid)
	case *array.Uint32:
		c.Numbers = widened(d, a.Uint32Values()[:d.rows], c.Valid)
	case *array.Uint64:
		c.Numbers = widened(d, a.Uint64Values()[:d.rows], c.Valid)
		d.suspectBeyond(c)
	default:
		return false
	}
	return true
}

// doubles takes a column's own memory where frames may have it: aligned, with zeros where there is no value, and not to be owned; else a copy.
func (d *decoding) doubles(c *frame.Column, field frame.Field, values []float64) {
	aligned := len(values) == 0 || uintptr(unsafe.Pointer(unsafe.SliceData(values)))%unsafe.Alignof(float64(0)) == 0
	finite, zeros := kernel.Sound(values, c.Valid)
	c.Numbers = slices.Clip(values)
	if d.layout.options.Own || !aligned || !zeros {
		c.Numbers = widened(d, values, c.Valid)
	}
	if !finite || field.Type == echelonv1.Attribute_INTEGER {
		d.suspectUnfit(c, field)
	}
}

// widened returns numbers as doubles, zero where there is no value.
func widened[T float32 | float64 | int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64](d *decoding, values []T, valid frame.Bitmap) []float64 {
	to := d.memory.anyDoubles(len(values))
	for i, x := range values {
		to[i] = float64(x)
	}
	kernel.ZeroMissing(to, valid)
	return to
}

// whole takes a column of whole numbers, and suspects those that no double holds for sure.
func (d *decoding) whole(c *frame.Column, values []int64) {
	c.Numbers = d.memory.anyDoubles(len(values))
	if !kernel.Widen(c.Numbers, values, c.Valid) {
		d.suspectBeyond(c)
	}
}

// suspectBeyond suspects the whole numbers that no double holds for sure.
func (d *decoding) suspectBeyond(c *frame.Column) {
	for i, x := range c.Numbers {
		if math.Abs(x) >= frame.MaxInteger {
			d.suspect(i)
		}
	}
}

// suspectUnfit suspects the doubles that the field does not take. Rows without a value have zeros, which it takes.
func (d *decoding) suspectUnfit(c *frame.Column, field frame.Field) {
	for i, x := range c.Numbers {
		if !fits(field.Type, x) {
			d.suspect(i)
		}
	}
}

// truths takes a column of truth values.
func (d *decoding) truths(c *frame.Column, of arrow.Array) bool {
	a, is := of.(*array.Boolean)
	if !is {
		return false
	}
	c.Bits = d.bitmap()
	if d.rows == 0 {
		return true
	}
	c.Bits = bitmapOf(c.Bits, a.Data().Buffers()[1].Bytes(), a.Data().Offset(), d.rows)
	for i := range c.Bits {
		c.Bits[i] &= c.Valid[i]
	}
	return true
}
