package rules_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/rules"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// The customers of these tests have every combination of these values, nil being missing. Between the constants of the random rules, which are
// 0, 1 and 2, "a" and "b", and at them, lies one value at least.
var world = []struct {
	variable expr.Variable
	domain   rules.Domain
	values   []any
}{
	{expr.Variable{Name: "x", Kind: expr.Number}, rules.Domain{Free: true}, []any{nil, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0}},
	{expr.Variable{Name: "n", Kind: expr.Number}, rules.Domain{Free: true, Whole: true}, []any{nil, -1.0, 0.0, 1.0, 2.0, 3.0}},
	{expr.Variable{Name: "s", Kind: expr.String}, rules.Domain{Free: true, Values: []string{"a", "b"}}, []any{nil, "a", "b"}},
	{expr.Variable{Name: "u", Kind: expr.String}, rules.Domain{Free: true}, []any{nil, "", "a", "aa", "b", "bb"}},
	{expr.Variable{Name: "b", Kind: expr.Boolean}, rules.Domain{Free: true}, []any{nil, false, true}},
}

// derived is what the variable big stands for.
const derived = "x > 1 || b"

// base compiles expressions of the world's variables, and knows its customers.
type base struct {
	env   *expr.Env
	scope expr.Scope
	big   *expr.Expr
}

func newBase(t testing.TB) *base {
	t.Helper()
	var variables []expr.Variable
	var fields []frame.Field
	for _, one := range world {
		variables = append(variables, one.variable)
		fields = append(fields, frame.Field{Name: one.variable.Name, Type: one.variable.Kind.Type()})
	}
	before, err := expr.NewEnv(variables)
	if err != nil {
		t.Fatal(err)
	}
	w := &base{}
	if w.env, err = expr.NewEnv(append(variables, expr.Variable{Name: "big", Kind: expr.Boolean})); err != nil {
		t.Fatal(err)
	}
	rows := frame.NewBuilder(frame.NewSchema(fields...))
	combine(rows, nil)
	w.setRows(rows.Take())
	w.big = mustCompile(t, before, derived)
	w.scope.Columns = append(w.scope.Columns, &w.big.Eval(&w.scope).Column)
	return w
}

// combine adds a row for every way to go on.
func combine(rows *frame.Builder, chosen []any) {
	if len(chosen) < len(world) {
		for _, value := range world[len(chosen)].values {
			combine(rows, append(slices.Clone(chosen), value))
		}
		return
	}
	rows.Start(strconv.Itoa(rows.Len()))
	for i, value := range chosen {
		set(rows, i, value)
	}
	rows.Commit()
}

func set(rows *frame.Builder, i int, value any) {
	switch v := value.(type) {
	case float64:
		rows.SetNumber(i, v)
	case string:
		rows.SetString(i, v)
	case bool:
		rows.SetBool(i, v)
	}
}

func (w *base) setRows(f *frame.Frame) {
	w.scope = expr.Scope{Rows: f.Len()}
	for i := range f.Columns {
		w.scope.Columns = append(w.scope.Columns, &f.Columns[i])
	}
}

func (w *base) domain(name string) rules.Domain {
	for _, one := range world {
		if one.variable.Name == name {
			return one.domain
		}
	}
	return rules.Domain{Means: w.big.Condition()}
}

func mustCompile(t testing.TB, env *expr.Env, text string) *expr.Expr {
	t.Helper()
	x, problems := env.Compile(text)
	if x == nil {
		t.Fatalf("%s: %v", text, problems)
	}
	return x
}

// matches returns for which customers each rule is true, or false.
func (w *base) matches(is bool, compiled ...*expr.Expr) [][]bool {
	var all [][]bool
	for _, x := range compiled {
		result := x.Eval(&w.scope)
		mine := make([]bool, w.scope.Rows)
		for row := range mine {
			mine[row] = result.Column.Valid.Get(row) && result.Column.Bits.Get(row) == is
		}
		all = append(all, mine)
	}
	return all
}

