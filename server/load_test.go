package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // a client that compresses
	"google.golang.org/grpc/metadata"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// TestAThousandStreamsAtOnce opens them over ten connections: those that fit work, the others are told when to come again, and nothing stays.
func TestAThousandStreamsAtOnce(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxBulkStreams = 32 })
	h.create(plain)
	h.serving()
	before := goleak.IgnoreCurrent()
	var connections []*grpc.ClientConn
	for range 10 {
		connections = append(connections, h.dial())
	}
	var well, refused atomic.Int64
	var wait, all sync.WaitGroup
	all.Add(1000)
	for i := range 1000 {
		wait.Go(func() {
			stream := h.open(h.context(), connections[i%10], bulkAssign)
			all.Done()
			all.Wait() // every stream is begun before the first one ends
			_ = stream.SendMsg(bulkAssign.header())
			_ = stream.SendMsg(bulkAssign.rows(1, customer("a", attrs{"arr": 60})))
			_ = stream.CloseSend()
			answers, err := collectStream(stream)
			if err == nil && len(answers) == 2 {
				well.Add(1)
				return
			}
			tooManyStreams.shed(t, err)
			refused.Add(1)
		})
	}
	wait.Wait()
	t.Logf("%d went well, %d were refused", well.Load(), refused.Load())
	if well.Load() < 32 || refused.Load() == 0 {
		t.Errorf("%d streams went well, and %d were refused", well.Load(), refused.Load())
	}
	h.released("bulk_streams", "bytes")
	for _, conn := range connections {
		h.must(conn.Close())
	}
	h.healthy()
	h.serving()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// TestTenThousandCallsAtOnce has each of them answered: well, or with the time to come again.
func TestTenThousandCallsAtOnce(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxCalls = 16 })
	h.create(plain)
	before := goleak.IgnoreCurrent()
	var connections []*grpc.ClientConn
	for range 80 {
		connections = append(connections, h.dial())
	}
	request := &echelonv1.BatchScoreCustomersRequest{Evaluator: storedModel("plain"), Customers: manyCustomers("c", 5, attrs{"arr": 60})}
	ctx := h.context()
	var well, refused atomic.Int64
	var wait sync.WaitGroup
	for i := range 10_000 {
		wait.Go(func() {
			response, err := echelonv1.NewScoringServiceClient(connections[i%80]).BatchScoreCustomers(ctx, request)
			if err == nil && len(response.GetResults()) == 5 {
				well.Add(1)
				return
			}
			overloaded.shed(t, err)
			refused.Add(1)
		})
	}
	wait.Wait()
	t.Logf("%d went well, %d were refused", well.Load(), refused.Load())
	if well.Load() == 0 || well.Load()+refused.Load() != 10_000 {
		t.Errorf("%d calls went well, and %d were refused", well.Load(), refused.Load())
	}
	h.released("calls", "bytes")
	for _, conn := range connections {
		h.must(conn.Close())
	}
	h.healthy()
	h.serving()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// TestClientsThatVanishLeaveNothing has clients go without a word: reset, and silent behind a connection that carries nothing any more.
func TestClientsThatVanishLeaveNothing(t *testing.T) {
	for name, vanish := range map[string]func(*tunnel){"reset": (*tunnel).reset, "silent": (*tunnel).silence} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(c *server.Config) { c.StallTimeout = time.Second })
			h.create(plain)
			h.serving()
			before := goleak.IgnoreCurrent()
			tunnel := newTunnel(t, h.address)
			ctx, cancel := context.WithCancel(h.context())
			conn := h.dialAt(tunnel.address)
			for _, p := range []protocol{bulkAssign, importCustomers, calibrate} {
				stream := h.opened(ctx, conn, p)
				h.must(stream.SendMsg(p.rows(1, manyCustomers("c", 100, attrs{"arr": 60})...)))
			}
			h.until(func() bool { return h.limit("echelon_limit_used", "bulk_streams") == 3 })
			vanish(tunnel)
			h.released("bulk_streams", "bytes", "calibrate_bytes")
			cancel()
			h.must(conn.Close())
			tunnel.close()
			h.serving()
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAStreamCutInTheMiddleOfABatch has half of a batch arrive: nothing of it is stored, and what was answered is.
func TestAStreamCutInTheMiddleOfABatch(t *testing.T) {
	h := start(t)
	h.create(plain)
	tunnel := newTunnel(t, h.address)
	conn := h.dialAt(tunnel.address)
	stream := h.opened(h.context(), conn, importCustomers)
	h.must(stream.SendMsg(importCustomers.rows(1, customer("first", attrs{"arr": 1}))))
	_, err := stream.receive()
	h.must(err)
	tunnel.cutAfter(1 << 20)
	large := manyCustomers("half", 100, attrs{"note": strings.Repeat("x", 60<<10)})
	_ = stream.SendMsg(importCustomers.rows(2, large...))
	if _, err := collectStream(stream); statusCode(err) != codes.Unavailable {
		t.Errorf("the client is told %v", err)
	}
	h.released("bulk_streams", "bytes")
	_, err = h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "first"})
	h.must(err)
	_, err = h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "half00000"})
	wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, nil}.check(t, err)
	_ = conn.Close()
	tunnel.close()
}

