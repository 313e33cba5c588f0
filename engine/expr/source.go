package expr

import (
	"slices"

	"cel.dev/cel-go/common/ast"
)

// source is where in the text the parts of an expression stand.
type source struct {
	text []rune
	info *ast.SourceInfo
}

func sourceOf(text string, tree *ast.AST) source { return source{[]rune(text), tree.SourceInfo()} }

// offset returns where in the text an expression begins, in runes; -1 if that is not known. Calls are known by their parenthesis, and
// operations by their sign; of the former the offset of the function's name is returned.
func (s source) offset(e ast.Expr) int {
	if e == nil {
		return whole
	}
	place, ok := s.info.GetOffsetRange(e.ID())
	if !ok {
		return whole
	}
	start := int(place.Start)
	if e.Kind() != ast.CallKind {
		return start
	}
	name := []rune(e.AsCall().FunctionName())
	if before := start - len(name); before >= 0 && start <= len(s.text) && slices.Equal(s.text[before:start], name) {
		return before
	}
	return start
}
