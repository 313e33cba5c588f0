package expr

import (
	"strconv"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// The variables of the tests. Those that begin with "no_" are missing on the first row.
var (
	variables = []Variable{
		{"arr", Number}, {"products", Number}, {"zero", Number}, {"partner", Boolean}, {"region", String}, {"word", String}, {"empty", String},
		{"last_order", Date}, {"seen", Timestamp}, {"tags", List}, {"none", List}, {"segments.size", String}, {"scores.value", Number}, {"tiers.coverage", String},
		{"no_number", Number}, {"no_other", Number}, {"no_flag", Boolean}, {"no_text", String}, {"no_day", Date}, {"no_instant", Timestamp}, {"no_list", List},
	}
	// rates are what euros are paid for.
	rates = NewRates("EUR", map[string]float64{"USD": 0.92, "JPY": 0.0061, "XTS": 1e308})
	now   = mustParse(frame.ParseTimestamp("2026-03-10T12:00:00Z"))
)

func mustParse(n int64, err error) int64 {
	if err != nil {
		panic(err)
	}
	return n
}

// set gives a builder's row values by name; those not named stay missing.
func set(b *frame.Builder, values map[string]any) {
	for name, value := range values {
		i, ok := b.Schema().Index(name)
		if !ok {
			panic("no variable " + name)
		}
		switch v := value.(type) {
		case float64:
			b.SetNumber(i, v)
		case bool:
			b.SetBool(i, v)
		case string:
			b.SetString(i, v)
		case int64:
			b.SetInt(i, v)
		case []string:
			b.SetList(i, v)
		}
	}
}

// scopeOf makes a scope of rows.
func scopeOf(rows ...map[string]any) *Scope {
	fields := make([]frame.Field, len(variables))
	for i, v := range variables {
		fields[i] = frame.Field{Name: v.Name, Type: v.Kind.Type()}
	}
	b := frame.NewBuilder(frame.NewSchema(fields...))
	for i, row := range rows {
		b.Start(strconv.Itoa(i))
		set(b, row)
		if fault := b.Commit(); fault != nil {
			panic(fault.GetMessage())
		}
	}
	f := b.Take()
	scope := &Scope{Rows: f.Len(), AsOf: now, Rates: rates}
	for i := range f.Columns {
		scope.Columns = append(scope.Columns, &f.Columns[i])
	}
	return scope
}

var fullRow = map[string]any{
	"arr": 600.0, "products": 2.0, "zero": 0.0, "partner": true, "region": "EMEA", "word": "Zürich 😀", "empty": "",
	"last_order": mustParse(frame.ParseDate("2026-01-31")), "seen": mustParse(frame.ParseTimestamp("2026-03-01T18:30:15.5Z")),
	"tags": []string{"a", "b", "x"}, "none": []string{}, "segments.size": "SMB", "scores.value": 62.5, "tiers.coverage": "high-touch",
}

// otherRow has other values, and other gaps.
var otherRow = map[string]any{
	"arr": -1.5, "zero": 1.0, "partner": false, "region": "APAC", "word": "", "no_number": 7.0, "no_flag": true, "no_text": "there",
	"last_order": int64(-1), "no_day": int64(0), "no_instant": int64(-1), "tags": []string{}, "no_list": []string{"x"}, "scores.value": 0.0,
}

func testEnv(t testing.TB) *Env {
	t.Helper()
	env, err := NewEnv(variables)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func compile(t testing.TB, env *Env, text string) *Expr {
	t.Helper()
	x, problems := env.Compile(text)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", text, problems)
	}
	return x
}

// cell writes a row of a result: its value, or "! " and its cause.
func cell(r *Result, row int) string {
	if !r.Column.Valid.Get(row) {
		return "! " + r.Cause(row).String()
	}
	switch r.Column.Type {
	case echelonv1.Attribute_NUMBER:
		return frame.FormatNumber(r.Column.Numbers[row])
	case echelonv1.Attribute_BOOLEAN:
		return strconv.FormatBool(r.Column.Bits.Get(row))
	case echelonv1.Attribute_DATE:
		return frame.FormatDate(r.Column.Ints[row])
	case echelonv1.Attribute_TIMESTAMP:
		return frame.FormatTimestamp(r.Column.Ints[row])
	case echelonv1.Attribute_STRING_LIST:
		return "[" + strings.Join(r.Column.List(row), " ") + "]"
	}
	return strconv.Quote(r.Column.String(row))
}
