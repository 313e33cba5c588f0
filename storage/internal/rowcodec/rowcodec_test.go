package rowcodec_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// value is an attribute as the tests compare it.
type value struct {
	ID     uint32
	Kind   rowcodec.Kind
	Number uint64 // its bits, so that -0 and 0 differ
	Int    int64
	Texts  []string
}

// decode reads a whole row.
func decode(row []byte) (update int64, values []value, err error) {
	var c rowcodec.Cursor
	c.Open(row)
	for c.Next() {
		v := value{ID: c.ID, Kind: c.Kind}
		switch c.Kind {
		case rowcodec.Float, rowcodec.Whole:
			v.Number = math.Float64bits(c.Number)
		case rowcodec.Int:
			v.Int = c.Int
		case rowcodec.Text:
			v.Texts = []string{string(c.Text)}
		case rowcodec.List:
			v.Texts = []string{}
			for _, item := range c.Items {
				v.Texts = append(v.Texts, string(item))
			}
		}
		values = append(values, v)
	}
	return c.Update, values, c.Err()
}

var types = []echelonv1.Attribute_Type{
	echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_STRING, echelonv1.Attribute_BOOLEAN,
	echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP, echelonv1.Attribute_STRING_LIST,
}

// encode writes a row whose column i is the attribute ids[i] and has a value of types[i]; nil is missing.
func encode(t interface{ Fatalf(string, ...any) }, ids []uint32, types []echelonv1.Attribute_Type, values []any, update int64) []byte {
	fields := make([]frame.Field, len(types))
	for i := range fields {
		fields[i] = frame.Field{Name: string(rune('a' + i)), Type: types[i]}
	}
	b := frame.NewBuilder(frame.NewSchema(fields...))
	b.Start("customer")
	for i, v := range values {
		switch v := v.(type) {
		case float64:
			b.SetNumber(i, v)
		case bool:
			b.SetBool(i, v)
		case int64:
			b.SetInt(i, v)
		case string:
			b.SetString(i, v)
		case []string:
			b.SetList(i, v)
		}
	}
	if fault := b.Commit(); fault != nil {
		t.Fatalf("%v", fault)
	}
	return rowcodec.NewEncoder(ids).Append(nil, b.Take(), 0, update)
}

// TestOldRowsAreRead keeps a row of format 1, byte by byte. It is never changed: such rows lie on disks.
func TestOldRowsAreRead(t *testing.T) {
	const fixture = "01" + "80a0a8d5df91cd06" + "08" + // format, update, count
		"09" + "000000000000f83f" + // 1: 1.5
		"12" + "03" + // 2: -2
		"1c" + // 3: true
		"23" + // 4: false
		"2d" + "c0ba02" + // 5: day 20128
		"36" + "03" + "c3bc78" + // 6: "üx"
		"3f" + "02" + "0161" + "00" + // 7: "a", ""
		"a906" + "0000000000000080" // 101: -0
	row, err := hex.DecodeString(fixture)
	if err != nil {
		t.Fatal(err)
	}
	update, values, err := decode(row)
	want := []value{
		{ID: 1, Kind: rowcodec.Float, Number: math.Float64bits(1.5)},
		{ID: 2, Kind: rowcodec.Whole, Number: math.Float64bits(-2)},
		{ID: 3, Kind: rowcodec.True},
		{ID: 4, Kind: rowcodec.False},
		{ID: 5, Kind: rowcodec.Int, Int: 20128},
		{ID: 6, Kind: rowcodec.Text, Texts: []string{"üx"}},
		{ID: 7, Kind: rowcodec.List, Texts: []string{"a", ""}},
		{ID: 101, Kind: rowcodec.Float, Number: 1 << 63},
	}
	if diff := cmp.Diff(want, values); err != nil || diff != "" {
		t.Fatalf("error %v (-want +got)\n%s", err, diff)
	}
	number, boolean := echelonv1.Attribute_NUMBER, echelonv1.Attribute_BOOLEAN
	again := encode(t, []uint32{101, 7, 6, 5, 4, 3, 2, 1},
		[]echelonv1.Attribute_Type{number, types[6], types[2], types[4], boolean, boolean, types[1], number},
		[]any{math.Copysign(0, -1), []string{"a", ""}, "üx", int64(20128), false, true, -2.0, 1.5}, update)
	if got := hex.EncodeToString(again); got != fixture {
		t.Errorf("the same customer is written as\n%s, and was written as\n%s", got, fixture)
	}
}

