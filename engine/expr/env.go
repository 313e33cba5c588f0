package expr

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Limits of an expression.
const (
	// MaxTextBytes is the longest text of an expression, in bytes.
	MaxTextBytes = 32 << 10
	// maxDepth bounds how deep an expression nests, and with it the stack that reading it takes.
	maxDepth = 250
	// maxNodes bounds the tree of an expression, macros expanded.
	maxNodes = 20_000
	// maxLoops bounds how deep loops such as exists nest: each level multiplies the work by the length of a list.
	maxLoops = 2
	// maxCost bounds what an expression with loops may do on one row, in CEL's units of cost, of which a comparison takes about one: some tenths
	// of a second. One loop over the longest list that a row can hold costs less, and so do two over some hundred items each.
	maxCost = 1_000_000
	// maxPatternBytes bounds a regular expression: what it compiles to may be a hundred times as large.
	maxPatternBytes = 1000
)

// asOf is the variable that every environment has: the instant for which a model is evaluated.
const asOf = "as_of"

// namespaces are the names in front of the dot of a variable that another item of the model computes, and what such an item is called.
var namespaces = map[string]string{"segments": "segmentation", "scores": "score", "tiers": "tiering"}

// reservedWords are CEL's.
var reservedWords = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "package", "namespace", "null",
	"return", "true", "var", "void", "while",
}

// IsReserved reports whether no attribute may have this name: CEL's reserved words, and as_of, segments, scores and tiers.
func IsReserved(name string) bool {
	_, namespace := namespaces[name]
	return namespace || name == asOf || slices.Contains(reservedWords, name)
}

// Variable is something that an expression may read.
type Variable struct {
	// Name is as an expression writes it: "arr", "segments.size", "scores.value", "tiers.coverage".
	Name string
	// Kind is what its values are.
	Kind Kind
}

// Env is the variables that expressions may read. It is immutable and may be used by several goroutines.
type Env struct {
	variables []Variable
	index     map[string]int
	missing   []ref.Val
	absent    []*Cause
	zone      *time.Location
	cel       *cel.Env
}

// NewEnv returns the environment of these variables, to which as_of is added, with days in UTC. Two variables of one name, an attribute with a
// reserved name and a dotted name outside segments, scores and tiers are errors.
func NewEnv(vars []Variable) (*Env, error) { return NewEnvIn(vars, time.UTC) }

// NewEnvIn is NewEnv with a time zone, which turns instants into calendar days and hours.
func NewEnvIn(vars []Variable, zone *time.Location) (*Env, error) {
	env := &Env{variables: slices.Clone(vars), index: make(map[string]int, len(vars)), missing: make([]ref.Val, len(vars)), absent: make([]*Cause, len(vars)), zone: zone}
	options := []cel.EnvOption{cel.Variable(asOf, timestampType), cel.Variable(ratesName, ratesType)}
	for i, v := range env.variables {
		if err := checkName(v.Name); err != nil {
			return nil, err
		}
		if _, taken := env.index[v.Name]; taken {
			return nil, fmt.Errorf("the variable %q is declared twice: rename one of them", v.Name)
		}
		env.index[v.Name], env.missing[i], env.absent[i] = i, missing(v.Name), &Cause{Missing: v.Name}
		options = append(options, cel.Variable(v.Name, kinds[v.Kind].cel))
	}
	base, err := baseEnv(zone)
	if err != nil {
		return nil, err
	}
	if env.cel, err = base.Extend(options...); err != nil {
		return nil, fmt.Errorf("declaring the variables: %w", err)
	}
	return env, nil
}

func checkName(name string) error {
	space, _, dotted := strings.Cut(name, ".")
	if _, known := namespaces[space]; dotted && !known {
		return fmt.Errorf("the variable %q has a dot: only segments, scores and tiers stand in front of one", name)
	}
	if !dotted && IsReserved(name) {
		return fmt.Errorf("the name %q is reserved: choose another", name)
	}
	return nil
}

// bases are the environments that were made, by the name of the time zone.
var bases sync.Map

// baseEnv returns what all environments of a time zone share: the grammar, its limits and the functions.
func baseEnv(zone *time.Location) (*cel.Env, error) {
	if made, ok := bases.Load(zone.String()); ok {
		return made.(*cel.Env), nil
	}
	env, err := newBaseEnv(zone)
	if err == nil {
		bases.Store(zone.String(), env)
	}
	return env, err
}

func newBaseEnv(zone *time.Location) (*cel.Env, error) {
	options := []cel.EnvOption{
		// The macro has is left out: it tests fields of messages, of which there are none.
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.MapFilterMacro, cel.FilterMacro),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserExpressionSizeLimit(MaxTextBytes),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.FunctionDecls(logic()...),
	}
	for _, f := range functionsIn(zone) {
		if len(f.overloads) > 0 {
			// The checker has seen to the types, and there are no dynamic ones.
			options = append(options, cel.Function(f.name, append(f.overloads, decls.DisableTypeGuards(true))...))
		}
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("declaring the functions: %w", err)
	}
	return env, nil
}

// programOptions are how expressions are evaluated.
var programOptions = []cel.ProgramOption{
	cel.CustomDecoratorV2(foldConstants),
	cel.EvalOptions(cel.OptOptimize),
}

// foldConstants computes a call whose arguments are constants once; one that errs is left to the rows, which may never come to it.
func foldConstants(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok {
		return node, nil
	}
	for _, arg := range call.Args() {
		if _, constant := arg.(interpreter.InterpretableConst); !constant {
			return node, nil
		}
	}
	value := call.Eval(interpreter.EmptyActivation())
	if isError(value) {
		return node, nil
	}
	return interpreter.NewConstValue(call.ID(), value), nil
}
