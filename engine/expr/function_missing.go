package expr

import (
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxCoalesce is how many arguments coalesce takes at most.
const maxCoalesce = 6

// missingFunctions see what is missing instead of erring on it.
var missingFunctions = []function{
	{name: "present", usage: "present(value)", plain: args(1, 1), overloads: []cel.FunctionOpt{
		cel.Overload("present_any", []*types.Type{anyType}, booleanType, cel.OverloadIsNonStrict(), cel.UnaryBinding(present)),
	}},
	{name: "coalesce", usage: "coalesce(value, value if missing)", plain: args(2, maxCoalesce), overloads: coalesceOverloads()},
}

func coalesceOverloads() []cel.FunctionOpt {
	var overloads []cel.FunctionOpt
	arguments := []*types.Type{anyType}
	for n := 2; n <= maxCoalesce; n++ {
		arguments = append(arguments, anyType)
		option := cel.FunctionBinding(coalesce)
		if n == 2 {
			option = cel.BinaryBinding(func(a, b ref.Val) ref.Val { return coalesce(a, b) })
		}
		overloads = append(overloads, cel.Overload("coalesce_"+strconv.Itoa(n), arguments[:n:n], anyType, cel.OverloadIsNonStrict(), option))
	}
	return overloads
}

// present reports whether v is not missing. Other errors stay errors.
func present(v ref.Val) ref.Val {
	switch {
	case isMissing(v):
		return types.False
	case isError(v):
		return v
	}
	return types.True
}

// coalesce returns the first of the values that is not missing. An error that is no missing value ends the search; where it ends without a value, the
// leftmost error stands.
func coalesce(values ...ref.Val) ref.Val {
	for _, v := range values {
		if !isError(v) {
			return v
		}
		if !isMissing(v) {
			break
		}
	}
	return values[0]
}
