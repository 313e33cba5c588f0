package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/examples/internal/exampletest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server over a store in memory and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	store := memory.New()
	s, err := server.New(context.Background(), store, server.Config{DrainTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// commands returns the commands of the README that need a server, but for the one that starts it.
func commands(t *testing.T) [][]string {
	t.Helper()
	_, section, found := strings.Cut(exampletest.Read(t, "README.md"), "\n## Quickstart, with a server")
	if !found {
		t.Fatal("examples/README.md has no section on the quickstart with a server")
	}
	var list [][]string
	for line := range strings.Lines(section) {
		if words := strings.Fields(line); strings.HasPrefix(line, "    echelon ") && words[1] != "serve" {
			list = append(list, words[1:])
		}
	}
	return list
}

func TestProgramPrintsWhatTheReadmeShows(t *testing.T) {
	t.Chdir("..")
	binary, address := exampletest.Build(t), serve(t)
	for _, arguments := range commands(t) {
		exampletest.Run(t, binary, append(arguments, "--address", address)...)
	}
	var printed bytes.Buffer
	if err := run(context.Background(), address, &printed); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(exampletest.Read(t, "README.md"), "\n```\n"+printed.String()+"```\n") {
		t.Errorf("examples/README.md does not show this:\n%s", &printed)
	}
}

func TestProgramSaysThatNothingIsPublished(t *testing.T) {
	err := run(context.Background(), serve(t), &bytes.Buffer{})
	if reason := client.ReasonOf(err); reason != echelonv1.ErrorReason_MODEL_NOT_FOUND {
		t.Errorf("got %v, want MODEL_NOT_FOUND", err)
	}
}
