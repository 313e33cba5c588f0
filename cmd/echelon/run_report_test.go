package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/server"
)

// published starts a server with a published run of a tiny model, and returns its address.
func published(t *testing.T) string {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	options := serveOptions{data: t.TempDir(), listen: "127.0.0.1:0", server: server.DefaultConfig()}
	options.server.Log = log
	running, err := start(t.Context(), &options, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.stop)
	in := t.TempDir()
	model, input := filepath.Join(in, "m.yaml"), filepath.Join(in, "in.csv")
	for file, text := range map[string]string{model: tinyModel, input: "id,arr\na,1\nb,90\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{
		{"model", "create", model}, {"model", "activate", "tiny"}, {"import", "--model", model, "--input", input, "--id-column", "id"},
		{"run", "start", "tiny", "--publish"},
	} {
		var out, told bytes.Buffer
		if code := run(t.Context(), append(command, "--address", running.address), &out, &told); code != exitFine {
			t.Fatalf("%v: code %d: %s", command, code, told.String())
		}
	}
	return running.address
}

func TestAnInterruptedReportLeavesNothingHalfDone(t *testing.T) {
	address := published(t)
	in := t.TempDir()
	page, figures := filepath.Join(in, "review.html"), filepath.Join(in, "review.csv")
	if err := os.WriteFile(page, []byte("what was there before"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := func(ctx context.Context, stderr *writer) int {
		return run(ctx, []string{"run", "report", "current:tiny", "--html", page, "--csv", figures, "--address", address}, new(bytes.Buffer), stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &writer{before: func(text string) {
		if strings.Contains(text, "customers read") {
			cancel()
		}
	}}
	code := report(ctx, stderr)
	kept, err := os.ReadFile(page)
	entries, listErr := os.ReadDir(in)
	if code != exitInterrupted || string(kept) != "what was there before" || len(entries) != 1 || err != nil || listErr != nil {
		t.Errorf("code %d, page %.40q, %d files, %v, %v; %s", code, kept, len(entries), err, listErr, stderr.String())
	}
	code = report(t.Context(), &writer{before: func(string) {}})
	kept, err = os.ReadFile(page)
	entries, listErr = os.ReadDir(in)
	if code != exitFine || !strings.HasPrefix(string(kept), "<!DOCTYPE html>") || len(entries) != 2 || err != nil || listErr != nil {
		t.Errorf("code %d, page %.40q, %d files, %v, %v", code, kept, len(entries), err, listErr)
	}
}
