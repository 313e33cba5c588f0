package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// checkTypes finds what the checker lets pass and rows could not hold: values whose kind is known only at run time, and keys of other kinds.
func checkTypes(source source, tree *ast.AST) []Problem {
	var problems []Problem
	nodes, _ := index(tree)
	for id, t := range tree.TypeMap() {
		node := nodes[id]
		empty := kindIn(node) == ast.ListKind && node.AsList().Size() == 0 || kindIn(node) == ast.MapKind && node.AsMap().Size() == 0
		switch {
		case empty && isDynamic(t):
			problems = append(problems, Problem{source.offset(node), "nothing says what kind of items this could have", "leave it out, or write an item"})
		case kindIn(node) == ast.MapKind && !isKey(t.Parameters()[0]):
			problems = append(problems, Problem{source.offset(node),
				"the keys of a map must be strings, numbers or booleans, not " + many(cel.FormatCELType(t.Parameters()[0])), ""})
		}
	}
	if len(problems) > 0 {
		return problems
	}
	for _, t := range tree.TypeMap() {
		if isDynamic(t) {
			return []Problem{{whole, "the kind of a value is not known before it is evaluated", ""}}
		}
	}
	return nil
}

func isKey(t *types.Type) bool {
	return t.IsExactType(stringType) || t.IsExactType(numberType) || t.IsExactType(booleanType)
}

// isDynamic reports whether a type, or a part of it, is known only at run time.
func isDynamic(t *types.Type) bool {
	if t.Kind() == types.DynKind || t.Kind() == types.TypeParamKind || t.Kind() == types.ErrorKind {
		return true
	}
	for _, p := range t.Parameters() {
		if isDynamic(p) {
			return true
		}
	}
	return false
}
