package engine

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// RatesError says what is wrong with exchange rates that were given to a calibration; the findings' places begin with "rates".
type RatesError struct{ Found diag.List }

// Error names the first thing that is wrong.
func (e *RatesError) Error() string {
	first := e.Found[0]
	return fmt.Sprintf("%s: %s: %s", first.Path, first.Message, first.Remedy)
}

// CheckRates returns a *RatesError where exchange rates cannot be given to a model's calibration beside its own, and nil where they can.
func CheckRates(model *echelonv1.Model, given []*echelonv1.ExchangeRate) error {
	var found diag.List
	switch currency := model.GetCurrency(); {
	case len(given) == 0:
	case currency == nil:
		found.Mistakef("rates", "give the model a currency, such as {base: EUR}, or leave the rates out", "the model %q has no currency to convert into", model.GetName())
	default:
		found = checkRates("rates", currency.GetBase(), given)
	}
	if len(found) > 0 {
		return &RatesError{found}
	}
	return nil
}

// currency checks the currency that a model converts into.
func (c *checker) currency() {
	declared := c.model.GetCurrency()
	if declared == nil {
		return
	}
	if c.given("currency.base", declared.GetBase(), "write the currency that amounts are converted into, such as EUR") && !expr.IsCurrency(declared.GetBase()) {
		c.found.Mistakef("currency.base", "write three capital letters as in ISO 4217, such as EUR", "%s is no currency", frame.Quote(declared.GetBase()))
	}
	c.found.Add(checkRates("currency.rates", declared.GetBase(), declared.GetRates())...)
}

// checkRates finds the mistakes of a table of rates.
func checkRates(path, base string, rates []*echelonv1.ExchangeRate) diag.List {
	var found diag.List
	type day struct {
		currency string
		date     int64
	}
	first := make(map[day]float64)
	for i, rate := range rates {
		at := diag.Index(path, i)
		date, err := frame.ParseDate(rate.GetDate())
		switch {
		case !expr.IsCurrency(rate.GetCurrency()):
			found.Mistakef(diag.Field(at, "currency"), "write three capital letters as in ISO 4217, such as USD", "%s is no currency", frame.Quote(rate.GetCurrency()))
		case rate.GetCurrency() == base:
			found.Mistakef(at, "remove it: an amount of the base counts as it is", "%s is the base and has no rate", base)
		case err != nil:
			found.Mistakef(diag.Field(at, "date"), "write YYYY-MM-DD, the day from which the rate holds", "%s is no date", frame.Quote(rate.GetDate()))
		default:
			if before, taken := first[day{rate.GetCurrency(), date}]; taken {
				found.Mistakef(at, "keep one of them", "the rate of %s on %s was given before, %s", rate.GetCurrency(), rate.GetDate(), frame.FormatNumber(before))
				break
			}
			first[day{rate.GetCurrency(), date}] = rate.GetRate()
		}
		if x := rate.GetRate(); !(x > 0) || math.IsInf(x, 0) {
			found.Mistakef(diag.Field(at, "rate"), "write how many units of "+base+" one unit of the currency is worth", "%s is no rate: it must be above 0", frame.FormatNumber(x))
		}
	}
	return found
}

// freezeRates chooses of each currency the newest rate whose day does not come after that of as_of, of the model's and those that are given, and
// finds the currencies that have none. Of one day those that are given prevail.
func (p *Program) freezeRates(asOf time.Time, given []*echelonv1.ExchangeRate) ([]*echelonv1.ExchangeRate, diag.List) {
	today := frame.DayIn(asOf, p.zone)
	chosen, earliest := make(map[string]*echelonv1.ExchangeRate), make(map[string]string)
	// Dates of four digits a year order as their texts do. Those that are given come last, and so stand in place of the model's.
	for _, rate := range slices.Concat(p.model.GetCurrency().GetRates(), given) {
		currency := rate.GetCurrency()
		if before, known := earliest[currency]; !known || rate.GetDate() < before {
			earliest[currency] = rate.GetDate()
		}
		day, err := frame.ParseDate(rate.GetDate())
		if err == nil && day <= today && rate.GetDate() >= chosen[currency].GetDate() {
			chosen[currency] = rate
		}
	}
	var found diag.List
	for _, currency := range slices.Sorted(maps.Keys(earliest)) {
		if chosen[currency] == nil {
			found.Warnf("currency.rates", "add a rate of that day or an earlier one, or calibrate as of a later one",
				"no rate of %s holds on %s yet, the earliest is of %s: amounts in %s cannot be read", currency, frame.FormatDate(today), earliest[currency], currency)
		}
	}
	byCurrency := func(a, b *echelonv1.ExchangeRate) int { return cmp.Compare(a.GetCurrency(), b.GetCurrency()) }
	frozen := slices.SortedFunc(maps.Values(chosen), byCurrency)
	for i := range frozen {
		frozen[i] = proto.CloneOf(frozen[i])
	}
	return frozen, found
}

// rates returns the table that convert uses, of the rates that were frozen; false where they are not what a calibration of this program holds.
func (p *Program) rates(frozen []*echelonv1.ExchangeRate) (*expr.Rates, bool) {
	base := p.model.GetCurrency().GetBase()
	of := make(map[string]float64, len(frozen))
	for _, rate := range frozen {
		of[rate.GetCurrency()] = rate.GetRate()
	}
	return expr.NewRates(base, of), len(of) == len(frozen) && len(checkRates("rates", base, frozen)) == 0
}

// lintCurrency finds a currency into which nothing is converted.
func (p *Program) lintCurrency(found *diag.List) {
	if p.model.GetCurrency() != nil && !p.converts {
		found.Warnf("currency", "write convert(amount, currency) where amounts are in several currencies, or remove it", "no expression converts anything")
	}
}
