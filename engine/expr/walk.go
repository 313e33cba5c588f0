package expr

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
)

// walker goes over a parsed expression before its types are checked. It makes doubles of all numbers, gives as_of and the rates to the calls
// that need them, and finds the mistakes that do not depend on types, for which it has better words than the checker.
type walker struct {
	env      *Env
	source   source
	make     ast.ExprFactory
	nextID   int64
	locals   []string
	loops    int
	looped   bool // there is a loop anywhere
	refs     []string
	converts bool
	problems []Problem
}

func newWalker(env *Env, source source) *walker {
	w := &walker{env: env, source: source, make: ast.NewExprFactory()}
	for id := range source.info.OffsetRanges() {
		w.nextID = max(w.nextID, id)
	}
	return w
}

// fail notes a problem at the place of an expression.
func (w *walker) fail(e ast.Expr, remedy, format string, args ...any) {
	w.problems = append(w.problems, Problem{w.source.offset(e), fmt.Sprintf(format, args...), remedy})
}

func (w *walker) expr(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		w.ident(e)
	case ast.SelectKind:
		w.selection(e)
	case ast.LiteralKind:
		w.literal(e)
	case ast.CallKind:
		w.call(e)
	case ast.ListKind:
		w.all(e.AsList().Elements())
	case ast.MapKind:
		w.mapping(e)
	case ast.ComprehensionKind:
		w.loop(e)
	case ast.StructKind:
		w.fail(e, "", "a name in front of { } has no meaning here")
	}
}

func (w *walker) all(list []ast.Expr) {
	for _, e := range list {
		w.expr(e)
	}
}

// read notes that a variable is named, and reports whether it exists.
func (w *walker) read(name string) bool {
	if !slices.Contains(w.refs, name) {
		w.refs = append(w.refs, name)
	}
	_, known := w.env.index[name]
	return known
}

func (w *walker) ident(e ast.Expr) {
	name := e.AsIdent()
	if name == asOf || slices.Contains(w.locals, name) {
		return
	}
	if item, ok := namespaces[name]; ok {
		w.fail(e, fmt.Sprintf("write %s.<name>", name), "%s alone has no value: it stands in front of the name of a %s", name, item)
		return
	}
	if undotted, dotted := strings.CutPrefix(name, "."); dotted {
		w.fail(e, "write "+undotted, "a name does not begin with a dot")
		return
	}
	if !w.read(name) {
		w.fail(e, diag.DidYouMean(name, w.names("")), "undeclared attribute %q", name)
	}
}

// names returns the variables of a namespace, without it and its dot, or the attributes if there is none.
func (w *walker) names(namespace string) []string {
	var names []string
	for _, v := range w.env.variables {
		space, name, dotted := strings.Cut(v.Name, ".")
		switch {
		case isFamilyVariable(v.Name):
		case !dotted && namespace == "":
			names = append(names, v.Name)
		case dotted && namespace == space:
			names = append(names, name)
		}
	}
	return names
}

// selection is x.name, of which there is one kind alone: the variables of a namespace.
func (w *walker) selection(e ast.Expr) {
	operand, field := e.AsSelect().Operand(), e.AsSelect().FieldName()
	if operand.Kind() == ast.IdentKind && !slices.Contains(w.locals, operand.AsIdent()) {
		if item, ok := namespaces[operand.AsIdent()]; ok {
			if !w.read(operand.AsIdent() + "." + field) {
				w.fail(operand, diag.DidYouMean(field, w.names(operand.AsIdent())), "there is no %s %q", item, field)
			}
			return
		}
	}
	found := len(w.problems)
	w.expr(operand)
	if len(w.problems) > found {
		return
	}
	remedy := ""
	if operand.Kind() == ast.MapKind {
		remedy = fmt.Sprintf("read an entry of a map with [%q]", field)
	}
	w.fail(e, remedy, "there is no field %q here", field)
}

