package expr

import (
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/echelonhq/echelon/engine/frame"
)

// conversion says how to bring two operands of different kinds together; "" where nothing is obvious.
func conversion(operands []ast.Expr, got []string) string {
	if len(operands) != 2 || len(got) != 2 {
		return ""
	}
	if remedy := toFirst(operands[0], operands[1], got[0], got[1]); remedy != "" {
		return remedy
	}
	return toFirst(operands[1], operands[0], got[1], got[0])
}

// toFirst says how b becomes what a is.
func toFirst(a, b ast.Expr, kindA, kindB string) string {
	text, quoted := literalText(b)
	switch {
	case kindA == "double" && kindB == "string":
		return textToNumber(a, b)
	case kindA == "bool" && (text == "true" || text == "false"):
		return fmt.Sprintf("write %s without quotes", text)
	case kindA == "timestamp" && quoted:
		if _, err := frame.ParseTimestamp(text); err != nil {
			text = "2026-01-31T12:00:00Z"
		}
		return fmt.Sprintf("write timestamp(%q)", text)
	case kindA == "date" && (kindB == "string" || kindB == "timestamp"):
		return toDay(b)
	case kindA == "timestamp" && kindB == "string":
		return "write timestamp(" + nameOf(b) + ")"
	case kindA == "list(string)" && kindB == "string":
		return fmt.Sprintf("write %s in %s", written(b), nameOf(a))
	}
	return ""
}

// toDay says how to make a date of a text or a timestamp.
func toDay(e ast.Expr) string {
	text, quoted := literalText(e)
	if !quoted {
		return "write date(" + nameOf(e) + ")"
	}
	if _, err := frame.ParseDate(text); err != nil {
		text = "2026-01-31"
	}
	return fmt.Sprintf("write date(%q)", text)
}

// textToNumber says how to bring the number a and the text b together.
func textToNumber(a, b ast.Expr) string {
	text, _ := literalText(b)
	if _, err := parseNumber(text); err != nil {
		if x, ok := literalNumber(a); ok {
			return fmt.Sprintf("write %q in quotes", frame.FormatNumber(x))
		}
	}
	return toNumber(b)
}

// toNumber says how to make a number of a text; "" of one that is none.
func toNumber(e ast.Expr) string {
	text, quoted := literalText(e)
	_, err := parseNumber(text)
	switch {
	case quoted && err != nil:
		return ""
	case quoted:
		return fmt.Sprintf("write %s without quotes", text)
	}
	return "write double(" + nameOf(e) + ")"
}

// addition says how to put a text and something else together.
func addition(operands []ast.Expr, got []string) string {
	for i, kind := range got {
		if kind == "string" && !strings.HasPrefix(got[1-i], "list(") && !strings.HasPrefix(got[1-i], "map(") {
			return "write string(" + written(operands[1-i]) + ")"
		}
	}
	if isTime(got[0]) || isTime(got[1]) {
		return "write days_since(…) or days_until(…) and compare numbers of days"
	}
	return ""
}

// written returns an operand as it is written, where it is a name or a literal, else "x".
func written(e ast.Expr) string {
	if text, ok := literalText(e); ok {
		return strconv.Quote(text)
	}
	if x, ok := literalNumber(e); ok {
		return frame.FormatNumber(x)
	}
	return nameOf(e)
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

func literalNumber(e ast.Expr) (float64, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	x, ok := e.AsLiteral().(types.Double)
	return float64(x), ok
}
