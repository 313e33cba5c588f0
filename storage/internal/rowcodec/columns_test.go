package rowcodec_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// decoder returns a decoder of the rows of frames of a schema, whose field i is attribute i+1.
func decoder(schema *frame.Schema) (c *rowcodec.Columns, ids []uint32) {
	kinds, fields := []echelonv1.Attribute_Type{echelonv1.Attribute_UNSPECIFIED}, []int{rowcodec.Skip}
	for i := range schema.Len() {
		kinds, fields, ids = append(kinds, schema.Field(i).Type), append(fields, i), append(ids, uint32(i+1))
	}
	return rowcodec.NewColumns(schema, kinds, fields), ids
}

// Frames are read as they were built, one after the other with texts that come again and rows in between that are refused.
func TestFramesAreReadAsTheyWereBuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fields []frame.Field
		for i := range rapid.IntRange(0, 8).Draw(t, "fields") {
			fields = append(fields, frame.Field{Name: fmt.Sprint("f", i), Type: rapid.SampledFrom(types).Draw(t, "type")})
		}
		schema := frame.NewSchema(fields...)
		builder := frame.NewBuilder(schema)
		columns, ids := decoder(schema)
		encoder := rowcodec.NewEncoder(ids)
		for range rapid.IntRange(1, 4).Draw(t, "frames") {
			rows := rapid.IntRange(0, 100).Draw(t, "rows")
			columns.Begin(rows + rapid.IntRange(1, 70).Draw(t, "more room"))
			for row := range rows {
				builder.Start(fmt.Sprint("customer", row))
				for i, field := range fields {
					switch v, _ := draw(t, field.Type); v := v.(type) {
					case float64:
						builder.SetNumber(i, v)
					case bool:
						builder.SetBool(i, v)
					case int64:
						builder.SetInt(i, v)
					case string:
						builder.SetString(i, v)
					case []string:
						builder.SetList(i, v)
					}
				}
				if fault := builder.Commit(); fault != nil {
					t.Fatal(fault)
				}
			}
			want := builder.Take()
			for row, id := range want.IDs {
				data := encoder.Append(nil, want, row, int64(row))
				for n := range data {
					if _, ok := columns.Add([]byte(id), data[:n]); ok {
						t.Fatalf("the first %d bytes of %d are a row", n, len(data))
					}
				}
				if update, ok := columns.Add([]byte(id), data); !ok || update != int64(row) {
					t.Fatalf("row %d is refused: %t, its update time is %d", row, !ok, update)
				}
			}
			same(t, columns.Take(), want)
		}
	})
}

// same looks that two frames have the same values, to the bit; dictionaries may differ, since a row that is refused leaves its texts.
func same(t *rapid.T, got, want *frame.Frame) {
	if !slices.Equal(got.IDs, want.IDs) || got.Schema != want.Schema {
		t.Fatalf("ids %q, want %q", got.IDs, want.IDs)
	}
	for i := range want.Columns {
		g, w := &got.Columns[i], &want.Columns[i]
		if g.Type != w.Type || len(g.Offsets) != len(w.Offsets) || len(g.Codes) != len(w.Codes) || len(g.Ints) != len(w.Ints) || len(g.Numbers) != len(w.Numbers) ||
			len(g.Valid) != len(w.Valid) || len(g.Bits) != len(w.Bits) {
			t.Fatalf("column %d is %+v, want %+v", i, g, w)
		}
		for row := range want.IDs {
			if g.Valid.Get(row) != w.Valid.Get(row) {
				t.Fatalf("column %d, row %d: there is a value: %t", i, row, g.Valid.Get(row))
			}
			if !w.Valid.Get(row) {
				continue
			}
			ok := true
			switch w.Type {
			case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
				ok = math.Float64bits(g.Numbers[row]) == math.Float64bits(w.Numbers[row])
			case echelonv1.Attribute_BOOLEAN:
				ok = g.Bits.Get(row) == w.Bits.Get(row)
			case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
				ok = g.Ints[row] == w.Ints[row]
			case echelonv1.Attribute_STRING:
				ok = g.String(row) == w.String(row)
			case echelonv1.Attribute_STRING_LIST:
				ok = reflect.DeepEqual(g.List(row), w.List(row))
			}
			if !ok {
				t.Fatalf("column %d, row %d differs: %+v, want %+v", i, row, g, w)
			}
		}
	}
}

// BenchmarkDecode decodes rows of workload W, one thousand and twenty-four to a frame.
func BenchmarkDecode(b *testing.B) {
	const rows = 1024
	customers := workload.Gen(rows)
	var fields []frame.Field
	for _, name := range workload.FNames {
		fields = append(fields, frame.Field{Name: name, Type: echelonv1.Attribute_NUMBER})
	}
	for _, name := range workload.INames {
		fields = append(fields, frame.Field{Name: name, Type: echelonv1.Attribute_INTEGER})
	}
	for _, name := range workload.SNames {
		fields = append(fields, frame.Field{Name: name, Type: echelonv1.Attribute_STRING})
	}
	schema := frame.NewSchema(append(fields, frame.Field{Name: workload.BName, Type: echelonv1.Attribute_BOOLEAN})...)
	builder := frame.NewBuilder(schema)
	for i := range rows {
		if fault := builder.AddCustomer(workload.Customer(customers, i), false); fault != nil {
			b.Fatal(fault)
		}
	}
	f := builder.Take()
	columns, ids := decoder(schema)
	encoder := rowcodec.NewEncoder(ids)
	var encoded [rows][]byte
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			for row := range encoded {
				encoded[row] = encoder.Append(encoded[row][:0], f, row, 1)
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	})
	b.Run("columns", func(b *testing.B) {
		for b.Loop() {
			columns.Begin(rows)
			for row, data := range encoded {
				if _, ok := columns.Add([]byte(f.IDs[row]), data); !ok {
					b.Fatal("a row is refused")
				}
			}
			columns.Take()
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	})
}
