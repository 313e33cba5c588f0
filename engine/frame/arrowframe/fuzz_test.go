package arrowframe_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/zstd"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// everyType is a field of each type, and sampleOf a record batch with a column for each and some more.
var everyType = frame.NewSchema(
	frame.Field{Name: "n", Type: echelonv1.Attribute_NUMBER}, frame.Field{Name: "i", Type: echelonv1.Attribute_INTEGER},
	frame.Field{Name: "b", Type: echelonv1.Attribute_BOOLEAN}, frame.Field{Name: "s", Type: echelonv1.Attribute_STRING},
	frame.Field{Name: "d", Type: echelonv1.Attribute_DATE}, frame.Field{Name: "t", Type: echelonv1.Attribute_TIMESTAMP},
	frame.Field{Name: "l", Type: echelonv1.Attribute_STRING_LIST}, frame.Field{Name: "v", Type: echelonv1.Attribute_STRING},
)

func sampleOf(rows int) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "customer_id", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "i", Type: &arrow.Decimal128Type{Precision: 12, Scale: 2}, Nullable: true}, {Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "s", Type: dictionaryOf(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.String), Nullable: true},
		{Name: "d", Type: arrow.FixedWidthTypes.Date32, Nullable: true}, {Name: "t", Type: &arrow.TimestampType{Unit: arrow.Nanosecond}, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true}, {Name: "v", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "x", Type: arrow.StructOf(arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Int8}), Nullable: true},
		{Name: "z", Type: arrow.Null, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	texts := []string{"", "12.5", "3", "true", "retail", "2026-01-31", "2026-01-31 12:00:00", `["a","b"]`, "a text that is too long to stand in a view", `{"y":1}`}
	for row := range rows {
		for k, column := range b.Fields() {
			if k == 0 {
				column.(*array.StringBuilder).Append(string(rune('a'+row%26)) + string(rune('a'+row/26)))
			} else if (row+k)%4 == 0 || k == len(texts) || column.AppendValueFromString(texts[k]) != nil {
				column.AppendNull()
			}
		}
	}
	return b.NewRecordBatch()
}

func written(t testing.TB, record arrow.RecordBatch, options ...ipc.Option) []byte {
	t.Helper()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, append(options, ipc.WithSchema(record.Schema()))...)
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzRead reads what anybody may send: it must be a batch whose rows are sound, or an *Error, and take memory as the message has bytes.
func FuzzRead(f *testing.F) {
	for _, rows := range []int{0, 3, 70} {
		f.Add(written(f, sampleOf(rows)))
		f.Add(written(f, sampleOf(rows), ipc.WithZstd()))
		f.Add(written(f, sampleOf(rows), ipc.WithLZ4()))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		batch, err := arrowframe.NewReader(everyType, arrowframe.Options{}).Read(stream)
		runtime.ReadMemStats(&after)
		// Compressed values are the one thing that may be larger than the message: 64 MiB of them, and what is made of them.
		if took := after.TotalAlloc - before.TotalAlloc; took > 512<<20 {
			t.Errorf("a message of %d bytes took %d bytes", len(stream), took)
		}
		var ours *arrowframe.Error
		if err != nil {
			if !errors.As(err, &ours) {
				t.Errorf("the error %v is none of this package", err)
			}
			return
		}
		if batch.Rows != batch.Frame.Len()+len(batch.Refused) || batch.Rows > arrowframe.MaxRows {
			t.Errorf("%d rows are %d taken and %d refused", batch.Rows, batch.Frame.Len(), len(batch.Refused))
		}
		b := frame.NewBuilder(everyType, frame.UniqueIDs())
		for i := range batch.Frame.Len() {
			if wrong := b.AddCustomer(batch.Frame.Customer(i), false); wrong != nil {
				t.Errorf("a row was taken that is refused elsewhere: %v", wrong)
			}
		}
	})
}

// A window of zstd is room that its reader takes however few bytes there are.
func TestWindowsLargerThanAMessageMayBeAreRefused(t *testing.T) {
	const magic = "\x28\xb5\x2f\xfd"
	frames, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	behind := string(frames.EncodeAll([]byte("a frame before it"), nil))
	good := written(t, sampleOf(5), ipc.WithZstd())
	if !bytes.Contains(good, []byte(magic)) {
		t.Fatal("nothing is compressed")
	}
	bad := bytes.Clone(good)
	for at := bytes.Index(bad, []byte(magic)); at >= 0 && at < len(bad); {
		bad[at+4] &^= 0x20  // no single segment: what was the length is the window
		bad[at+5] = 19 << 3 // 2^(10+19) bytes
		next := bytes.Index(bad[at+4:], []byte(magic))
		if next < 0 {
			break
		}
		at += 4 + next
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = arrowframe.NewReader(everyType, arrowframe.Options{}).Read(bad)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "smaller window") {
		t.Errorf("it is answered by %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("a message of %d bytes took %d bytes", len(bad), took)
	}
	large := magic + "\x00" + string([]byte{19 << 3}) + "\x01\x00\x00"
	for name, c := range map[string]struct {
		data   string
		within bool
	}{
		"a small frame": {behind, true}, "two of them": {behind + behind, true}, "a large window": {large, false},
		"a large window behind a small frame": {behind + large, false}, "one that is skipped, and a large window": {"\x50\x2a\x4d\x18\x02\x00\x00\x00xx" + large, false},
		"a long single segment": {magic + "\xe0\x00\x00\x00\x20\x00\x00\x00\x00\x01\x00\x00", false}, "no frame": {"no frame", true}, "nothing": {"", true},
	} {
		if got := arrowframe.WindowsWithin([]byte(c.data), 64<<20); got != c.within {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Fewer columns in a part than in the schema: arrow-go reads on behind them.
func TestPartsWithFewerColumnsThanTheSchemaAreRefused(t *testing.T) {
	few := 0
	good := written(t, sampleOf(5))
	for at := range good {
		if good[at] == 0 {
			continue
		}
		bad := bytes.Clone(good)
		bad[at]--
		_, err := arrowframe.NewReader(everyType, arrowframe.Options{}).Read(bad)
		if err != nil && strings.Contains(err.Error(), "fewer columns than the schema") {
			few++
		}
	}
	// The vectors of columns, of their buffers and of the buffers of views in the record batch, and two of the dictionary's.
	if few < 5 {
		t.Errorf("of the lengths of vectors %d are looked at", few)
	}
}

func TestEachPartOfAMessageMayBeDamagedAndIsAnError(t *testing.T) {
	for name, options := range map[string][]ipc.Option{"plain": nil, "plain too": nil, "zstd": {ipc.WithZstd()}} {
		good := written(t, sampleOf(5), options...)
		if batch, err := arrowframe.NewReader(everyType, arrowframe.Options{}).Read(good); err != nil || batch.Frame.Len() != 5 {
			t.Fatalf("%s: %v, %v", name, batch, err)
		}
		for at := len(name) % 2; at < len(good); at += 2 {
			for _, to := range []byte{0xFF, good[at] + 1} {
				bad := bytes.Clone(good)
				bad[at] = to
				var ours *arrowframe.Error
				if _, err := arrowframe.NewReader(everyType, arrowframe.Options{}).Read(bad); err != nil && !errors.As(err, &ours) {
					t.Fatalf("%s, byte %d: %v", name, at, err)
				}
			}
			if _, err := arrowframe.NewReader(everyType, arrowframe.Options{}).Read(good[:at]); err == nil && at < len(good)-8 {
				t.Fatalf("%s: the first %d bytes are read as a whole message", name, at)
			}
		}
	}
}
