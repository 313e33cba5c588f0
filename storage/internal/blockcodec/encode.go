package blockcodec

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// packed is the first byte of a block in this encoding.
const packed = 1

// The forms of columns; the numbers are on disk.
const (
	constant   = 0
	dictionary = 1
	plain      = 2

	allFalse = 0
	allTrue  = 1
	bitwise  = 2
)

// nameFields are the lists of columns of names, in the order in which they are packed.
var nameFields = []func(*storagev1.SnapshotBlock) *[]*storagev1.NameColumn{
	func(b *storagev1.SnapshotBlock) *[]*storagev1.NameColumn { return &b.Segments },
	func(b *storagev1.SnapshotBlock) *[]*storagev1.NameColumn { return &b.Tiers },
	func(b *storagev1.SnapshotBlock) *[]*storagev1.NameColumn { return &b.ComputedTiers },
	func(b *storagev1.SnapshotBlock) *[]*storagev1.NameColumn { return &b.OwnTiers },
}

// Append appends a block to dst. It fails where a text is no valid UTF-8.
func Append(dst []byte, block *storagev1.SnapshotBlock) ([]byte, error) {
	names, scores := packable(block)
	rest, err := restOf(block, names, scores)
	if err != nil {
		return nil, err
	}
	dst = appendBytes(append(dst, packed), rest)
	if dst, err = appendIDs(dst, block.GetIds()); err != nil {
		return nil, err
	}
	for i, field := range nameFields {
		var columns []*storagev1.NameColumn
		if names[i] {
			columns = *field(block)
		}
		dst = binary.AppendUvarint(dst, uint64(len(columns)))
		for _, column := range columns {
			dst = appendNumbers(dst, column.GetCodes())
		}
	}
	var columns []*storagev1.ScoreColumn
	if scores {
		columns = block.GetScores()
	}
	dst = binary.AppendUvarint(dst, uint64(len(columns)))
	for _, column := range columns {
		dst = appendDoubles(dst, column.GetValues())
		dst = appendBits(dst, column.GetValid())
		dst = appendDoubles(dst, column.GetCompleteness())
	}
	dst = appendNumbers(dst, block.GetReasonCounts())
	dst = appendNumbers(dst, block.GetReasonRefs())
	return appendBits(dst, block.GetExcluded()), nil
}

// packable tells which of the lists of columns have nothing but what is packed of a column: a field that was added to columns stays with its list.
func packable(block *storagev1.SnapshotBlock) (names []bool, scores bool) {
	for _, field := range nameFields {
		names = append(names, onlyFields(*field(block), 1))
	}
	return names, onlyFields(block.GetScores(), 3)
}

// onlyFields reports whether messages have no field with a larger number, and none that is not known.
func onlyFields[M proto.Message](messages []M, largest protoreflect.FieldNumber) bool {
	for _, one := range messages {
		known := true
		message := one.ProtoReflect()
		message.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			known = known && field.Number() <= largest
			return known
		})
		if !known || len(message.GetUnknown()) > 0 {
			return false
		}
	}
	return true
}

// restOf returns what of a block is not packed. The lists of a message are shared for the time of encoding it.
func restOf(block *storagev1.SnapshotBlock, names []bool, scores bool) ([]byte, error) {
	rest := &storagev1.SnapshotBlock{}
	from, to := block.ProtoReflect(), rest.ProtoReflect()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	rest.Ids, rest.ReasonCounts, rest.ReasonRefs, rest.Excluded = nil, nil, nil, nil
	for i, field := range nameFields {
		if names[i] {
			*field(rest) = nil
		}
	}
	if scores {
		rest.Scores = nil
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(rest)
}

func appendBytes(dst, data []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}

func appendIDs(dst []byte, ids []string) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	before, size := "", 0
	for _, id := range ids {
		if size += len(id); size > maxIDBytes {
			return nil, fmt.Errorf("its ids have more than %d bytes together", maxIDBytes)
		}
		if !utf8.ValidString(id) {
			return nil, fmt.Errorf("the id %q is no valid UTF-8", id)
		}
		shared := 0
		for shared < len(id) && shared < len(before) && id[shared] == before[shared] {
			shared++
		}
		dst = binary.AppendUvarint(dst, uint64(shared))
		dst = binary.AppendUvarint(dst, uint64(len(id)-shared))
		dst = append(dst, id[shared:]...)
		before = id
	}
	return dst, nil
}

