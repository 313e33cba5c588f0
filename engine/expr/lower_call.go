package expr

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
)

// orderings are the operators that order or equate, and arithmetics those that compute.
var (
	orderings = map[string]kernel.Op{
		operators.Less: kernel.Less, operators.LessEquals: kernel.LessEqual, operators.Greater: kernel.Greater, operators.GreaterEquals: kernel.GreaterEqual,
		operators.Equals: kernel.Equal, operators.NotEquals: kernel.NotEqual,
	}
	arithmetics = map[string]kernel.Arithmetic{
		operators.Subtract: kernel.Subtract, operators.Multiply: kernel.Multiply, operators.Divide: kernel.Divide, operators.Add: kernel.Add,
	}
	// texts are the functions of a text, and predicates those of a text and one that is written in the expression.
	texts      = map[string]func(string) string{"lowerAscii": lowerASCII, "upperAscii": upperASCII, "trim": strings.TrimSpace}
	predicates = map[string]func(s, t string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}
)

// call lowers a call of a function or an operator; nil where there is no step for it.
func (l *lowerer) call(e ast.Expr) *part {
	c := e.AsCall()
	name := c.FunctionName()
	if name == operators.In {
		return l.in(c)
	}
	args := c.Args()
	if name == convertCurrency {
		args = args[:2] // the third is the rates
	}
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	parts := l.operands(args)
	if len(parts) == 0 {
		return nil
	}
	make := l.maker(name, parts)
	if make == nil {
		return nil
	}
	return l.intern(key(name, parts), func() *part {
		p := &part{kind: make.kind, step: make.step, missingOnly: name != convertCurrency, blame: blameOf(name), args: parts}
		for _, each := range parts {
			p.missingOnly = p.missingOnly && each.missingOnly
		}
		return p
	})
}

// key is equal for calls that compute the same.
func key(name string, parts []*part) string {
	var b strings.Builder
	b.WriteString(name)
	for _, p := range parts {
		fmt.Fprintf(&b, " %d", p.id)
	}
	return b.String()
}

// made is the step of a call, before anybody needs it.
type made struct {
	kind Kind
	step step
}

// maker returns the step of a function of parts, or nil.
func (l *lowerer) maker(name string, parts []*part) *made {
	first := parts[0].kind
	if op, ok := orderings[name]; ok {
		return comparing(op, parts)
	}
	if op, ok := arithmetics[name]; ok && first == Number {
		return &made{Number, computing(op, parts)}
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return &made{Boolean, connecting(name == operators.LogicalAnd, parts)}
	case operators.LogicalNot:
		return &made{Boolean, func(b *batch) values {
			t := parts[0].step(b).truth
			return values{truth: kernel.Truth{True: t.False, False: t.True}}
		}}
	case operators.Conditional:
		return choosing(parts)
	case convertCurrency:
		return &made{Number, converting(parts[0], parts[1])}
	case "present":
		return presence(parts[0])
	case "coalesce":
		return coalescing(parts)
	case "min", "max":
		if first == Number && len(parts) > 1 {
			return &made{Number, folding(name == "max", parts)}
		}
		return nil
	case daysSince, daysUntil:
		return l.counting(name == daysSince, first, parts)
	}
	if first == String {
		return ofText(name, parts)
	}
	return l.ofOne(name, first, parts)
}

// ofOne is the functions of one number, date or instant.
func (l *lowerer) ofOne(name string, kind Kind, parts []*part) *made {
	switch kind {
	case Number:
		if f, ok := numberFunctions[name]; ok && len(parts) == 1 {
			return &made{Number, mapping(parts[0], f)}
		}
		switch name {
		case operators.Negate:
			return &made{Number, mapping(parts[0], func(x float64) float64 { return -x })}
		case "double":
			// A copy: the column that it may be belongs to the frame.
			return &made{Number, mapping(parts[0], func(x float64) float64 { return x })}
		case operators.Modulo:
			return &made{Number, pairing(parts, math.Mod)}
		case "pow":
			return &made{Number, pairing(parts, kernel.Pow)}
		}
	case Date, Timestamp:
		return l.ofTime(name, kind, parts)
	case List:
		if name == "size" {
			return &made{Number, sizing(parts[0])}
		}
	}
	return nil
}

