package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/echelonhq/echelon"
	root   = "../.." // the module's folder, from this one
)

// A graph is what each package imports, test files aside. Packages of the module begin with "./".
type graph map[string][]string

func TestImportsGoDownOnly(t *testing.T) {
	packages, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range check(importRules, packages) {
		t.Error(violation)
	}
	for _, place := range unbound(importRules, packages) {
		t.Errorf("no rule names %s: say in importRules what it may import", place)
	}
}

// load asks go for the packages of the module.
func load() (graph, error) {
	output, err := runGo("list", "-json=ImportPath,Imports", "./...")
	if err != nil {
		return nil, err
	}
	packages := graph{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		imports := make([]string, len(listed.Imports))
		for i, path := range listed.Imports {
			imports[i] = relative(path)
		}
		packages[relative(listed.ImportPath)] = imports
	}
}

// runGo is what the go command prints in the module's folder.
func runGo(arguments ...string) ([]byte, error) {
	command := exec.Command("go", arguments...)
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(arguments, " "), err, &stderr)
	}
	return output, nil
}

// relative writes a package of the module as its place in it, and leaves any other as it is.
func relative(path string) string {
	if path == module {
		return "."
	}
	if place, ours := strings.CutPrefix(path, module+"/"); ours {
		return "./" + place
	}
	return path
}

// check is every import that breaks a rule, sorted.
func check(rules []rule, packages graph) []string {
	var violations []string
	for importer, imports := range packages {
		for _, r := range rules {
			if !matches(r.importers, importer) || matches(r.spared, importer) {
				continue
			}
			for _, imported := range imports {
				if matches(r.forbidden, imported) && !matches(r.allowed, imported) {
					violations = append(violations, fmt.Sprintf("%s must not import %s: %s", importer, imported, r.reason))
				}
			}
		}
	}
	slices.Sort(violations)
	return violations
}

// unbound is every package that only rules for all packages bind, sorted.
func unbound(rules []rule, packages graph) []string {
	var places []string
	for place := range packages {
		named := slices.ContainsFunc(rules, func(r rule) bool { return !slices.Contains(r.importers, "./...") && matches(r.importers, place) })
		if !named && !matches(roof, place) {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		parent, below := strings.CutSuffix(pattern, "/...")
		return path == parent || below && strings.HasPrefix(path, parent+"/")
	})
}
