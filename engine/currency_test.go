package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// euros is a model of amounts in several currencies: the score is the amount in euros, and a half of the customers is on top.
const euros = `
name: m
currency:
  base: EUR
  rates:
    - {currency: USD, date: 2026-01-01, rate: 0.5}
    - {currency: USD, date: 2025-06-30, rate: 0.9}
    - {currency: USD, date: 2026-01-31, rate: 0.25}
    - {currency: USD, date: 2026-02-01, rate: 0.75}
    - {currency: GBP, date: 2026-02-01, rate: 2}
    - {currency: JPY, date: 2025-01-01, rate: 0.01}
attributes: [{name: x, type: NUMBER}, {name: s, type: STRING}]
amount: convert(x, s)
scores: [{name: v, criteria: [{name: x, expr: "convert(x, s)", weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: l, linear: {score: v, tiers: [{name: top, cut: {top_share: 0.5}}, {name: rest}]}}]
`

// paid is a customer who pays so much of a currency.
func paid(id string, amount float64, currency string) person {
	return person{id, attrs{"x": amount, "s": currency}}
}

func rate(currency, date string, rate float64) *echelonv1.ExchangeRate {
	return &echelonv1.ExchangeRate{Currency: currency, Date: date, Rate: rate}
}

func TestACalibrationFreezesTheNewestRates(t *testing.T) {
	// CUR-4, CUR-5, CUR-8
	tests := map[string]struct {
		zone  string
		asOf  string
		given []*echelonv1.ExchangeRate
		want  []*echelonv1.ExchangeRate
		// lacks are the currencies of which no rate holds yet.
		lacks []string
	}{
		"the newest by the day":                {asOf: "2026-01-31T00:00:00Z", want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.25)}, lacks: []string{"GBP"}},
		"the day has not ended":                {asOf: "2026-01-31T23:59:59Z", want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.25)}, lacks: []string{"GBP"}},
		"the day has not begun":                {asOf: "2026-01-30T23:59:59Z", want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-01", 0.5)}, lacks: []string{"GBP"}},
		"the day has begun in the zone":        {zone: "Europe/Berlin", asOf: "2026-01-30T23:00:00Z", want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.25)}, lacks: []string{"GBP"}},
		"all hold":                             {asOf: "2026-02-01T00:00:00Z", want: []*echelonv1.ExchangeRate{rate("GBP", "2026-02-01", 2), rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-02-01", 0.75)}},
		"none holds yet":                       {asOf: "2020-01-01T00:00:00Z", lacks: []string{"GBP", "JPY", "USD"}},
		"one that is given goes before":        {asOf: "2026-01-31T00:00:00Z", given: []*echelonv1.ExchangeRate{rate("USD", "2026-01-31", 0.3)}, want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.3)}, lacks: []string{"GBP"}},
		"an older one that is given does not":  {asOf: "2026-01-31T00:00:00Z", given: []*echelonv1.ExchangeRate{rate("USD", "2026-01-30", 0.3)}, want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.25)}, lacks: []string{"GBP"}},
		"one of the future that is given, too": {asOf: "2026-01-31T00:00:00Z", given: []*echelonv1.ExchangeRate{rate("USD", "2026-02-02", 0.3)}, want: []*echelonv1.ExchangeRate{rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.25)}, lacks: []string{"GBP"}},
		"a currency that is given alone":       {asOf: "2026-01-31T00:00:00Z", given: []*echelonv1.ExchangeRate{rate("CHF", "2026-01-02", 1.1), rate("GBP", "2026-01-02", 1.2)}, want: []*echelonv1.ExchangeRate{rate("CHF", "2026-01-02", 1.1), rate("GBP", "2026-01-02", 1.2), rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-01-31", 0.25)}},
		"a currency that is given too early":   {asOf: "2026-02-01T00:00:00Z", given: []*echelonv1.ExchangeRate{rate("CHF", "2026-02-02", 1.1)}, want: []*echelonv1.ExchangeRate{rate("GBP", "2026-02-01", 2), rate("JPY", "2025-01-01", 0.01), rate("USD", "2026-02-01", 0.75)}, lacks: []string{"CHF"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program := compile(t, strings.Replace(euros, "name: m", "name: m\ntime_zone: "+test.zone, 1))
			at, err := time.Parse(time.RFC3339, test.asOf)
			if err != nil {
				t.Fatal(err)
			}
			got, err := program.Calibrate(context.Background(), population(frameOf(t, program)), at, test.given...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.GetRates(), protocmp.Transform()); diff != "" {
				t.Errorf("rates (-want +got):\n%s", diff)
			}
			var lacks []string
			for _, f := range got.GetFindings() {
				if f.GetPath() != "currency.rates" || f.GetSeverity() != echelonv1.Finding_WARNING || f.GetRemedy() == "" {
					t.Errorf("it found %v", f)
				}
				lacks = append(lacks, strings.Fields(f.GetMessage())[3])
			}
			if !slices.Equal(lacks, test.lacks) {
				t.Errorf("no rate of %v holds, want %v", lacks, test.lacks)
			}
		})
	}
}

