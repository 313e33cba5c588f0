package wire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// value gives field i of the row a Value, and reports false where it is not one that the field takes, or not as most are.
func (r *Rows) value(i int, data []byte) bool {
	if len(data) == 0 {
		r.Builder.SetMissing(i)
		return true
	}
	kind := r.Builder.Schema().Field(i).Type
	switch data[0] {
	case varint1: // null
		if !single(data) {
			return false
		}
		r.Builder.SetMissing(i)
		return true
	case fixed2:
		if len(data) != 9 || kind != echelonv1.Attribute_NUMBER && kind != echelonv1.Attribute_INTEGER {
			return false
		}
		r.Builder.SetNumber(i, math.Float64frombits(binary.LittleEndian.Uint64(data[1:])))
		return true
	case bytes3:
		text, rest, ok := field(data, bytes3)
		return ok && len(rest) == 0 && valid(text) && r.Builder.SetText(i, text)
	case varint4:
		if !single(data) || kind != echelonv1.Attribute_BOOLEAN {
			return false
		}
		x, _ := protowire.ConsumeVarint(data[1:])
		r.Builder.SetBool(i, x != 0)
		return true
	case bytes6:
		list, rest, ok := field(data, bytes6)
		return ok && len(rest) == 0 && kind == echelonv1.Attribute_STRING_LIST && r.list(i, list)
	}
	return false
}

// list gives field i of the row a ListValue of texts.
func (r *Rows) list(i int, data []byte) bool {
	list := r.lists[i][:0]
	for len(data) > 0 {
		item, rest, ok := field(data, bytes1)
		if !ok {
			return false
		}
		data = rest
		text, rest, ok := field(item, bytes3)
		if !ok || len(rest) > 0 || !valid(text) {
			return false
		}
		list = append(list, r.Builder.Text(i, text))
	}
	if r.lists == nil {
		r.lists = make(map[int][]string)
	}
	r.lists[i] = list
	r.Builder.SetList(i, list)
	return true
}

// plainValue reports whether data is a Value as most are that protobuf would decode.
func plainValue(data []byte) bool {
	if len(data) == 0 {
		return true
	}
	switch data[0] {
	case varint1, varint4:
		return single(data)
	case fixed2:
		return len(data) == 9
	case bytes3:
		text, rest, ok := field(data, bytes3)
		return ok && len(rest) == 0 && valid(text)
	}
	return false
}

// single reports whether data is one field that is a number of variable length.
func single(data []byte) bool {
	_, n := protowire.ConsumeVarint(data[1:])
	return n == len(data)-1
}

// valid is utf8.Valid, fast for what is short and in ASCII.
func valid(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return utf8.Valid(text)
		}
	}
	return true
}
