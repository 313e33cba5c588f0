package client_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestDialTakesThisMachineInTheClearAndOthersWithCredentials(t *testing.T) {
	for _, test := range []struct {
		name, target string
		options      []client.Option
		want         string // part of the error, or none
	}{
		{"IPv4 loopback", "127.0.0.1:7070", nil, ""},
		{"another address of the loopback", "127.1.2.3:7070", nil, ""},
		{"IPv6 loopback", "[::1]:7070", nil, ""},
		{"localhost", "localhost:7070", nil, ""},
		{"localhost with a scheme", "dns:///localhost:7070", nil, ""},
		{"a Unix socket", "unix:///run/echelon.sock", nil, ""},
		{"a Unix socket without a name", "unix-abstract:echelon", nil, ""},
		{"another machine", "echelon.example:7070", nil, "another machine: give WithTLS or WithTransportCredentials"},
		{"another address", "10.0.0.1:7070", nil, "another machine"},
		{"a name that begins with localhost", "localhost.example:7070", nil, "another machine"},
		{"another machine with a scheme", "dns:///echelon.example:7070", nil, "another machine"},
		{"another machine in the clear, as told", "echelon.example:7070", []client.Option{client.WithInsecure()}, ""},
		{"no port", "localhost", nil, `target "localhost" is no address: write HOST:PORT`},
		{"an empty port", "localhost:", nil, "write HOST:PORT"},
		{"no host", ":7070", nil, "write HOST:PORT"},
		{"nothing", "", nil, "write HOST:PORT"},
	} {
		t.Run(test.name, func(t *testing.T) { checkDial(t, test.target, test.options, test.want) })
	}
}

func TestDialRefusesOptionsOutOfRange(t *testing.T) {
	for _, test := range []struct {
		name   string
		option client.Option
		want   string
	}{
		{"no rows", client.WithBatchRows(0), "WithBatchRows(0): a batch has 1 to 10000 rows"},
		{"one row", client.WithBatchRows(1), ""},
		{"as many rows as the service takes", client.WithBatchRows(10_000), ""},
		{"a row more", client.WithBatchRows(10_001), "WithBatchRows(10001)"},
		{"no window", client.WithWindow(0), "WithWindow(0): 1 to 1024 batches"},
		{"a window beyond bounds", client.WithWindow(1025), "WithWindow(1025)"},
		{"no attempt", client.WithAttempts(0), "WithAttempts(0): a call is made 1 to 20 times"},
		{"one attempt", client.WithAttempts(1), ""},
		{"too many attempts", client.WithAttempts(21), "WithAttempts(21)"},
		{"no patience", client.WithStallTimeout(0), "WithStallTimeout(0s): the time must be positive"},
		{"negative patience", client.WithStallTimeout(-time.Second), "WithStallTimeout(-1s)"},
		{"no resuming", client.WithResume(0), ""},
		{"fewer attempts than none", client.WithResume(-1), "WithResume(-1): 0 or more attempts"},
		{"no pause", client.WithBackoff(0, time.Second), "WithBackoff(0s, 1s): the first pause must be positive"},
		{"a first pause beyond the longest", client.WithBackoff(2*time.Second, time.Second), "WithBackoff(2s, 1s)"},
		{"nobody who is told", client.WithResuming(nil), "WithResuming(nil): give a function"},
	} {
		t.Run(test.name, func(t *testing.T) { checkDial(t, "127.0.0.1:7070", []client.Option{test.option}, test.want) })
	}
}

func TestDialNamesEveryMistakeAtOnce(t *testing.T) {
	_, err := client.Dial("nowhere", client.WithBatchRows(-1), client.WithWindow(-1))
	for _, want := range []string{"WithBatchRows(-1)", "WithWindow(-1)", `"nowhere"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func checkDial(t *testing.T, target string, options []client.Option, want string) {
	t.Helper()
	c, err := client.Dial(target, options...)
	switch {
	case want == "" && err != nil:
		t.Errorf("%v, want no error", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
	if err == nil {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestACallReachesAServiceOnTheLoopback(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor((&fake{unary: func(string, any) (any, error) {
		return &echelonv1.GetCustomerResponse{Customer: customer("acme")}, nil
	}}).intercept))
	echelonv1.RegisterCustomerServiceServer(server, &fake{})
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	c, err := client.Dial(listener.Addr().String(), client.WithAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetCustomer(t.Context(), "acme")
	if err != nil || got.GetId() != "acme" {
		t.Errorf("got %v, error %v", got, err)
	}
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := c.GetCustomer(t.Context(), "acme"); !client.IsUnavailable(err) {
		t.Errorf("a call of a service that stopped failed with %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