func TestHugeMessagesAndHeadersAreRefused(t *testing.T) {
	h := start(t)
	h.create(plain)
	upsert := echelonv1.CustomerService_UpsertCustomer_FullMethodName
	call := func(message wire, options ...grpc.CallOption) error {
		options = append(options, grpc.ForceCodec(wireCodec{}), grpc.MaxCallSendMsgSize(1<<30))
		return h.conn.Invoke(h.context(), upsert, message, &echelonv1.UpsertCustomerResponse{}, options...)
	}
	if err := call(make(wire, 100<<20)); statusCode(err) != codes.ResourceExhausted {
		t.Errorf("a message of 100 MB: %v", err)
	}
	h.serving()
	// Zeros are a thousandth of their size when they are compressed.
	if err := call(make(wire, 40<<20), grpc.UseCompressor("gzip")); statusCode(err) != codes.ResourceExhausted {
		t.Errorf("a message that is small only while it is compressed: %v", err)
	}
	h.serving()
	ctx := metadata.AppendToOutgoingContext(h.context(), "note", strings.Repeat("x", 16<<20))
	if _, err := h.models.ListModels(ctx, &echelonv1.ListModelsRequest{}); err == nil {
		t.Error("headers of 16 MB were taken")
	}
	h.serving()
	h.released("calls", "bytes")
}

// TestHeadersThatAClientSendsWhateverItIsToldAreRefused sends what a grpc client would not: it keeps to the limit that the server announces.
func TestHeadersThatAClientSendsWhateverItIsToldAreRefused(t *testing.T) {
	h := start(t)
	conn := h.socket()
	_, err := io.WriteString(conn, http2.ClientPreface)
	h.must(err)
	framer := http2.NewFramer(conn, conn)
	h.must(framer.WriteSettings())
	var block bytes.Buffer
	fields := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/echelon.v1.ModelService/ListModels"}, {":authority", "x"},
		{"content-type", "application/grpc"}} {
		h.must(fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	for i := range 1 << 10 {
		h.must(fields.WriteField(hpack.HeaderField{Name: fmt.Sprintf("note-%d", i), Value: strings.Repeat("x", 16<<10)}))
	}
	rest := block.Bytes()
	piece := func() []byte {
		next := rest[:min(len(rest), 16<<10)]
		rest = rest[len(next):]
		return next
	}
	sending := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: piece(), EndStream: true})
	for len(rest) > 0 && sending == nil {
		next := piece()
		sending = framer.WriteContinuation(1, len(rest) == 0, next)
	}
	// The server resets the stream or ends the connection; it answers nothing.
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			break
		}
		if frame.Header().Type == http2.FrameRSTStream || frame.Header().Type == http2.FrameGoAway {
			break
		}
		if frame.Header().Type == http2.FrameData {
			t.Fatal("headers of 16 MB were answered")
		}
	}
	h.serving()
}

// TestConnectionsThatComeToNothingAreClosed has connections that say nothing, or begin to speak and go on too slowly.
func TestConnectionsThatComeToNothingAreClosed(t *testing.T) {
	h := start(t, func(c *server.Config) { c.HandshakeTimeout, c.IdleTimeout = 100*time.Millisecond, 200*time.Millisecond })
	for name, say := range map[string]func(conn net.Conn) error{
		"nothing is said":        func(net.Conn) error { return nil },
		"half of the preface":    func(conn net.Conn) error { _, err := io.WriteString(conn, http2.ClientPreface[:10]); return err },
		"no call":                func(conn net.Conn) error { return greet(conn) },
		"the headers never end":  func(conn net.Conn) error { return dribble(conn) },
		"what is no HTTP at all": func(conn net.Conn) error { _, err := conn.Write(bytes.Repeat([]byte("\xde\xad"), 100)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", h.address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := say(conn); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
				t.Error("the server keeps the connection")
			}
		})
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// greet begins an HTTP/2 connection.
func greet(conn net.Conn) error {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return err
	}
	return http2.NewFramer(conn, nil).WriteSettings()
}

// dribble begins headers of which the length says more than ever comes.
func dribble(conn net.Conn) error {
	if err := greet(conn); err != nil {
		return err
	}
	header := binary.BigEndian.AppendUint32(nil, 1000<<8|uint32(http2.FrameHeaders))
	header = append(header, byte(http2.FlagHeadersEndHeaders), 0, 0, 0, 1)
	_, err := conn.Write(append(header, 0x83))
	return err
}

// TestConnectionsAboveTheLimitAreClosed has more connections than may be: they are closed, and a new one is taken once one is gone.
func TestConnectionsAboveTheLimitAreClosed(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxConnections = 3 })
	h.serving() // over the first one
	first, second := h.socket(), h.socket()
	for h.limit("echelon_limit_used", "connections") < 3 {
		time.Sleep(time.Millisecond)
	}
	third := h.socket()
	h.must(third.SetReadDeadline(time.Now().Add(30 * time.Second)))
	if n, err := third.Read(make([]byte, 1)); n > 0 || isTimeout(err) {
		t.Error("a connection above the limit is kept")
	}
	h.serving()
	h.must(first.Close())
	h.must(second.Close())
	for h.limit("echelon_limit_used", "connections") > 1 {
		time.Sleep(time.Millisecond)
	}
	if _, err := echelonv1.NewModelServiceClient(h.dial()).ListModels(h.context(), &echelonv1.ListModelsRequest{}); err != nil {
		t.Error(err)
	}
	if n := h.limit("echelon_limit_shed_total", "connections"); n != 1 {
		t.Errorf("%v connections are counted", n)
	}
}

// socket opens a bare connection.
func (h *harness) socket() net.Conn {
	h.Helper()
	conn, err := net.Dial("tcp", h.address)
	h.must(err)
	h.Cleanup(func() { _ = conn.Close() })
	return conn
}

// dialAt opens a grpc connection to another address than the server's own.
func (h *harness) dialAt(address string) *grpc.ClientConn {
	through := *h
	through.address = address
	return through.dial()
}
