package expr

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// lowerer turns a checked expression into steps over columns. What it has no step for is evaluated row by row, as a part of its own.
type lowerer struct {
	env  *Env
	tree *ast.AST
	// parts are the parts that were lowered, by what they compute, so that equal ones are computed once.
	parts map[string]*part
	// shared is how many of them are used more than once.
	shared int
}

// part is a part of an expression, lowered.
type part struct {
	// id names it to the parts that are made of it.
	id   int
	kind Kind
	step step
	// literal tells that the part is written in the expression, and not computed.
	literal bool
	// value is that of a literal.
	value any
	// missingOnly tells that where it cannot be read something is missing, and nothing else wrong.
	missingOnly bool
	// blame says whose fault it is where the part cannot be read: the variable's, or that of one of the args.
	blame    blame
	variable int
	args     []*part
	// row is what is evaluated row by row; nil where the part is evaluated in columns.
	row ast.Expr
	// uses counts the parts that need it, slot is its place among those with several.
	uses, slot int
}

// lowered is an expression as steps over columns.
type lowered struct {
	root *part
	// shared is how many of its parts keep their values for a batch.
	shared int
}

// lower returns the steps of an expression, and nil where all of it is better left to cel-go.
func lower(env *Env, tree *ast.AST) *lowered {
	l := &lowerer{env: env, tree: tree, parts: make(map[string]*part)}
	root := l.lower(tree.Expr())
	if root == nil {
		return nil
	}
	return &lowered{root: root, shared: l.shared}
}

// batch returns the rows of a scope for the expression's steps.
func (x *lowered) batch(env *Env, scope *Scope) batch {
	return batch{env: env, scope: scope, shared: places.Make(scope.Memory, x.shared)}
}

// lower returns a part, or nil where there is no step for it: then its whole is evaluated row by row.
func (l *lowerer) lower(e ast.Expr) *part {
	switch e.Kind() {
	case ast.IdentKind:
		return l.name(e.AsIdent())
	case ast.SelectKind:
		return l.name(e.AsSelect().Operand().AsIdent() + "." + e.AsSelect().FieldName())
	case ast.LiteralKind:
		return l.literal(e)
	case ast.CallKind:
		return l.call(e)
	}
	return nil
}

// operand returns a part that another needs, evaluated row by row where there is no step for it; nil where no column can hold it.
func (l *lowerer) operand(e ast.Expr) *part {
	p := l.lower(e)
	if p == nil {
		p = l.byRow(e)
	}
	return p
}

func (l *lowerer) operands(list []ast.Expr) []*part {
	parts := make([]*part, len(list))
	for i, e := range list {
		if parts[i] = l.operand(e); parts[i] == nil {
			return nil
		}
	}
	return parts
}

// intern returns the part of that key, made by make when it is new. A part that is asked for again keeps its values for the batch: so those that
// are made of it must ask it for its step when they run, and not before.
func (l *lowerer) intern(key string, make func() *part) *part {
	if known, ok := l.parts[key]; ok {
		if known == nil {
			return nil
		}
		if known.uses++; known.uses == 2 && !known.literal {
			known.slot = l.shared
			l.shared++
			known.step = once(known.slot, known.step)
		}
		return known
	}
	p := make()
	l.parts[key] = p
	if p != nil {
		p.id, p.uses = len(l.parts), 1
	}
	return p
}

// once keeps the values of a step for the batch.
func once(slot int, compute step) step {
	return func(b *batch) values {
		if b.shared[slot] == nil {
			v := compute(b)
			b.shared[slot] = &v
		}
		return *b.shared[slot]
	}
}

func (l *lowerer) name(name string) *part {
	if name == asOf {
		return l.intern(asOf, func() *part {
			return &part{kind: Timestamp, missingOnly: true, step: func(b *batch) values { return values{one: true, ints: []int64{b.scope.AsOf}} }}
		})
	}
	i, known := l.env.index[name]
	if !known {
		return nil
	}
	return l.intern("$"+name, func() *part {
		kind := l.env.variables[i].Kind
		return &part{kind: kind, missingOnly: true, step: variable(i, kind), blame: onVariable, variable: i}
	})
}

