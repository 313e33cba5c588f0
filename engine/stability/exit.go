package stability

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// exit is a compiled echelonv1.Exit.
type exit struct {
	declared *echelonv1.Exit
	when     *expr.Expr
	any      []*exit
}

// ExitExprs is the compiled expressions of an exit rule, nil where it has none.
type ExitExprs struct {
	When *expr.Expr
	// Any has those of each rule of its `any`.
	Any []ExitExprs
}

func newExit(declared *echelonv1.Exit, exprs ExitExprs) *exit {
	if declared == nil {
		return nil
	}
	x := &exit{declared: declared, when: exprs.When}
	for i, one := range declared.GetAny() {
		x.any = append(x.any, newExit(one, exprs.Any[i]))
	}
	return x
}

// reading is what the conditions of an exit rule are on a batch.
type reading struct {
	when *expr.Result
	any  []*reading
}

func (x *exit) read(scope *expr.Scope) *reading {
	r := &reading{}
	if x.when != nil {
		r.when = x.when.Eval(scope)
	}
	for _, one := range x.any {
		r.any = append(r.any, one.read(scope))
	}
	return r
}

// verdict is whether an exit rule holds. They are ordered: all of several hold as much as the least of them, one of several as much as the greatest.
type verdict int

const (
	stays verdict = iota
	// unclear is a rule that depends on what cannot be read; it does not hold.
	unclear
	leaves
)

// judge says whether the rule holds for a row, and what could not be read where that is unclear.
func (x *exit) judge(r *reading, score float64, row int) (verdict, expr.Cause) {
	all, cause := leaves, expr.Cause{}
	and := func(v verdict, c expr.Cause) {
		if v < all {
			all, cause = v, c
		}
	}
	if x.declared.Below != nil && score >= x.declared.GetBelow() {
		and(stays, expr.Cause{})
	}
	if r.when != nil {
		and(holds(r.when, row))
	}
	if len(x.any) > 0 {
		one, why := stays, expr.Cause{}
		for i := range x.any {
			if v, c := x.any[i].judge(r.any[i], score, row); v > one {
				one, why = v, c
			}
		}
		and(one, why)
	}
	if all != unclear {
		cause = expr.Cause{}
	}
	return all, cause
}

// holds says whether a condition holds for a row.
func holds(r *expr.Result, row int) (verdict, expr.Cause) {
	switch {
	case !r.Column.Valid.Get(row):
		return unclear, r.Cause(row)
	case r.Column.Bits.Get(row):
		return leaves, expr.Cause{}
	}
	return stays, expr.Cause{}
}

// words says what the rule asks for.
func (x *exit) words(score string) string {
	var parts, any []string
	if x.declared.Below != nil {
		parts = append(parts, belowWords(score, x.declared.GetBelow()))
	}
	if x.when != nil {
		parts = append(parts, x.when.Text())
	}
	for _, one := range x.any {
		any = append(any, one.words(score))
	}
	switch {
	case len(any) > 0 && len(parts) > 0:
		parts = append(parts, "("+strings.Join(any, ", or ")+")")
	case len(any) > 0:
		return strings.Join(any, ", or ")
	}
	return strings.Join(parts, " and ")
}

func belowWords(score string, below float64) string {
	return fmt.Sprintf("score %s below %s", score, frame.FormatNumber(below))
}

// maxWords is how long the words of a rule are in a reason, in characters; the explanation has them whole.
const maxWords = 200

func short(words string) string {
	if utf8.RuneCountInString(words) <= maxWords {
		return words
	}
	return string([]rune(words)[:maxWords]) + "…"
}

// explain says how a row stood to the rule, whose tier, of an item, has this name; those of an `any` have none.
func (x *exit) explain(item, name, score string, r *reading, value float64, row int) *echelonv1.CutExplanation {
	v, _ := x.judge(r, value, row)
	tried := &echelonv1.CutExplanation{Name: name, Met: v == leaves}
	if x.declared.Below != nil {
		line := x.declared.GetBelow()
		tried.Conditions = append(tried.Conditions, &echelonv1.CutCondition{Condition: belowWords(score, line), Met: value < line, Line: &line, Value: &value})
	}
	if x.when != nil {
		v, cause := holds(r.when, row)
		said := &echelonv1.CutCondition{Condition: x.when.Text(), Met: v == leaves}
		if v == unclear {
			said.Unreadable = reason.Unreadable(item, name, cause).Proto()
		}
		tried.Conditions = append(tried.Conditions, said)
	}
	for i, one := range x.any {
		tried.Any = append(tried.Any, one.explain(item, "", score, r.any[i], value, row))
	}
	return tried
}
