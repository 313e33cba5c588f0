package expr

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// The checker's errors that people can cause, as cel-go writes them. Types come as text.
var (
	noOverload = regexp.MustCompile(`^found no matching overload for '(.+)' applied to '(.+)'$`)
	mismatch   = regexp.MustCompile(`^expected type '(.+)' but found '(.+)'$`)
	noRange    = regexp.MustCompile(`^expression of type '(.+)' cannot be range of a comprehension`)
)

// typeProblems puts the checker's errors into words.
func typeProblems(source source, tree *ast.AST, issues *cel.Issues) []Problem {
	nodes, parents := index(tree)
	var problems []Problem
	for _, issue := range issues.Errors() {
		node, parent := nodes[issue.ExprID], parents[issue.ExprID]
		p := Problem{Offset: source.offset(node), Message: issue.Message}
		if m := noOverload.FindStringSubmatch(issue.Message); m != nil {
			p.Message, p.Remedy = misapplied(node, m[1], splitTypes(m[2]))
		} else if m := mismatch.FindStringSubmatch(issue.Message); m != nil {
			p.Message = mismatched(parent, m[1], m[2])
		} else if m := noRange.FindStringSubmatch(issue.Message); m != nil {
			p.Message = fmt.Sprintf("only a list or a map has items, not %s", one(m[1]))
		}
		problems = append(problems, p)
	}
	return problems
}

// index returns the expressions of a tree, and what each is directly part of, by id.
func index(tree *ast.AST) (nodes, parents map[int64]ast.Expr) {
	nodes, parents = make(map[int64]ast.Expr), make(map[int64]ast.Expr)
	ast.PreOrderVisit(ast.NavigateAST(tree), ast.NewExprVisitor(func(e ast.Expr) {
		nodes[e.ID()] = e
		if parent, ok := e.(ast.NavigableExpr).Parent(); ok {
			parents[e.ID()] = parent
		}
	}))
	return nodes, parents
}

// splitTypes cuts "(string, double)" or "string.(double)" into the types of the arguments, the one in front of the dot first.
func splitTypes(signature string) []string {
	target, rest, method := strings.Cut(signature, ".(")
	if !method {
		target, rest = "", strings.TrimPrefix(signature, "(")
	}
	var list []string
	if method {
		list = append(list, target)
	}
	rest = strings.TrimSuffix(rest, ")")
	depth, start := 0, 0
	for i, r := range rest {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			list, start = append(list, rest[start:i]), i+2
		}
	}
	if start < len(rest) {
		list = append(list, rest[start:])
	}
	return list
}

// The words for a type, as one value and as several.
var typeWords = map[string][2]string{
	"double":    {"a number", "numbers"},
	"bool":      {"a boolean", "booleans"},
	"string":    {"a string", "strings"},
	"date":      {"a date", "dates"},
	"timestamp": {"a timestamp", "timestamps"},
}

func describe(t string) [2]string {
	if w, ok := typeWords[t]; ok {
		return w
	}
	if items, ok := strings.CutPrefix(t, "list("); ok {
		of := describe(strings.TrimSuffix(items, ")"))[1]
		return [2]string{"a list of " + of, "lists of " + of}
	}
	if strings.HasPrefix(t, "map(") {
		return [2]string{"a map", "maps"}
	}
	return [2]string{"a value of unknown kind", "values of unknown kind"}
}

func one(t string) string  { return describe(t)[0] }
func many(t string) string { return describe(t)[1] }

// mismatched is about a part that is of another kind than what it is part of wants.
func mismatched(parent ast.Expr, want, got string) string {
	switch kindIn(parent) {
	case ast.ListKind:
		return fmt.Sprintf("the items of a list must be of one kind: %s stands among %s", one(got), many(want))
	case ast.MapKind:
		return fmt.Sprintf("the keys of a map must be of one kind, and its values too: %s stands among %s", one(got), many(want))
	case ast.CallKind:
		if !ofMacro(parent) {
			return fmt.Sprintf("%s needs booleans, not %s", symbol(parent.AsCall().FunctionName()), one(got))
		}
	}
	return fmt.Sprintf("a condition must be %s, not %s", one(want), one(got))
}

func kindIn(e ast.Expr) ast.ExprKind {
	if e == nil {
		return ast.UnspecifiedExprKind
	}
	return e.Kind()
}

