package rowcodec

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const format = 1

// Kind is the form of a value.
type Kind uint8

// The kinds; the numbers are on disk.
const (
	Float Kind = 1
	Whole Kind = 2
	False Kind = 3
	True  Kind = 4
	Int   Kind = 5
	Text  Kind = 6
	List  Kind = 7

	kindBits = 3
	kindMask = 1<<kindBits - 1
)

// Encoder writes the rows of frames of one schema.
type Encoder struct {
	fields []field
}

// field is a column and the attribute that it is.
type field struct {
	id     uint32
	column int
}

// NewEncoder returns an encoder for frames whose column i is the attribute ids[i].
func NewEncoder(ids []uint32) *Encoder {
	e := &Encoder{fields: make([]field, len(ids))}
	for i, id := range ids {
		e.fields[i] = field{id: id, column: i}
	}
	slices.SortFunc(e.fields, func(a, b field) int { return cmp.Compare(a.id, b.id) })
	return e
}

// Append appends a row of the frame to dst. The update time is in microseconds since 1970.
func (e *Encoder) Append(dst []byte, f *frame.Frame, row int, update int64) []byte {
	dst = append(dst, format)
	dst = binary.AppendVarint(dst, update)
	count := uint64(0)
	for _, field := range e.fields {
		if f.Columns[field.column].Valid.Get(row) {
			count++
		}
	}
	dst = binary.AppendUvarint(dst, count)
	for _, field := range e.fields {
		if column := &f.Columns[field.column]; column.Valid.Get(row) {
			dst = appendValue(dst, field.id, column, row)
		}
	}
	return dst
}

func appendValue(dst []byte, id uint32, column *frame.Column, row int) []byte {
	switch column.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return appendNumber(dst, id, column.Numbers[row])
	case echelonv1.Attribute_BOOLEAN:
		if column.Bits.Get(row) {
			return appendTag(dst, id, True)
		}
		return appendTag(dst, id, False)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		return binary.AppendVarint(appendTag(dst, id, Int), column.Ints[row])
	case echelonv1.Attribute_STRING:
		return appendText(appendTag(dst, id, Text), column.String(row))
	case echelonv1.Attribute_STRING_LIST:
		codes := column.Codes[column.Offsets[row]:column.Offsets[row+1]]
		dst = binary.AppendUvarint(appendTag(dst, id, List), uint64(len(codes)))
		for _, code := range codes {
			dst = appendText(dst, column.Dict[code])
		}
		return dst
	}
	panic("rowcodec: a column without a type") // a schema with such a field is refused before
}

func appendNumber(dst []byte, id uint32, x float64) []byte {
	if x == math.Trunc(x) && math.Abs(x) <= frame.MaxInteger && !(x == 0 && math.Signbit(x)) {
		return binary.AppendVarint(appendTag(dst, id, Whole), int64(x))
	}
	return binary.LittleEndian.AppendUint64(appendTag(dst, id, Float), math.Float64bits(x))
}

func appendTag(dst []byte, id uint32, kind Kind) []byte {
	return binary.AppendUvarint(dst, uint64(id)<<kindBits|uint64(kind))
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}