// literal makes doubles of whole numbers and refuses what is no value of a model.
func (w *walker) literal(e ast.Expr) {
	switch v := e.AsLiteral().(type) {
	case types.Int:
		x := float64(v)
		if x >= 1<<63 || int64(x) != int64(v) {
			w.fail(e, fmt.Sprintf("the nearest is %s", frame.FormatNumber(x)), "%d is no number that a double can hold exactly", int64(v))
		}
		e.SetKindCase(w.make.NewLiteral(e.ID(), types.Double(x)))
	case types.Uint:
		w.fail(e, fmt.Sprintf("write %d", uint64(v)), "a number has no suffix")
	case types.Bytes:
		w.fail(e, "leave out the b in front of the quotes", "there are no bytes in expressions")
	case types.Null:
		w.fail(e, "write present(x) or coalesce(x, y)", "null is no value: what is missing is never equal to anything")
	}
}

func (w *walker) mapping(e ast.Expr) {
	seen := make(map[ref.Val]bool)
	for _, entry := range e.AsMap().Entries() {
		key := entry.AsMapEntry().Key()
		w.expr(key)
		w.expr(entry.AsMapEntry().Value())
		if key.Kind() != ast.LiteralKind {
			continue
		}
		if seen[key.AsLiteral()] {
			w.fail(key, "remove one of the two entries", "the key %s stands here twice", show(key.AsLiteral()))
		}
		seen[key.AsLiteral()] = true
	}
}

// loop is what a macro such as exists became.
func (w *walker) loop(e ast.Expr) {
	w.looped = true
	c := e.AsComprehension()
	w.expr(c.IterRange())
	w.expr(c.AccuInit())
	if IsReserved(c.IterVar()) || strings.HasPrefix(c.IterVar(), ".") {
		w.fail(e, "choose another name", "%q is no name for the items of a list", c.IterVar())
	}
	if w.loops++; w.loops == maxLoops+1 {
		w.fail(e, "compute the inner one in a derived attribute", "at most %d of all, exists, exists_one, map and filter may stand in each other", maxLoops)
	}
	outer := len(w.locals)
	w.locals = append(w.locals, c.AccuVar(), c.IterVar())
	w.expr(c.LoopCondition())
	w.expr(c.LoopStep())
	w.locals = w.locals[:outer+1]
	w.expr(c.Result())
	w.locals = w.locals[:outer]
	w.loops--
}

func (w *walker) call(e ast.Expr) {
	c := e.AsCall()
	name := c.FunctionName()
	if w.isNullTest(e) || w.isHas(e) || w.isMacro(e) {
		return
	}
	if isFamily(name) {
		w.family(e)
		return
	}
	if c.IsMemberFunction() {
		w.expr(c.Target())
	}
	w.all(c.Args())
	switch {
	case name == operators.In && c.Args()[1].Kind() == ast.ListKind && c.Args()[1].AsList().Size() == 0:
		// cel-go would answer false without looking whether the value is missing.
		w.fail(e, "list values, or remove the condition", "nothing is in an empty list")
	case name == operators.Index:
		e.SetKindCase(w.make.NewCall(e.ID(), at, c.Args()...))
	case slices.Contains(operatorNames, name):
	case w.isCallable(e):
		w.checkText(c)
		switch name {
		case daysSince, daysUntil:
			e.SetKindCase(w.make.NewCall(e.ID(), name, c.Args()[0], w.hidden(e, asOf)))
		case convertCurrency:
			w.converts = true
			e.SetKindCase(w.make.NewCall(e.ID(), name, c.Args()[0], c.Args()[1], w.hidden(e, ratesName)))
		}
	}
}

// hidden returns a new reading of a variable that people do not write, placed where e is.
func (w *walker) hidden(e ast.Expr, name string) ast.Expr {
	w.nextID++
	if r, ok := w.source.info.GetOffsetRange(e.ID()); ok {
		w.source.info.SetOffsetRange(w.nextID, r)
	}
	return w.make.NewIdent(w.nextID, name)
}

