package expr

import (
	"cmp"
	"math"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/echelonhq/echelon/engine/frame"
)

// Constant is a value that is written in an expression. Constants that are equal as Go values are equal in expressions, and the other way round.
type Constant struct {
	Kind Kind
	// Number is a finite number, and never -0.
	Number float64
	// Text is a string.
	Text string
	// Bool is a boolean.
	Bool bool
	// Int is a date, in days, or a timestamp, in microseconds since 1970.
	Int int64
}

// String returns the constant as people write it in a file of customers, texts in quotes.
func (c Constant) String() string {
	switch c.Kind {
	case Number:
		return frame.FormatNumber(c.Number)
	case Boolean:
		return strconv.FormatBool(c.Bool)
	case Date:
		return frame.FormatDate(c.Int)
	case Timestamp:
		return frame.FormatTimestamp(c.Int)
	}
	return frame.Quote(c.Text)
}

// Compare returns -1, 0 or 1 as a is below, equal to or above b, which must be of the same kind, in the order of expressions.
func (c Constant) Compare(other Constant) int {
	switch c.Kind {
	case Number:
		return cmp.Compare(c.Number, other.Number)
	case Boolean:
		switch {
		case c.Bool == other.Bool:
			return 0
		case other.Bool:
			return -1
		}
		return 1
	case String:
		return cmp.Compare(c.Text, other.Text)
	}
	return cmp.Compare(c.Int, other.Int)
}

// Holds reports what the comparison says of a value of the term, which is not Contains.
func (c Comparison) Holds(value Constant) bool {
	if c.Op == In {
		for _, one := range c.Constants {
			if one == value {
				return true
			}
		}
		return false
	}
	order := value.Compare(c.Constants[0])
	switch c.Op {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Less:
		return order < 0
	case AtMost:
		return order <= 0
	case Greater:
		return order > 0
	}
	return order >= 0
}

// comparisons are the operators that compare.
var comparisons = map[string]Op{
	operators.Equals: Equal, operators.NotEquals: NotEqual, operators.Less: Less, operators.LessEquals: AtMost,
	operators.Greater: Greater, operators.GreaterEquals: AtLeast,
}

// turned is each comparison with its sides exchanged.
var turned = map[Op]Op{Equal: Equal, NotEqual: NotEqual, Less: Greater, AtMost: AtLeast, Greater: Less, AtLeast: AtMost}

// constant returns the value of an expression that reads nothing: a literal, date("…"), timestamp("…"), or arithmetic of such numbers.
func constant(e ast.Expr) (Constant, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		return literal(e)
	case ast.CallKind:
		return computed(e.AsCall())
	}
	return Constant{}, false
}

func literal(e ast.Expr) (Constant, bool) {
	switch v := e.AsLiteral().(type) {
	case types.Double:
		return number(float64(v))
	case types.Bool:
		return Constant{Kind: Boolean, Bool: bool(v)}, true
	case types.String:
		return Constant{Kind: String, Text: string(v)}, true
	}
	return Constant{}, false
}

// number returns a finite number as a constant. To add 0 makes 0 of -0, which is equal to it.
func number(x float64) (Constant, bool) {
	return Constant{Kind: Number, Number: x + 0}, !math.IsNaN(x) && !math.IsInf(x, 0)
}

func computed(c ast.CallExpr) (Constant, bool) {
	if c.IsMemberFunction() {
		return Constant{}, false
	}
	var values []Constant
	for _, arg := range c.Args() {
		value, ok := constant(arg)
		if !ok {
			return Constant{}, false
		}
		values = append(values, value)
	}
	switch {
	case len(values) == 1 && values[0].Kind == String:
		return instantOf(c.FunctionName(), values[0].Text)
	case len(values) == 1 && values[0].Kind == Number && c.FunctionName() == operators.Negate:
		return number(-values[0].Number)
	case len(values) == 2 && values[0].Kind == Number && values[1].Kind == Number:
		return arithmeticOf(c.FunctionName(), values[0].Number, values[1].Number)
	}
	return Constant{}, false
}

// instantOf returns date("…") or timestamp("…"), whose texts the walker has checked.
func instantOf(function, text string) (Constant, bool) {
	switch function {
	case toDate:
		day, err := frame.ParseDate(text)
		return Constant{Kind: Date, Int: day}, err == nil
	case toInstant:
		micros, err := frame.ParseTimestamp(text)
		return Constant{Kind: Timestamp, Int: micros}, err == nil
	}
	return Constant{}, false
}

// arithmeticOf computes as the operators do, to the bit.
func arithmeticOf(operator string, a, b float64) (Constant, bool) {
	switch operator {
	case operators.Add:
		return number(a + b)
	case operators.Subtract:
		return number(a - b)
	case operators.Multiply:
		return number(float64(a * b))
	case operators.Divide:
		return number(a / b)
	}
	return Constant{}, false
}