func TestDamagedRowsAreRefused(t *testing.T) {
	tests := map[string]struct{ row, want string }{
		"empty":                       {"", "too early"},
		"another format":              {"020000", "format 2"},
		"no update":                   {"01", "too early"},
		"half an update":              {"0180", "too early"},
		"an update of too many bits":  {"01ffffffffffffffffffff01", "more than 64 bits"},
		"no count":                    {"0100", "too early"},
		"fewer attributes":            {"01000109", "too early"},
		"more attributes":             {"0100000c", "1 bytes follow"},
		"the same attribute twice":    {"0100020c0c", "attribute 1 follows attribute 1"},
		"attributes not in order":     {"010002140c", "attribute 1 follows attribute 2"},
		"attribute 0":                 {"01000104", "attribute 0 follows"},
		"an id of too many bits":      {"01000184808080800104", "follows attribute 0"},
		"an unknown kind":             {"01000108", "unknown kind 0"},
		"half a double":               {"0100010900000000", "too early"},
		"half a number":               {"0100010a80", "too early"},
		"a text that is too short":    {"0100010e0261", "too early"},
		"a text of no end":            {"0100010effffffffffffffffff01", "too early"},
		"a list that is too short":    {"0100010f020161", "too early"},
		"a list of no end":            {"0100010fffffffffffffffffff01", "too early"},
		"a list with a longer item":   {"0100010f010561", "too early"},
		"a row behind another, whole": {"010000010000", "3 bytes follow"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			row, err := hex.DecodeString(test.row)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := decode(row); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestWhatIsWrittenIsReadAndEveryPartOfItIsNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Uint32Range(1, math.MaxUint32), 0, 10, rapid.ID).Draw(t, "ids")
		columns := make([]echelonv1.Attribute_Type, len(ids))
		values := make([]any, len(ids))
		want := []value{}
		for i, id := range ids {
			columns[i] = rapid.SampledFrom(types).Draw(t, "type")
			var v value
			values[i], v = draw(t, columns[i])
			if v.ID = id; values[i] != nil {
				want = append(want, v)
			}
		}
		slices.SortFunc(want, func(a, b value) int { return int(int64(a.ID) - int64(b.ID)) })
		update := rapid.Int64().Draw(t, "update")

		row := encode(t, ids, columns, values, update)
		gotUpdate, got, err := decode(row)
		if diff := cmp.Diff(want, append([]value{}, got...)); err != nil || gotUpdate != update || diff != "" {
			t.Fatalf("error %v, update %d for %d (-want +got)\n%s", err, gotUpdate, update, diff)
		}
		for n := range row {
			if _, _, err := decode(row[:n]); err == nil {
				t.Fatalf("the first %d bytes of %d are read without an error", n, len(row))
			}
		}
	})
}

// draw returns a value of a type, nil for a missing one, and how it is to be read.
func draw(t *rapid.T, kind echelonv1.Attribute_Type) (any, value) {
	if rapid.IntRange(0, 3).Draw(t, "missing") == 0 {
		return nil, value{}
	}
	text := rapid.StringN(0, 20, 60)
	switch kind {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		whole := rapid.Map(rapid.Int64Range(-frame.MaxInteger, frame.MaxInteger), func(n int64) float64 { return float64(n) })
		numbers := []*rapid.Generator[float64]{whole}
		if kind == echelonv1.Attribute_NUMBER {
			numbers = append(numbers, rapid.Float64(), rapid.Just(math.Copysign(0, -1)), rapid.Just(float64(frame.MaxInteger+2)))
		}
		x := rapid.OneOf(numbers...).Filter(func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }).Draw(t, "number")
		form := rowcodec.Float
		if x == math.Trunc(x) && math.Abs(x) <= frame.MaxInteger && math.Float64bits(x) != 1<<63 {
			form = rowcodec.Whole
		}
		return x, value{Kind: form, Number: math.Float64bits(x)}
	case echelonv1.Attribute_BOOLEAN:
		if rapid.Bool().Draw(t, "bool") {
			return true, value{Kind: rowcodec.True}
		}
		return false, value{Kind: rowcodec.False}
	case echelonv1.Attribute_DATE:
		n := rapid.Int64Range(-700_000, 2_900_000).Draw(t, "day")
		return n, value{Kind: rowcodec.Int, Int: n}
	case echelonv1.Attribute_TIMESTAMP:
		n := rapid.Int64Range(-60_000_000_000_000_000, 250_000_000_000_000_000).Draw(t, "instant")
		return n, value{Kind: rowcodec.Int, Int: n}
	case echelonv1.Attribute_STRING:
		s := text.Draw(t, "text")
		return s, value{Kind: rowcodec.Text, Texts: []string{s}}
	}
	list := rapid.SliceOfN(text, 0, 5).Draw(t, "list")
	return list, value{Kind: rowcodec.List, Texts: append([]string{}, list...)}
}

// FuzzDecode feeds anything to the decoder: it must not panic, take no more than it is given, and read the same again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{1, 2, 3, 0x0c, 0x16, 1, 'a', 0x1f, 2, 0, 1, 'b'})
	f.Add([]byte{1, 0, 1, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, row []byte) {
		before := bytes.Clone(row)
		update, values, err := decode(row)
		size := 0
		for i, v := range values {
			if i > 0 && v.ID <= values[i-1].ID {
				t.Errorf("attribute %d follows %d", v.ID, values[i-1].ID)
			}
			for _, text := range v.Texts {
				size += len(text)
			}
		}
		if size > len(row) {
			t.Errorf("%d bytes of text in a row of %d", size, len(row))
		}
		againUpdate, again, againErr := decode(row)
		if update != againUpdate || (err == nil) != (againErr == nil) || !cmp.Equal(values, again) || !bytes.Equal(row, before) {
			t.Errorf("the second reading differs")
		}
	})
}
