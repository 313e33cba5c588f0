package server

import "net"

// listener returns a listener that closes connections above the limit at once, so that those which are there go on.
func (l *load) listener(inner net.Listener) net.Listener { return &boundedListener{inner, l} }

type boundedListener struct {
	net.Listener
	load *load
}

// Accept implements net.Listener.
func (b *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, err := b.load.pool.Try(1, account(limitConnections, "", int64(b.load.limits.MaxConnections)))
		if err == nil {
			return &countedConn{conn, leave}, nil
		}
		b.load.shed.WithLabelValues(limitConnections).Inc()
		_ = conn.Close()
	}
}

// countedConn is a connection that is counted until it is closed.
type countedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
