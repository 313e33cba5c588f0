package server_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// tunnel carries connections to a server until it is told to spoil them.
type tunnel struct {
	listener net.Listener
	address  string
	to       string
	// left is how many bytes go to the server still; below 0 there is no bound.
	left   atomic.Int64
	silent chan struct{}
	mute   func()
	wait   sync.WaitGroup

	mu    sync.Mutex
	conns []*net.TCPConn
}

func newTunnel(t *testing.T, to string) *tunnel {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tunnel{listener: listener, address: listener.Addr().String(), to: to, silent: make(chan struct{})}
	p.mute = sync.OnceFunc(func() { close(p.silent) })
	p.left.Store(-1)
	p.wait.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *tunnel) accept() {
	for {
		inner, err := p.listener.Accept()
		if err != nil {
			return
		}
		outer, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = inner.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, inner.(*net.TCPConn), outer.(*net.TCPConn))
		p.mu.Unlock()
		p.wait.Go(func() { p.carry(outer, inner, true) })
		p.wait.Go(func() { p.carry(inner, outer, false) })
	}
}

// carry copies from one side to the other, as long as it may.
func (p *tunnel) carry(to, from net.Conn, counted bool) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		select {
		case <-p.silent:
			continue // read, so that the sender notices nothing, and lost
		default:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		if counted && p.left.Load() >= 0 && p.left.Add(-int64(n)) < 0 {
			p.reset()
			return
		}
	}
}

// cutAfter resets all connections after so many more bytes to the server.
func (p *tunnel) cutAfter(n int64) { p.left.Store(n) }

// silence carries nothing any more, and leaves the connections open.
func (p *tunnel) silence() { p.mute() }

// reset ends all connections as a machine does that fell over: without a goodbye.
func (p *tunnel) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}
	p.conns = nil
}

func (p *tunnel) close() {
	_ = p.listener.Close()
	p.reset()
	p.wait.Wait()
}
