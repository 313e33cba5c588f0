package expr

import (
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/stdlib"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// function is a function that expressions may call, or an operator.
type function struct {
	name string
	// usage shows how it is called: "days_since(date or timestamp)".
	usage string
	// plain and method are how many arguments f(x, …) and x.f(…) take as people write them, x of the latter not counted.
	plain, method arity
	// overloads declare it for cel-go; none where the parser expands it.
	overloads []cel.FunctionOpt
}

// arity is how many arguments a call may have. The zero value stands for a style that cannot be called.
type arity struct {
	callable    bool
	least, most int
}

func args(least, most int) arity { return arity{true, least, most} }

// functions are all the functions and operators that are not logic(), those of time in UTC.
var functions = functionsIn(time.UTC)

// functionsIn returns them for a time zone.
func functionsIn(zone *time.Location) []function {
	return slices.Concat(operatorFunctions, missingFunctions, mathFunctions, textFunctions, timeFunctions(zone), currencyFunctions, familyFunctions, macros)
}

// callable are the functions that have a name to call, by name.
var callable = func() map[string]*function {
	named := make(map[string]*function)
	for i := range functions {
		if f := &functions[i]; f.plain.callable || f.method.callable {
			named[f.name] = f
		}
	}
	return named
}()

// operatorNames are what cel-go calls the operators that logic() or operatorFunctions declare.
var operatorNames = func() []string {
	names := slices.Clone(logicNames)
	for _, f := range operatorFunctions {
		names = append(names, f.name)
	}
	return names
}()

// logicNames are the operators whose declarations are cel-go's own: they are either built into its interpreter or right for doubles.
var logicNames = []string{
	operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotStrictlyFalse,
	operators.Equals, operators.NotEquals, operators.In,
}

// macros are expanded by the parser; a call of one that reaches the walker has the wrong arguments.
var macros = []function{
	{name: operators.All, usage: "list.all(x, condition on x)"},
	{name: operators.Exists, usage: "list.exists(x, condition on x)"},
	{name: operators.ExistsOne, usage: "list.exists_one(x, condition on x)"},
	{name: operators.Map, usage: "list.map(x, value made of x)"},
	{name: operators.Filter, usage: "list.filter(x, condition on x)"},
}

// logic returns the declarations of logicNames.
func logic() []*decls.FunctionDecl {
	var chosen []*decls.FunctionDecl
	for _, f := range stdlib.Functions() {
		if slices.Contains(logicNames, f.Name()) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// unary declares f(a).
func unary(id string, a, result *types.Type, f func(ref.Val) ref.Val) cel.FunctionOpt {
	return cel.Overload(id, []*types.Type{a}, result, cel.UnaryBinding(f))
}

// binary declares f(a, b), or an operator.
func binary(id string, a, b, result *types.Type, f func(a, b ref.Val) ref.Val) cel.FunctionOpt {
	return cel.Overload(id, []*types.Type{a, b}, result, cel.BinaryBinding(f))
}

// method declares a.f().
func method(id string, a, result *types.Type, f func(ref.Val) ref.Val) cel.FunctionOpt {
	return cel.MemberOverload(id, []*types.Type{a}, result, cel.UnaryBinding(f))
}

// method2 declares a.f(b).
func method2(id string, a, b, result *types.Type, f func(a, b ref.Val) ref.Val) cel.FunctionOpt {
	return cel.MemberOverload(id, []*types.Type{a, b}, result, cel.BinaryBinding(f))
}

// isError reports whether v is an error value.
func isError(v ref.Val) bool { return types.IsUnknownOrError(v) }