// ofMacro reports whether a call was made by the expansion of a macro, whose accumulator it then has as its first argument.
func ofMacro(e ast.Expr) bool {
	first := e.AsCall().Args()
	return len(first) > 0 && first[0].Kind() == ast.IdentKind && strings.HasPrefix(first[0].AsIdent(), "@")
}

// symbol returns how an operator is written.
func symbol(name string) string {
	if s, ok := operators.FindReverse(name); ok && s != "" {
		return s
	}
	return name
}

// misapplied is about a call that no overload of the function or operator fits.
func misapplied(call ast.Expr, name string, got []string) (message, remedy string) {
	c := call.AsCall()
	switch name {
	case operators.Conditional:
		if got[0] != "bool" {
			return "a condition must be a boolean, not " + one(got[0]), ""
		}
		return fmt.Sprintf("both sides of the : must be of one kind, not %s and %s", one(got[1]), one(got[2])), conversion(c.Args()[1:], got[1:])
	case operators.LogicalNot:
		return "! needs a boolean, not " + one(got[0]), ""
	case operators.Negate:
		return "- needs a number, not " + one(got[0]), ""
	case operators.In:
		return misappliedIn(c.Args(), got)
	case at:
		return misappliedIndex(got)
	case operators.Add:
		return fmt.Sprintf("+ cannot add %s and %s", one(got[0]), one(got[1])), addition(c.Args(), got)
	case operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo:
		return arithmeticWords(symbol(name), c.Args(), got)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if got[0] == got[1] {
			return fmt.Sprintf("%s cannot compare %s", symbol(name), many(got[0])), ""
		}
		return fmt.Sprintf("%s cannot compare %s with %s", symbol(name), one(got[0]), one(got[1])), conversion(c.Args(), got)
	}
	return misappliedFunction(name, c, got)
}

func misappliedFunction(name string, c ast.CallExpr, got []string) (message, remedy string) {
	switch name {
	case daysSince, daysUntil:
		// The second is as_of, which the walker appended.
		got = got[:1]
		if got[0] == "string" {
			remedy = toDay(c.Args()[0])
		}
	case convertCurrency:
		// The third is the rates.
		got = got[:2]
	}
	given := make([]string, len(got))
	for i, t := range got {
		given[i] = one(t)
	}
	if name == "coalesce" {
		return "coalesce needs values of one kind, not " + strings.Join(given, " and "), conversion(c.Args(), got)
	}
	if remedy == "" {
		remedy = "write " + callable[name].usage
	}
	return fmt.Sprintf("%s cannot take %s", name, strings.Join(given, " and ")), remedy
}

func misappliedIn(operands []ast.Expr, got []string) (message, remedy string) {
	items, list := strings.CutPrefix(got[1], "list(")
	keys, mapping := strings.CutPrefix(got[1], "map(")
	switch {
	case list:
		return fmt.Sprintf("in cannot look for %s among %s", one(got[0]), many(strings.TrimSuffix(items, ")"))), ""
	case mapping:
		key, _, _ := strings.Cut(keys, ",")
		return fmt.Sprintf("in cannot look for %s among %s", one(got[0]), many(key)), ""
	case got[0] == "string" && got[1] == "string":
		remedy = fmt.Sprintf("write %s.contains(…)", nameOf(operands[1]))
	}
	return "in looks into a list or a map, not into " + one(got[1]), remedy
}

func misappliedIndex(got []string) (message, remedy string) {
	keys, mapping := strings.CutPrefix(got[0], "map(")
	switch {
	case strings.HasPrefix(got[0], "list("):
		return "the index into a list must be a number, not " + one(got[1]), ""
	case mapping:
		key, _, _ := strings.Cut(keys, ",")
		return fmt.Sprintf("the key must be %s, not %s", one(key), one(got[1])), ""
	}
	return "[ ] reads an item of a list or an entry of a map, not of " + one(got[0]), ""
}

func arithmeticWords(sign string, operands []ast.Expr, got []string) (message, remedy string) {
	message = fmt.Sprintf("%s needs two numbers, not %s and %s", sign, one(got[0]), one(got[1]))
	if sign == "-" && isTime(got[0]) && isTime(got[1]) {
		return message, "write days_since(…) or days_until(…)"
	}
	for i, kind := range got {
		if kind == "string" {
			return message, toNumber(operands[i])
		}
	}
	return message, ""
}

func isTime(t string) bool { return t == "date" || t == "timestamp" }
