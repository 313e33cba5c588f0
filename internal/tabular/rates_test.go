package tabular_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestRatesAreReadFromAnyFileOfRows(t *testing.T) {
	want := []*echelonv1.ExchangeRate{
		{Currency: "USD", Date: "2026-01-31", Rate: 0.92}, {Currency: "JPY", Date: "2025-12-31", Rate: 0.0061},
	}
	for name, test := range map[string]struct {
		options tabular.RowOptions
		text    string
		lines   []int
	}{
		"commas":                 {tabular.RowOptions{}, "currency,date,rate\nUSD,2026-01-31,0.92\nJPY,2025-12-31,6.1e-3\n", []int{2, 3}},
		"semicolons and a mark":  {tabular.RowOptions{}, "\uFEFFdate;rate;currency;from\r\n2026-01-31;0.92;USD;bank\r\n2025-12-31;0.0061;JPY;\r\n", []int{2, 3}},
		"a blank line is no row": {tabular.RowOptions{}, "currency,date,rate\n\nUSD,2026-01-31,0.92\n\nJPY,2025-12-31,0.0061\n", []int{3, 5}},
		"JSON lines":             {tabular.RowOptions{Format: tabular.JSONLines}, `{"currency":"USD","date":"2026-01-31","rate":0.92}` + "\n" + `{"rate":0.0061,"currency":"JPY","date":"2025-12-31"}`, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			test.options.File = "rates.csv"
			got, err := tabular.ReadRates(strings.NewReader(test.text), test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Rates, protocmp.Transform()); diff != "" {
				t.Errorf("rates (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.lines, got.Lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesThatAreNoRates(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		// says is in the error, or else the refused rows.
		says []string
	}{
		"no columns":      {"a,b\n1,2\n", []string{"rates.csv:1: ", "currency", "date", "rate"}},
		"an empty file":   {"", []string{"rates.csv"}},
		"a missing cell":  {"currency,date,rate\nUSD,,1\n", []string{`rates.csv:2: column "date"`}},
		"a date":          {"currency,date,rate\nUSD,31/01/2026,1\n", []string{`rates.csv:2: column "date": date: "31/01/2026" is no date`}},
		"a rate":          {"currency,date,rate\nUSD,2026-01-31,1\nUSD,2026-01-30,NaN\n", []string{`rates.csv:3: column "rate"`}},
		"two and a third": {"currency,date,rate\nUSD,x,1\nUSD,2026-01-30\nUSD,2026-01-30,x\n", []string{"rates.csv:2: ", "rates.csv:3: ", "rates.csv:4: "}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tabular.ReadRates(strings.NewReader(test.text), tabular.RowOptions{File: "rates.csv"})
			said := fmt.Sprint(err)
			if err == nil {
				for _, r := range got.Refused {
					said += "\n" + r.Describe("rates.csv")
				}
			}
			for _, word := range test.says {
				if !strings.Contains(said, word) {
					t.Errorf("%q does not say %q", said, word)
				}
			}
		})
	}
}

// What is read can be written and read again; nothing panics.
func FuzzReadRates(f *testing.F) {
	f.Add([]byte("currency,date,rate\nUSD,2026-01-31,0.92\n"))
	f.Add([]byte("currency;date;rate\nUSD;2026-01-31;-1e308\n;;\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := tabular.ReadRates(bytes.NewReader(data), tabular.RowOptions{File: "f"})
		if err != nil {
			return
		}
		for i, rate := range table.Rates {
			if len(rate.GetDate()) != len("2026-01-31") || rate.GetCurrency() == "" || rate.GetRate()-rate.GetRate() != 0 || table.Lines[i] < 2 {
				t.Errorf("row %d of line %d is %v", i, table.Lines[i], rate)
			}
		}
	})
}
