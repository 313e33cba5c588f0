package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
)

// The two ways of evaluating an expression, over columns and row by row, must agree in every value, in what cannot be read, and in why. These tests
// draw expressions of every kind, and rows of ordinary, extreme and missing values. `make differential` compares ten million rows.

// drawer draws well-typed expressions.
type drawer struct{ *rand.Rand }

func (d drawer) one(list ...string) string { return list[d.IntN(len(list))] }

func (d drawer) expr(kind Kind, depth int) string {
	if depth == 0 || d.IntN(8) == 0 {
		return d.leaf(kind)
	}
	sub := func(k Kind) string { return d.expr(k, depth-1) }
	switch kind {
	case Number:
		return d.number(sub)
	case Boolean:
		return d.boolean(sub)
	case String:
		return d.text(sub)
	case Date:
		return d.choice(Date, sub, func() string { return "date(" + sub(Timestamp) + ")" })
	case Timestamp:
		return d.choice(Timestamp, sub, func() string { return d.leaf(Timestamp) })
	}
	return d.choice(List, sub, func() string { return "(" + sub(List) + " + " + sub(List) + ")" })
}

// choice is what all kinds have: a condition, what stands in for what is missing, or something of the kind's own.
func (d drawer) choice(kind Kind, sub func(Kind) string, own func() string) string {
	switch d.IntN(4) {
	case 0:
		return "(" + sub(Boolean) + " ? " + sub(kind) + " : " + sub(kind) + ")"
	case 1:
		return "coalesce(" + sub(kind) + ", " + sub(kind) + ")"
	}
	return own()
}

func (d drawer) leaf(kind Kind) string {
	switch kind {
	case Number:
		return d.one("arr", "products", "zero", "no_number", "no_other", "scores.value", "0", "1", "-1", "0.1", "1e300", "100", "2", "3.5")
	case Boolean:
		return d.one("partner", "no_flag", "true", "false", "partner")
	case String:
		return d.one("region", "word", "empty", "no_text", "segments.size", "'EMEA'", "''", "'Zürich 😀'", "'a'", "'9'")
	case Date:
		return d.one("last_order", "no_day", `date("2026-01-31")`, `date("1969-12-31")`)
	case Timestamp:
		return d.one("seen", "no_instant", "as_of", `timestamp("2026-03-01T18:30:15.5Z")`)
	}
	return d.one("tags", "none", "no_list", "['a', 'b']")
}

func (d drawer) number(sub func(Kind) string) string {
	switch d.IntN(11) {
	case 10:
		return "convert(" + sub(Number) + ", " + sub(String) + ")"
	case 0, 1, 2:
		return "(" + sub(Number) + d.one(" + ", " - ", " * ", " / ", " % ") + sub(Number) + ")"
	case 3:
		return d.one("abs", "ceil", "exp", "floor", "int", "log", "log10", "log2", "round", "sign", "sqrt", "trunc", "double", "-") + "(" + sub(Number) + ")"
	case 4:
		return d.one("min", "max", "pow") + "(" + sub(Number) + ", " + sub(Number) + ")"
	case 5:
		return d.one("days_since", "days_until") + "(" + sub([]Kind{Date, Timestamp}[d.IntN(2)]) + ")"
	case 6:
		return "size(" + sub([]Kind{String, List}[d.IntN(2)]) + ")"
	case 7:
		if d.IntN(2) == 0 {
			return sub(Timestamp) + d.one(".getHours()", ".getMinutes()", ".getSeconds()", ".getMonth()")
		}
		return sub(Date) + d.one(".getFullYear()", ".getDayOfWeek()", ".getDate()", ".getDayOfYear()")
	case 8:
		return "double(" + sub(String) + ")"
	}
	return d.choice(Number, sub, func() string { return "max(" + sub(Number) + ", " + sub(Number) + ", " + sub(Number) + ")" })
}

func (d drawer) boolean(sub func(Kind) string) string {
	switch d.IntN(12) {
	case 0, 1, 2:
		return "(" + sub(Boolean) + d.one(" && ", " || ") + sub(Boolean) + ")"
	case 3:
		return "!" + sub(Boolean)
	case 4, 5:
		kind := []Kind{Number, Number, String, Date, Timestamp}[d.IntN(5)]
		return "(" + sub(kind) + d.one(" < ", " <= ", " > ", " >= ", " == ", " != ") + sub(kind) + ")"
	case 6:
		return "(" + sub(Boolean) + d.one(" == ", " != ") + sub(Boolean) + ")"
	case 7:
		return "(" + sub(String) + " in ['EMEA', 'APAC', ''])"
	case 8:
		return "(" + sub(Number) + " in [0, 1, 600, " + sub(Number) + "])"
	case 9:
		return sub(String) + d.one(".contains('E')", ".startsWith('')", ".endsWith('A')", ".matches('^[A-Z]+$')", ".contains(word)")
	case 10:
		return "present(" + sub([]Kind{Number, Boolean, String, Date, Timestamp, List}[d.IntN(6)]) + ")"
	}
	return d.choice(Boolean, sub, func() string {
		return d.one("'a' in "+sub(List), sub(List)+".exists(t, t == 'b')", "tags[size(tags) - 1] == 'x'")
	})
}

func (d drawer) text(sub func(Kind) string) string {
	return d.choice(String, sub, func() string {
		return d.one(sub(String)+d.one(".lowerAscii()", ".upperAscii()", ".trim()"), "("+sub(String)+" + "+sub(String)+")", "string("+sub(Number)+")", "tags[1]")
	})
}

