package expr

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/echelonhq/echelon/engine/kernel"
)

// maxSpread is how many arguments min and max take at most.
const maxSpread = 8

// numberFunctions are the functions of one number.
var numberFunctions = map[string]func(float64) float64{
	"abs": math.Abs, "ceil": math.Ceil, "exp": kernel.Exp, "floor": math.Floor, "int": math.Trunc, "log": kernel.Ln, "log10": kernel.Log10,
	"log2": kernel.Log2, "round": math.Round, "sign": kernel.Sign, "sqrt": math.Sqrt, "trunc": math.Trunc,
}

var mathFunctions = func() []function {
	list := []function{
		{name: "pow", usage: "pow(number, exponent)", plain: args(2, 2), overloads: []cel.FunctionOpt{arithmetic("pow_number", kernel.Pow)}},
		ofNumbers("max", func(a, b float64) float64 { return max(a, b) }),
		ofNumbers("min", func(a, b float64) float64 { return min(a, b) }),
	}
	for _, name := range slices.Sorted(maps.Keys(numberFunctions)) {
		list = append(list, ofNumber(name, numberFunctions[name]))
	}
	return list
}()

// ofNumber declares a function of one number.
func ofNumber(name string, f func(float64) float64) function {
	return function{name: name, usage: name + "(number)", plain: args(1, 1), overloads: []cel.FunctionOpt{
		unary(name+"_number", numberType, numberType, func(v ref.Val) ref.Val { return types.Double(f(float64(v.(types.Double)))) }),
	}}
}

// ofNumbers declares a function that folds two or more numbers, or a list of them, from the left.
func ofNumbers(name string, f func(a, b float64) float64) function {
	fold := func(values ...ref.Val) ref.Val {
		result := float64(values[0].(types.Double))
		for _, v := range values[1:] {
			result = f(result, float64(v.(types.Double)))
		}
		return types.Double(result)
	}
	overloads := []cel.FunctionOpt{
		unary(name+"_list", types.NewListType(numberType), numberType, func(v ref.Val) ref.Val {
			list := v.(traits.Lister)
			if count(list) == 0 {
				return failf("%s of an empty list", name)
			}
			values := make([]ref.Val, 0, int(count(list)))
			for it := list.Iterator(); it.HasNext() == types.True; {
				values = append(values, it.Next())
			}
			return fold(values...)
		}),
		binary(name+"_2", numberType, numberType, numberType, func(a, b ref.Val) ref.Val { return fold(a, b) }),
	}
	arguments := []*types.Type{numberType, numberType}
	for n := 3; n <= maxSpread; n++ {
		arguments = append(arguments, numberType)
		overloads = append(overloads, cel.Overload(name+"_"+strconv.Itoa(n), arguments[:n:n], numberType, cel.FunctionBinding(fold)))
	}
	return function{name: name, usage: name + "(number, number)", plain: args(1, maxSpread), overloads: overloads}
}
