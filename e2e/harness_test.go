package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if folder := os.Getenv(clockedFolder); folder != "" {
		os.Exit(serveClocked(folder, os.Getenv(clockedAhead)))
	}
	dir, err := os.MkdirTemp("", "echelon-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "echelon")
	build := exec.Command("go", "build", "-o", binary, "../cmd/echelon")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// process is a server under test.
type process struct {
	t       testing.TB
	command *exec.Cmd
	address string
	log     *bytes.Buffer
	ended   chan error
}

// serve starts `echelon serve` on a free port and waits until it says where it listens.
func serve(t testing.TB, arguments ...string) *process {
	t.Helper()
	return listening(t, exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, arguments...)...))
}

// listening starts a server and waits until it says where it listens.
func listening(t testing.TB, command *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, command: command, log: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.command.Stderr = p.log
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "serving on "); ok {
			p.address = address
			break
		}
	}
	go func() { p.ended <- p.command.Wait() }()
	t.Cleanup(p.kill)
	if p.address == "" {
		<-p.ended
		p.ended <- nil
		t.Fatalf("the server does not listen; its log:\n%s", p.log)
	}
	return p
}

// kill ends the server as a crash would.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	err := <-p.ended
	p.ended <- err
}

// stop asks the server to end and waits for it.
func (p *process) stop() {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	err := <-p.ended
	p.ended <- err
	if err != nil {
		p.t.Fatalf("the server did not end well: %v; its log:\n%s", err, p.log)
	}
}

// dial returns a client of the server.
func (p *process) dial(options ...client.Option) *client.Client {
	p.t.Helper()
	c, err := client.Dial(p.address, options...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// peakMemory returns the most memory that the server's process ever held, in bytes, as Linux counts it.
func (p *process) peakMemory() int64 {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return kib << 10
		}
	}
	p.t.Fatal("the system does not tell the peak memory of a process")
	return 0
}

// processorTime returns how many seconds of a processor the server's process has had, as Linux counts it.
func (p *process) processorTime() float64 {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	// After the name, which stands in brackets, user and system time are the 12th and 13th fields, in hundredths of a second.
	_, rest, _ := strings.Cut(string(data), ") ")
	fields, hundredths := strings.Fields(rest), 0.0
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		hundredths += n
	}
	return hundredths / 100
}

// each makes a sequence of n customers.
func each(n int, customer func(i int) *echelonv1.Customer) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for i := range n {
			if !yield(customer(i), nil) {
				return
			}
		}
	}
}

// publish runs the active version of a model and publishes the result.
func publish(ctx context.Context, t testing.TB, c *client.Client, request *echelonv1.StartRunRequest) *echelonv1.Run {
	t.Helper()
	run, err := c.StartRun(ctx, request)
	if err == nil {
		run, err = c.WaitRun(ctx, run.GetId(), nil)
	}
	if err == nil {
		run, err = c.PublishRun(ctx, run.GetId())
	}
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// soon bounds a test that waits for a process.
func soon(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}
