package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// headers starts a service by TLS, or in the clear, that keeps the headers of the last call, and returns its address.
func headers(t *testing.T, secured *tls.Config) (address string, last func() metadata.MD) {
	t.Helper()
	var kept metadata.MD
	keep := func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		kept, _ = metadata.FromIncomingContext(ctx)
		return &echelonv1.GetCustomerResponse{Customer: customer("acme")}, nil
	}
	options := []grpc.ServerOption{grpc.UnaryInterceptor(keep)}
	if secured != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(secured)))
	}
	server := grpc.NewServer(options...)
	echelonv1.RegisterCustomerServiceServer(server, &fake{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), func() metadata.MD { return kept }
}

func dial(t *testing.T, target string, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Dial(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestATokenAndForWhomGoWithEveryCall(t *testing.T) {
	address, last := headers(t, nil)
	token := "first"
	c := dial(t, address, client.WithTokenSource(func(context.Context) (string, error) {
		if token == "" {
			return "", errors.New("there is no token any more")
		}
		return token, nil
	}))
	ctx := client.OnBehalfOf(t.Context(), "Zoë")
	for _, token = range []string{"first", "second"} {
		if _, err := c.GetCustomer(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"Bearer " + token, "Zoë"}, append(last()["authorization"], last()["echelon-on-behalf-of-bin"]...)); diff != "" {
			t.Error(diff)
		}
	}
	token = ""
	if _, err := c.GetCustomer(ctx, "acme"); err == nil || !strings.Contains(err.Error(), "no token any more") {
		t.Errorf("a call without a token: %v", err)
	}
}

func TestATokenIsNotSentInTheClearToAnotherMachine(t *testing.T) {
	checkDial(t, "echelon.example:7070", []client.Option{client.WithInsecure(), client.WithBearerToken("x")}, "whoever listens could use the token")
	checkDial(t, "echelon.example:7070", []client.Option{client.WithTLS(nil), client.WithBearerToken("x")}, "")
	checkDial(t, "127.0.0.1:7070", []client.Option{client.WithBearerToken("x")}, "")
}

func TestTLSFilesSecureACallInBothDirections(t *testing.T) {
	authority, folder := identitytest.NewAuthority(t), t.TempDir()
	ca := identitytest.Write(t, folder, "ca.crt", authority.PEM)
	certificate, key := authority.Write(folder, "loader", identitytest.Leaf{CN: "loader"})
	address, last := headers(t, &tls.Config{
		Certificates: []tls.Certificate{authority.Pair(identitytest.Leaf{CN: "server"})}, ClientCAs: authority.Pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})
	for _, test := range []struct {
		name, ca, certificate, key string
		fine                       bool
	}{
		{"all files", ca, certificate, key, true},
		{"no certificate of its own", ca, "", "", false},
		{"the system's authorities", "", certificate, key, false},
	} {
		config, err := client.TLSFiles(test.ca, test.certificate, test.key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = dial(t, address, client.WithTLS(config), client.WithBearerToken("x"), client.WithAttempts(1)).GetCustomer(t.Context(), "acme")
		if (err == nil) != test.fine {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if got := fmt.Sprint(last()["authorization"]); got != "[Bearer x]" {
		t.Errorf("the token that came is %s", got)
	}
	for name, files := range map[string][3]string{
		"no such authorities":       {folder + "/nowhere", "", ""},
		"authorities of no PEM":     {key, "", ""},
		"a certificate without key": {ca, certificate, ""},
		"a key of something else":   {ca, ca, key},
	} {
		if _, err := client.TLSFiles(files[0], files[1], files[2]); err == nil {
			t.Errorf("%s are taken", name)
		}
	}
}

func TestTheAuditLogIsIteratedOverAndWatched(t *testing.T) {
	entry := func(n int64) *echelonv1.AuditEntry { return &echelonv1.AuditEntry{Sequence: n} }
	c := start(t, &fake{
		unary: func(_ string, request any) (any, error) {
			asked := request.(*echelonv1.ListAuditRequest)
			if asked.GetActor() != "ann" {
				return nil, errors.New("the filter is lost")
			}
			if asked.GetPageToken() == "" {
				return &echelonv1.ListAuditResponse{Entries: []*echelonv1.AuditEntry{entry(3), entry(2)}, NextPageToken: "more"}, nil
			}
			return &echelonv1.ListAuditResponse{Entries: []*echelonv1.AuditEntry{entry(1)}}, nil
		},
		watchAudit: func(r *echelonv1.WatchAuditRequest, s grpc.ServerStreamingServer[echelonv1.WatchAuditResponse]) error {
			if !r.GetFollow() || r.GetCursor() != "here" {
				return errors.New("the request is another")
			}
			for n := range int64(3) {
				if err := s.Send(&echelonv1.WatchAuditResponse{Entries: []*echelonv1.AuditEntry{entry(n)}, Cursor: fmt.Sprint(n)}); err != nil {
					return err
				}
			}
			<-s.Context().Done()
			return nil
		},
	})
	listed, err := collect(t, c.Audit(t.Context(), &echelonv1.ListAuditRequest{Actor: "ann"}))
	if err != nil || len(listed) != 3 || listed[2].GetSequence() != 1 {
		t.Errorf("%v, %v", listed, err)
	}
	seen := 0
	for message, err := range c.WatchAudit(t.Context(), "here") {
		if err != nil || message.GetCursor() != fmt.Sprint(seen) {
			t.Fatal(message, err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := collect(t, c.WatchAudit(ctx, "here")); !errors.Is(err, context.Canceled) {
		t.Errorf("a watch that its caller ended: %v", err)
	}
}