func TestAmountsOfSeveralCurrenciesAreRankedInTheBase(t *testing.T) {
	// CUR-2, CUR-6: as of 2026-01-31 a dollar is 0.25 euros.
	s := evaluate(t, euros, paid("a", 40, "USD"), paid("b", 20, "EUR"), paid("c", 900, "JPY"), paid("d", 30, "EUR"))
	if got, want := s.tiers(), map[string]string{"a": "rest", "b": "top", "c": "rest", "d": "top"}; !cmp.Equal(got, want) {
		t.Errorf("the tiers are %v, want %v", got, want)
	}
	for id, want := range map[string]float64{"a": 10, "b": 20, "c": 9, "d": 30} {
		if got := s.score(id); got != want {
			t.Errorf("%s has the score %v, want %v", id, got, want)
		}
		if got := s.result.Amounts.Numbers[s.row(id)]; got != want {
			t.Errorf("%s has the amount %v, want %v", id, got, want)
		}
	}
	if !s.program.Converts() || !s.program.NeedsCalibration() {
		t.Error("a model that converts needs no calibration")
	}
}

func TestEveryPlaceOfAModelConverts(t *testing.T) {
	// CUR-6
	const text = `
name: m
currency: {base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: 0.5}]}
population: convert(x, s) > 1
amount: euros
attributes: [{name: x, type: NUMBER}, {name: s, type: STRING}]
derived: [{name: euros, expr: "convert(x, s)"}]
segmentations: [{name: size, segments: [{name: Large, when: "convert(x, s) >= 50"}], otherwise: Small}]
scores: [{name: v, criteria: [{name: x, expr: euros, weight: 1, normalize: {percentile: {weight_by: "convert(x, s)"}}}]}]
tierings:
  - name: l
    linear:
      score: v
      tie_breakers: [{expr: "convert(x, s)"}]
      onboarding: {while: "convert(x, s) > 1000", tier: new}
      tiers: [{name: a, cut: {when: "convert(x, s) > 60", cumulative_share: {of: "convert(x, s)", share: 0.4}}}, {name: b}]
`
	s := evaluate(t, text, paid("a", 160, "USD"), paid("b", 70, "EUR"), paid("c", 1.5, "USD"), paid("d", 4000, "USD"), paid("e", 20, "EUR"))
	got := make(map[string]string)
	for id := range s.at {
		got[id] = s.segment(id) + " " + s.tier(id)
	}
	want := map[string]string{"a": "Large a", "b": "Large b", "c": "— —", "d": "Large new", "e": "Small b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestWhatHasNoRateCannotBeRead(t *testing.T) {
	// CUR-3
	s := evaluate(t, euros, paid("a", 1, "GBP"), paid("b", 1, "usd"), person{"c", attrs{"x": 1.0}}, person{"d", attrs{"s": "USD"}}, paid("e", 1, "EUR"))
	for id, want := range map[string]string{
		"a": `UNREADABLE: scores.v, x: there is no exchange rate for the currency "GBP"`,
		"b": `UNREADABLE: scores.v, x: there is no exchange rate for the currency "usd"`,
		"c": "MISSING: scores.v, x: s is missing", "d": "MISSING: scores.v, x: x is missing",
	} {
		r := s.assignment(id).GetReasons()[0]
		if got := r.GetCode().String() + ": " + r.GetMessage(); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if got := s.tier("a"); got != null {
		t.Errorf("without a rate the tier is %s", got)
	}
}

func TestRatesAloneNeverMoveATier(t *testing.T) {
	// CUR-7
	rapid.Check(t, func(t *rapid.T) {
		var people []person
		for i := range rapid.IntRange(1, 30).Draw(t, "customers") {
			currency := rapid.SampledFrom([]string{"EUR", "USD", "JPY", "GBP"}).Draw(t, "currency")
			people = append(people, paid(fmt.Sprint(i), float64(rapid.IntRange(0, 400).Draw(t, "amount")), currency))
		}
		program := compile(tb(t), euros)
		f := frameOf(tb(t), program, people...)
		scorer := bind(tb(t), program, f)
		before := scorer.Evaluate(f, engine.Options{AsOf: asOf})
		// Years later other rates hold; the calibration has its own.
		after := scorer.Evaluate(f, engine.Options{AsOf: asOf.AddDate(3, 0, 0)})
		for i := range people {
			if diff := cmp.Diff(before.Assignment(i), after.Assignment(i), protocmp.Transform()); diff != "" {
				t.Fatalf("a later as_of moves customer %d:\n%s", i, diff)
			}
		}
		// A version with other rates is another model: it takes no calibration of this one.
		newer := compile(tb(t), strings.Replace(euros, "rate: 0.25", "rate: 3", 1))
		if _, err := newer.Bind(calibrate(tb(t), program, f)); !errors.Is(err, engine.ErrCalibrationMismatch) {
			t.Fatalf("a calibration of other rates is bound: %v", err)
		}
	})
}

func TestNewRatesMoveTiersWithACalibration(t *testing.T) {
	// CUR-7
	program := compile(t, euros)
	f := frameOf(t, program, paid("a", 100, "USD"), paid("b", 30, "EUR"))
	tier := func(given ...*echelonv1.ExchangeRate) string {
		calibration, err := program.Calibrate(context.Background(), population(f), asOf, given...)
		if err != nil {
			t.Fatal(err)
		}
		return name(bindTo(t, program, calibration).Evaluate(f, engine.Options{AsOf: asOf}).Tiers[0], 0)
	}
	if before, after := tier(), tier(rate("USD", "2026-01-31", 0.31)); before != "rest" || after != "top" {
		t.Errorf("the tier is %s, and by new rates %s", before, after)
	}
}

func TestMistakesOfTheCurrency(t *testing.T) {
	// CUR-1, MODEL-15
	with := func(currency string) string {
		return strings.Replace(attributes, "name: m", "name: m\ncurrency: "+currency, 1) + `segmentations: [{name: size, segments: [{name: A, when: "convert(x, s) > 1"}]}]`
	}
	tests := map[string]struct{ text, path, says string }{
		"no currency":                      {attributes + `segmentations: [{name: size, segments: [{name: A, when: "convert(x, s) > 1"}]}]`, "segmentations[0].segments[0].when", "declares none"},
		"no base":                          {with("{}"), "currency.base", "missing"},
		"a base in small letters":          {with("{base: eur}"), "currency.base", `"eur" is no currency`},
		"a currency of two letters":        {with("{base: EUR, rates: [{currency: US, date: 2026-01-01, rate: 1}]}"), "currency.rates[0].currency", `"US" is no currency`},
		"a rate of the base":               {with("{base: EUR, rates: [{currency: EUR, date: 2026-01-01, rate: 1}]}"), "currency.rates[0]", "is the base"},
		"no currency of a rate":            {with("{base: EUR, rates: [{date: 2026-01-01, rate: 1}]}"), "currency.rates[0].currency", `"" is no currency`},
		"no date":                          {with("{base: EUR, rates: [{currency: USD, rate: 1}]}"), "currency.rates[0].date", `"" is no date`},
		"a day that does not exist":        {with("{base: EUR, rates: [{currency: USD, date: 2026-02-30, rate: 1}]}"), "currency.rates[0].date", "is no date"},
		"no rate":                          {with("{base: EUR, rates: [{currency: USD, date: 2026-01-01}]}"), "currency.rates[0].rate", "0 is no rate"},
		"a rate below zero":                {with("{base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: -1}]}"), "currency.rates[0].rate", "-1 is no rate"},
		"two rates of a day":               {with("{base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: 1}, {currency: GBP, date: 2026-01-01, rate: 1}, {currency: USD, date: 2026-01-01, rate: 1}]}"), "currency.rates[2]", "was given before, 1"},
		"a currency that cannot be at all": {with("{base: EUR}") + "\namount: convert(x, 'Euro')", "amount", `"Euro" is no currency`},
		"rates without days in order":      {with("{base: EUR, rates: [{currency: USD, date: 2026-01-02, rate: 1}, {currency: USD, date: 2026-01-01, rate: 2}]}"), "", ""},
		"no rates yet":                     {with("{base: EUR}"), "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, test.text)
			if test.path == "" {
				if program == nil || len(found) > 0 {
					t.Errorf("it found %v", found)
				}
				return
			}
			if program != nil || len(found) != 1 || found[0].Path != test.path || !strings.Contains(found[0].Message, test.says) || found[0].Remedy == "" || found[0].Place.Line == 0 {
				t.Errorf("it found %v, want %q at %s", found, test.says, test.path)
			}
		})
	}
	if _, found := tryCompile(t, attributes+"currency: {base: EUR}\n"+scoreX); !has(found, "currency", "no expression converts") {
		t.Errorf("CUR-9: a currency that nothing uses is passed over: %v", found)
	}
}

func TestMistakesOfGivenRates(t *testing.T) {
	// CUR-1
	program := compile(t, euros)
	for name, test := range map[string]struct {
		given []*echelonv1.ExchangeRate
		says  string
	}{
		"a currency":  {[]*echelonv1.ExchangeRate{rate("USD", "2026-01-01", 1), rate("dollars", "2026-01-01", 1)}, `rates[1].currency: "dollars" is no currency`},
		"a day":       {[]*echelonv1.ExchangeRate{rate("USD", "1.1.2026", 1)}, `rates[0].date: "1.1.2026" is no date`},
		"a rate":      {[]*echelonv1.ExchangeRate{rate("USD", "2026-01-01", missing)}, "rates[0].rate: NaN is no rate"},
		"the base":    {[]*echelonv1.ExchangeRate{rate("EUR", "2026-01-01", 1)}, "rates[0]: EUR is the base"},
		"twice a day": {[]*echelonv1.ExchangeRate{rate("USD", "2026-01-01", 1), rate("USD", "2026-01-01", 1)}, "rates[1]: the rate of USD on 2026-01-01 was given before, 1"},
		"none at all": {[]*echelonv1.ExchangeRate{nil}, `rates[0].currency: "" is no currency`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := program.Calibrate(context.Background(), population(), asOf, test.given...)
			var wrong *engine.RatesError
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), test.says) {
				t.Errorf("the error is %v, want %s", err, test.says)
			}
		})
	}
	without := compile(t, segmentation(""))
	if err := engine.CheckRates(without.Model(), []*echelonv1.ExchangeRate{rate("USD", "2026-01-01", 1)}); err == nil || !strings.Contains(err.Error(), "no currency to convert into") {
		t.Errorf("rates for a model without a currency: %v", err)
	}
	if err := engine.CheckRates(without.Model(), nil); err != nil {
		t.Errorf("no rates: %v", err)
	}
}

func TestDamagedRatesOfACalibrationAreRefused(t *testing.T) {
	// CUR-6, LINE-7
	program := compile(t, euros)
	whole := calibrate(t, program, frameOf(t, program, paid("a", 1, "USD")))
	if _, err := program.Bind(nil); !errors.Is(err, engine.ErrCalibrationRequired) {
		t.Errorf("without a calibration: %v", err)
	}
	for name, rates := range map[string][]*echelonv1.ExchangeRate{
		"a currency twice": {rate("USD", "2026-01-01", 1), rate("USD", "2026-01-02", 2)},
		"no rate":          {rate("USD", "2026-01-01", 0)},
		"the base":         {rate("EUR", "2026-01-01", 1)},
		"no day":           {rate("USD", "", 1)},
	} {
		damaged := clone(whole)
		damaged.Rates = rates
		if _, err := program.Bind(damaged); !errors.Is(err, engine.ErrCalibrationMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
