package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
)

// pages are what people read first; what they print is run.
var pages = []string{"README.md", "docs/model.md", "docs/api.md", "docs/review-meeting.md", "docs/operations.md", "docs/architecture.md", "docs/README.md", "docs/from-a-csv.md",
	"docs/configuration.md", "docs/metrics.md", "docs/alerts.md"}

// block is a fenced part of a page.
type block struct {
	page     string
	line     int
	language string
	text     string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

func read(t testing.TB, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced parts of a page, in order.
func blocks(t testing.TB, page string) []block {
	t.Helper()
	var list []block
	open := false
	for i, line := range strings.Split(read(t, page), "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !open:
			open = true
			list = append(list, block{page: page, line: i + 1, language: language})
		case fence:
			open = false
		case open:
			list[len(list)-1].text += line + "\n"
		}
	}
	if open {
		t.Fatalf("%s: the last fence is not closed", page)
	}
	return list
}

// defaultAddress is what the pages say; the test takes a free one instead, since others may use it.
const defaultAddress = "127.0.0.1:7070"

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestWhatThePagesPrintIsRun(t *testing.T) {
	address := freeAddress(t)
	folder := clone(t, address)
	commands := tour(t)
	printed := runAll(t, folder, address, commands)
	for i, command := range commands {
		if command.language == "text" {
			continue
		}
		if i+1 < len(commands) && commands[i+1].language == "text" {
			compare(t, commands[i+1], printed[i])
		}
	}
}

// tour returns what is to be run, each with what it is to print: the README up to where it stops its server, then the other pages, then the rest.
func tour(t *testing.T) []block {
	readme := runnable(t, "README.md")
	stop := slices.IndexFunc(readme, func(b block) bool { return strings.Contains(b.text, "kill %1") })
	if stop < 0 {
		t.Fatal("README.md does not stop the server that it starts")
	}
	list := slices.Clone(readme[:stop])
	for _, page := range pages[1:] {
		list = append(list, runnable(t, page)...)
	}
	return append(list, readme[stop:]...)
}

func runnable(t *testing.T, page string) []block {
	return slices.DeleteFunc(blocks(t, page), func(b block) bool { return b.language != "sh" && b.language != "text" })
}

// clone copies what the pages' commands need into a new folder. The program is there already: CI builds it by make build.
func clone(t *testing.T, address string) string {
	folder := t.TempDir()
	for _, part := range []string{"client", "engine", "examples", "proto", "tools"} {
		if err := os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join("..", part))); err != nil {
			t.Fatal(err)
		}
	}
	example := "examples/client/main.go"
	files := map[string]string{
		"go.mod": read(t, "go.mod"), "go.sum": read(t, "go.sum"),
		"Makefile":    "build:\n\t@test -x bin/echelon\n",
		"bin/echelon": program(address),
		example:       strings.ReplaceAll(read(t, example), defaultAddress, address),
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// program returns a script that runs the program under test as if its default address was another.
func program(address string) string {
	return fmt.Sprintf(`#!/usr/bin/env bash
case "$1 ${2-}" in
  serve*) exec %[1]q "$@" --listen %[2]s ;;
  score* | version* | demo* | "model lint" | "model suggest") exec %[1]q "$@" ;;
  *) if %[1]q "$@" --help 2>&1 | grep -q -- --address; then exec %[1]q "$@" --address %[2]s; else exec %[1]q "$@"; fi ;;
esac
`, binary, address)
}

// mark stands between what the blocks print.
const mark = "=== block "

// runAll runs the commands by one bash, in order, and returns what each printed.
func runAll(t *testing.T, folder, address string, commands []block) []string {
	t.Helper()
	script := "set -euo pipefail\n"
	for i, command := range commands {
		if command.language == "sh" {
			script += fmt.Sprintf("echo; echo '%s%d'\n%s\n", mark, i, strings.ReplaceAll(command.text, defaultAddress, address))
		}
	}
	// A file, not a pipe, which a server that is left behind would hold open.
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script)
	bash.Dir, bash.Stdout, bash.Stderr = folder, out, out
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bash.Cancel = func() error { return syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) }
	failed := bash.Run()
	if bash.Process != nil {
		_ = syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) // the server, where a command before its end failed
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	printed, last := cut(string(text), len(commands))
	if failed != nil {
		t.Fatalf("%s: %v; it printed\n%s", commands[last], failed, printed[last])
	}
	return printed
}

// cut splits what was printed at the marks, and says which block came last.
func cut(text string, n int) (printed []string, last int) {
	printed = make([]string, n)
	for line := range strings.Lines(text) {
		if _, err := fmt.Sscanf(line, mark+"%d", &last); err == nil {
			continue
		}
		printed[last] += line
	}
	return printed, last
}

// compare reports a line of a page that was not printed after the line before it. A … stands for anything, alone for any lines.
func compare(t *testing.T, want block, printed string) {
	t.Helper()
	left := strings.Split(printed, "\n")
	for i, line := range strings.Split(strings.TrimRight(want.text, "\n"), "\n") {
		if line == "…" {
			continue
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$")
		found := slices.IndexFunc(left, func(got string) bool { return pattern.MatchString(strings.TrimRight(got, " ")) })
		if found < 0 {
			t.Errorf("%s:%d: %q was not printed there; this was:\n%s", want.page, want.line+1+i, line, printed)
			return
		}
		left = left[found+1:]
	}
}

func TestGoOnThePagesIsThatOfTheExample(t *testing.T) {
	program := read(t, "examples/client/main.go")
	found := 0
	for _, page := range pages {
		for _, b := range blocks(t, page) {
			if b.language != "go" {
				continue
			}
			found++
			if !strings.Contains(program, b.text) {
				t.Errorf("%s: examples/client/main.go does not have these lines", b)
			}
		}
	}
	if found == 0 {
		t.Error("no page shows Go")
	}
}

func TestModelsOnThePagesLeaveNothingToFind(t *testing.T) {
	models := 0
	for _, page := range pages {
		for _, b := range blocks(t, page) {
			if b.language != "yaml" || !strings.HasPrefix(b.text, "name:") {
				continue
			}
			models++
			model, source, found := modelfile.Parse(b.String(), []byte(b.text))
			if !found.HasMistakes() {
				_, meaning := engine.Compile(model)
				found = source.Locate(meaning)
			}
			for _, finding := range found {
				t.Error(finding)
			}
		}
	}
	if models == 0 {
		t.Error("no page shows a model")
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range append(slices.Clone(pages), "CHANGELOG.md") {
		for _, found := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := page
			if target != "" {
				to = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join("..", to)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, found[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, to)), anchor) {
				t.Errorf("%s: %s has no heading #%s", page, to, anchor)
			}
		}
	}
}

// anchors returns what headings are linked by.
func anchors(text string) []string {
	var list []string
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.ReplaceAll(noWord.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return list
}
