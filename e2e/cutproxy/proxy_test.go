package cutproxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/echelonhq/echelon/e2e/cutproxy"
)

// A client sends 3,000 bytes to a server, which first sends as many; with what arrived on both sides a fault shows itself.
func TestEachFaultLetsThroughWhatItSays(t *testing.T) {
	const sent = 3000
	for _, test := range []struct {
		name string
		cutproxy.Fault
		// fromServer and fromClient are how many bytes arrive.
		fromServer, fromClient int
		faults                 int64
		// ends tells whether the proxy ends the connection by itself.
		ends bool
	}{
		{"a whole connection", cutproxy.Fault{After: 10}, sent, sent, 0, false},
		{"a cut in the answer", cutproxy.Fault{Kind: cutproxy.Cut, After: 1001}, 1001, 0, 1, true},
		{"a cut in the request", cutproxy.Fault{Kind: cutproxy.Cut, After: sent + 1001}, sent, 1001, 1, true},
		{"a stall", cutproxy.Fault{Kind: cutproxy.Stall, After: sent + 1000}, sent, 1000, 1, false},
		{"a client that is not heard", cutproxy.Fault{Kind: cutproxy.Mute, After: sent + 1000}, sent, 1000, 1, false},
		{"a server that is not heard", cutproxy.Fault{Kind: cutproxy.Deaf, After: sent + 1000}, sent, sent, 1, false},
		{"a trickle", cutproxy.Fault{Kind: cutproxy.Trickle, After: sent + 1000}, sent, 1500, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			arrived := make(chan int, 1)
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					arrived <- -1
					return
				}
				defer func() { _ = conn.Close() }()
				_, _ = conn.Write(make([]byte, sent))
				n, _ := io.Copy(io.Discard, conn)
				arrived <- int(n)
			}()
			proxy, err := cutproxy.New(func() cutproxy.Fault { return test.Fault })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = proxy.Close() }()
			proxy.To(listener.Addr().String())
			conn, err := net.Dial("tcp", proxy.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			n, err := io.ReadFull(conn, make([]byte, test.fromServer))
			if err != nil {
				t.Fatalf("%d bytes came of the server's: %v", n, err)
			}
			if test.fromServer == sent {
				if _, err := conn.Write(bytes.Repeat([]byte{1}, sent)); err != nil {
					t.Fatal(err)
				}
			}
			if test.ends {
				if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil && errors.Is(err, net.ErrClosed) {
					t.Errorf("%d more bytes came, error %v", n, err)
				}
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil && !test.ends {
				t.Fatal(err)
			}
			if got := <-arrived; got != test.fromClient || proxy.Faults() != test.faults {
				t.Errorf("%d bytes of the client's arrived and %d connections broke, want %d and %d", got, proxy.Faults(), test.fromClient, test.faults)
			}
		})
	}
}
