package format_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/format"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	number    = echelonv1.Attribute_NUMBER
	boolean   = echelonv1.Attribute_BOOLEAN
	date      = echelonv1.Attribute_DATE
	timestamp = echelonv1.Attribute_TIMESTAMP
	list      = echelonv1.Attribute_STRING_LIST
	text      = echelonv1.Attribute_STRING
)

func parser(t rapid.TB, of echelonv1.Attribute_Type, f *echelonv1.Format) *format.Parser {
	t.Helper()
	p, err := format.New(&echelonv1.Attribute{Name: "a", Type: of, Format: f})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	dollars  = &echelonv1.Format{Kind: echelonv1.Format_MONEY, Currency: []string{"$", "USD"}}
	euros    = &echelonv1.Format{Kind: echelonv1.Format_MONEY, Currency: []string{"€", "EUR"}, DecimalComma: true}
	grouped  = &echelonv1.Format{Kind: echelonv1.Format_GROUPED}
	commas   = &echelonv1.Format{DecimalComma: true}
	percent  = &echelonv1.Format{Kind: echelonv1.Format_PERCENT}
	share    = &echelonv1.Format{Kind: echelonv1.Format_SHARE}
	yesNo    = &echelonv1.Format{Kind: echelonv1.Format_YES_NO}
	jaNein   = &echelonv1.Format{Kind: echelonv1.Format_YES_NO, TrueWords: []string{"ja"}, FalseWords: []string{"nein"}}
	british  = &echelonv1.Format{Pattern: "DD/MM/YYYY"}
	american = &echelonv1.Format{Pattern: "M/D/YY h:mm AM"}
	named    = &echelonv1.Format{Pattern: "D-MMM-YYYY"}
	clock    = &echelonv1.Format{Pattern: "YYYY-MM-DD hh:mm:ss.fff"}
	midnight = &echelonv1.Format{Pattern: "YYYY-MM-DD 00:00:00.000"}
	excel    = &echelonv1.Format{Kind: echelonv1.Format_EXCEL}
	either   = &echelonv1.Format{Kind: echelonv1.Format_EXCEL, Pattern: "DD/MM/YYYY"}
)

// rule FILE-18
func TestNumbersAreReadAsDeclared(t *testing.T) {
	for _, c := range []struct {
		format *echelonv1.Format
		cell   string
		want   float64
	}{
		{dollars, "$1,200.00", 1200}, {dollars, "USD 1,200", 1200}, {dollars, "1200.5 USD", 1200.5}, {dollars, "1,234,567.89", 1234567.89},
		{dollars, "($50.00)", -50}, {dollars, "-$50", -50}, {dollars, "$-50", -50}, {dollars, "50.00-", -50}, {dollars, " $ 5 ", 5}, {dollars, "\u221250", -50},
		{euros, "1.200,00 €", 1200}, {euros, "€ 1 200,50", 1200.5}, {euros, "1\u00a0200,5\u00a0EUR", 1200.5}, {euros, "1.200", 1200},
		{grouped, "1,200", 1200}, {grouped, "1'200'300.5", 1200300.5}, {grouped, "0012", 12}, {grouped, "1200", 1200}, {grouped, "+3", 3}, {grouped, "(1,200.5)", -1200.5}, {grouped, "50-", -50},
		{commas, "1,5", 1.5}, {commas, "-1200,25", -1200.25}, {commas, "7", 7},
		{percent, "45 %", 45}, {percent, "-1.5%", -1.5}, {percent, "1,200%", 1200},
		{share, "45 %", 0.45}, {share, "7%", 0.07}, {share, "100%", 1}, {share, "0.1%", 0.001},
		{nil, "1e3", 1000},
	} {
		got, fault := parser(t, number, c.format).Parse(c.cell)
		if fault != nil || got.Number != c.want || got.Missing {
			t.Errorf("%v: %q is %v, want %v: %+v", c.format, c.cell, got.Number, c.want, fault)
		}
	}
}