func appendNumbers(dst []byte, numbers []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(numbers)))
	if len(numbers) == 0 {
		return dst
	}
	first, differ, largest := numbers[0], uint32(0), uint32(0)
	for _, n := range numbers {
		differ |= n ^ first
		largest |= n
	}
	switch {
	case differ == 0 && len(numbers) <= maxConstant:
		return binary.AppendUvarint(append(dst, 0), uint64(first))
	case largest <= math.MaxUint8:
		dst = append(dst, 1)
		for _, n := range numbers {
			dst = append(dst, byte(n))
		}
	case largest <= math.MaxUint16:
		dst = append(dst, 2)
		for _, n := range numbers {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		}
	default:
		dst = append(dst, 4)
		for _, n := range numbers {
			dst = binary.LittleEndian.AppendUint32(dst, n)
		}
	}
	return dst
}

func appendBits(dst []byte, bits []bool) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(bits)))
	if len(bits) == 0 {
		return dst
	}
	count := 0
	for _, bit := range bits {
		if bit {
			count++
		}
	}
	switch {
	case len(bits) > maxConstant:
	case count == 0:
		return append(dst, allFalse)
	case count == len(bits):
		return append(dst, allTrue)
	}
	dst = append(dst, bitwise)
	for start := 0; start < len(bits); start += 8 {
		word := byte(0)
		for i, bit := range bits[start:min(start+8, len(bits))] {
			if bit {
				word |= 1 << i
			}
		}
		dst = append(dst, word)
	}
	return dst
}

func appendDoubles(dst []byte, values []float64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return dst
	}
	var few distinct
	start := len(dst) + 1
	dst = append(dst, plain)
	for i, x := range values {
		if !few.add(x) {
			return appendPlain(dst[:start], values)
		}
		if i == 0 {
			dst = append(dst, 0)
		}
		dst = append(dst, few.last)
	}
	if few.count == 1 && len(values) <= maxConstant {
		dst[start-1] = constant
		return binary.LittleEndian.AppendUint64(dst[:start], few.values[0])
	}
	if 1+8*few.count >= 7*len(values) {
		return appendPlain(dst[:start], values) // a dictionary would be longer
	}
	places := dst[start+1:]
	packed := make([]byte, 0, 1+8*few.count+len(places))
	packed = append(packed, byte(few.count-1))
	for _, bits := range few.values[:few.count] {
		packed = binary.LittleEndian.AppendUint64(packed, bits)
	}
	dst[start-1] = dictionary
	return append(dst[:start], append(packed, places...)...)
}

func appendPlain(dst []byte, values []float64) []byte {
	for _, x := range values {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
	}
	return dst
}

// distinct finds up to 256 different doubles, told apart by their bits.
type distinct struct {
	values [256]uint64
	count  int
	last   byte        // the place of the value that was added last
	slots  [512]uint16 // a place and one; 0 is free
}

// add finds a value's place; false where there are too many different ones.
func (d *distinct) add(x float64) bool {
	bits := math.Float64bits(x)
	for slot := bits * 0x9e3779b97f4a7c15 >> 55; ; slot = (slot + 1) & 511 {
		switch place := d.slots[slot]; {
		case place == 0:
			if d.count == len(d.values) {
				return false
			}
			d.values[d.count] = bits
			d.last = byte(d.count)
			d.count++
			d.slots[slot] = uint16(d.count)
			return true
		case d.values[place-1] == bits:
			d.last = byte(place - 1)
			return true
		}
	}
}