// isNullTest refuses x == null and x != null, with the right way to write them.
func (w *walker) isNullTest(e ast.Expr) bool {
	c := e.AsCall()
	equals := c.FunctionName() == operators.Equals
	if !equals && c.FunctionName() != operators.NotEquals {
		return false
	}
	for i, arg := range c.Args() {
		if arg.Kind() != ast.LiteralKind || arg.AsLiteral() != types.NullValue {
			continue
		}
		other := c.Args()[1-i]
		right := "present(" + nameOf(other) + ")"
		if equals {
			right = "!" + right
		}
		w.fail(e, "write "+right, "a missing attribute is never equal to null")
		if other.Kind() != ast.LiteralKind {
			w.expr(other)
		}
		return true
	}
	return false
}

// isHas refuses has(x), with the right way to write it.
func (w *walker) isHas(e ast.Expr) bool {
	c := e.AsCall()
	if c.FunctionName() != operators.Has || c.IsMemberFunction() || len(c.Args()) != 1 {
		return false
	}
	w.fail(e, "write present("+nameOf(c.Args()[0])+")", "has does not see whether an attribute is missing")
	w.expr(c.Args()[0])
	return true
}

// isMacro refuses a macro that the parser did not expand. Its arguments are left alone: the name that it should bind is not declared.
func (w *walker) isMacro(e ast.Expr) bool {
	name := e.AsCall().FunctionName()
	for _, m := range macros {
		if m.name == name {
			w.fail(e, "write "+m.usage, "%s is not called like this", name)
			return true
		}
	}
	return false
}

// nameOf returns the variable that an expression is, or "x".
func nameOf(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if operand := e.AsSelect().Operand(); operand.Kind() == ast.IdentKind {
			return operand.AsIdent() + "." + e.AsSelect().FieldName()
		}
	}
	return "x"
}

// isCallable checks that a function exists and is called as it can be.
func (w *walker) isCallable(e ast.Expr) bool {
	c := e.AsCall()
	name := c.FunctionName()
	f, known := callable[name]
	if !known {
		w.fail(e, w.instead(name), "there is no function %q", name)
		return false
	}
	style := f.plain
	if c.IsMemberFunction() {
		style = f.method
	}
	if !style.callable {
		w.fail(e, "write "+f.usage, "%s is not called like this", name)
		return false
	}
	if n := len(c.Args()); n < style.least || n > style.most {
		w.fail(e, "write "+f.usage, "%s takes %s, not %d", name, style, n)
		return false
	}
	return true
}

// String returns "1 argument", "2 to 8 arguments".
func (a arity) String() string {
	if a.least == a.most {
		return plural(a.least, "argument")
	}
	return fmt.Sprintf("%d to %s", a.least, plural(a.most, "argument"))
}

// instead says what to call in place of a function that does not exist.
func (w *walker) instead(name string) string {
	names := slices.Sorted(maps.Keys(callable))
	for _, m := range macros {
		names = append(names, m.name)
	}
	if hint := diag.DidYouMean(name, names); hint != "" {
		return hint
	}
	slices.Sort(names)
	return "there are " + strings.Join(names, ", ")
}

// checkText finds texts that are written in the expression and that the function cannot read.
func (w *walker) checkText(c ast.CallExpr) {
	if len(c.Args()) == 0 {
		return
	}
	last := c.Args()[len(c.Args())-1]
	if last.Kind() != ast.LiteralKind {
		return
	}
	literal, ok := last.AsLiteral().(types.String)
	if !ok {
		return
	}
	var err error
	switch c.FunctionName() {
	case toDate:
		_, err = frame.ParseDate(string(literal))
	case toInstant:
		_, err = frame.ParseTimestamp(string(literal))
	case convertCurrency:
		err = checkCurrency(string(literal))
	case "double":
		_, err = parseNumber(string(literal))
	case "matches":
		if len(literal) > maxPatternBytes {
			w.fail(last, "match by several shorter ones", "%v", patternTooLong(len(literal)))
			return
		}
		if _, err = regexp.Compile(string(literal)); err != nil {
			err = patternError(literal, err)
		}
	}
	if err != nil {
		message, remedy := splitAdvice(err)
		w.fail(last, remedy, "%s", message)
	}
}
