package arrowframe_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// form is a type of Arrow in which values of an attribute may come, and the texts of values that it can hold, sound and unsound.
type form struct {
	of     arrow.DataType
	values []string
}

var (
	wholes    = []string{"0", "1", "-7", "100", "127"}
	numbers   = append([]string{"0.5", "-2.25", "1024"}, wholes...)
	unsound   = append([]string{"NaN", "Inf", "-Inf", "1e300", "-0"}, numbers...)
	words     = []string{"", "retail", "software", "no such", "Zürich", "health", "\xff\xfe"}
	dates     = []string{"2026-01-31", "1969-12-31", "0001-01-01", "9999-12-31"}
	badDates  = append([]string{"2026-02-30", "soon", ""}, dates...)
	instants  = []string{"2026-01-31T12:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}
	micros    = append([]string{"2026-01-31T12:00:00.000001Z", "1950-06-01T00:00:00.123456Z"}, instants...)
	listTexts = []string{`[]`, `["a"]`, `["a","b","a"]`, `["retail",""]`}
)

func dictionaryOf(index, value arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: index, ValueType: value}
}

var forms = map[echelonv1.Attribute_Type][]form{
	echelonv1.Attribute_NUMBER: {
		{arrow.PrimitiveTypes.Float64, unsound}, {arrow.PrimitiveTypes.Float32, numbers}, {arrow.PrimitiveTypes.Int8, wholes},
		{arrow.PrimitiveTypes.Int32, wholes}, {arrow.PrimitiveTypes.Int64, wholes}, {arrow.PrimitiveTypes.Uint16, []string{"0", "65535"}},
		{arrow.PrimitiveTypes.Uint64, []string{"0", "9007199254740992"}}, {&arrow.Decimal128Type{Precision: 12, Scale: 2}, []string{"0.50", "-2.25", "1.10", "0.00"}},
		{dictionaryOf(arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Float64), numbers}, {arrow.Null, nil},
	},
	echelonv1.Attribute_INTEGER: {
		{arrow.PrimitiveTypes.Int64, append([]string{"9007199254740992", "9007199254740994", "-9223372036854775808"}, wholes...)},
		{arrow.PrimitiveTypes.Float64, unsound}, {arrow.PrimitiveTypes.Float32, numbers}, {arrow.PrimitiveTypes.Int16, wholes},
		{&arrow.Decimal256Type{Precision: 40, Scale: 0}, wholes}, {arrow.Null, nil},
	},
	echelonv1.Attribute_BOOLEAN: {{arrow.FixedWidthTypes.Boolean, []string{"true", "false"}}, {arrow.Null, nil}},
	echelonv1.Attribute_STRING: {
		{arrow.BinaryTypes.String, words}, {arrow.BinaryTypes.LargeString, words}, {arrow.BinaryTypes.StringView, words},
		{dictionaryOf(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.String), words}, {dictionaryOf(arrow.PrimitiveTypes.Uint32, arrow.BinaryTypes.String), words},
		{dictionaryOf(arrow.PrimitiveTypes.Int16, arrow.BinaryTypes.String), words}, {arrow.Null, nil},
	},
	echelonv1.Attribute_DATE: {
		{arrow.FixedWidthTypes.Date32, dates}, {arrow.FixedWidthTypes.Date64, dates}, {arrow.BinaryTypes.String, badDates},
		{&arrow.TimestampType{Unit: arrow.Second}, dates}, {&arrow.TimestampType{Unit: arrow.Nanosecond}, dates[:2]},
	},
	echelonv1.Attribute_TIMESTAMP: {
		{arrow.FixedWidthTypes.Timestamp_us, micros}, {arrow.FixedWidthTypes.Timestamp_s, instants}, {&arrow.TimestampType{Unit: arrow.Millisecond}, instants},
		{&arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Europe/Berlin"}, micros[:2]}, {arrow.BinaryTypes.LargeString, append([]string{"noon"}, micros...)},
	},
	echelonv1.Attribute_STRING_LIST: {
		{arrow.ListOf(arrow.BinaryTypes.String), listTexts}, {arrow.LargeListOf(arrow.BinaryTypes.LargeString), listTexts}, {arrow.Null, nil},
	},
}

// asRow is a value as a row has it.
func asRow(of echelonv1.Attribute_Type, text string) *structpb.Value {
	switch of {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		x, _ := strconv.ParseFloat(text, 64)
		return structpb.NewNumberValue(x)
	case echelonv1.Attribute_BOOLEAN:
		return structpb.NewBoolValue(text == "true")
	case echelonv1.Attribute_STRING_LIST:
		var items []string
		_ = json.Unmarshal([]byte(text), &items)
		list := &structpb.ListValue{}
		for _, item := range items {
			list.Values = append(list.Values, structpb.NewStringValue(item))
		}
		return structpb.NewListValue(list)
	}
	return structpb.NewStringValue(text)
}

// appendText appends a value to a column.
func appendText(t *rapid.T, to array.Builder, of echelonv1.Attribute_Type, text string) {
	if dictionary, is := to.(*array.BinaryDictionaryBuilder); is {
		if err := dictionary.AppendString(text); err != nil {
			t.Fatal(err)
		}
		return
	}
	if instants, is := to.(*array.TimestampBuilder); is {
		instants.Append(instantIn(t, to.Type().(*arrow.TimestampType).Unit, text))
		return
	}
	lists, is := to.(array.ListLikeBuilder)
	if !is {
		if err := to.AppendValueFromString(text); err != nil {
			t.Fatalf("%v cannot hold %q: %v", to.Type(), text, err)
		}
		return
	}
	lists.Append(true)
	for _, item := range asRow(of, text).GetListValue().GetValues() {
		appendText(t, lists.ValueBuilder(), of, item.GetStringValue())
	}
}

// instantIn returns a day or an instant in a unit.
func instantIn(t *rapid.T, unit arrow.TimeUnit, text string) arrow.Timestamp {
	micros, err := frame.ParseTimestamp(text)
	if day, isDay := frame.ParseDate(text); isDay == nil {
		micros, err = day*24*60*60*1_000_000, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	switch unit {
	case arrow.Second:
		return arrow.Timestamp(micros / 1_000_000)
	case arrow.Millisecond:
		return arrow.Timestamp(micros / 1000)
	case arrow.Nanosecond:
		return arrow.Timestamp(micros * 1000)
	}
	return arrow.Timestamp(micros)
}

func TestTheSameCustomersAsRowsAndAsArrowGiveTheSameFrameAndTheSameErrors(t *testing.T) {
	types := []echelonv1.Attribute_Type{echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_BOOLEAN, echelonv1.Attribute_STRING,
		echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP, echelonv1.Attribute_STRING_LIST}
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SampledFrom([]int{0, 1, 5, 63, 64, 65, 130}).Draw(t, "rows")
		customers := make([]*echelonv1.Customer, rows)
		ids := array.NewStringBuilder(memory.DefaultAllocator)
		sorted := rapid.Bool().Draw(t, "sorted")
		for i := range customers {
			id := fmt.Sprintf("c%04d", i)
			if !sorted && rapid.IntRange(0, 9).Draw(t, "odd id") == 0 {
				id = rapid.SampledFrom([]string{"", "c0001", "c0000", "\xff", fmt.Sprintf("%0600d", i)}).Draw(t, "id")
			}
			customers[i] = &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{}}}
			ids.Append(id)
		}
		columns := []arrow.Array{ids.NewArray()}
		schema := []arrow.Field{{Name: arrowframe.IDColumn, Type: arrow.BinaryTypes.String}}
		var fields []frame.Field
		for k := range rapid.IntRange(1, 5).Draw(t, "columns") {
			field := frame.Field{Name: fmt.Sprintf("a%d", k), Type: rapid.SampledFrom(types).Draw(t, "type"), Required: rapid.IntRange(0, 4).Draw(t, "required") == 0}
			if field.Type == echelonv1.Attribute_STRING && rapid.Bool().Draw(t, "has values") {
				field.Values = []string{"retail", "software", "Zürich"}
			}
			fields = append(fields, field)
			if rapid.IntRange(0, 9).Draw(t, "absent") == 0 {
				continue
			}
			in := rapid.SampledFrom(forms[field.Type]).Draw(t, "form")
			column := array.NewBuilder(memory.DefaultAllocator, in.of)
			for _, customer := range customers {
				if len(in.values) == 0 || rapid.IntRange(0, 5).Draw(t, "null") == 0 {
					column.AppendNull()
					continue
				}
				text := rapid.SampledFrom(in.values).Draw(t, "value")
				appendText(t, column, field.Type, text)
				customer.Attributes.Fields[field.Name] = asRow(field.Type, text)
			}
			at := rapid.IntRange(0, len(columns)).Draw(t, "place")
			columns = append(columns[:at], append([]arrow.Array{column.NewArray()}, columns[at:]...)...)
			schema = append(schema[:at], append([]arrow.Field{{Name: field.Name, Type: in.of, Nullable: true}}, schema[at:]...)...)
		}
		to := frame.NewSchema(fields...)
		record := array.NewRecordBatch(arrow.NewSchema(schema, nil), columns, int64(rows))
		compare(t, to, customers, record)
		if from := rapid.IntRange(0, rows).Draw(t, "slice"); from > 0 {
			compare(t, to, customers[from:], record.NewSlice(int64(from), int64(rows)))
		}
	})
}

