package expr

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
)

// Loose is the variables of an environment, and others of which nobody knows what they are, since what computes them has a mistake.
type Loose struct {
	env *Env
	cel *cel.Env
}

// Beside returns an environment's variables beside unknown ones, which it does not have.
func (e *Env) Beside(unknown []string) (*Loose, error) {
	var options []cel.EnvOption
	for _, name := range unknown {
		options = append(options, cel.Variable(name, cel.DynType))
	}
	extended, err := e.cel.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("declaring the variables: %w", err)
	}
	return &Loose{env: e, cel: extended}, nil
}

// Check returns what is wrong with the types of an expression, whatever the unknown variables are; its names must have been checked. Kind is what its
// values are, known where that does not depend on them.
func (l *Loose) Check(text string) (kind Kind, known bool, problems []Problem) {
	parsed, problems := l.env.parse(text)
	if problems != nil {
		return 0, false, problems
	}
	tree := parsed.NativeRep()
	source := sourceOf(text, tree)
	newWalker(l.env, source).expr(tree.Expr()) // which makes all numbers doubles
	checked, issues := l.cel.Check(parsed)
	if issues.Err() == nil {
		kind, known = kindOfType(checked.OutputType())
		return kind, known, nil
	}
	for i, p := range typeProblems(source, tree, issues) {
		// What an unknown value does not fit may be a mistake of that value's own.
		if !strings.Contains(issues.Errors()[i].Message, "dyn") {
			problems = append(problems, p)
		}
	}
	return 0, false, sorted(problems)
}
