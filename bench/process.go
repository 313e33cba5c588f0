package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// listening is what a server's first line of output begins with; its address follows.
const listening = "serving on "

// process is a server in a process of its own.
type process struct {
	command *exec.Cmd
	address string
}

// launch starts a server and waits until it listens.
func launch(program string, args ...string) (*process, error) {
	command := exec.Command(program, args...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting a server: %w; `make build` makes the binary", err)
	}
	p := &process{command: command}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), listening); ok {
			p.address = address
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s ended before it listened: %w", filepath.Base(program), errors.Join(lines.Err(), command.Wait()))
}

// serve starts Echelon's server over a folder.
func (b *bench) serve(folder string, more ...string) (*process, error) {
	return launch(b.echelon, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", folder, "--log-level", "error"}, more...)...)
}

// peer starts this program again as one of the peers.
func (b *bench) peer(name string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch(self, name)
}

// stop ends the server as a person would.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.command.Wait()
}

// dial connects to the server; messages may be as large as it takes them.
func (p *process) dial() (*grpc.ClientConn, error) {
	return grpc.NewClient(p.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
}

// maxMessage is the largest message, in bytes.
const maxMessage = 16 << 20

// peakMemory returns how much memory the process had at most, in bytes.
func (p *process) peakMemory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("the peak of a process' memory is told by Linux alone: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the process' status has no peak of its memory")
}

// processorTime returns how much of the processors the process has used, in seconds.
func (p *process) processorTime() (float64, error) {
	const user, ticks = 11, 100 // the place of the user's time behind the name, before that of the system's, and ticks a second
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("the time of a process is told by Linux alone: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= user+1 {
		return 0, errors.New("the process' status has no times")
	}
	used, err := strconv.ParseFloat(fields[user], 64)
	system, failed := strconv.ParseFloat(fields[user+1], 64)
	return (used + system) / ticks, errors.Join(err, failed)
}

// peers are the servers that this program is when it is started with their name.
var peers = map[string]func() error{"serve-echo": serveEcho, "serve-nothing": serveNothing}

// listenAndServe serves on a free port of the loopback until the process is asked to end.
func listenAndServe(serve func(net.Listener) error, stop func()) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listening + listener.Addr().String())
	ctx, cancel := terminated()
	defer cancel()
	go func() {
		<-ctx.Done()
		stop()
	}()
	return serve(listener)
}

// within bounds a call that should take seconds.
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Minute)
}

// terminated is over when the process is asked to end.
func terminated() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
}
