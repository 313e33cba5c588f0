package archtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var moduleRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\|$")

func TestEachDependencyHasALineInTheDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	imports, err := externalImports()
	if err != nil {
		t.Fatal(err)
	}
	required, err := requiredModules()
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range compareDependencies(string(text), imports, required) {
		t.Error(violation)
	}
}

// compareDependencies is what is imported but not described, and what is described but no direct dependency, sorted.
func compareDependencies(text string, imports, required []string) []string {
	ours, _, _ := strings.Cut(text, "\n## Tools\n")
	var described, violations []string
	for _, row := range moduleRow.FindAllStringSubmatch(ours, -1) {
		described = append(described, row[1])
		if !slices.Contains(required, row[1]) {
			violations = append(violations, "docs/dependencies.md describes "+row[1]+", which go.mod does not require directly: remove the line")
		}
	}
	for _, path := range imports {
		if !slices.ContainsFunc(described, func(module string) bool { return matches([]string{module + "/..."}, path) }) {
			violations = append(violations, path+" is imported, but docs/dependencies.md has no line for its module")
		}
	}
	slices.Sort(violations)
	return violations
}

// externalImports is every package that the module or its tests import from elsewhere, the standard library aside.
func externalImports() ([]string, error) {
	const each = `{{range .Imports}}{{println .}}{{end}}{{range .TestImports}}{{println .}}{{end}}{{range .XTestImports}}{{println .}}{{end}}`
	output, err := runGo("list", "-f", each, "./...")
	if err != nil {
		return nil, err
	}
	imports := strings.Fields(string(output))
	slices.Sort(imports)
	return slices.DeleteFunc(slices.Compact(imports), func(path string) bool {
		host, _, _ := strings.Cut(path, "/")
		return !strings.Contains(host, ".") || matches([]string{module + "/..."}, path)
	}), nil
}

func requiredModules() ([]string, error) {
	output, err := runGo("mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(output, &file); err != nil {
		return nil, fmt.Errorf("go mod edit: %w", err)
	}
	var modules []string
	for _, requirement := range file.Require {
		if !requirement.Indirect {
			modules = append(modules, requirement.Path)
		}
	}
	return modules, nil
}

func TestADependencyAndItsLineGoTogether(t *testing.T) {
	const text = "| module | licence | why |\n|---|---|---|\n| `example.com/used/v2` | MIT | a |\n| `example.com/gone` | MIT | b |\n" +
		"\n## Tools\n\n| `example.com/tool` | MIT | c |\n"
	imports := []string{"example.com/tool", "example.com/used/v2/deep", "example.com/used/v20"}
	want := []string{
		"docs/dependencies.md describes example.com/gone, which go.mod does not require directly: remove the line",
		"example.com/tool is imported, but docs/dependencies.md has no line for its module",
		"example.com/used/v20 is imported, but docs/dependencies.md has no line for its module",
	}
	if diff := cmp.Diff(want, compareDependencies(text, imports, []string{"example.com/used/v2"})); diff != "" {
		t.Error(diff)
	}
}
