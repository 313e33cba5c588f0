package expr

import (
	"fmt"
	"reflect"
	"regexp"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/engine/frame"
)

const (
	convertCurrency = "convert"
	// ratesName is the hidden variable of the exchange rates, which the walker appends to the calls of convert. No text can name it.
	ratesName = "@rates"
)

// currencyCode is how ISO 4217 names a currency.
var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// IsCurrency reports whether a text is the code of a currency: three capital letters.
func IsCurrency(code string) bool { return currencyCode.MatchString(code) }

// Rates is what currencies are worth in one, the base. It is immutable; nil knows no currency.
type Rates struct {
	base string
	of   map[string]float64
}

// NewRates returns the rates of a base: how many units of it one unit of each other currency is worth. The map is not to be changed any more.
func NewRates(base string, of map[string]float64) *Rates { return &Rates{base: base, of: of} }

// rate returns how many units of the base one unit of a currency is worth, which is 1 of the base itself. False where there is no rate.
func (r *Rates) rate(currency string) (float64, bool) {
	if r == nil {
		return 0, false
	}
	if currency == r.base {
		return 1, true
	}
	rate, known := r.of[currency]
	return rate, known
}

// convert returns an amount in the base, the product rounded once: no processor may fuse it with what follows. False where there is no rate.
func (r *Rates) convert(amount float64, currency string) (float64, bool) {
	rate, known := r.rate(currency)
	return float64(amount * rate), known
}

var ratesType = types.NewOpaqueType("rates")

var _ ref.Val = (*Rates)(nil)

// ConvertToNative returns an error: values leave an expression through columns alone.
func (r *Rates) ConvertToNative(t reflect.Type) (any, error) { return noConversion(r, t) }

// ConvertToType returns an error value: no text can name the rates.
func (r *Rates) ConvertToType(t ref.Type) ref.Val {
	return failf("exchange rates do not convert to %s", t.TypeName())
}

// Equal reports whether other is the same table.
func (r *Rates) Equal(other ref.Val) ref.Val {
	o, ok := other.(*Rates)
	return types.Bool(ok && o == r)
}

// Type returns CEL's name for the type.
func (r *Rates) Type() ref.Type { return ratesType }

// Value returns the rates.
func (r *Rates) Value() any { return r }

// The walker appends the rates to the calls of convert.
var currencyFunctions = []function{
	{name: convertCurrency, usage: "convert(amount, currency)", plain: args(2, 2), overloads: []cel.FunctionOpt{
		cel.Overload("convert_number_string", []*types.Type{numberType, stringType, ratesType}, numberType, cel.FunctionBinding(func(values ...ref.Val) ref.Val {
			currency := string(values[1].(types.String))
			amount, known := values[2].(*Rates).convert(float64(values[0].(types.Double)), currency)
			if !known {
				return failf("there is no exchange rate for the currency %s", frame.Quote(currency))
			}
			return types.Double(amount)
		})),
	}},
}

// checkCurrency returns what is wrong with a currency that is written in an expression.
func checkCurrency(code string) error {
	if IsCurrency(code) {
		return nil
	}
	return fmt.Errorf(`%s is no currency: write three capital letters as in ISO 4217, such as "USD"`, frame.Quote(code))
}
