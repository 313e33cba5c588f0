package expr

import (
	"cmp"
	"math"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/echelonhq/echelon/engine/frame"
)

const (
	// at is what x[y] becomes: cel-go plans its own index operator by rules that know no doubles.
	at = "@at"
	// maxItems bounds a list that an expression puts together.
	maxItems = 1 << 16
)

var (
	anyType = types.NewTypeParamType("A")
	keyType = types.NewTypeParamType("K")
	anyList = types.NewListType(anyType)
)

var operatorFunctions = []function{
	{name: operators.Add, overloads: []cel.FunctionOpt{
		arithmetic("add_number", func(a, b float64) float64 { return a + b }),
		binary("add_string", stringType, stringType, stringType, joinTexts),
		binary("add_list", anyList, anyList, anyList, joinLists),
	}},
	{name: operators.Subtract, overloads: []cel.FunctionOpt{arithmetic("subtract_number", func(a, b float64) float64 { return a - b })}},
	// The conversion forbids the compiler to fuse the product with a sum, so that all processors agree.
	{name: operators.Multiply, overloads: []cel.FunctionOpt{arithmetic("multiply_number", func(a, b float64) float64 { return float64(a * b) })}},
	{name: operators.Divide, overloads: []cel.FunctionOpt{arithmetic("divide_number", func(a, b float64) float64 { return a / b })}},
	{name: operators.Modulo, overloads: []cel.FunctionOpt{arithmetic("modulo_number", math.Mod)}},
	{name: operators.Negate, overloads: []cel.FunctionOpt{
		unary("negate_number", numberType, numberType, func(a ref.Val) ref.Val { return -a.(types.Double) }),
	}},
	{name: operators.Less, overloads: comparison("less", func(c int) bool { return c < 0 }, func(a, b float64) bool { return a < b })},
	{name: operators.LessEquals, overloads: comparison("less_equals", func(c int) bool { return c <= 0 }, func(a, b float64) bool { return a <= b })},
	{name: operators.Greater, overloads: comparison("greater", func(c int) bool { return c > 0 }, func(a, b float64) bool { return a > b })},
	{name: operators.GreaterEquals, overloads: comparison("greater_equals", func(c int) bool { return c >= 0 }, func(a, b float64) bool { return a >= b })},
	{name: at, overloads: []cel.FunctionOpt{
		binary("at_list", anyList, numberType, anyType, item),
		binary("at_map", types.NewMapType(keyType, anyType), keyType, anyType, entry),
	}},
}

func arithmetic(id string, f func(a, b float64) float64) cel.FunctionOpt {
	return binary(id, numberType, numberType, numberType, func(a, b ref.Val) ref.Val {
		return types.Double(f(float64(a.(types.Double)), float64(b.(types.Double))))
	})
}

// comparison declares an order of numbers, texts (by code point, which is the order of their bytes), dates and timestamps. Numbers have a function
// of their own, because NaN is neither below nor above.
func comparison(id string, holds func(int) bool, numbers func(a, b float64) bool) []cel.FunctionOpt {
	return []cel.FunctionOpt{
		binary(id+"_number", numberType, numberType, booleanType, func(a, b ref.Val) ref.Val {
			return types.Bool(numbers(float64(a.(types.Double)), float64(b.(types.Double))))
		}),
		binary(id+"_string", stringType, stringType, booleanType, func(a, b ref.Val) ref.Val {
			return types.Bool(holds(cmp.Compare(a.(types.String), b.(types.String))))
		}),
		binary(id+"_date", dateType, dateType, booleanType, func(a, b ref.Val) ref.Val {
			return types.Bool(holds(cmp.Compare(a.(day), b.(day))))
		}),
		binary(id+"_timestamp", timestampType, timestampType, booleanType, func(a, b ref.Val) ref.Val {
			return types.Bool(holds(cmp.Compare(a.(instant), b.(instant))))
		}),
	}
}

// joinTexts is bounded as every text is: an expression can name a long one thousands of times.
func joinTexts(a, b ref.Val) ref.Val {
	x, y := a.(types.String), b.(types.String)
	if len(x)+len(y) > frame.MaxValueBytes {
		return failf("the string has %d bytes, at most %d are allowed", len(x)+len(y), frame.MaxValueBytes)
	}
	return x + y
}

func joinLists(a, b ref.Val) ref.Val {
	if n := count(a) + count(b); n > maxItems {
		return failf("the list has %.0f items, at most %d are allowed", n, maxItems)
	}
	return a.(traits.Adder).Add(b)
}

// count returns the number of items of a list or of entries of a map.
func count(v ref.Val) float64 { return float64(v.(traits.Sizer).Size().(types.Int)) }

// item returns list[index], counted from 0.
func item(list, index ref.Val) ref.Val {
	i, n := float64(index.(types.Double)), count(list)
	switch {
	case i != math.Trunc(i):
		return failf("index %s is no whole number", frame.FormatNumber(i))
	case !(i >= 0 && i < n):
		return failf("index %s is out of range: the list has %s", frame.FormatNumber(i), plural(int(n), "item"))
	}
	return list.(traits.Lister).Get(types.Int(i))
}

// entry returns map[key].
func entry(m, key ref.Val) ref.Val {
	if value, found := m.(traits.Mapper).Find(key); found {
		return value
	}
	return failf("there is no entry for %s", show(key))
}

// show writes a value for a message.
func show(v ref.Val) string {
	switch v := v.(type) {
	case types.Double:
		return frame.FormatNumber(float64(v))
	case types.String:
		return frame.Quote(string(v))
	case types.Bool:
		return strconv.FormatBool(bool(v))
	}
	return "this key"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