// rule FILE-19
func TestCellsOfAnotherFormAreRefusedNotGuessed(t *testing.T) {
	for _, c := range []struct {
		kind   echelonv1.Attribute_Type
		format *echelonv1.Format
		cells  []string
	}{
		{number, dollars, []string{"1.200,00", "€5", "1,2", "1,2000", "12,34,567", "1,200 300", "$", "$$5", "five", "(5", "5)", "1.", ".5", "5 %", "--5", "0,500", "-($5)", "N/A"}},
		{number, euros, []string{"1,200.00", "$5", "1.20", "1.2.300"}},
		{number, grouped, []string{"$5", "1e3", "0x1", "NaN", "1,,200", ",200", "1 000.000,0"}},
		{number, commas, []string{"1.5", "1,5,5", "1.200,00", " 1,5"}},
		{number, percent, []string{"45", "%", "45 % p.a.", "0.45"}},
		{number, share, []string{"0.45", "45"}},
		{boolean, yesNo, []string{"maybe", "ja", "2", "ye s"}},
		{boolean, jaNein, []string{"yes", "true", "1"}},
		{boolean, nil, []string{"yes", "1", "TRUE"}},
		{date, british, []string{"2025-04-03", "31/02/2025", "3/4/2025", "03/13/2025", "03/04/25", "45750", "03-04-2025"}},
		{date, named, []string{"3-Foo-2025", "32-Jan-2025", "3-Jan-25", "3-Januar-2025"}},
		{timestamp, american, []string{"3/4/25 13:05 PM", "3/4/25 0:05 AM", "3/4/2025 1:05 PM", "3/4/25 1:05"}},
		{date, midnight, []string{"1996-07-04 12:00:00.000", "1996-07-04"}},
		{date, excel, []string{"0", "60", "2958466", "45750.5", "-1", "03/04/2025", "1e4", "."}},
		{date, either, []string{"2025-04-03"}},
		{timestamp, clock, []string{"2025-04-03 24:00:00.000", "2025-04-03 23:60:00.000", "2025-04-03 23:00:00"}},
	} {
		for _, cell := range c.cells {
			if got, fault := parser(t, c.kind, c.format).Parse(cell); fault == nil || !strings.Contains(fault.Message, frame.Quote(cell)) {
				t.Errorf("%v %v: %q was read as %+v, %+v", c.kind, c.format, cell, got, fault)
			}
		}
	}
}

// rule FILE-20, FILE-21
func TestDatesAndWordsAreReadAsDeclared(t *testing.T) {
	for _, c := range []struct {
		kind       echelonv1.Attribute_Type
		format     *echelonv1.Format
		cell, want string
	}{
		{date, british, "03/04/2025", "2025-04-03"}, {date, named, "3-jan-2025", "2025-01-03"}, {date, midnight, "1996-07-04 00:00:00.000", "1996-07-04"},
		{date, excel, "45750", "2025-04-03"}, {date, excel, "1", "1900-01-01"}, {date, excel, "59", "1900-02-28"}, {date, excel, "61", "1900-03-01"},
		{date, excel, "45750.0", "2025-04-03"}, {date, excel, "2958465", "9999-12-31"}, {date, either, "45750", "2025-04-03"}, {date, either, "03/04/2025", "2025-04-03"},
		{timestamp, american, "3/4/25 1:05 pm", "2025-03-04T13:05:00Z"}, {timestamp, american, "12/31/25 12:00 AM", "2025-12-31T00:00:00Z"},
		{timestamp, clock, "2025-04-03 23:59:59.25", ""}, {timestamp, clock, "2025-04-03 23:59:59.250", "2025-04-03T23:59:59.25Z"},
		{timestamp, clock, "2025-04-03 23:59:59.250001", "2025-04-03T23:59:59.250001Z"},
		{timestamp, excel, "45750.5416666667", "2025-04-03T13:00:00Z"}, {timestamp, british, "03/04/2025", "2025-04-03T00:00:00Z"},
	} {
		got, fault := parser(t, c.kind, c.format).Parse(c.cell)
		text := ""
		switch {
		case fault != nil:
		case c.kind == date:
			text = frame.FormatDate(got.Int)
		default:
			text = frame.FormatTimestamp(got.Int)
		}
		if text != c.want {
			t.Errorf("%v: %q is %q, want %q: %+v", c.format, c.cell, text, c.want, fault)
		}
	}
	for cell, want := range map[string]bool{"yes": true, "Y": true, "TRUE": true, "1": true, "no": false, "N": false, "False": false, "0": false, " Yes ": true} {
		if got, fault := parser(t, boolean, yesNo).Parse(cell); fault != nil || got.Bool != want {
			t.Errorf("%q: %v, %+v", cell, got.Bool, fault)
		}
	}
	if got, fault := parser(t, boolean, jaNein).Parse("JA"); fault != nil || !got.Bool {
		t.Errorf("%+v, %+v", got, fault)
	}
	got, _ := parser(t, list, &echelonv1.Format{Separator: ";"}).Parse("a; b ;c")
	if diff := cmp.Diff([]string{"a", "b", "c"}, got.List); diff != "" {
		t.Error(diff)
	}
}

