package main

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// serve starts a server on a free port, in memory, and sets $ADDRESS: serve [FLAG...]. The end of the script stops it, and it must stop in order.
func serve(ts *testscript.TestScript, not bool, args []string) {
	if not {
		ts.Fatalf("usage: serve [FLAG...]")
	}
	command := exec.Command("echelon", append([]string{"serve", "--memory", "--listen", "127.0.0.1:0"}, args...)...)
	var log bytes.Buffer
	command.Dir, command.Stderr = ts.MkAbs("."), &log
	stdout, err := command.StdoutPipe()
	ts.Check(err)
	ts.Check(command.Start())
	ts.Defer(func() {
		ts.Check(command.Process.Signal(syscall.SIGTERM))
		if err := command.Wait(); err != nil {
			ts.Fatalf("the server ended with %v; its log:\n%s", err, &log)
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "serving on "); ok {
			ts.Setenv("ADDRESS", address)
			return
		}
	}
	ts.Fatalf("the server does not listen; its log:\n%s", &log)
}