// plain are conditions that can be decided, and computed ones that cannot.
var (
	plain = []string{
		"x > 0", "x >= 1", "x < 2", "x <= 1", "x == 1", "x != 1", "0 < x", "x in [0, 2]", "x > 2 - 1", "n > 0", "n < 1", "n >= 1", "n == 1", "n != 0",
		"n > 1.5", "s == 'a'", "s != 'a'", "s == 'z'", "s in ['a', 'b']", "s > 'a'", "u == 'a'", "u != 'b'", "u in ['a', 'b']", "u < 'b'", "u >= 'a'",
		"b", "!b", "b == false", "big", "!big", "big != true", "present(x)", "!present(n)", "present(u)", "present(big)", "present(b)", "true", "false", "1 > 2",
		"coalesce(x, 1) > 0", "coalesce(b, false)", "2 >= coalesce(n, 3)", "coalesce(s, 'a') == 'a'",
	}
	computed = []string{"x + n > 1", "x + n > 2", "x / n > 1", "x / n != 1", "x / n < 0", "size(u) > 1", "u.startsWith('a')", "present(x + n)", "s == u", "min(x, n) in [0, 1]"}
)

// drawRule draws the text of a condition.
func drawRule(t *rapid.T, atoms []string, depth int) string {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 || kind == 0 {
		return rapid.SampledFrom(atoms).Draw(t, "atom")
	}
	part := func() string { return "(" + drawRule(t, atoms, depth-1) + ")" }
	switch kind {
	case 1, 2:
		return part() + " && " + part()
	case 3:
		return part() + " || " + part()
	case 4:
		return "!" + part()
	}
	return part() + " ? " + part() + " : " + part()
}

func drawRules(t *rapid.T, w *base, atoms []string) ([]*expr.Expr, []expr.Condition) {
	var compiled []*expr.Expr
	var conditions []expr.Condition
	for range rapid.IntRange(1, 4).Draw(t, "rules") {
		text := drawRule(t, atoms, rapid.IntRange(0, 3).Draw(t, "depth"))
		x, problems := w.env.Compile(text)
		if x == nil {
			t.Fatalf("%s: %v", text, problems)
		}
		compiled, conditions = append(compiled, x), append(conditions, x.Condition())
	}
	return compiled, conditions
}

// TestVerdictsAreThoseOfTryingEveryCustomer (LINT-14): verdicts are the whole truth about rules that can be decided.
func TestVerdictsAreThoseOfTryingEveryCustomer(t *testing.T) {
	w := newBase(t)
	rapid.Check(t, func(t *rapid.T) { judge(t, w, plain, true) })
}

// TestVerdictsAreTrueWhateverIsComputed (LINT-14): they are nothing but the truth about others.
func TestVerdictsAreTrueWhateverIsComputed(t *testing.T) {
	w := newBase(t)
	atoms := append(slices.Clone(computed), computed...)
	rapid.Check(t, func(t *rapid.T) { judge(t, w, append(atoms, plain...), false) })
}

