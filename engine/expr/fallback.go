package expr

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Fallback is a part of an expression that has no step over columns: cel-go evaluates it row by row, with the same result.
type Fallback struct {
	// Whole tells that it is the whole expression.
	Whole bool
	// Offset is where in the expression's text it begins, in runes from 0; -1 where that is not known.
	Offset int
	// Why says what it does that no step over columns does.
	Why string
}

// Fallbacks returns the parts that are evaluated row by row; none where all of the expression is evaluated in columns.
func (x *Expr) Fallbacks() []Fallback {
	if x.direct >= 0 {
		return nil
	}
	if x.vector == nil {
		return []Fallback{{true, whole, why(x.tree.Expr())}}
	}
	source := x.reader().source
	var list []Fallback
	seen := make(map[*part]bool)
	var visit func(p *part)
	visit = func(p *part) {
		if seen[p] {
			return
		}
		seen[p] = true
		if p.row != nil {
			list = append(list, Fallback{p == x.vector.root, source.offset(p.row), why(p.row)})
		}
		for _, arg := range p.args {
			visit(arg)
		}
	}
	visit(x.vector.root)
	return list
}

// why says what an expression does that no step over columns does: the first thing that is found from the outside in.
func why(e ast.Expr) string {
	var found string
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if found == "" && e.Kind() == ast.ComprehensionKind {
			found = "what loops over lists do on a row is bounded as a whole"
		}
	}))
	if found != "" {
		return found
	}
	switch e.Kind() {
	case ast.ListKind:
		return "it makes a list"
	case ast.MapKind:
		return "it makes a map"
	case ast.CallKind:
		return whyCall(e.AsCall())
	}
	return "it is computed anew for each customer"
}

func whyCall(c ast.CallExpr) string {
	switch name := c.FunctionName(); name {
	case operators.In:
		return "`in` is done in columns where the list is written out, or is an attribute that has a text that is written out"
	case operators.Index, at:
		return "it takes an item of a list or a map"
	case operators.Add:
		return "it joins texts or lists"
	case "contains", "startsWith", "endsWith", "matches":
		return fmt.Sprintf("%s is done in columns where what is looked for is written out, and not computed", name)
	case "present", "coalesce":
		return fmt.Sprintf("%s must tell what is missing from what is wrong otherwise", name)
	case operators.Conditional:
		return "it chooses between lists, or values of two kinds"
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return "it compares lists, or values of two kinds"
	default:
		return fmt.Sprintf("%s has no form for columns with these operands", name)
	}
}
