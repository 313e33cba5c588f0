package jobs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// HashWire is Hash of rows as they came over the wire, without a message of each: what encoders write is hashed where it lies, with names in order.
// Customers that look different are decoded first. It fails where protobuf cannot decode one; what it says of others of these rows that protobuf
// could not decode is worth nothing.
func HashWire(rows []byte) ([]byte, error) {
	hash, w := sha256.New(), &wireRow{}
	for left := rows; len(left) > 0; {
		number, kind, n := protowire.ConsumeTag(left)
		if n < 0 || number != 1 || kind != protowire.BytesType {
			return hashDecoded(rows)
		}
		data, m := protowire.ConsumeBytes(left[n:])
		if m < 0 {
			return hashDecoded(rows)
		}
		left = left[n+m:]
		if !w.customer(data) {
			customer := &echelonv1.Customer{}
			if err := proto.Unmarshal(data, customer); err != nil {
				return nil, err
			}
			w.row = appendCustomer(w.row[:0], customer)
		}
		_, _ = hash.Write(w.row) // never an error
	}
	return hash.Sum(nil), nil
}

func hashDecoded(rows []byte) ([]byte, error) {
	decoded := &echelonv1.CustomerRows{}
	if err := proto.Unmarshal(rows, decoded); err != nil {
		return nil, err
	}
	return Hash(decoded), nil
}

// wireRow is a customer as it is hashed, in memory that the next one uses again.
type wireRow struct {
	row     []byte
	entries []wireEntry
}

// wireEntry is an attribute as it came.
type wireEntry struct{ name, value []byte }

// customer makes the row of a Customer. It reports false where that is not as most are.
func (w *wireRow) customer(data []byte) bool {
	var id, attributes []byte
	seen := protowire.Number(0)
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 || number <= seen && number <= 2 || number <= 2 && kind != protowire.BytesType {
			return false
		}
		m := protowire.ConsumeFieldValue(number, kind, data[n:])
		if m < 0 {
			return false
		}
		switch number {
		case 1:
			id, _ = protowire.ConsumeBytes(data[n:])
		case 2:
			attributes, _ = protowire.ConsumeBytes(data[n:])
		}
		seen, data = number, data[n+m:]
	}
	w.row = appendBytes(w.row[:0], id)
	return w.fields(attributes)
}

// fields appends what a Struct has, with its names in order.
func (w *wireRow) fields(data []byte) bool {
	w.entries = w.entries[:0]
	for len(data) > 0 {
		entry, rest, ok := bytesField(data, 1)
		if !ok {
			return false
		}
		data = rest
		var e wireEntry
		if e.name, entry, ok = bytesField(entry, 1); !ok {
			return false
		}
		if e.value, entry, ok = bytesField(entry, 2); !ok || len(entry) > 0 {
			return false
		}
		w.entries = append(w.entries, e)
	}
	slices.SortFunc(w.entries, func(a, b wireEntry) int { return bytes.Compare(a.name, b.name) })
	w.row = binary.AppendUvarint(w.row, uint64(len(w.entries)))
	for i, e := range w.entries {
		if i > 0 && bytes.Equal(e.name, w.entries[i-1].name) {
			return false // the last one counts
		}
		w.row = appendBytes(w.row, e.name)
		if !w.value(e.value, true) {
			return false
		}
	}
	return true
}

// value appends a Value; of lists only those of values that are none.
func (w *wireRow) value(data []byte, lists bool) bool {
	if len(data) == 0 {
		w.row = append(w.row, isNull)
		return true
	}
	number, kind, n := protowire.ConsumeTag(data)
	if n < 0 || protowire.ConsumeFieldValue(number, kind, data[n:]) != len(data)-n {
		return false
	}
	content := data[n:]
	switch {
	case number == 1 && kind == protowire.VarintType:
		w.row = append(w.row, isNull)
	case number == 2 && kind == protowire.Fixed64Type:
		w.row = binary.BigEndian.AppendUint64(append(w.row, isNumber), binary.LittleEndian.Uint64(content))
	case number == 3 && kind == protowire.BytesType:
		text, _ := protowire.ConsumeBytes(content)
		w.row = appendBytes(append(w.row, isText), text)
	case number == 4 && kind == protowire.VarintType:
		truth := byte(isFalse)
		if x, _ := protowire.ConsumeVarint(content); x != 0 {
			truth = isTrue
		}
		w.row = append(w.row, truth)
	case number == 6 && kind == protowire.BytesType && lists:
		list, _ := protowire.ConsumeBytes(content)
		return w.list(list)
	default:
		return false
	}
	return true
}

// list appends a ListValue.
func (w *wireRow) list(data []byte) bool {
	items := 0
	for rest := data; len(rest) > 0; items++ {
		var ok bool
		if _, rest, ok = bytesField(rest, 1); !ok {
			return false
		}
	}
	w.row = binary.AppendUvarint(append(w.row, isList), uint64(items))
	for range items {
		var item []byte
		if item, data, _ = bytesField(data, 1); !w.value(item, false) {
			return false
		}
	}
	return true
}

// bytesField returns the content of the field that data begins with, which must have that number, and what follows it.
func bytesField(data []byte, want protowire.Number) (content, rest []byte, ok bool) {
	number, kind, n := protowire.ConsumeTag(data)
	if n < 0 || number != want || kind != protowire.BytesType {
		return nil, nil, false
	}
	content, m := protowire.ConsumeBytes(data[n:])
	if m < 0 {
		return nil, nil, false
	}
	return content, data[n+m:], true
}

func appendBytes(to, text []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}
