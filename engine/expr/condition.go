package expr

import (
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/parser"
)

// Condition is a boolean expression as far as it is and, or, not of comparisons with constants: one of [And], [Or], [Not], [If], [Truth],
// [Comparison], [Presence] and [Opaque]. It is true, false or, where it reads what is missing, neither; and and or absorb that as CEL's do.
type Condition interface{ condition() }

// And is true where both are true, and false where one is false.
type And struct{ Left, Right Condition }

// Or is true where one is true, and false where both are false.
type Or struct{ Left, Right Condition }

// Not is true where the condition is false.
type Not struct{ Of Condition }

// If is Then where the condition is true, and Else where it is false.
type If struct{ Of, Then, Else Condition }

// Truth is always what it says.
type Truth bool

// Comparison compares a term with constants; where the term cannot be read, neither can it.
type Comparison struct {
	Term Term
	Op   Op
	// Constants is one constant; of In one or more. They are of the term's kind; of Contains texts.
	Constants []Constant
	// Offsets is where in the text each constant begins, in runes from 0; -1 where that is not known.
	Offsets []int
}

// Presence is true where a variable is not missing, and false where it is.
type Presence struct{ Variable Term }

// Opaque is anything else that is a boolean. Equal keys stand for equal values.
type Opaque struct {
	Key string
	// Offset is where in the text it begins, in runes from 0; -1 where that is not known.
	Offset int
}

func (And) condition()        {}
func (Or) condition()         {}
func (Not) condition()        {}
func (If) condition()         {}
func (Truth) condition()      {}
func (Comparison) condition() {}
func (Presence) condition()   {}
func (Opaque) condition()     {}

// Term is what is compared: a variable, or what is computed. Terms with equal keys have equal values for a customer.
type Term struct {
	// Key is the variable's name, or the text of what is computed.
	Key string
	// Variable tells whether it is a variable as it stands.
	Variable bool
	// Kind is what its values are.
	Kind Kind
	// Offset is where in the text it begins, in runes from 0; -1 where that is not known.
	Offset int
}

// Op is how a term is compared with a constant.
type Op uint8

// The comparisons.
const (
	// Equal is ==.
	Equal Op = iota
	// NotEqual is !=.
	NotEqual
	// Less is <.
	Less
	// AtMost is <=.
	AtMost
	// Greater is >.
	Greater
	// AtLeast is >=.
	AtLeast
	// In is whether the term is one of several constants.
	In
	// Contains is whether the term, a list, has the constant among its items.
	Contains
)

// Condition returns the expression as a condition; Opaque as a whole where it is no boolean.
func (x *Expr) Condition() Condition {
	r := x.reader()
	root := x.tree.Expr()
	if x.kind != Boolean {
		return r.opaque(root)
	}
	return r.condition(root)
}

// Comparisons returns the comparisons of variables with constants in an expression of whatever kind, those within computed values too. Loops
// are left out: the names of their items hide those of variables.
func (x *Expr) Comparisons() []Comparison {
	r := x.reader()
	var list []Comparison
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		if c, ok := r.comparison(e); ok && c.Term.Variable {
			list = append(list, c)
		}
		switch e.Kind() {
		case ast.CallKind:
			if e.AsCall().IsMemberFunction() {
				visit(e.AsCall().Target())
			}
			for _, arg := range e.AsCall().Args() {
				visit(arg)
			}
		case ast.ListKind:
			for _, item := range e.AsList().Elements() {
				visit(item)
			}
		case ast.MapKind:
			for _, entry := range e.AsMap().Entries() {
				visit(entry.AsMapEntry().Value())
			}
		}
	}
	visit(x.tree.Expr())
	return list
}

// reader reads conditions from a checked tree.
type reader struct {
	env    *Env
	tree   *ast.AST
	source source
}

func (x *Expr) reader() reader { return reader{x.env, x.tree, sourceOf(x.text, x.tree)} }

func (r reader) condition(e ast.Expr) Condition {
	if value, ok := constant(e); ok {
		return Truth(value.Bool)
	}
	if name, ok := r.variable(e); ok {
		return Comparison{r.term(e, name), Equal, []Constant{{Kind: Boolean, Bool: true}}, []int{whole}}
	}
	if e.Kind() != ast.CallKind {
		return r.opaque(e)
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd:
		return And{r.condition(args[0]), r.condition(args[1])}
	case operators.LogicalOr:
		return Or{r.condition(args[0]), r.condition(args[1])}
	case operators.LogicalNot:
		return Not{r.condition(args[0])}
	case operators.Conditional:
		return If{r.condition(args[0]), r.condition(args[1]), r.condition(args[2])}
	case "present":
		if name, ok := r.variable(args[0]); ok {
			return Presence{r.term(args[0], name)}
		}
	case "coalesce":
		if name, value, ok := r.coalesced(e); ok {
			return If{Presence{name}, r.condition(args[0]), Truth(value.Bool)}
		}
	}
	if c, ok := r.defaulted(e); ok {
		return c
	}
	if truth, ok := decided(e.AsCall()); ok {
		return truth
	}
	c, ok := r.comparison(e)
	if !ok || c.Op == Contains {
		return r.opaque(e)
	}
	return c
}

