package expr

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Trend is how a value goes as a variable rises, all else being equal. False is below true.
type Trend int

// The trends. What rises never falls, and may stay as it is.
const (
	// Still is a value that does not depend on the variable.
	Still Trend = iota
	// Rising is one that does not fall, Falling one that does not rise.
	Rising
	Falling
	// Erratic is one of which nothing is known.
	Erratic
)

// And is the trend of what rises with both.
func (t Trend) And(other Trend) Trend {
	switch {
	case t == Still || t == other:
		return other
	case other == Still:
		return t
	}
	return Erratic
}

// Turned is the trend of what falls with it.
func (t Trend) Turned() Trend {
	switch t {
	case Rising:
		return Falling
	case Falling:
		return Rising
	}
	return t
}

// trends finds out trends for a row.
type trends struct {
	env   *Env
	of    func(name string) Trend
	scope *Scope
	row   int
}

// Trend returns how the expression goes with a variable, for a row of a scope in which the variable is not missing: of returns the trends of all
// variables that it reads, Rising for the variable itself. It is sound, also for what doubles round, and leaves functions out that are undefined
// somewhere, such as logarithms.
func (x *Expr) Trend(of func(name string) Trend, scope *Scope, row int) Trend {
	return trends{x.env, of, scope, row}.expr(x.tree.Expr())
}

func (t trends) expr(e ast.Expr) Trend {
	switch e.Kind() {
	case ast.LiteralKind:
		return Still
	case ast.IdentKind:
		if _, known := t.env.index[e.AsIdent()]; known {
			return t.of(e.AsIdent())
		}
		return Still
	case ast.CallKind:
		return t.call(e.AsCall())
	case ast.ListKind:
		return t.still(e.AsList().Elements())
	}
	return Erratic
}

// still is Still where none of the parts depends on the variable, and Erratic otherwise.
func (t trends) still(list []ast.Expr) Trend {
	if slices.ContainsFunc(list, func(e ast.Expr) bool { return t.expr(e) != Still }) {
		return Erratic
	}
	return Still
}

func (t trends) call(c ast.CallExpr) Trend {
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	if t.still(args) == Still {
		return Still
	}
	switch c.FunctionName() {
	case operators.Add, operators.LogicalAnd, operators.LogicalOr, "min", "max":
		return t.all(args)
	case operators.Subtract, operators.Greater, operators.GreaterEquals, daysUntil:
		return t.expr(args[0]).And(t.expr(args[1]).Turned())
	case operators.Less, operators.LessEquals, daysSince:
		return t.expr(args[0]).Turned().And(t.expr(args[1]))
	case operators.Negate, operators.LogicalNot:
		return t.expr(args[0]).Turned()
	case operators.Multiply:
		return t.product(args)
	case operators.Divide:
		return t.times(args[0], args[1])
	case "floor", "ceil", "round", "trunc", "int":
		return t.expr(args[0])
	case convertCurrency:
		if t.expr(args[1]) == Still {
			return t.expr(args[0])
		}
	case operators.Conditional:
		if t.expr(args[0]) == Still {
			return t.all(args[1:])
		}
	}
	return Erratic
}

func (t trends) all(args []ast.Expr) Trend {
	trend := Still
	for _, arg := range args {
		if arg.Kind() == ast.ListKind {
			trend = trend.And(t.all(arg.AsList().Elements()))
		} else {
			trend = trend.And(t.expr(arg))
		}
	}
	return trend
}

// product is the trend of a product, one side of which must be a known number.
func (t trends) product(args []ast.Expr) Trend {
	if t.expr(args[0]) == Still {
		return t.times(args[1], args[0])
	}
	return t.times(args[0], args[1])
}

// times is the trend of something times, or divided by, a number that does not depend on the variable: its sign decides.
func (t trends) times(what, by ast.Expr) Trend {
	x, known := t.number(by)
	switch {
	case t.expr(by) != Still || !known || x == 0:
		return Erratic
	case x < 0:
		return t.expr(what).Turned()
	}
	return t.expr(what)
}

// number returns what a part is that does not depend on the variable, where that is easily found.
func (t trends) number(e ast.Expr) (float64, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		x, ok := e.AsLiteral().(types.Double)
		return float64(x), ok
	case ast.IdentKind:
		i, known := t.env.index[e.AsIdent()]
		if !known || t.env.variables[i].Kind != Number {
			return 0, false
		}
		column := t.scope.Columns[i]
		if column == nil || !column.Valid.Get(t.row) {
			return 0, false
		}
		return column.Numbers[t.row], true
	case ast.CallKind:
		if args := e.AsCall().Args(); e.AsCall().FunctionName() == operators.Negate {
			x, known := t.number(args[0])
			return -x, known
		}
	}
	return 0, false
}
