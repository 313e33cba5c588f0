package expr

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/engine/frame"
)

// The types of values in CEL. Dates and timestamps are types of our own, because CEL's timestamp brings durations and has no calendar day.
var (
	numberType    = types.DoubleType
	booleanType   = types.BoolType
	stringType    = types.StringType
	dateType      = types.NewOpaqueType("date")
	timestampType = types.NewOpaqueType("timestamp")
)

// day is a DATE: days since 1970-01-01.
type day int64

// instant is a TIMESTAMP: microseconds since 1970.
type instant int64

var (
	_ ref.Val = day(0)
	_ ref.Val = instant(0)
)

// ConvertToNative returns an error: values leave an expression through columns alone.
func (d day) ConvertToNative(t reflect.Type) (any, error) { return noConversion(d, t) }

// ConvertToType returns an error value: the functions that convert are this package's own.
func (d day) ConvertToType(t ref.Type) ref.Val {
	return failf("a date does not convert to %s", t.TypeName())
}

// Equal reports whether other is the same day.
func (d day) Equal(other ref.Val) ref.Val {
	o, ok := other.(day)
	return types.Bool(ok && o == d)
}

// Type returns CEL's name for the type.
func (d day) Type() ref.Type { return dateType }

// Value returns the days since 1970-01-01, an int64.
func (d day) Value() any { return int64(d) }

func (d day) time() time.Time { return frame.DayStart(int64(d)) }

// ConvertToNative returns an error: values leave an expression through columns alone.
func (i instant) ConvertToNative(t reflect.Type) (any, error) { return noConversion(i, t) }

// ConvertToType returns an error value: the functions that convert are this package's own.
func (i instant) ConvertToType(t ref.Type) ref.Val {
	return failf("a timestamp does not convert to %s", t.TypeName())
}

// Equal reports whether other is the same instant.
func (i instant) Equal(other ref.Val) ref.Val {
	o, ok := other.(instant)
	return types.Bool(ok && o == i)
}

// Type returns CEL's name for the type.
func (i instant) Type() ref.Type { return timestampType }

// Value returns the microseconds since 1970, an int64.
func (i instant) Value() any { return int64(i) }

func (i instant) time() time.Time { return time.UnixMicro(int64(i)).UTC() }

func noConversion(v ref.Val, t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a %s does not convert to %v", v.Type().TypeName(), t)
}