// reused is memory that all batches of the property have, one after another.
var reused = &arrowframe.Memory{}

// compare holds a record batch, as it is and as an IPC stream, against the same customers as rows.
func compare(t *rapid.T, to *frame.Schema, customers []*echelonv1.Customer, record arrow.RecordBatch) {
	want := &frame.Frame{}
	var refused []*echelonv1.RowError
	b := frame.NewBuilder(to, frame.UniqueIDs())
	for i, customer := range customers {
		if wrong := b.AddCustomer(customer, false); wrong != nil {
			wrong.Index = int64(i)
			refused = append(refused, wrong)
		}
	}
	want = b.Take()
	for _, own := range []bool{false, true} {
		layout, err := arrowframe.NewLayout(record.Schema(), to, arrowframe.Options{Own: own})
		if err != nil {
			t.Fatal(err)
		}
		batch, err := layout.Frame(record)
		if err != nil {
			t.Fatal(err)
		}
		same(t, batch, want, refused, len(customers))
	}
	stream, err := arrowframe.Stream(record)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := arrowframe.NewReader(to, arrowframe.Options{}).Read(stream)
	if err != nil {
		t.Fatal(err)
	}
	same(t, batch, want, refused, len(customers))
	// Memory that batches of other schemas and sizes had, and that has two batches at a time.
	reader := arrowframe.NewReader(to, arrowframe.Options{})
	batch, err = reader.ReadInto(reused, stream)
	if err == nil {
		_, err = reader.ReadInto(reused, stream)
	}
	if err != nil {
		t.Fatal(err)
	}
	same(t, batch, want, refused, len(customers))
	if got := arrowframe.Rows(stream); got != len(customers) {
		t.Fatalf("Rows counts %d of %d rows", got, len(customers))
	}
	again(t, to, want)
	reused.Reset()
}