// rule FILE-2
func TestOnlyDeclaredTokensAreMissing(t *testing.T) {
	nulls := &echelonv1.Format{Kind: echelonv1.Format_GROUPED, Nulls: []string{"N/A", "-"}}
	for _, cell := range []string{"", "N/A", "-"} {
		if got, fault := parser(t, number, nulls).Parse(cell); fault != nil || !got.Missing {
			t.Errorf("%q: %+v, %+v", cell, got, fault)
		}
	}
	for _, cell := range []string{"n/a", "NULL", "N/A "} {
		if _, fault := parser(t, number, nulls).Parse(cell); fault == nil {
			t.Errorf("%q was read", cell)
		}
	}
	if got, _ := parser(t, text, &echelonv1.Format{Nulls: []string{"NULL"}}).Parse("NULL"); !got.Missing {
		t.Error("a text's token is no value")
	}
}

// rule FILE-28
func TestMistakesOfFormats(t *testing.T) {
	for _, c := range []struct {
		kind   echelonv1.Attribute_Type
		format *echelonv1.Format
		want   string
	}{
		{text, dollars, "kind: it is for a NUMBER or an INTEGER alone"},
		{number, yesNo, "kind: it is for a BOOLEAN alone"},
		{number, excel, "kind: it is for a DATE or a TIMESTAMP alone"},
		{number, &echelonv1.Format{Kind: 99}, "kind: there is no such kind"},
		{boolean, commas, "decimal_comma: it is for a NUMBER or an INTEGER alone"},
		{number, british, "pattern: it is for a DATE or a TIMESTAMP alone"},
		{number, &echelonv1.Format{Separator: ";"}, "separator: it is for a STRING_LIST alone"},
		{number, &echelonv1.Format{Kind: echelonv1.Format_MONEY}, "currency: MONEY has no mark"},
		{number, &echelonv1.Format{Currency: []string{"$"}}, "currency: it is for MONEY alone"},
		{number, &echelonv1.Format{Kind: echelonv1.Format_MONEY, Currency: []string{"$", "1"}}, `currency[1]: "1" is no mark of a currency`},
		{date, &echelonv1.Format{Pattern: "MM/YYYY"}, "does not say a year (YYYY), a month (MM) and a day (DD)"},
		{date, &echelonv1.Format{Pattern: "DD/MM/YYYY hh"}, "it says a time, which a DATE has not"},
		{timestamp, &echelonv1.Format{Pattern: "DD/MM/YYYY mm"}, "a smaller part of the time"},
		{date, &echelonv1.Format{Pattern: "DD/MM/YYYY YY"}, `"YY" stands twice`},
		{date, &echelonv1.Format{Pattern: "DMYYYY"}, "nothing tells where"},
		{date, &echelonv1.Format{Kind: echelonv1.Format_EXCEL, Pattern: "YYYYMMDD"}, "nothing tells a date"},
		{boolean, &echelonv1.Format{Kind: echelonv1.Format_YES_NO, TrueWords: []string{"No"}}, `"No" means both true and false`},
		{boolean, &echelonv1.Format{TrueWords: []string{"x"}}, "true_words: it is for YES_NO alone"},
		{boolean, &echelonv1.Format{FalseWords: []string{"x"}}, "false_words: it is for YES_NO alone"},
		{number, &echelonv1.Format{Nulls: []string{""}}, "nulls[0]: an empty cell is missing already"},
	} {
		a := &echelonv1.Attribute{Name: "a", Type: c.kind, Format: c.format}
		found := format.Check(a)
		if len(found) == 0 || !strings.Contains(found[0].Path+": "+found[0].Message, c.want) || found[0].Remedy == "" {
			t.Errorf("%v: %v, want %q", c.format, found, c.want)
		}
		if _, err := format.New(a); err == nil {
			t.Errorf("%v has a parser", c.format)
		}
	}
}

