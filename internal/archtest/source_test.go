package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const maxLines = 500

// A source is one Go file that people wrote.
type source struct {
	place string // from the module's folder, with slashes
	text  []byte
	*ast.File
}

func TestFilesKeepTheHabitsOfTheHouse(t *testing.T) {
	sources, err := sourcesIn(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range inspect(sources) {
		t.Error(violation)
	}
}

// sourcesIn reads the Go files of the repository, of its other modules too. Generated ones are left out, and so are folders that git ignores.
func sourcesIn(tree fs.FS) ([]source, error) {
	var sources []source
	err := fs.WalkDir(tree, ".", func(place string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && place != "." {
			ignored := place == "bin" || place == "third_party" || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")
			if ignored {
				return fs.SkipDir
			}
		}
		if entry.IsDir() || path.Ext(place) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, place)
		if err != nil {
			return err
		}
		s, err := parse(place, text)
		if err == nil && !ast.IsGenerated(s.File) {
			sources = append(sources, s)
		}
		return err
	})
	return sources, err
}

func parse(place string, text []byte) (source, error) {
	file, err := parser.ParseFile(token.NewFileSet(), place, text, parser.ParseComments)
	return source{place, text, file}, err
}

// inspect is what is wrong with the files, sorted.
func inspect(sources []source) []string {
	described := map[string]bool{}
	var violations []string
	for _, s := range sources {
		described[path.Dir(s.place)] = described[path.Dir(s.place)] || s.describesPackage()
		if lines := bytes.Count(s.text, []byte("\n")); lines > maxLines {
			violations = append(violations, fmt.Sprintf("%s has %d lines, more than %d: split it, each file has one reason to change", s.place, lines, maxLines))
		}
		if strings.HasSuffix(s.place, "_test.go") {
			continue
		}
		if !s.below("cmd", "examples", "tools", "bench") && (s.calls("fmt", "Print", "Printf", "Println") || s.calls("", "print", "println")) {
			violations = append(violations, s.place+" prints: only commands do; return a value or an error, or take a *slog.Logger")
		}
		if !s.below("server") && s.calls("google.golang.org/grpc/status", "New", "Newf", "Error", "Errorf") {
			violations = append(violations, s.place+" makes a gRPC status: only server does; return a Go error")
		}
	}
	for folder, ok := range described {
		if !ok {
			violations = append(violations, folder+` has no package comment: say in doc.go what it is for ("Package …", "Command …")`)
		}
	}
	slices.Sort(violations)
	return violations
}

func (s source) describesPackage() bool {
	start := "Package " + strings.TrimSuffix(s.Name.Name, "_test") + " "
	if s.Name.Name == "main" {
		start = "Command "
	}
	return s.Doc != nil && strings.HasPrefix(s.Doc.Text(), start)
}

func (s source) below(folders ...string) bool {
	top, _, _ := strings.Cut(s.place, "/")
	return slices.Contains(folders, top)
}

// calls tells whether the file calls one of a package's functions; the package "" is the language itself.
func (s source) calls(packagePath string, functions ...string) bool {
	name := s.nameOf(packagePath)
	if packagePath != "" && name == "" {
		return false
	}
	found := false
	ast.Inspect(s.File, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch function := call.Fun.(type) {
		case *ast.Ident:
			found = found || name == "" && slices.Contains(functions, function.Name)
		case *ast.SelectorExpr:
			from, ok := function.X.(*ast.Ident)
			found = found || ok && name != "" && from.Name == name && slices.Contains(functions, function.Sel.Name)
		}
		return true
	})
	return found
}

// nameOf is what the file calls a package that it imports, or "".
func (s source) nameOf(packagePath string) string {
	for _, spec := range s.Imports {
		if strings.Trim(spec.Path.Value, `"`) != packagePath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(packagePath)
	}
	return ""
}
