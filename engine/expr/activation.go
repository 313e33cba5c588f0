package expr

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/echelonhq/echelon/engine/frame"
)

// activation shows one row of a scope at a time to cel-go.
type activation struct {
	env   *Env
	scope *Scope
	at    int
	asOf  ref.Val
	// texts are the dictionaries' entries as values, made when first read; nil for a column whose dictionary is not worth it.
	texts [][]ref.Val
}

var _ interpreter.Activation = (*activation)(nil)

func newActivation(env *Env, scope *Scope) *activation {
	return &activation{env: env, scope: scope, asOf: instant(scope.AsOf), texts: make([][]ref.Val, len(scope.Columns))}
}

// Parent returns nil: there are no other variables.
func (a *activation) Parent() interpreter.Activation { return nil }

// ResolveName returns the row's value of a variable, an error value where it is missing.
func (a *activation) ResolveName(name string) (any, bool) {
	i, known := a.env.index[name]
	switch {
	case !known && name == ratesName:
		return a.scope.Rates, true
	case !known:
		return a.asOf, name == asOf
	}
	column := a.scope.Columns[i]
	if stale := a.scope.Stale[i]; stale.has(a.at) {
		return stale.value, true
	}
	if column == nil || !column.Valid.Get(a.at) {
		return a.env.missing[i], true
	}
	switch a.env.variables[i].Kind {
	case Number:
		return types.Double(column.Numbers[a.at]), true
	case Boolean:
		return types.Bool(column.Bits.Get(a.at)), true
	case Date:
		return day(column.Ints[a.at]), true
	case Timestamp:
		return instant(column.Ints[a.at]), true
	case String:
		return a.text(i, column), true
	}
	return types.NewStringList(types.DefaultTypeAdapter, column.List(a.at)), true
}

// text returns the row's text. Where rows repeat texts, each becomes a value once.
func (a *activation) text(i int, column *frame.Column) ref.Val {
	if len(column.Dict) > a.scope.Rows {
		return types.String(column.String(a.at))
	}
	if a.texts[i] == nil {
		a.texts[i] = make([]ref.Val, len(column.Dict))
	}
	code := column.Codes[a.at]
	if a.texts[i][code] == nil {
		a.texts[i][code] = types.String(column.Dict[code])
	}
	return a.texts[i][code]
}
