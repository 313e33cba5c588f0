package expr

import (
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"

	"github.com/echelonhq/echelon/engine/diag"
)

// The functions that read a customer's family. What they give is not computed by the expression: a call is the reading of a variable, which the
// environment has under the name that FamilyCall makes.
const (
	FamilySum   = "family_sum"
	FamilyMax   = "family_max"
	FamilyCount = "family_count"
)

var familyFunctions = []function{
	{name: FamilySum, usage: "family_sum(attribute)", plain: args(1, 1)},
	{name: FamilyMax, usage: "family_max(attribute)", plain: args(1, 1)},
	{name: FamilyCount, usage: "family_count()", plain: args(0, 0)},
}

func isFamily(name string) bool {
	return slices.ContainsFunc(familyFunctions, func(f function) bool { return f.name == name })
}

// FamilyCall is a call of a function that reads a customer's family.
type FamilyCall struct {
	// Function is its name, and Of the attribute, given or derived, that it adds up; empty of family_count.
	Function, Of string
}

// String returns the call as it is written, which is the name of its variable.
func (c FamilyCall) String() string { return c.Function + "(" + c.Of + ")" }

// FamilyCalls returns the calls in an expression that read families and are called as they can be, each once, in the order in which they appear.
// There are none in a text that does not parse.
func FamilyCalls(text string) []FamilyCall {
	if !strings.Contains(text, "family_") {
		return nil
	}
	base, err := baseEnv(time.UTC)
	if err != nil {
		return nil
	}
	parsed, problems := (&Env{cel: base}).parse(text)
	if problems != nil {
		return nil
	}
	var calls []FamilyCall
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if call, ok := familyCall(e); ok && !slices.Contains(calls, call) {
			calls = append(calls, call)
		}
	}))
	return calls
}

// familyCall returns the call that an expression is, if it is one.
func familyCall(e ast.Expr) (call FamilyCall, ok bool) {
	if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() || !isFamily(e.AsCall().FunctionName()) {
		return call, false
	}
	call.Function = e.AsCall().FunctionName()
	arguments := e.AsCall().Args()
	if call.Function == FamilyCount {
		return call, len(arguments) == 0
	}
	if len(arguments) != 1 || arguments[0].Kind() != ast.IdentKind {
		return call, false
	}
	call.Of = arguments[0].AsIdent()
	return call, true
}

// family makes the reading of a variable of a call that reads families.
func (w *walker) family(e ast.Expr) {
	if !w.isCallable(e) {
		return
	}
	call, ok := familyCall(e)
	if !ok || slices.Contains(w.locals, call.Of) || call.Of == asOf {
		w.fail(e, "compute it in a derived attribute, and give that one's name", "%s takes the name of an attribute, given or derived", e.AsCall().FunctionName())
		return
	}
	if call.Of != "" && !w.familyArgument(e.AsCall().Args()[0], call) {
		return
	}
	if _, known := w.env.index[call.String()]; !known {
		w.fail(e, "declare `parent`: the attribute that holds the id of a customer's parent", "the model has no families for %s", call.Function)
		return
	}
	w.read(call.String())
	e.SetKindCase(w.make.NewIdent(e.ID(), call.String()))
}

// familyArgument notes that the attribute of a call is read, and reports whether it is a number.
func (w *walker) familyArgument(of ast.Expr, call FamilyCall) bool {
	if _, namespace := namespaces[call.Of]; namespace || !w.read(call.Of) {
		w.fail(of, diag.DidYouMean(call.Of, w.names("")), "undeclared attribute %q", call.Of)
		return false
	}
	if kind := w.env.variables[w.env.index[call.Of]].Kind; kind != Number {
		w.fail(of, "", "%s adds up numbers, and %s is a %s", call.Function, call.Of, kind)
		return false
	}
	return true
}

// isFamilyVariable reports whether a variable is what a call reads.
func isFamilyVariable(name string) bool { return strings.HasSuffix(name, ")") }

// ReadsFamilies reports whether one of these variables, as Refs gives them, is what a call that reads families became.
func ReadsFamilies(refs []string) bool { return slices.ContainsFunc(refs, isFamilyVariable) }

// FamilyVariable returns the variable of a call.
func FamilyVariable(call FamilyCall) Variable { return Variable{Name: call.String(), Kind: Number} }