func same(t *rapid.T, got *arrowframe.Batch, want *frame.Frame, refused []*echelonv1.RowError, rows int) {
	if diff := cmp.Diff(refused, got.Refused, protocmp.Transform()); diff != "" {
		t.Fatalf("other rows are refused than as rows (-rows +Arrow):\n%s", diff)
	}
	if got.Rows != rows {
		t.Fatalf("%d rows are counted of %d", got.Rows, rows)
	}
	if diff := cmp.Diff(customersOf(want), customersOf(got.Frame), protocmp.Transform()); diff != "" {
		t.Fatalf("the frames differ (-rows +Arrow):\n%s", diff)
	}
}

// again writes a frame as Arrow and reads it back.
func again(t *rapid.T, to *frame.Schema, f *frame.Frame) {
	for _, options := range [][]arrowframe.WriterOption{nil, {arrowframe.PlainTexts()}} {
		w, err := arrowframe.NewWriter(to, "", options...)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := w.Stream(f)
		if err != nil {
			t.Fatal(err)
		}
		prefix := []byte("before")
		appended, err := w.Append(prefix, reused, f)
		if err != nil || string(appended) != string(prefix)+string(stream) {
			t.Fatal("what is appended by memory that is used again is another stream:", err)
		}
		batch, err := arrowframe.NewReader(to, arrowframe.Options{}).Read(stream)
		if err != nil || len(batch.Ignored) > 0 {
			t.Fatal(err)
		}
		same(t, batch, f, nil, f.Len())
	}
}

func customersOf(f *frame.Frame) []*echelonv1.Customer {
	customers := make([]*echelonv1.Customer, f.Len())
	for i := range customers {
		customers[i] = f.Customer(i)
	}
	return customers
}
