package arrowframe

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/echelonhq/echelon/engine/frame"
)

// ids returns the ids of all rows, copied, and suspects those that are none. Null is the empty id.
func (d *decoding) ids(of arrow.Array) []string {
	ids, plain := d.memory.anyTexts(d.rows), false
	switch a := of.(type) {
	case *array.String:
		plain = ascii(a.ValueBytes())
		if idsOf(d.memory, ids, a, a.ValueOffsets(), a.ValueBytes()) && plain {
			return ids
		}
	case *array.LargeString:
		plain = ascii(a.ValueBytes())
		if idsOf(d.memory, ids, a, a.ValueOffsets(), a.ValueBytes()) && plain {
			return ids
		}
	default:
		for i := range ids {
			ids[i] = idOf(of, i)
		}
	}
	for i, id := range ids {
		if id == "" || len(id) > frame.MaxIDBytes || !plain && !utf8.ValidString(id) {
			d.suspect(i)
		}
	}
	return ids
}

// ascii reports whether a text has characters of ASCII alone: then each part of it is valid UTF-8.
func ascii(text []byte) bool {
	const high, word = 0x8080808080808080, 8
	for ; len(text) >= word; text = text[word:] {
		if binary.LittleEndian.Uint64(text)&high != 0 {
			return false
		}
	}
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// idsOf copies ids in one piece, and reports whether all are as long as ids may be. Offsets count from the beginning of the column's memory, of which text is
// the part that they span.
func idsOf[T int32 | int64](memory *Memory, ids []string, of arrow.Array, offsets []T, text []byte) (fit bool) {
	if len(ids) == 0 {
		return true
	}
	all, first := string(text), offsets[0]
	from := T(0)
	fit = true
	for i, end := range offsets[1 : len(ids)+1] {
		id := all[from : end-first]
		ids[i] = id
		fit = fit && uint(len(id)-1) < frame.MaxIDBytes
		from = end - first
	}
	for i := 0; of.NullN() > 0 && i < len(ids); i++ {
		if of.IsNull(i) {
			ids[i], fit = "", false
		}
	}
	if fit {
		memory.readIDs(ids, all)
	}
	return fit
}

// idOf returns one id: a text, or a whole number as it is written.
func idOf(of arrow.Array, i int) string {
	if of.IsNull(i) {
		return ""
	}
	switch a := of.(type) {
	case *array.Dictionary:
		return idOf(a.Dictionary(), a.GetValueIndex(i))
	case *array.Int64:
		return strconv.FormatInt(a.Value(i), 10)
	case *array.Uint64:
		return strconv.FormatUint(a.Value(i), 10)
	}
	c := CellOf(of, i)
	if c.Kind == Whole {
		return strconv.FormatInt(int64(c.Number), 10)
	}
	return c.Text
}

// seen knows which ids rows had: a table of rows by the hashes of their ids.
type seen struct {
	ids  []string
	rows []int32 // one more than the row; 0 is empty
	seed maphash.Seed
}

// newSeen returns what finds an id's earlier row among ids; nil, which finds none, where they ascend as those of a sorted table do.
func newSeen(ids []string) *seen {
	ascending := true
	for i := 1; i < len(ids) && ascending; i++ {
		ascending = ids[i-1] < ids[i]
	}
	if ascending {
		return nil
	}
	size := 16
	for size < 2*len(ids) {
		size *= 2
	}
	return &seen{ids: ids, rows: make([]int32, size), seed: maphash.MakeSeed()}
}

// slot returns where the id is, or where it would be.
func (s *seen) slot(id string) int {
	mask := len(s.rows) - 1
	at := int(maphash.String(s.seed, id)) & mask
	for s.rows[at] != 0 && s.ids[s.rows[at]-1] != id {
		at = (at + 1) & mask
	}
	return at
}

func (s *seen) has(id string) bool { return s != nil && s.rows[s.slot(id)] != 0 }

func (s *seen) add(row int, id string) {
	if s != nil {
		s.rows[s.slot(id)] = int32(row) + 1
	}
}
