package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const example = "../examples/adventureworks/"

// output runs a command and returns what it printed on standard output and on standard error.
func output(t *testing.T, command *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	command.Stdout, command.Stderr = &out, &err
	if failed := command.Run(); failed != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(command.Args, " "), failed, out.String(), err.String())
	}
	return out.String(), err.String()
}

func TestTheDemoAddsUpAsPythonDoes(t *testing.T) {
	ctx := soon(t, 5*time.Minute)
	dir := t.TempDir()
	summary, _ := output(t, exec.CommandContext(ctx, binary, "demo", "--json", "--data", filepath.Join(dir, "demo")))
	kept, tiers := filepath.Join(dir, "summary.json"), filepath.Join(dir, "tiers.csv")
	if err := os.WriteFile(kept, []byte(summary), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, exec.CommandContext(ctx, binary, "score", "--model", example+"model.yaml", "--input", example+"accounts.csv",
		"--id-column", "account_id", "--as-of", "2020-05-31", "--output", tiers))
	said, _ := output(t, exec.CommandContext(ctx, "python3", example+"check.py", example+"accounts.csv", tiers, "--summary", kept))
	t.Log(strings.TrimSpace(said))
}

func TestTheLinesThatTheDemoPrintsWork(t *testing.T) {
	ctx := soon(t, 10*time.Minute)
	dir := t.TempDir()
	folder := filepath.Join(dir, "demo")
	tables, advice := output(t, exec.CommandContext(ctx, binary, "demo", "--data", folder))
	for _, want := range []string{"coverage", "Strategic Partnerships", "rows    701 in = ", "contribution"} {
		if !strings.Contains(tables, want) {
			t.Errorf("the demo does not print %q", want)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "bin", "echelon")); err != nil {
		t.Fatal(err)
	}
	output(t, exec.CommandContext(ctx, "go", "build", "-C", "../tools", "-o", filepath.Join(dir, "bin", "grpcurl"), "github.com/fullstorydev/grpcurl/cmd/grpcurl"))
	server := serve(t, "--data", folder)
	lines := 0
	for line := range strings.Lines(advice) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "grpcurl ") && !strings.HasPrefix(line, "bin/echelon ") || strings.Contains(line, " serve ") {
			continue
		}
		lines++
		if strings.HasPrefix(line, "bin/echelon ") {
			line += " --address " + server.address
		}
		command := exec.CommandContext(ctx, "bash", "-c", strings.ReplaceAll(line, "127.0.0.1:7070", server.address))
		command.Dir = dir
		command.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
		if printed, _ := output(t, command); strings.TrimSpace(printed) == "" {
			t.Errorf("%s prints nothing", line)
		}
	}
	if lines < 5 {
		t.Errorf("the demo prints %d lines to go on with, want at least 5", lines)
	}
	server.stop()
}
