package tabular_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// text draws what a file can hold: a line break within a cell is always read as \n.
func text() *rapid.Generator[string] {
	return rapid.StringN(1, 12, -1).Filter(func(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\r") })
}

func customer(id string) *rapid.Generator[*echelonv1.Customer] {
	item := text().Filter(func(s string) bool { return !strings.Contains(s, "|") })
	return rapid.Custom(func(t *rapid.T) *echelonv1.Customer {
		fields := map[string]*structpb.Value{}
		maybe := func(name string, draw func() *structpb.Value) {
			if rapid.Bool().Draw(t, "has "+name) {
				fields[name] = draw()
			}
		}
		maybe("arr", func() *structpb.Value {
			return structpb.NewNumberValue(rapid.Float64Range(-1e300, 1e300).Draw(t, "arr"))
		})
		maybe("seats", func() *structpb.Value {
			return structpb.NewNumberValue(float64(rapid.Int64Range(-frame.MaxInteger, frame.MaxInteger).Draw(t, "seats")))
		})
		maybe("name", func() *structpb.Value { return structpb.NewStringValue(text().Draw(t, "name")) })
		maybe("partner", func() *structpb.Value { return structpb.NewBoolValue(rapid.Bool().Draw(t, "partner")) })
		maybe("since", func() *structpb.Value {
			return structpb.NewStringValue(frame.FormatDate(rapid.Int64Range(-700_000, 2_900_000).Draw(t, "since")))
		})
		maybe("seen", func() *structpb.Value {
			return structpb.NewStringValue(frame.FormatTimestamp(rapid.Int64Range(-6e16, 2.5e17).Draw(t, "seen")))
		})
		maybe("tags", func() *structpb.Value {
			list := &structpb.ListValue{}
			for _, one := range rapid.SliceOfN(item, 1, 4).Draw(t, "tags") {
				list.Values = append(list.Values, structpb.NewStringValue(one))
			}
			return structpb.NewListValue(list)
		})
		return &echelonv1.Customer{Id: id, Attributes: &structpb.Struct{Fields: fields}}
	})
}

func customers() *rapid.Generator[[]*echelonv1.Customer] {
	return rapid.Custom(func(t *rapid.T) []*echelonv1.Customer {
		var list []*echelonv1.Customer
		for _, id := range rapid.SliceOfNDistinct(text(), 1, 20, rapid.ID).Draw(t, "ids") {
			list = append(list, customer(id).Draw(t, "customer"))
		}
		return list
	})
}

// rule FILE-15
func TestWhatIsWrittenReadsBackWhateverTheBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := customers().Draw(t, "customers")
		var file bytes.Buffer
		w, err := tabular.NewCustomerWriter(&file, "the id", everyType)
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(0, len(want)).Draw(t, "cut")
		for _, part := range [][]*echelonv1.Customer{want[:cut], want[cut:]} {
			if err := w.Write(framed(t, everyType, part...)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		r, err := tabular.NewReader(&file, tabular.Options{File: "f.csv", IDColumn: "the id", Attributes: everyType})
		if err != nil {
			t.Fatal(err)
		}
		var got []*echelonv1.Customer
		for batch, err := range r.Batches(rapid.SampledFrom([]int{1, 2, 7, 1000}).Draw(t, "batch")) {
			if err != nil || len(batch.Refused) > 0 {
				t.Fatal(err, batch)
			}
			for i := range batch.Frame.Len() {
				got = append(got, batch.Frame.Customer(i))
			}
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(everyHeader+"a,1,2,n,true,2026-01-31,2026-01-31T12:00:00Z,x|y\na,,,,,,,\nb,x\n"), true)
	f.Add([]byte("\xef\xbb\xbfid,name\r\na,\"b\r\nc\"\r\n"), true)
	f.Add([]byte("id,name\na,12\" wheel\n"), true)
	f.Add([]byte("id,name\na,\"b\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, allow bool) {
		options := tabular.Options{File: "f.csv", IDColumn: "id", Attributes: everyType, AllowMissingColumns: allow}
		whole, wholeErr := readAll(data, options, 1<<20)
		single, singleErr := readAll(data, options, 1)
		if (wholeErr == nil) != (singleErr == nil) {
			t.Fatalf("whole: %v, row by row: %v", wholeErr, singleErr)
		}
		if wholeErr != nil {
			var wrong *tabular.Error
			if !errors.As(wholeErr, &wrong) || wrong.Message == "" || wrong.Remedy == "" {
				t.Fatalf("an error without a place: %v", wholeErr)
			}
			return
		}
		if diff := cmp.Diff(whole, single); diff != "" {
			t.Fatal(diff)
		}
		for _, refused := range whole.refused {
			if refused.Line < 2 || refused.Code == "" || refused.Message == "" || !utf8.ValidString(refused.Describe("f.csv")) {
				t.Fatalf("%+v", refused)
			}
		}
	})
}

// contents is what is read of a file, whatever the batches.
type contents struct {
	ids     []string
	lines   []int
	refused []tabular.Refusal
	rows    []map[string]any
}

// Equal lets cmp compare contents.
func (c contents) Equal(d contents) bool {
	return cmp.Equal(c.ids, d.ids) && cmp.Equal(c.lines, d.lines) && cmp.Equal(c.refused, d.refused) && cmp.Equal(c.rows, d.rows)
}

func readAll(data []byte, options tabular.Options, rows int) (contents, error) {
	var all contents
	r, err := tabular.NewReader(bytes.NewReader(data), options)
	if err != nil {
		return all, err
	}
	for batch, err := range r.Batches(rows) {
		if err != nil {
			return all, err
		}
		all.ids = append(all.ids, batch.Frame.IDs...)
		all.lines = append(all.lines, batch.Lines...)
		all.refused = append(all.refused, batch.Refused...)
		for i := range batch.Frame.Len() {
			all.rows = append(all.rows, values(batch.Frame, i))
		}
	}
	return all, nil
}