// row draws a row: ordinary, extreme and missing values.
func (d drawer) row() map[string]any {
	row := make(map[string]any)
	for _, v := range variables {
		if d.IntN(5) == 0 || strings.HasPrefix(v.Name, "no_") && d.IntN(2) == 0 {
			continue
		}
		switch v.Kind {
		case Number:
			row[v.Name] = []float64{0, math.Copysign(0, -1), 1, -1, 600, 0.1, 1e300, -1e300, 1e-300, 5e-324, math.MaxFloat64, 1 << 53, d.Float64() * 1000, d.NormFloat64()}[d.IntN(14)]
		case Boolean:
			row[v.Name] = d.IntN(2) == 0
		case String:
			row[v.Name] = d.one("", "EMEA", "APAC", "a", "A", " a ", "Zürich 😀", "12", "-0.5", "é", "é", "x"+strconv.Itoa(d.IntN(50)))
		case Date:
			row[v.Name] = []int64{0, -1, 20000, 20484, -719162, 2932896, d.Int64N(30000)}[d.IntN(7)]
		case Timestamp:
			row[v.Name] = []int64{0, -1, now, now - 1, now + 86_400_000_000, d.Int64N(now)}[d.IntN(6)]
		case List:
			row[v.Name] = [][]string{{}, {"a"}, {"b", "x"}, {"", "a", "b"}}[d.IntN(4)]
		}
	}
	return row
}

// compareWays compares the two ways on random expressions and rows, until at least so many rows were compared.
func compareWays(t *testing.T, seed uint64, rows int) (compared, lowered int) {
	d := drawer{rand.New(rand.NewPCG(seed, 7))}
	env, err := NewEnv(variables)
	if err != nil {
		t.Fatal(err)
	}
	for compared < rows {
		drawn := make([]map[string]any, 1+d.IntN(200))
		for i := range drawn {
			drawn[i] = d.row()
		}
		scope := scopeOf(drawn...)
		scope.Rates = NewRates("EMEA", map[string]float64{"a": 0.1, "": 3, "APAC": 1e300})
		for range 20 {
			text := d.expr([]Kind{Number, Boolean, String, Date, Timestamp, List}[d.IntN(6)], 1+d.IntN(5))
			x, problems := env.Compile(text)
			if problems != nil {
				// Some are mistakes, such as a list of nothing but constants compared; most are not.
				continue
			}
			if x.vector == nil {
				continue
			}
			lowered++
			compared += scope.Rows
			if difference := differs(x.Eval(scope), x.byRow(scope), scope.Rows); difference != "" {
				t.Fatalf("seed %d: %s\n%s", seed, text, difference)
			}
		}
	}
	return compared, lowered
}

// differs says how two results differ, or nothing.
func differs(got, want *Result, rows int) string {
	for row := range rows {
		if g, w := got.Column.Valid.Get(row), want.Column.Valid.Get(row); g != w {
			return fmt.Sprintf("row %d: can be read is %v over columns and %v row by row (%v)", row, g, w, want.Cause(row))
		}
		if g, w := got.Cause(row), want.Cause(row); g != w {
			return fmt.Sprintf("row %d: the cause is %v over columns and %v row by row", row, g, w)
		}
		if want.Column.Valid.Get(row) {
			if g, w := shown(&got.Column, row), shown(&want.Column, row); g != w {
				return fmt.Sprintf("row %d: %s over columns and %s row by row", row, g, w)
			}
		}
	}
	return ""
}

// shown writes a value so that different ones differ, -0 and 0 too.
func shown(c *frame.Column, row int) string {
	switch {
	case c.Numbers != nil:
		return fmt.Sprintf("%x", math.Float64bits(c.Numbers[row]))
	case c.Bits != nil:
		return strconv.FormatBool(c.Bits.Get(row))
	case c.Ints != nil:
		return strconv.FormatInt(c.Ints[row], 10)
	case c.Offsets != nil:
		return fmt.Sprintf("%q", c.List(row))
	}
	return strconv.Quote(c.String(row))
}

// A text that no row has has no dictionary: where it is chosen, or stands in for another, its rows have no entry to look up.
func TestATextThatNoRowHasIsLookedUpInNoRow(t *testing.T) {
	env, scope := testEnv(t), scopeOf(fullRow, map[string]any{"partner": false, "region": "APAC"}, map[string]any{"partner": false}, map[string]any{})
	for _, text := range []string{
		"(partner ? region : no_text) in ['EMEA', '']", "(partner ? no_text : region) in ['EMEA', '']", "coalesce(region, no_text).contains('E')",
		"(partner ? region : string(no_number)).startsWith('E')", "(partner ? no_text : no_text) in ['EMEA']", "(partner ? region : no_text) == 'EMEA'",
		"(partner ? coalesce(no_text, no_text) : region).lowerAscii() in ['emea']", "convert(arr, partner ? region : no_text)",
	} {
		x, problems := env.Compile(text)
		if problems != nil || x.vector == nil {
			t.Errorf("%s is not evaluated over columns: %v", text, problems)
			continue
		}
		if difference := differs(x.Eval(scope), x.byRow(scope), scope.Rows); difference != "" {
			t.Errorf("%s: %s", text, difference)
		}
	}
}

func TestColumnsAndRowsAgree(t *testing.T) {
	// EXPR-15
	rows := 40_000
	if asked := os.Getenv("ECHELON_DIFFERENTIAL_ROWS"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil {
			t.Fatalf("ECHELON_DIFFERENTIAL_ROWS: %v", err)
		}
		rows = n
	}
	total, expressions := 0, 0
	for seed := uint64(1); total < rows; seed++ {
		compared, lowered := compareWays(t, seed, min(rows, 100_000))
		total, expressions = total+compared, expressions+lowered
	}
	t.Logf("%d expressions agree on %d rows", expressions, total)
}

func FuzzColumnsAndRowsAgree(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compareWays(t, seed, 200) })
}