// ofTime is the functions of one date or instant.
func (l *lowerer) ofTime(name string, kind Kind, parts []*part) *made {
	at := func(n int64) time.Time { return instant(n).time().In(l.env.zone) }
	if kind == Date {
		at = func(n int64) time.Time { return day(n).time() }
	}
	of, ok := dayParts[name]
	if !ok {
		of, ok = clockParts[name]
	}
	if ok {
		return &made{Number, func(b *batch) values {
			v := parts[0].step(b)
			out := b.memory().Numbers(len(v.ints))
			eachValid(v, func(i int) { out[i] = float64(of(at(v.ints[i]))) })
			return values{one: v.one, valid: v.valid, numbers: out}
		}}
	}
	if name == toDate && kind == Timestamp {
		return &made{Date, func(b *batch) values {
			v := parts[0].step(b)
			out := make([]int64, len(v.ints))
			eachValid(v, func(i int) { out[i] = frame.DayIn(instant(v.ints[i]).time(), l.env.zone) })
			return values{one: v.one, valid: v.valid, ints: out}
		}}
	}
	return nil
}

// eachValid calls f with the place of each value.
func eachValid(v values, f func(i int)) {
	if v.one {
		f(0)
		return
	}
	if v.valid != nil {
		kernel.Each(v.valid, f)
		return
	}
	for i := range max(len(v.ints), len(v.numbers), len(v.codes)) {
		f(i)
	}
}

// counting is days_since and days_until.
func (l *lowerer) counting(since bool, kind Kind, parts []*part) *made {
	sign := int64(1)
	if !since {
		sign = -1
	}
	return &made{Number, func(b *batch) values {
		v := parts[0].step(b)
		out := b.memory().Numbers(len(v.ints))
		today := frame.DayIn(instant(b.scope.AsOf).time(), l.env.zone)
		for i, n := range v.ints {
			if kind == Date {
				out[i] = float64(sign * (today - n))
			} else {
				out[i] = float64(frame.FloorDay(sign * (b.scope.AsOf - n)))
			}
		}
		return values{one: v.one, valid: v.valid, numbers: out}
	}}
}

// ofText is the functions of a text: they are computed once for each entry of its dictionary.
func ofText(name string, parts []*part) *made {
	if f, ok := texts[name]; ok {
		return &made{String, func(b *batch) values {
			v := b.compact(parts[0].step(b))
			dict := make([]string, len(v.dict))
			for code, text := range v.dict {
				dict[code] = f(text)
			}
			v.dict = dict
			return v
		}}
	}
	if f, ok := predicates[name]; ok && parts[1].kind == String && parts[1].literal {
		with := parts[1].value.(string)
		return &made{Boolean, matching(parts[0], func(text string) bool { return f(text, with) })}
	}
	switch name {
	case "matches":
		if !parts[1].literal {
			return nil
		}
		pattern, err := regexp.Compile(parts[1].value.(string))
		if err != nil {
			return nil
		}
		return &made{Boolean, matching(parts[0], pattern.MatchString)}
	case "size":
		return &made{Number, measuring(parts[0], func(text string) float64 { return float64(utf8.RuneCountInString(text)) })}
	case "string":
		return &made{String, parts[0].step}
	}
	return nil
}

// in lowers x in [literals] and x in list.
func (l *lowerer) in(c ast.CallExpr) *part {
	x, list := l.operand(c.Args()[0]), c.Args()[1]
	if x == nil {
		return nil
	}
	if list.Kind() == ast.IdentKind {
		return l.member(x, l.name(list.AsIdent()))
	}
	if list.Kind() != ast.ListKind {
		return nil
	}
	items := l.operands(list.AsList().Elements())
	for _, item := range items {
		if !item.literal {
			return nil
		}
	}
	if len(items) == 0 {
		return nil
	}
	step := among(x, items)
	if step == nil {
		return nil
	}
	return l.intern(key("in", append([]*part{x}, items...)), func() *part {
		return &part{kind: Boolean, step: step, missingOnly: x.missingOnly, blame: onArgument, args: []*part{x}}
	})
}

// member lowers "text" in list.
func (l *lowerer) member(x, list *part) *part {
	if list == nil || list.kind != List || !x.literal {
		return nil
	}
	text := x.value.(string)
	return l.intern(key("member", []*part{x, list}), func() *part {
		return &part{
			kind: Boolean, missingOnly: list.missingOnly, blame: onArgument, args: []*part{list},
			step: func(b *batch) values { return b.having(list.step(b), text) },
		}
	})
}