func (l *lowerer) literal(e ast.Expr) *part {
	switch v := e.AsLiteral().(type) {
	case types.Double:
		return l.constant(Number, float64(v), values{one: true, numbers: []float64{float64(v)}})
	case types.String:
		return l.constant(String, string(v), values{one: true, codes: []uint32{0}, dict: []string{string(v)}})
	case types.Bool:
		holds := bool(v)
		return l.intern(fmt.Sprint("bool:", holds), func() *part {
			return &part{kind: Boolean, literal: true, value: holds, missingOnly: true, step: func(b *batch) values { return values{truth: b.constantTruth(holds)} }}
		})
	}
	return nil
}

func (l *lowerer) constant(kind Kind, value any, v values) *part {
	return l.intern(fmt.Sprintf("%s:%#v", kind, value), func() *part {
		return &part{kind: kind, literal: true, value: value, missingOnly: true, step: func(*batch) values { return v }}
	})
}

// byRow leaves a part to cel-go; nil where no column can hold its values. What reads nothing is computed once and for all.
func (l *lowerer) byRow(e ast.Expr) *part {
	kind, ok := kindOfType(l.tree.GetType(e.ID()))
	if !ok {
		return nil
	}
	proto, err := ast.ToProto(ast.NewCheckedAST(ast.NewAST(e, l.tree.SourceInfo()), l.tree.TypeMap(), l.tree.ReferenceMap()))
	if err != nil {
		return nil
	}
	program, err := l.env.cel.Program(cel.CheckedExprToAst(proto), programOptions...)
	if err != nil {
		return nil
	}
	if isConstant(e) {
		if p := l.computed(kind, program); p != nil {
			return p
		}
	}
	return l.intern(fmt.Sprintf("row:%d", e.ID()), func() *part {
		return &part{kind: kind, row: e, blame: onNobody, step: func(b *batch) values { return b.byRow(kind, program) }}
	})
}

// isConstant reports whether an expression is a call of literals.
func isConstant(e ast.Expr) bool {
	if e.Kind() == ast.LiteralKind {
		return true
	}
	if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() && !isConstant(e.AsCall().Target()) {
		return false
	}
	return !slices.ContainsFunc(e.AsCall().Args(), func(arg ast.Expr) bool { return !isConstant(arg) })
}

// computed returns what a constant part is; nil where it errs.
func (l *lowerer) computed(kind Kind, program cel.Program) *part {
	value, _, err := program.Eval(cel.NoVars())
	if err != nil {
		return nil
	}
	switch v := value.(type) {
	case day:
		return l.constant(kind, int64(v), values{one: true, ints: []int64{int64(v)}})
	case instant:
		return l.constant(kind, int64(v), values{one: true, ints: []int64{int64(v)}})
	case types.Double:
		return l.constant(kind, float64(v), values{one: true, numbers: []float64{float64(v)}})
	case types.String:
		return l.constant(kind, string(v), values{one: true, codes: []uint32{0}, dict: []string{string(v)}})
	}
	return nil
}

// byRow evaluates a part of an expression row by row. What is not a finite number flows on, as it does within cel-go.
func (b *batch) byRow(kind Kind, program cel.Program) values {
	if b.row == nil {
		b.row = newActivation(b.env, b.scope)
	}
	out := newWriter(kind, b.rows())
	out.unchecked = true
	for b.row.at = range b.rows() {
		if b.scope.over() {
			break
		}
		value, _, err := program.Eval(b.row)
		if err != nil {
			out.fail(b.row.at, nil)
			continue
		}
		out.add(b.row.at, value)
	}
	c := out.column
	if kind == Boolean {
		return values{truth: b.truthOf(c.Bits, c.Valid)}
	}
	return values{valid: c.Valid, numbers: c.Numbers, ints: c.Ints, codes: c.Codes, offsets: c.Offsets, dict: c.Dict}
}