// rule FILE-22
func TestWhatIsWrittenInAFormIsReadBack(t *testing.T) {
	numbers := []*echelonv1.Format{nil, dollars, euros, grouped, commas, percent, share}
	dates := []*echelonv1.Format{nil, british, named, midnight, excel, either}
	times := []*echelonv1.Format{nil, clock, excel}
	rapid.Check(t, func(t *rapid.T) {
		check := func(kind echelonv1.Attribute_Type, f *echelonv1.Format, v format.Value) {
			p := parser(t, kind, f)
			cell, err := p.Write(v, "")
			if err != nil {
				t.Fatalf("%v: %+v: %v", f, v, err)
			}
			if got, fault := p.Parse(cell); fault != nil || cmp.Diff(v, got) != "" {
				t.Fatalf("%v: %q: %+v, %+v", f, cell, got, fault)
			}
		}
		check(number, rapid.SampledFrom(numbers).Draw(t, "number"), format.Value{Number: rapid.Float64Range(-1e18, 1e18).Draw(t, "x")})
		check(date, rapid.SampledFrom(dates).Draw(t, "date"), format.Value{Int: rapid.Int64Range(-25567, 2_900_000).Draw(t, "day")})
		millis := rapid.Int64Range(-2_200_000_000_000, 4_000_000_000_000).Draw(t, "instant")
		check(timestamp, rapid.SampledFrom(times).Draw(t, "time"), format.Value{Int: millis * 1000})
		check(boolean, rapid.SampledFrom([]*echelonv1.Format{nil, yesNo, jaNein}).Draw(t, "words"), format.Value{Bool: rapid.Bool().Draw(t, "bool")})
	})
	if cell, err := parser(t, timestamp, british).Write(format.Value{Int: 1_000_000}, ""); err == nil {
		t.Errorf("a time was lost: %q", cell)
	}
	if cell, err := parser(t, text, &echelonv1.Format{Nulls: []string{"NULL"}}).Write(format.Value{}, "NULL"); err == nil {
		t.Errorf("a text reads back as missing: %q", cell)
	}
}

func FuzzParser(f *testing.F) {
	for _, cell := range []string{"$1,200.00", "1.200,00 €", "45 %", "03/04/2025", "45750.5", "yes", "N/A", "(5)", "3-Jan-2025"} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		for _, c := range []*echelonv1.Format{nil, dollars, euros, grouped, commas, percent, share} {
			if v, fault := parser(t, number, c).Parse(cell); fault == nil && !v.Missing {
				if written, err := parser(t, number, c).Write(v, ""); err != nil {
					t.Fatalf("%v: %q is %v, which cannot be written: %q, %v", c, cell, v.Number, written, err)
				}
			}
		}
		for _, c := range []*echelonv1.Format{british, named, midnight, excel, either} {
			if v, fault := parser(t, date, c).Parse(cell); fault == nil && !v.Missing {
				if _, err := parser(t, date, c).Write(v, ""); err != nil {
					t.Fatalf("%v: %q: %v", c, cell, err)
				}
			}
		}
	})
}
