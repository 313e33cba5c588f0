package expr

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
)

// The reference multiplies without error and rounds once.
func TestConvertIsTheExactProductRoundedOnce(t *testing.T) {
	// CUR-2, CUR-3
	env, err := NewEnv([]Variable{{"amount", Number}, {"currency", String}})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"convert(amount, currency)", "convert(amount, currency) + 0.0", "0.0 + convert(amount, currency)"}
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.MapOf(rapid.StringMatching(`[A-Z]{3}`), rapid.Float64Range(1e-6, 1e6)).Draw(t, "rates")
		delete(table, "EUR")
		b := frame.NewBuilder(frame.NewSchema(frame.Field{Name: "amount", Type: Number.Type()}, frame.Field{Name: "currency", Type: String.Type()}))
		b.Start("a")
		amount := rapid.Float64().Filter(func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }).Draw(t, "amount")
		currency := rapid.OneOf(rapid.SampledFrom([]string{"EUR", "USD", "eur", ""}), rapid.StringMatching(`[A-Z]{3}`)).Draw(t, "currency")
		b.SetNumber(0, amount)
		b.SetString(1, currency)
		b.Commit()
		f := b.Take()
		scope := &Scope{Rows: 1, Rates: NewRates("EUR", table), Columns: []*frame.Column{&f.Columns[0], &f.Columns[1]}}

		rate, known := table[currency]
		want := amount
		if currency != "EUR" {
			want, _ = new(big.Float).SetPrec(128).Mul(new(big.Float).SetFloat64(amount), new(big.Float).SetFloat64(rate)).Float64()
		}
		x, problems := env.Compile(rapid.SampledFrom(texts).Draw(t, "text"))
		if problems != nil {
			t.Fatal(problems)
		}
		got := x.Eval(scope)
		switch {
		case currency != "EUR" && !known, math.IsInf(want, 0):
			if got.Column.Valid.Get(0) {
				t.Fatalf("%v %q is %v, without a rate for it", amount, currency, got.Column.Numbers[0])
			}
		case !got.Column.Valid.Get(0) || got.Column.Numbers[0] != want:
			t.Fatalf("%v %q is %s, want %v", amount, currency, cell(got, 0), want)
		}
	})
}

func TestWithoutRatesNothingConverts(t *testing.T) {
	env := testEnv(t)
	scope := scopeOf(fullRow)
	scope.Rates = nil
	if got, want := cell(compile(t, env, "convert(arr, 'EUR')").Eval(scope), 0), `! there is no exchange rate for the currency "EUR"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnExpressionTellsThatItConverts(t *testing.T) {
	env := testEnv(t)
	for text, want := range map[string]bool{
		"arr": false, "arr > 1": false, "convert(arr, region)": true, "[1].exists(n, convert(n, 'USD') > 0)": true, "'convert(arr)' == region": false,
	} {
		x := compile(t, env, text)
		if x.Converts() != want {
			t.Errorf("%s converts: %t", text, x.Converts())
		}
		for _, name := range x.Refs() {
			if name == ratesName {
				t.Errorf("%s reads the hidden rates", text)
			}
		}
	}
}
