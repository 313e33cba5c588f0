package wire_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// varint appends a field of a number.
func varint(to []byte, number protowire.Number, x uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, number, protowire.VarintType), x)
}

// double appends a field of a double.
func double(to []byte, number protowire.Number, x float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(to, number, protowire.Fixed64Type), math.Float64bits(x))
}

func text(to []byte, number protowire.Number, x string) []byte { return part(to, number, []byte(x)) }

// entry is an attribute in a Struct.
func entry(name string, value []byte) []byte { return part(nil, 1, part(text(nil, 1, name), 2, value)) }

// with is a customer with these bytes of a Struct.
func with(id string, fields ...[]byte) []byte {
	return part(text(nil, 1, id), 2, bytes.Join(fields, nil))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// nested is a Value of lists in lists.
func nested(depth int) []byte {
	var value []byte
	for range depth {
		value = part(nil, 6, part(nil, 1, value))
	}
	return value
}

// oddities are customers that an encoder may write, though hardly any does, and some that none may.
func oddities() map[string][]byte {
	need := entry("need", double(nil, 2, 1))
	group := protowire.AppendTag(varint(protowire.AppendTag(nil, 9, protowire.StartGroupType), 3, 5), 9, protowire.EndGroupType)
	list := func(items ...string) []byte {
		var values []byte
		for _, item := range items {
			values = part(values, 1, text(nil, 3, item))
		}
		return part(nil, 6, values)
	}
	good := with("a", need)
	return map[string][]byte{
		"nothing":                         {},
		"an id alone":                     text(nil, 1, "a"),
		"an id at the end":                join(part(nil, 2, need), text(nil, 1, "a")),
		"two ids":                         join(text(nil, 1, "a"), text(nil, 1, "b"), part(nil, 2, need)),
		"an id as a number":               join(varint(nil, 1, 5), part(nil, 2, need)),
		"an id that is no text":           join(text(nil, 1, "\xff"), part(nil, 2, need)),
		"attributes in two parts":         join(with("a", need), part(nil, 2, entry("text", text(nil, 3, "x")))),
		"attributes twice":                join(with("a", need, entry("text", text(nil, 3, "x"))), part(nil, 2, entry("text", text(nil, 3, "y")))),
		"a name twice":                    with("a", need, entry("number", double(nil, 2, 1)), entry("number", double(nil, 2, 2))),
		"a name twice, the last missing":  with("a", need, entry("number", double(nil, 2, 1)), entry("number", nil)),
		"a name twice, the last null":     with("a", need, entry("need", varint(nil, 1, 0))),
		"a name twice, the first wrong":   with("a", need, entry("number", text(nil, 3, "x")), entry("number", double(nil, 2, 2))),
		"a name twice, lists":             with("a", need, entry("list", list("x", "y")), entry("list", list("z"))),
		"a name twice, a list and none":   with("a", need, entry("list", list("x", "y")), entry("list", nil)),
		"a value and then its name":       with("a", need, part(nil, 1, text(part(nil, 2, double(nil, 2, 1)), 1, "number"))),
		"a value without a name":          with("a", need, part(nil, 1, part(nil, 2, double(nil, 2, 1)))),
		"a name without a value":          with("a", need, part(nil, 1, text(nil, 1, "number"))),
		"a name in two parts":             with("a", need, part(nil, 1, part(text(text(nil, 1, "text"), 1, "number"), 2, double(nil, 2, 1)))),
		"a value in two parts":            with("a", need, part(nil, 1, part(part(text(nil, 1, "number"), 2, double(nil, 2, 1)), 2, double(nil, 2, 2)))),
		"a list in two parts":             with("a", need, part(nil, 1, part(part(text(nil, 1, "list"), 2, list("x")), 2, list("y")))),
		"a list, a number, a list":        with("a", need, part(nil, 1, part(text(nil, 1, "list"), 2, join(list("x"), double(nil, 2, 1), list("y"))))),
		"a value of two kinds":            with("a", need, entry("number", join(text(nil, 3, "x"), double(nil, 2, 2)))),
		"a number of another type":        with("a", need, entry("number", varint(nil, 2, 5))),
		"a text that is none":             with("a", need, entry("text", text(nil, 3, "\xff"))),
		"a text that is none, ignored":    with("a", need, entry("other", text(nil, 3, "\xff"))),
		"a name that is none":             with("a", need, entry("\xff", text(nil, 3, "x"))),
		"a list with a text that is none": with("a", need, entry("list", list("x", "\xff"))),
		"a list with a number":            with("a", need, entry("list", part(nil, 6, part(nil, 1, double(nil, 2, 1))))),
		"a list with nothing":             with("a", need, entry("list", part(nil, 6, part(nil, 1, nil)))),
		"a list that knows more":          with("a", need, entry("list", part(nil, 6, join(part(nil, 1, text(nil, 3, "x")), varint(nil, 9, 1))))),
		"an empty list":                   with("a", need, entry("list", part(nil, 6, nil))),
		"an object":                       with("a", need, entry("text", part(nil, 5, entry("b", text(nil, 3, "c"))))),
		"an object with a broken text":    with("a", need, entry("other", part(nil, 5, entry("b", text(nil, 3, "\xff"))))),
		"a bool above one":                with("a", need, entry("bool", varint(nil, 4, 300))),
		"a null above zero":               with("a", need, entry("number", varint(nil, 1, 300))),
		"a field that nobody knows":       join(good, varint(nil, 99, 1)),
		"a group":                         join(good, group),
		"a group that does not end":       join(good, protowire.AppendTag(nil, 9, protowire.StartGroupType)),
		"the end of no group":             join(good, protowire.AppendTag(nil, 9, protowire.EndGroupType)),
		"field zero":                      join(good, []byte{0x02, 0x00}),
		"a group in a value":              with("a", need, entry("number", join(double(nil, 2, 1), group))),
		"an instant":                      part(good, 3, varint(varint(nil, 1, 5), 2, 6)),
		"an instant that knows more":      part(good, 3, varint(nil, 9, 5)),
		"an instant that is none":         part(good, 3, []byte{0x08}),
		"an instant cut off":              part(good, 3, []byte{0x08, 0x80}),
		"tiers in force":                  part(good, 120, text(text(nil, 1, "coverage"), 2, "high")),
		"tiers that are no texts":         part(good, 120, text(text(nil, 1, "coverage"), 2, "\xff")),
		"a length in two bytes":           {0x0a, 0x81, 0x00, 'a'},
		"a length without an end":         {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"a length beyond the end":         {0x0a, 0x05, 'a'},
		"a tag alone":                     {0x0a},
		"a tag in two bytes":              {0x8a, 0x00, 0x01, 'a'},
		"a double cut off":                with("a", need, entry("number", []byte{0x11, 1, 2, 3})),
		"lists in lists":                  with("a", need, entry("list", nested(5))),
		"lists as deep as may be":         with("a", need, entry("other", nested(4996))),
		"lists deeper than may be":        with("a", need, entry("other", nested(5001))),
		"a long id":                       with(strings.Repeat("i", 513), need),
		"a long text":                     with("a", need, entry("text", text(nil, 3, strings.Repeat("t", 64<<10+1)))),
	}
}

func TestOddCustomersAreReadAsProtobufReadsThem(t *testing.T) {
	for name, data := range oddities() {
		t.Run(name, func(t *testing.T) {
			for _, ignoreUnknown := range []bool{false, true} {
				before, after := with("before", entry("need", double(nil, 2, 1))), with("after", entry("need", double(nil, 2, 1)), entry("text", text(nil, 3, "x")))
				if !sameAsMessages(t, enclose(before, data, after), ignoreUnknown) {
					t.Error("the batch is not split")
				}
			}
		})
	}
}

// The deepest value that protobuf decodes, and one deeper: whether a customer is decoded alone or within its request makes no difference.
func TestValuesAreAsDeepAsProtobufAllows(t *testing.T) {
	refused := 0
	for depth := 4995; depth < 4999; depth++ {
		request := enclose(with("a", entry("need", nested(depth))))
		sameAsMessages(t, request, false)
		if proto.Unmarshal(request, &echelonv1.BulkAssignRequest{}) != nil {
			refused++
		}
	}
	if refused == 0 || refused == 4 {
		t.Errorf("%d of the 4 depths are refused", refused)
	}
}

func TestRequestsThatAreNoPlainBatchAreLeftToProtobuf(t *testing.T) {
	batch := enclose(with("a"))
	header := marshal(t, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: &echelonv1.BulkAssignHeader{}}})
	rows := part(nil, 2, part(nil, 1, with("a")))
	for name, request := range map[string][]byte{
		"nothing":                     {},
		"a header":                    header,
		"a batch after a header":      join(header, batch),
		"a batch before a header":     join(batch, header),
		"two batches":                 join(batch, batch),
		"a batch cut off":             batch[:len(batch)-1],
		"a batch without rows":        part(nil, 2, varint(nil, 1, 1)),
		"rows twice":                  part(nil, 2, join(rows, rows)),
		"a sequence after the rows":   part(nil, 2, varint(rows, 1, 1)),
		"a sequence without an end":   part(nil, 2, []byte{0x08, 0x80}),
		"rows that know more":         part(nil, 2, part(nil, 2, varint(part(nil, 1, with("a")), 9, 1))),
		"rows cut off":                part(nil, 2, part(nil, 2, []byte{0x0a, 0x05, 'a'})),
		"a batch that knows more":     part(nil, 2, varint(rows, 9, 1)),
		"a field that nobody knows":   varint(batch, 99, 1),
		"a batch of another type":     varint(nil, 2, 1),
		"a length of more than there": {0x12, 0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		if got, ok := wire.Split(request); ok {
			t.Errorf("%s: it is split into %+v", name, got)
		}
	}
}

// FuzzRows reads the same bytes as a customer between two others, and as a whole request, from the wire and by protobuf.
func FuzzRows(f *testing.F) {
	for _, data := range oddities() {
		if len(data) < 1000 {
			f.Add(data, false)
			f.Add(enclose(data), true)
		}
	}
	fields, err := structpb.NewStruct(map[string]any{"number": 1.5, "text": "x", "bool": true, "date": "2026-01-31", "list": []any{"a", "b"}, "plan": "pro"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(marshal(f, &echelonv1.Customer{Id: "a", Attributes: fields}), false)
	f.Fuzz(func(t *testing.T, data []byte, ignoreUnknown bool) {
		sameAsMessages(t, data, ignoreUnknown)
		first, last := with("first", entry("text", text(nil, 3, "x"))), with("last", entry("text", text(nil, 3, "x")))
		if !sameAsMessages(t, enclose(first, data, last), ignoreUnknown) {
			t.Error("the batch is not split")
		}
	})
}
