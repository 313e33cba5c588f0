package modelfile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/echelonhq/echelon/engine/diag"
)

// Source knows where in a file each value of a model stands. It does not change after [Parse] and may be used by several goroutines.
type Source struct {
	file  string
	text  *text
	spots map[string]spot
}

// spot is where a value stands: its node and, if it is the value of a field or an entry, the key's.
type spot struct{ key, value *yaml.Node }

// Locate returns the findings with their places and source lines filled in by their paths and offsets, sorted and without repetitions. A path that the
// file does not hold, such as that of a missing field, gets the place of the nearest part that it does hold. A finding that has a line keeps it.
// Locate of a nil Source, for a model that came from no file, only sorts.
func (s *Source) Locate(l diag.List) diag.List {
	out := slices.Clone(l)
	if s != nil {
		for i := range out {
			s.locate(&out[i])
		}
	}
	out.Sort()
	return out
}

// Holds reports whether the file holds a value at a path, whether or not it could be read.
func (s *Source) Holds(path string) bool {
	_, held := s.spots[path]
	return held
}

func (s *Source) locate(f *diag.Finding) {
	if f.Place.Line == 0 {
		f.Place = s.find(f.Path, f.Offset)
	}
	f.Place.File = s.file
	f.Source = s.text.line(f.Place.Line)
}

// find returns the place of a path, or of its nearest parent.
func (s *Source) find(path string, offset int) diag.Place {
	sp, ok := s.spots[path]
	if ok && offset >= 0 && sp.value.Kind == yaml.ScalarNode {
		if line, column, ok := s.text.within(sp.value, offset); ok {
			return diag.Place{Line: line, Column: s.text.column(line, column)}
		}
	}
	for !ok && path != "" {
		path = parent(path)
		sp, ok = s.spots[path]
	}
	switch {
	case !ok:
		return diag.Place{}
	case sp.key != nil && (sp.value.Kind != yaml.ScalarNode || isNull(sp.value)):
		return s.place(sp.key)
	}
	return s.place(sp.value)
}

// place returns where a node begins.
func (s *Source) place(n *yaml.Node) diag.Place {
	return diag.Place{Line: n.Line, Column: s.text.column(n.Line, n.Column)}
}

// parent returns the path without its last step; the parent of a single name is "".
func parent(path string) string {
	switch {
	case strings.HasSuffix(path, `"]`):
		return path[:max(0, strings.LastIndex(path, `["`))] // within the quotes a quote is escaped, so this one opens them
	case strings.HasSuffix(path, "]"):
		return path[:max(0, strings.LastIndexByte(path, '['))]
	}
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}
