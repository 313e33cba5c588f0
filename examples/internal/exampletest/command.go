package exampletest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build builds the command and returns its path.
func Build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "echelon")
	Run(t, "go", "build", "-o", binary, "github.com/echelonhq/echelon/cmd/echelon")
	return binary
}

// Score runs `echelon score` over an example and returns what it printed. The assignments go to output.
func Score(t *testing.T, binary string, e Example, output string, flags ...string) string {
	t.Helper()
	arguments := []string{
		"score", "--model", e.Model, "--input", e.Customers, "--id-column", e.IDColumn, "--output", output, "--as-of", e.AsOf,
	}
	return Run(t, binary, append(arguments, flags...)...)
}

// Run runs a command that must succeed and returns what it printed.
func Run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(name, arguments...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, stdout, &stderr)
	}
	return string(stdout)
}

// Write writes a file that the test needs.
func Write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Read returns a file's text.
func Read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
