package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/server"
)

const referencePage = "../../docs/configuration.md"

// TestConfigurationReference compares the tables of the page with the flags; -update writes them.
func TestConfigurationReference(t *testing.T) {
	data, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, group := range knownSettings() {
		name := group.Name
		if name == "" {
			name = "serve"
		}
		page = between(t, page, name, settingsTable(group))
	}
	page = between(t, page, "variables", variablesTable())
	if *update {
		if err := os.WriteFile(referencePage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(data), page); diff != "" {
		t.Errorf("docs/configuration.md is not what the flags say: run go test ./cmd/echelon -run Reference -update\n%s", diff)
	}
}

// between puts a text between the marks of a name.
func between(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(page, begin)
	_, after, also := strings.Cut(rest, end)
	if !ok || !also {
		t.Fatalf("docs/configuration.md has no marks %q", name)
	}
	return before + begin + text + end + after
}

func settingsTable(group config.Group) string {
	var b strings.Builder
	b.WriteString("| key | flag | variable | value | default | meaning |\n|---|---|---|---|---|---|\n")
	for _, s := range group.Settings() {
		fmt.Fprintf(&b, "| `%s` | `--%s` | `%s` | %s | %s | %s |\n", s.Key, s.Flag.Name, s.Variable, unit(s.Flag), standard(s.Flag), s.Flag.Usage)
	}
	return b.String()
}

// unit says what a value is: its type, and what it counts where the name tells.
func unit(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "`true`, `false`"
	case "string":
		return "text"
	case "duration":
		return "duration: `90s`, `5m`"
	case "stringSlice", "stringArray":
		return "list of texts"
	case "float64", "float32":
		return "number"
	}
	for _, of := range []string{"bytes", "mib", "days"} {
		if strings.HasSuffix(f.Name, "-"+of) {
			return "whole number of " + strings.Replace(of, "mib", "MiB", 1)
		}
	}
	return "whole number"
}

func standard(f *pflag.Flag) string {
	if f.DefValue == "" || f.DefValue == "[]" {
		return "none"
	}
	return "`" + f.DefValue + "`"
}

func variablesTable() string {
	var b strings.Builder
	b.WriteString("| variable | |\n|---|---|\n")
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range config.Variables {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, config.Variables[name])
	}
	return b.String()
}

func TestReferenceExamplesAreTakenAsTheyStand(t *testing.T) {
	data, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	var examples [][]byte
	for _, found := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(data, -1) {
		examples = append(examples, found[1])
	}
	for _, file := range []string{"../../deploy/echelon.yaml", "../../deploy/container.yaml"} {
		deployed, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples = append(examples, deployed)
	}
	if len(examples) < 2 {
		t.Fatal("the page has no example")
	}
	for _, example := range examples {
		name := filepath.Join(t.TempDir(), "echelon.yaml")
		if err := os.WriteFile(name, example, 0o600); err != nil {
			t.Fatal(err)
		}
		c, o := &cli{configFile: name}, &serveOptions{server: server.DefaultConfig()}
		flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		o.bind(flags)
		settings, err := config.Load([]config.Group{{Flags: flags}, {Name: clientGroup, Flags: callFlags()}}, knownSettings(), c.configFile, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.check(settings)
		if len(settings.Findings) > 0 {
			t.Errorf("%v\n%s", settings.Findings, example)
		}
	}
}