// judge compares verdicts with what matches; complete asks that everything is found.
func judge(t *rapid.T, w *base, atoms []string, complete bool) {
	compiled, conditions := drawRules(t, w, atoms)
	match, fails := w.matches(true, compiled...), w.matches(false, compiled...)
	wrong := func(k int, format string, args ...any) {
		t.Fatalf("rule %d of %s: %s", k, texts(compiled), fmt.Sprintf(format, args...))
	}
	some := func(holds func(row int) bool) bool {
		for row := range w.scope.Rows {
			if holds(row) {
				return true
			}
		}
		return false
	}
	for k, v := range rules.NewSpace(w.domain, conditions...).First(conditions) {
		if v.Undecided && complete {
			wrong(k, "it is undecided")
		}
		if v.Undecided {
			continue
		}
		meets := some(func(row int) bool { return match[k][row] })
		if v.Never && meets || complete && !v.Never && !meets {
			wrong(k, "Never is %v", v.Never)
		}
		left := func(by []int) bool {
			return some(func(row int) bool {
				return match[k][row] && !slices.ContainsFunc(by, func(i int) bool { return match[i][row] })
			})
		}
		if v.TakenBy != nil && left(v.TakenBy) {
			wrong(k, "it is not taken by %v", v.TakenBy)
		}
		if complete && v.TakenBy == nil && !v.Never && !left(upTo(k)) {
			wrong(k, "it is taken by those before it")
		}
	}
	for k, v := range rules.NewSpace(w.domain, conditions...).Unique(conditions) {
		for _, o := range v.Overlaps {
			if !w.isWitness(t, o.Witness, compiled[o.With], compiled[k]) {
				wrong(k, "%v is no witness with %d", o.Witness, o.With)
			}
		}
		for i := range k {
			overlaps := some(func(row int) bool { return match[i][row] && match[k][row] })
			found := slices.ContainsFunc(v.Overlaps, func(o rules.Overlap) bool { return o.With == i })
			if complete && overlaps && !found {
				wrong(k, "it overlaps with %d", i)
			}
		}
	}
	none := some(func(row int) bool { return !slices.ContainsFunc(match, func(m []bool) bool { return m[row] }) })
	if leaves := rules.NewSpace(w.domain, conditions...).Leaves(conditions, false); !leaves && none || complete && leaves != none {
		wrong(0, "Leaves is %v", leaves)
	}
	none = some(func(row int) bool { return !slices.ContainsFunc(fails, func(m []bool) bool { return !m[row] }) })
	if leaves := rules.NewSpace(w.domain, conditions...).Leaves(conditions, true); !leaves && none || complete && leaves != none {
		wrong(0, "Leaves of readable ones is %v", leaves)
	}
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func texts(compiled []*expr.Expr) string {
	var list []string
	for _, x := range compiled {
		list = append(list, x.Text())
	}
	return strings.Join(list, " ; ")
}

// isWitness reports whether both rules match every customer of these facts, whatever else is known.
func (w *base) isWitness(t *rapid.T, facts []rules.Fact, a, b *expr.Expr) bool {
	known := make(map[string]any)
	for _, f := range facts {
		switch {
		case f.Missing:
			known[f.Name] = nil
		case f.Value.Kind == expr.Number:
			known[f.Name] = f.Value.Number
		case f.Value.Kind == expr.Boolean:
			known[f.Name] = f.Value.Bool
		default:
			known[f.Name] = f.Value.Text
		}
	}
	var fields []frame.Field
	for _, one := range world {
		fields = append(fields, frame.Field{Name: one.variable.Name, Type: fieldType(one.variable.Name, one.variable.Kind), Values: one.domain.Values})
	}
	rows := frame.NewBuilder(frame.NewSchema(fields...))
	for i := range 3 {
		rows.Start(strconv.Itoa(i))
		for k, one := range world {
			value, given := known[one.variable.Name]
			if !given {
				value = rapid.SampledFrom(one.values).Draw(t, one.variable.Name)
			}
			set(rows, k, value)
		}
		if fault := rows.Commit(); fault != nil {
			t.Fatalf("a witness that is refused: %s", fault.GetMessage())
		}
	}
	other := &base{env: w.env}
	other.setRows(rows.Take())
	other.scope.Columns = append(other.scope.Columns, &w.big.Eval(&other.scope).Column)
	match := other.matches(true, a, b)
	return !slices.Contains(match[0], false) && !slices.Contains(match[1], false)
}

func fieldType(name string, kind expr.Kind) echelonv1.Attribute_Type {
	if name == "n" {
		return echelonv1.Attribute_INTEGER
	}
	return kind.Type()
}