// decided returns what a comparison of two constants is.
func decided(c ast.CallExpr) (Truth, bool) {
	op, known := comparisons[c.FunctionName()]
	if !known {
		return false, false
	}
	left, isLeft := constant(c.Args()[0])
	right, isRight := constant(c.Args()[1])
	if !isLeft || !isRight {
		return false, false
	}
	return Truth(Comparison{Op: op, Constants: []Constant{right}}.Holds(left)), true
}

// comparison reads a comparison of something with constants.
func (r reader) comparison(e ast.Expr) (Comparison, bool) {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return Comparison{}, false
	}
	name, left, right := e.AsCall().FunctionName(), e.AsCall().Args()[0], e.AsCall().Args()[1]
	if name == operators.In {
		return r.membership(left, right)
	}
	op, known := comparisons[name]
	if !known {
		return Comparison{}, false
	}
	value, ok := constant(right)
	if !ok {
		value, ok = constant(left)
		left, right, op = right, left, turned[op]
	}
	if !ok {
		return Comparison{}, false
	}
	return Comparison{r.term(left, ""), op, []Constant{value}, []int{r.source.offset(right)}}, true
}

// membership reads x in [constants], and constant in list.
func (r reader) membership(item, list ast.Expr) (Comparison, bool) {
	if value, ok := constant(item); ok {
		name, variable := r.variable(list)
		return Comparison{r.term(list, name), Contains, []Constant{value}, []int{r.source.offset(item)}}, variable
	}
	if list.Kind() != ast.ListKind {
		return Comparison{}, false
	}
	c := Comparison{Term: r.term(item, ""), Op: In}
	for _, e := range list.AsList().Elements() {
		value, ok := constant(e)
		if !ok {
			return Comparison{}, false
		}
		c.Constants, c.Offsets = append(c.Constants, value), append(c.Offsets, r.source.offset(e))
	}
	return c, true
}

// defaulted reads a comparison of coalesce(variable, constant) with constants: the variable is compared where it is present, else the constant.
func (r reader) defaulted(e ast.Expr) (Condition, bool) {
	c, ok := r.comparison(e)
	if !ok || c.Op == Contains {
		return nil, false
	}
	for _, side := range e.AsCall().Args() {
		if variable, value, ok := r.coalesced(side); ok {
			c.Term = variable
			return If{Presence{variable}, c, Truth(c.Holds(value))}, true
		}
	}
	return nil, false
}

// coalesced reads coalesce(variable, constant).
func (r reader) coalesced(e ast.Expr) (Term, Constant, bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "coalesce" || len(e.AsCall().Args()) != 2 {
		return Term{}, Constant{}, false
	}
	args := e.AsCall().Args()
	name, variable := r.variable(args[0])
	value, ok := constant(args[1])
	return r.term(args[0], name), value, variable && ok
}

// variable returns the variable that an expression is. The checker has made one name of segments.size.
func (r reader) variable(e ast.Expr) (string, bool) {
	if e.Kind() != ast.IdentKind {
		return "", false
	}
	if _, known := r.env.index[e.AsIdent()]; !known {
		return "", false
	}
	return e.AsIdent(), true
}

// term describes what is compared; name is the variable that it is, where that is known.
func (r reader) term(e ast.Expr, name string) Term {
	if name == "" {
		name, _ = r.variable(e)
	}
	kind, _ := kindOfType(r.tree.GetType(e.ID()))
	t := Term{Key: name, Variable: name != "", Kind: kind, Offset: r.source.offset(e)}
	if !t.Variable {
		t.Key = r.key(e)
	}
	return t
}

func (r reader) opaque(e ast.Expr) Opaque { return Opaque{r.key(e), r.source.offset(e)} }

// key returns a text that stands for the value of an expression: what it reads as, or else something that no other expression has.
func (r reader) key(e ast.Expr) string {
	text, err := parser.Unparse(e, r.source.info, parser.WrapOnColumn(MaxTextBytes), parser.WrapAfterColumnLimit(false))
	if err != nil {
		return string(r.source.text) + "#" + strconv.FormatInt(e.ID(), 10)
	}
	return text
}
