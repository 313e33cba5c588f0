package engine_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tests of each rule into docs/rules.md anew")

const (
	repository = ".."
	rulesFile  = "../docs/rules.md"
)

// ruleRow is a row of the tables of docs/rules.md: the id, the rule, its tests.
var ruleRow = regexp.MustCompile(`^\| ([A-Z]+-[0-9]+) \| (.+) \| (.*) \|$`)

// TestEveryRuleHasATestAndEveryTestedRuleIsWritten holds docs/rules.md against the ids in all test files of the repository. A test names a rule
// by its id anywhere in its text, in a comment or in the name of a subtest; a script anywhere.
func TestEveryRuleHasATestAndEveryTestedRuleIsWritten(t *testing.T) {
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	rules := make(map[string]bool)
	for _, line := range strings.Split(string(text), "\n") {
		if found := ruleRow.FindStringSubmatch(line); found != nil {
			if rules[found[1]] {
				t.Errorf("docs/rules.md has the rule %s twice", found[1])
			}
			rules[found[1]] = true
		}
	}
	if len(rules) < 100 {
		t.Fatalf("only %d rules were found in docs/rules.md", len(rules))
	}
	tests := ruleTests(t, families(rules))
	for _, id := range slices.Sorted(maps.Keys(tests)) {
		if !rules[id] {
			t.Errorf("%v names the rule %s, which docs/rules.md does not have", tests[id], id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		if len(tests[id]) == 0 {
			t.Errorf("no test names the rule %s", id)
		}
	}
	want := withTests(text, tests)
	if *update {
		if err := os.WriteFile(rulesFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(text, want) {
		t.Error("docs/rules.md names other tests than there are: run go test ./engine -run Rule -update")
	}
}

// families returns a pattern of the ids whose family the document has, so that UTF-8 is no rule.
func families(rules map[string]bool) *regexp.Regexp {
	known := make(map[string]bool)
	for id := range rules {
		family, _, _ := strings.Cut(id, "-")
		known[family] = true
	}
	return regexp.MustCompile(`\b(?:` + strings.Join(slices.Sorted(maps.Keys(known)), "|") + `)-[0-9]+\b`)
}

// withTests returns the document with the tests of each rule in its last column.
func withTests(text []byte, tests map[string][]string) []byte {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if found := ruleRow.FindStringSubmatch(line); found != nil {
			lines[i] = "| " + found[1] + " | " + found[2] + " | " + strings.Join(tests[found[1]], ", ") + " |"
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

// ruleTests returns the test functions that name each rule, as `folder.Test`, sorted.
func ruleTests(t *testing.T, ids *regexp.Regexp) map[string][]string {
	tests := make(map[string][]string)
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && file != repository && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin" || entry.Name() == "third_party") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(file, "_test.go") && filepath.Ext(file) != ".txtar" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		place, err := filepath.Rel(repository, file)
		if err != nil {
			return err
		}
		return addTests(tests, filepath.ToSlash(place), text, ids)
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range tests {
		slices.Sort(tests[id])
	}
	return tests
}

// addTests adds the tests of one file: its functions, or the file itself where it is a script.
func addTests(tests map[string][]string, place string, text []byte, ids *regexp.Regexp) error {
	add := func(id, test string) {
		if test = "`" + test + "`"; !slices.Contains(tests[id], test) {
			tests[id] = append(tests[id], test)
		}
	}
	if path.Ext(place) == ".txtar" {
		for _, id := range ids.FindAllString(string(text), -1) {
			add(id, place)
		}
		return nil
	}
	named, err := namesOf(place, text, ids)
	for id, functions := range named {
		for _, function := range functions {
			add(id, path.Dir(place)+"."+function)
		}
	}
	return err
}

// namesOf returns the test functions of one file that name each rule. An id outside of a function counts for all tests of the file: it is a
// table of theirs.
func namesOf(place string, text []byte, ids *regexp.Regexp) (map[string][]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, place, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	named := make(map[string][]string)
	within := func(from, to token.Pos, function string) {
		for _, id := range ids.FindAllString(string(text[files.Position(from).Offset:files.Position(to).Offset]), -1) {
			named[id] = append(named[id], function)
		}
	}
	var all []*ast.FuncDecl
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && isTest(f) {
			all = append(all, f)
		}
	}
	for _, declared := range file.Decls {
		f, ok := declared.(*ast.FuncDecl)
		switch {
		case ok && isTest(f):
			within(start(declared), declared.End(), f.Name.Name)
		default:
			for _, f := range all {
				within(start(declared), declared.End(), f.Name.Name)
			}
		}
	}
	return named, nil
}

func isTest(f *ast.FuncDecl) bool {
	for _, kind := range []string{"Test", "Fuzz", "Example", "Benchmark"} {
		if f.Recv == nil && strings.HasPrefix(f.Name.Name, kind) {
			return true
		}
	}
	return false
}

// start returns where a declaration begins, its comment included.
func start(declared ast.Decl) token.Pos {
	switch d := declared.(type) {
	case *ast.FuncDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	}
	return declared.Pos()
}

func TestATestThatNamesARuleIsFound(t *testing.T) {
	ids := regexp.MustCompile(`\b(?:A|B)-[0-9]+\b`)
	named, err := namesOf("x_test.go", []byte(`package x
// rule A-1
func TestOne(t *testing.T) { t.Run("A-2 holds", nil) }
var table = "B-7"
func FuzzTwo(f *testing.F) { /* A-1, UTF-8 */ }
func helper() {}
`), ids)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"A-1": "TestOne FuzzTwo", "A-2": "TestOne", "B-7": "TestOne FuzzTwo", "UTF-8": ""} {
		if got := strings.Join(named[id], " "); got != want {
			t.Errorf("%s is named by %q, want %q", id, got, want)
		}
	}
}
