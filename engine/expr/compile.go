package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// Problem is a mistake in the text of an expression.
type Problem struct {
	// Offset is where in the text it begins, in runes from 0; -1 if it is about the whole.
	Offset int
	// Message says what is wrong, without a full stop.
	Message string
	// Remedy says what to do; may be empty.
	Remedy string
}

// whole is the Offset of a problem of the whole text.
const whole = -1

// Expr is a compiled expression. It is immutable and may be evaluated by several goroutines.
type Expr struct {
	text string
	kind Kind
	refs []string
	// converts tells whether it calls convert.
	converts bool
	env      *Env
	program  cel.Program
	// tree is the checked expression, for those who reason about it.
	tree *ast.AST
	// direct is the variable that the whole expression is, as its place in the environment; -1 where there is something to compute.
	direct int
	// vector are the steps over columns that compute the same as program does row by row; nil where there are no such steps.
	vector *lowered
}

// Text returns the expression as it was written.
func (x *Expr) Text() string { return x.text }

// Kind returns what the values of the expression are.
func (x *Expr) Kind() Kind { return x.kind }

// Refs returns the names of the variables that the expression reads, as_of excepted, each once, in the order in which they appear.
func (x *Expr) Refs() []string { return slices.Clone(x.refs) }

// Converts reports whether the expression converts currencies, and so needs the scope's rates.
func (x *Expr) Converts() bool { return x.converts }

// Compile checks an expression, and returns it or what is wrong with it, in the order of the text.
func (e *Env) Compile(text string) (*Expr, []Problem) {
	parsed, problems := e.parse(text)
	if problems != nil {
		return nil, problems
	}
	tree := parsed.NativeRep()
	source := sourceOf(text, tree)
	w := newWalker(e, source)
	w.expr(tree.Expr())
	if len(w.problems) > 0 {
		return nil, sorted(w.problems)
	}
	checked, issues := e.cel.Check(parsed)
	if issues.Err() != nil {
		return nil, sorted(typeProblems(source, tree, issues))
	}
	tree = checked.NativeRep()
	if problems := checkTypes(source, tree); len(problems) > 0 {
		return nil, sorted(problems)
	}
	x := &Expr{text: text, refs: w.refs, converts: w.converts, env: e, tree: tree, direct: whole}
	var ok bool
	if x.kind, ok = kindOfType(checked.OutputType()); !ok {
		return nil, []Problem{{whole, fmt.Sprintf("the result is %s, which no expression may return", one(cel.FormatCELType(checked.OutputType()))), ""}}
	}
	if root := tree.Expr(); root.Kind() == ast.IdentKind && root.AsIdent() != asOf {
		x.direct = e.index[root.AsIdent()]
		return x, nil
	}
	var err error
	options := programOptions
	if w.looped {
		options = append(slices.Clone(options), cel.CostLimit(maxCost))
	}
	if x.program, err = e.cel.Program(checked, options...); err != nil {
		return nil, []Problem{{whole, causeOf(err).String(), ""}}
	}
	if !w.looped {
		// What loops do on a row is bounded as a whole, so that it stays with cel-go, which counts.
		x.vector = lower(e, tree)
	}
	return x, nil
}

// CheckNames returns what is wrong with an expression's syntax and with the names that it uses, without checking types: for an expression whose
// variables are known, and the kinds of some are not.
func (e *Env) CheckNames(text string) []Problem {
	parsed, problems := e.parse(text)
	if problems != nil {
		return problems
	}
	tree := parsed.NativeRep()
	w := newWalker(e, sourceOf(text, tree))
	w.expr(tree.Expr())
	return sorted(w.problems)
}

// Refs returns the variables that an expression names, as_of excepted, without checking them or their types: each once, in the order in which
// they appear. It is empty where the text does not parse.
func (e *Env) Refs(text string) []string {
	parsed, problems := e.parse(text)
	if problems != nil {
		return nil
	}
	tree := parsed.NativeRep()
	w := newWalker(e, sourceOf(text, tree))
	w.expr(tree.Expr())
	return w.refs
}

func (e *Env) parse(text string) (*cel.Ast, []Problem) {
	switch {
	case len(text) > MaxTextBytes:
		return nil, []Problem{{whole, fmt.Sprintf("the expression has %d bytes, at most %d are allowed", len(text), MaxTextBytes),
			"split it into derived attributes"}}
	case !utf8.ValidString(text):
		return nil, []Problem{{whole, "the expression is no valid UTF-8", "convert the file to UTF-8"}}
	case strings.TrimSpace(text) == "":
		return nil, []Problem{{whole, "the expression is empty", "write one, such as arr > 1000"}}
	}
	parsed, issues := e.cel.Parse(text)
	if issues.Err() != nil {
		return nil, []Problem{syntaxProblem(text, issues)}
	}
	return parsed, nil
}

func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.Compact(problems)
}
