// Package cutproxy is a TCP proxy for tests that breaks connections in the ways that networks do.
package cutproxy

import (
	"net"
	"sync"
	"sync/atomic"
)

// Kind is how a connection breaks.
type Kind int

// The kinds.
const (
	// Whole connections are left alone.
	Whole Kind = iota
	// Cut closes both sides at once, in the middle of whatever was on its way.
	Cut
	// Stall keeps both sides open and lets nothing through any more.
	Stall
	// Deaf lets nothing through from the server any more, while what the client sends still arrives.
	Deaf
	// Mute lets nothing through from the client any more, while what the server sends still arrives.
	Mute
	// Trickle lets some more bytes through one at a time, and then cuts.
	Trickle
)

// Kinds are all kinds that break a connection.
var Kinds = []Kind{Cut, Stall, Deaf, Mute, Trickle}

// trickled is how many bytes of a Trickle go through one at a time.
const trickled = 500

// Fault is how and when a connection breaks.
type Fault struct {
	// Kind is how.
	Kind Kind
	// After is how many bytes go through before, those of both directions together.
	After int64
}

// Proxy forwards connections to one place and breaks them.
type Proxy struct {
	listener net.Listener
	plan     func() Fault
	faults   atomic.Int64
	wait     sync.WaitGroup

	mu     sync.Mutex
	to     string
	open   map[net.Conn]bool
	closed bool
}

// New returns a proxy on a free port of this machine. The plan tells for each new connection how it breaks; one goroutine at a time calls it.
func New(plan func() Fault) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, plan: plan, open: make(map[net.Conn]bool)}
	p.wait.Go(p.accept)
	return p, nil
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// To sets where connections go that are made from now on.
func (p *Proxy) To(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = address
}

// Faults is how many connections were broken.
func (p *Proxy) Faults() int64 { return p.faults.Load() }

// Close ends the proxy and all its connections.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	err := p.listener.Close()
	for conn := range p.open {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.wait.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		fault := p.plan()
		p.wait.Go(func() { p.forward(client, fault) })
	}
}

// forward joins a client with the server until the connection broke and both are closed.
func (p *Proxy) forward(client net.Conn, fault Fault) {
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		_ = client.Close()
		return
	}
	j := &join{proxy: p, client: client, server: server, fault: fault}
	j.left.Store(fault.After)
	if !p.keep(client, server) {
		return
	}
	defer p.forget(client, server)
	var both sync.WaitGroup
	both.Go(func() { j.pump(client, server, Mute) })
	both.Go(func() { j.pump(server, client, Deaf) })
	both.Wait()
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		if p.closed {
			_ = conn.Close()
			continue
		}
		p.open[conn] = true
	}
	return !p.closed
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(p.open, conn)
	}
}

// join is a client and a server that are joined.
type join struct {
	proxy          *Proxy
	client, server net.Conn
	fault          Fault
	// left is how many bytes go through before the fault; below 0 it is there.
	left atomic.Int64
	// trickled is how many bytes went through one at a time.
	trickled atomic.Int64
	once     sync.Once
}

// pump forwards what one side sends to the other; dropped is the kind of fault that affects this direction alone.
func (j *join) pump(from, to net.Conn, dropped Kind) {
	defer j.closeBoth()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !j.pass(to, buffer[:n], dropped) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass forwards bytes, as far as the fault lets them, and reports whether the connection goes on.
func (j *join) pass(to net.Conn, data []byte, dropped Kind) bool {
	if j.fault.Kind == Whole {
		_, err := to.Write(data)
		return err == nil
	}
	left := j.left.Add(-int64(len(data)))
	if left >= 0 {
		_, err := to.Write(data)
		return err == nil
	}
	j.once.Do(func() { j.proxy.faults.Add(1) })
	before := max(0, int64(len(data))+left)
	if _, err := to.Write(data[:before]); err != nil {
		return false
	}
	return j.broken(to, data[before:], dropped)
}

// broken does with bytes what the fault does.
func (j *join) broken(to net.Conn, data []byte, dropped Kind) bool {
	switch j.fault.Kind {
	case Cut:
		return false
	case Trickle:
		for i := range data {
			if j.trickled.Add(1) > trickled {
				return false
			}
			if _, err := to.Write(data[i : i+1]); err != nil {
				return false
			}
		}
		return true
	case Mute, Deaf:
		if j.fault.Kind != dropped {
			_, err := to.Write(data)
			return err == nil
		}
	}
	return true
}

// closeBoth ends both sides; a cut leaves the peers a reset, as a network that is gone does.
func (j *join) closeBoth() {
	for _, conn := range []net.Conn{j.client, j.server} {
		if tcp, ok := conn.(*net.TCPConn); ok && j.fault.Kind == Cut && j.fault.After%2 == 0 {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}
