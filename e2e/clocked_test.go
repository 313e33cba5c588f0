package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/badger"
)

// Variables with which this program is a server on a folder, whose clock is ahead by a duration: days pass between two starts.
const (
	clockedFolder = "ECHELON_E2E_CLOCKED_FOLDER"
	clockedAhead  = "ECHELON_E2E_CLOCKED_AHEAD"
)

// clocked returns the command that starts such a server.
func clocked(t testing.TB, folder string, ahead time.Duration) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), clockedFolder+"="+folder, clockedAhead+"="+ahead.String())
	return command
}

// serveClocked serves until it is killed, and returns the exit code where it cannot.
func serveClocked(folder, ahead string) int {
	err := serveAhead(folder, ahead)
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func serveAhead(folder, ahead string) error {
	shift, err := time.ParseDuration(ahead)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, err := badger.Open(folder, badger.Options{Logger: log})
	if err != nil {
		return err
	}
	config := server.DefaultConfig()
	config.Log, config.Now = log, func() time.Time { return time.Now().Add(shift) }
	s, err := server.New(context.Background(), store, config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("serving on %s\n", listener.Addr())
	return s.Serve(listener)
}
