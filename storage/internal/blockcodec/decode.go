package blockcodec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

var errTruncated = errors.New("the block ends too early")

// Decode returns the block that was appended, or one that was once written in plain wire format. It keeps nothing of data.
func Decode(data []byte) (*storagev1.SnapshotBlock, error) {
	block := &storagev1.SnapshotBlock{}
	switch {
	case len(data) == 0 || data[0] > 7:
		return block, proto.Unmarshal(data, block)
	case data[0] != packed:
		return nil, fmt.Errorf("the block has format %d, and format %d is known", data[0], packed)
	}
	d := &decoder{rest: data[1:]}
	if err := proto.Unmarshal(d.bytes(d.count(1)), block); err != nil {
		return nil, err
	}
	if ids := d.ids(); len(ids) > 0 {
		block.Ids = ids
	}
	for _, field := range nameFields {
		columns := make([]storagev1.NameColumn, d.count(1))
		for i := range columns {
			columns[i].Codes = d.numbers()
			*field(block) = append(*field(block), &columns[i])
		}
	}
	for n := d.count(3); n > 0 && d.err == nil; n-- {
		block.Scores = append(block.Scores, &storagev1.ScoreColumn{Values: d.doubles(), Valid: d.bits(), Completeness: d.doubles()})
	}
	if counts := d.numbers(); len(counts) > 0 {
		block.ReasonCounts = counts
	}
	if refs := d.numbers(); len(refs) > 0 {
		block.ReasonRefs = refs
	}
	if excluded := d.bits(); len(excluded) > 0 {
		block.Excluded = excluded
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%d bytes follow the block", len(d.rest))
	}
	if d.err != nil {
		return nil, d.err
	}
	return block, nil
}

const (
	// maxConstant is how many entries a column may have that is written as one value: nothing else in its bytes bounds them.
	maxConstant = 1 << 16
	// maxIDBytes is how long the ids may be together: what they share makes them longer than their bytes.
	maxIDBytes = 64 << 20
)

// decoder reads a block from its front, and keeps the first thing that is wrong with it.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = nil
}

func (d *decoder) uvarint() uint64 {
	x, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail(errTruncated)
		return 0
	}
	d.rest = d.rest[n:]
	return x
}

// count reads a number of things of which each has so many bytes at least.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)/size) {
		d.fail(errTruncated)
		return 0
	}
	return int(n)
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.fail(errTruncated)
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

// form reads how many entries a column has, and its form.
func (d *decoder) form() (entries int, form byte) {
	n := d.uvarint()
	if n == 0 {
		return 0, 0
	}
	if n > maxConstant && n > uint64(len(d.rest))*8 {
		d.fail(errTruncated)
		return 0, 0
	}
	if head := d.bytes(1); head != nil {
		return int(n), head[0]
	}
	return 0, 0
}

// ids reads all ids into one text, of which each is a part.
func (d *decoder) ids() []string {
	n := d.count(2)
	ends, texts := make([]int, n), make([]byte, 0, 16*n)
	start := 0
	for i := range n {
		shared, length := d.uvarint(), d.uvarint()
		if d.err != nil {
			return nil
		}
		if shared > uint64(len(texts)-start) || length > uint64(len(d.rest)) {
			d.fail(errTruncated)
			return nil
		}
		before := start
		start = len(texts)
		texts = append(texts, texts[before:before+int(shared)]...)
		texts = append(texts, d.bytes(int(length))...)
		if !utf8.Valid(texts[start:]) {
			d.fail(fmt.Errorf("the id %q is no valid UTF-8", texts[start:]))
			return nil
		}
		if len(texts) > maxIDBytes {
			d.fail(errors.New("the ids are longer than those of any block"))
			return nil
		}
		ends[i] = len(texts)
	}
	all, ids := string(texts), make([]string, n)
	start = 0
	for i, end := range ends {
		ids[i] = all[start:end]
		start = end
	}
	return ids
}

func (d *decoder) numbers() []uint32 {
	n, width := d.form()
	if n == 0 {
		return nil
	}
	if width == 0 {
		value := d.uvarint()
		if value > math.MaxUint32 {
			d.fail(fmt.Errorf("the code %d has more than 32 bits", value))
		}
		return repeated(d, n, uint32(value))
	}
	if width != 1 && width != 2 && width != 4 {
		d.fail(fmt.Errorf("a column has codes of %d bytes", width))
		return nil
	}
	data := d.bytes(n * int(width))
	if data == nil {
		return nil
	}
	out := make([]uint32, n)
	switch width {
	case 1:
		for i, b := range data {
			out[i] = uint32(b)
		}
	case 2:
		for i := range out {
			out[i] = uint32(binary.LittleEndian.Uint16(data[2*i:]))
		}
	default:
		for i := range out {
			out[i] = binary.LittleEndian.Uint32(data[4*i:])
		}
	}
	return out
}

func (d *decoder) doubles() []float64 {
	n, form := d.form()
	if n == 0 {
		return nil
	}
	switch form {
	case constant:
		one := d.plain(1)
		if one == nil {
			return nil
		}
		return repeated(d, n, one[0])
	case dictionary:
		head := d.bytes(1)
		if head == nil {
			return nil
		}
		values, places := d.plain(int(head[0])+1), d.bytes(n)
		if places == nil {
			return nil
		}
		out := make([]float64, n)
		for i, place := range places {
			if int(place) >= len(values) {
				d.fail(fmt.Errorf("the value %d of a column is none of its %d", place, len(values)))
				return nil
			}
			out[i] = values[place]
		}
		return out
	case plain:
		return d.plain(n)
	}
	d.fail(fmt.Errorf("a column of numbers has the unknown form %d", form))
	return nil
}

func (d *decoder) plain(n int) []float64 {
	data := d.bytes(8 * n)
	if data == nil {
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return out
}

func (d *decoder) bits() []bool {
	n, form := d.form()
	if n == 0 {
		return nil
	}
	switch form {
	case allFalse, allTrue:
		return repeated(d, n, form == allTrue)
	case bitwise:
		data := d.bytes((n + 7) / 8)
		if data == nil {
			return nil
		}
		out := make([]bool, n)
		for i := range out {
			out[i] = data[i>>3]>>(i&7)&1 != 0
		}
		return out
	}
	d.fail(fmt.Errorf("a column of bits has the unknown form %d", form))
	return nil
}

// repeated returns a column of n times a value, unless the block is damaged.
func repeated[T any](d *decoder, n int, value T) []T {
	if n > maxConstant {
		d.fail(fmt.Errorf("a column of %d entries of one value is longer than those of any block", n))
	}
	if d.err != nil {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		out[i] = value
	}
	return out
}
