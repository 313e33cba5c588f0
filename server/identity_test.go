package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

const audience = "echelon-test"

// site is a server that authenticates, behind TLS on a real socket, and what its callers need.
type site struct {
	*harness
	authority *identitytest.Authority
	issuer    *identitytest.Issuer
	folder    string
	tokens    map[string]string // by principal
	clock     atomic.Pointer[time.Time]
}

// roleNames are those of principals with one role each; "nobody" has none.
var roleNames = []string{"read", "write", "publish", "admin"}

func newSite(t *testing.T, change ...func(*server.Config)) *site {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return newSiteOf(t, store, change...)
}

func newSiteOf(t *testing.T, store storage.Store, change ...func(*server.Config)) *site {
	t.Helper()
	s := &site{authority: identitytest.NewAuthority(t), issuer: identitytest.NewIssuer(t), folder: t.TempDir(), tokens: make(map[string]string)}
	s.set(noon)
	s.writePrincipals(t, "")
	ca := identitytest.Write(t, s.folder, "ca.crt", s.authority.PEM)
	certificate, key := s.authority.Write(s.folder, "server", identitytest.Leaf{CN: "server"})
	log := slog.New(slog.DiscardHandler)
	secured, err := identity.ServerTLS(identity.TLSFiles{Certificate: certificate, Key: key, ClientCA: ca}, log)
	if err != nil {
		t.Fatal(err)
	}
	authenticator, err := identity.NewAuthenticator(t.Context(), identity.Config{
		File: filepath.Join(s.folder, "principals.yaml"), Now: s.now, Log: log,
		OIDC: &identity.OIDC{Issuer: s.issuer.URL(), Audience: audience, KeysURL: s.issuer.KeysURL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	identified := func(c *server.Config) { c.TLS, c.Authenticator, c.Now = secured, authenticator, s.now }
	s.harness = serve(t, store, append(change, identified)...)
	return s
}

func (s *site) now() time.Time    { return *s.clock.Load() }
func (s *site) set(now time.Time) { s.clock.Store(&now) }

// writePrincipals writes the file: for each role a token, one that has expired, and a certificate's name. Lines of more are added.
func (s *site) writePrincipals(t testing.TB, more string) {
	t.Helper()
	text := "tokens:\n"
	add := func(name, role, expires string) {
		if s.tokens[name] == "" {
			s.tokens[name] = identity.NewToken()
		}
		hash, err := identity.HashToken(s.tokens[name])
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("  - {principal: %s, roles: [%s], sha256: %s%s}\n", name, role, hash, expires)
	}
	for _, role := range roleNames {
		add("token-"+role, role, "")
		add("late-"+role, role, ", expires: "+noon.Format(time.RFC3339))
		add("soon-"+role, role, ", expires: "+noon.Add(time.Hour).Format(time.RFC3339))
	}
	text += more + "certificates:\n"
	for _, role := range roleNames {
		text += fmt.Sprintf("  - {principal: certificate-%s, cn: cn-%s, roles: [%s]}\n", role, role, role)
		text += fmt.Sprintf("  - {principal: uri-%s, uri: \"spiffe://echelon.example/%s\", roles: [%s]}\n", role, role, role)
	}
	identitytest.Write(t, s.folder, "principals.yaml", []byte(text))
}

func (s *site) claims(role string) map[string]any {
	return map[string]any{
		"iss": s.issuer.URL(), "aud": audience, "sub": "jwt-" + role, "roles": []string{role, "a role of others"},
		"exp": noon.Add(time.Hour).Unix(), "iat": noon.Add(-time.Hour).Unix(),
	}
}

func with(claims map[string]any, name string, value any) map[string]any {
	claims[name] = value
	return claims
}

// connect opens a connection by TLS, with a client certificate where one is given.
func (s *site) connect(certificates ...tls.Certificate) *grpc.ClientConn {
	s.Helper()
	secured := credentials.NewTLS(&tls.Config{RootCAs: s.authority.Pool(), Certificates: certificates, MinVersion: tls.VersionTLS12})
	conn, err := grpc.NewClient("passthrough:///"+s.address, grpc.WithTransportCredentials(secured))
	s.must(err)
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

func bearing(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// rpc is a method of a service, called with an empty message, which is enough to know whether it lets one in.
type rpc struct {
	name           string
	client, server bool // whether it streams
}

func rpcs(t testing.TB) []rpc {
	t.Helper()
	var all []rpc
	protoregistry.GlobalFiles.RangeFilesByPackage("echelon.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for k := range service.Methods().Len() {
				m := service.Methods().Get(k)
				all = append(all, rpc{fmt.Sprintf("/%s/%s", service.FullName(), m.Name()), m.IsStreamingClient(), m.IsStreamingServer()})
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("there are %d RPCs", len(all))
	}
	return all
}

func (r rpc) call(ctx context.Context, conn *grpc.ClientConn) error {
	if !r.client && !r.server {
		return conn.Invoke(ctx, r.name, &emptypb.Empty{}, &emptypb.Empty{})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: r.client, ServerStreams: r.server}, r.name)
	if err != nil {
		return err
	}
	// Where the call has ended already, Send fails with EOF, and receiving tells why.
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		if err := stream.RecvMsg(&emptypb.Empty{}); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil || !r.server {
			return err
		}
	}
}

// includes is what each role may call, written down again so that a slip in the code's own rules is seen.
var includes = map[string][]string{
	"read": {"read"}, "write": {"read", "write"}, "publish": {"read", "publish"}, "admin": {"read", "write", "publish", "admin"},
}

// admits is the role that each RPC needs.
var admits = map[string]string{
	"ScoreCustomer": "read", "BatchScoreCustomers": "read", "Calibrate": "read", "BulkAssign": "read",
	"EraseCustomer":  "admin",
	"UpsertCustomer": "write", "GetCustomer": "read", "DeleteCustomer": "write", "ImportCustomers": "write", "ExportCustomers": "read",
	"CreateModel": "write", "ValidateModel": "read", "ListModels": "read", "GetModel": "read", "ActivateModel": "publish",
	"StartRun": "write", "GetRun": "read", "ListRuns": "read", "PublishRun": "publish", "RollBack": "publish",
	"GetAssignment": "read", "ListAssignments": "read", "ExportAssignments": "read",
	"ListAudit": "admin", "WatchAudit": "admin", "Backup": "admin",
	"WatchAssignments": "read", "GetHistory": "read",
	"GetFamily":   "read",
	"SetOverride": "write", "GetOverride": "read", "ListOverrides": "read", "DeleteOverride": "write", "ImportOverrides": "write",
	"ListReviewItems": "read", "ResolveReviewItems": "write",
	"RenameAttribute": "admin", "RetireAttribute": "admin",
	"GetSchema": "read", "ListCalibrations": "read", "GetCalibration": "read", "WatchRun": "read", "CancelRun": "write",
	"CompareRuns": "read",
	"PreviewRun":  "read", "ExplainAssignment": "read",
	"ApproveRun": "publish", "WithdrawApproval": "publish",
}

func TestEveryRPCLetsInTheRightRolesAndNobodyElse(t *testing.T) {
	s := newSite(t)
	open := s.connect()
	stranger := s.connect(s.authority.Pair(identitytest.Leaf{CN: "stranger"}))
	unauthenticated := wanted{code: codes.Unauthenticated, reason: echelonv1.ErrorReason_UNAUTHENTICATED}
	for _, r := range rpcs(t) {
		t.Run(r.name, func(t *testing.T) {
			for name, ctx := range map[string]context.Context{
				"no credentials":                 s.context(),
				"a scheme that is not ours":      metadata.AppendToOutgoingContext(s.context(), "authorization", "Basic "+s.tokens["token-admin"]),
				"an empty token":                 bearing(s.context(), ""),
				"two tokens":                     bearing(bearing(s.context(), s.tokens["token-admin"]), s.tokens["token-admin"]),
				"an unknown token":               bearing(s.context(), identity.NewToken()),
				"the hash of a token":            bearing(s.context(), "abc"+s.tokens["token-admin"]),
				"an unsigned token":              bearing(s.context(), s.issuer.Unsigned(s.claims("admin"))),
				"a forged token":                 bearing(s.context(), s.issuer.Forge(s.claims("admin"))),
				"a token by the public key":      bearing(s.context(), s.issuer.SignByPublicKey(s.claims("admin"))),
				"a token for another audience":   bearing(s.context(), s.issuer.Sign(with(s.claims("admin"), "aud", "somebody-else"))),
				"a token of another issuer":      bearing(s.context(), s.issuer.Sign(with(s.claims("admin"), "iss", "https://elsewhere.example"))),
				"a token that is not valid yet":  bearing(s.context(), s.issuer.Sign(with(s.claims("admin"), "nbf", noon.Add(time.Hour).Unix()))),
				"a token of nobody":              bearing(s.context(), s.issuer.Sign(with(s.claims("admin"), "sub", ""))),
				"a token of nobody in the file":  bearing(s.context(), "a.b.c"),
				"a token without an end":         bearing(s.context(), s.issuer.Sign(with(s.claims("admin"), "exp", nil))),
				"an expired token of the issuer": bearing(s.context(), s.issuer.Sign(with(s.claims("admin"), "exp", noon.Unix()))),
			} {
				t.Run(name, func(t *testing.T) { unauthenticated.check(t, r.call(ctx, open)) })
			}
			t.Run("an unknown certificate", func(t *testing.T) { unauthenticated.check(t, r.call(s.context(), stranger)) })
			needed := admits[r.name[strings.LastIndex(r.name, "/")+1:]]
			if needed == "" {
				t.Errorf("this test does not say which role %s needs", r.name)
			}
			for _, role := range roleNames {
				s.checkRole(t, open, r, role, needed)
			}
			err := r.call(bearing(s.context(), s.issuer.Sign(s.claims("a role of others"))), open)
			wanted{codes.PermissionDenied, echelonv1.ErrorReason_PERMISSION_DENIED, nil, []string{needed, "none"}}.check(t, err)
		})
	}
	s.set(noon.Add(-time.Minute))
	if err := (rpc{name: "/echelon.v1.AuditService/ListAudit"}).call(bearing(s.context(), s.tokens["late-admin"]), open); err != nil {
		t.Errorf("a token that has not expired yet is refused: %v", err)
	}
}

// checkRole calls an RPC as each kind of principal with a role.
func (s *site) checkRole(t *testing.T, open *grpc.ClientConn, r rpc, role, needed string) {
	t.Helper()
	allowed := strings.Contains(strings.Join(includes[role], " "), needed)
	for credential, call := range map[string]func() error{
		"token": func() error { return r.call(bearing(s.context(), s.tokens["token-"+role]), open) },
		"jwt":   func() error { return r.call(bearing(s.context(), s.issuer.Sign(s.claims(role))), open) },
		"certificate": func() error {
			return r.call(s.context(), s.connect(s.authority.Pair(identitytest.Leaf{CN: "cn-" + role})))
		},
		"uri": func() error {
			return r.call(s.context(), s.connect(s.authority.Pair(identitytest.Leaf{CN: "x", URI: "spiffe://echelon.example/" + role})))
		},
	} {
		err := call()
		if code := status.Code(err); allowed && (code == codes.Unauthenticated || code == codes.PermissionDenied || code == codes.Unavailable) {
			t.Errorf("a %s with the role %s is refused: %v", credential, role, err)
		}
		if !allowed {
			wanted{codes.PermissionDenied, echelonv1.ErrorReason_PERMISSION_DENIED, nil, []string{"the role " + needed, credential + "-" + role}}.check(t, err)
		}
	}
	late := r.call(bearing(s.context(), s.tokens["late-"+role]), open)
	wanted{codes.Unauthenticated, echelonv1.ErrorReason_UNAUTHENTICATED, nil, []string{"expired at 2026-01-31T12:00:00Z"}}.check(t, late)
	// A wrong token is not made good by a certificate.
	both := s.connect(s.authority.Pair(identitytest.Leaf{CN: "cn-admin"}))
	wanted{code: codes.Unauthenticated, reason: echelonv1.ErrorReason_UNAUTHENTICATED}.check(t, r.call(bearing(s.context(), "wrong"), both))
}

func TestCallsThatAreNotLetInAreCountedAndLogged(t *testing.T) {
	s := newSite(t)
	conn := s.connect()
	for method, ctx := range map[string]context.Context{"GetRun": s.context(), "ImportCustomers": bearing(s.context(), "wrong")} {
		for _, r := range rpcs(t) {
			if strings.HasSuffix(r.name, "/"+method) {
				wanted{code: codes.Unauthenticated, reason: echelonv1.ErrorReason_UNAUTHENTICATED}.check(t, r.call(ctx, conn))
			}
		}
		if n := s.handled(method, codes.Unauthenticated); n != 1 {
			t.Errorf("%v calls of %s are counted", n, method)
		}
		if log := s.log.String(); !strings.Contains(log, "grpc.method="+method) || !strings.Contains(log, "Unauthenticated") || strings.Contains(log, "wrong") {
			t.Errorf("the log of %s:\n%s", method, log)
		}
	}
}

func TestHealthNeedsNoCredentialsAndReflectionAnyPrincipal(t *testing.T) {
	s := newSite(t)
	open := s.connect()
	checked, err := healthv1.NewHealthClient(open).Check(s.context(), &healthv1.HealthCheckRequest{})
	if err != nil || checked.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("the health is %v, %v", checked, err)
	}
	reflect := func(ctx context.Context) error {
		stream, err := reflectionv1.NewServerReflectionClient(open).ServerReflectionInfo(ctx)
		s.must(err)
		// A stream that was refused already cannot be sent on; what was wrong comes with the answer.
		if err := stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); !errors.Is(err, io.EOF) {
			s.must(err)
		}
		s.must(stream.CloseSend())
		_, err = collect(stream.Recv)
		return err
	}
	wanted{code: codes.Unauthenticated, reason: echelonv1.ErrorReason_UNAUTHENTICATED}.check(t, reflect(s.context()))
	for _, role := range roleNames {
		if err := reflect(bearing(s.context(), s.tokens["token-"+role])); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func TestConnectionsThatDoNotFitAreNotMade(t *testing.T) {
	s := newSite(t)
	others := identitytest.NewAuthority(t)
	list := rpc{name: "/echelon.v1.ModelService/ListModels"}
	for name, config := range map[string]*tls.Config{
		"a client certificate of another authority": {RootCAs: s.authority.Pool(), Certificates: []tls.Certificate{others.Pair(identitytest.Leaf{CN: "cn-admin"})}},
		"a client certificate that has expired": {RootCAs: s.authority.Pool(), Certificates: []tls.Certificate{
			s.authority.Pair(identitytest.Leaf{CN: "cn-admin", NotAfter: time.Now().Add(-time.Hour)})}},
		"a server of an authority that the client does not trust": {RootCAs: others.Pool()},
		"a server of another name":                                {RootCAs: s.authority.Pool(), ServerName: "elsewhere.example"},
		"an old protocol":                                         {RootCAs: s.authority.Pool(), MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := grpc.NewClient("passthrough:///"+s.address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
			s.must(err)
			defer func() { _ = conn.Close() }()
			if err := list.call(bearing(s.context(), s.tokens["token-admin"]), conn); status.Code(err) != codes.Unavailable {
				t.Errorf("the call ends with %v", err)
			}
		})
	}
	if err := list.call(bearing(s.context(), s.tokens["token-admin"]), s.dial()); status.Code(err) != codes.Unavailable {
		t.Errorf("a call in the clear ends with %v", err)
	}
	if err := list.call(bearing(s.context(), s.tokens["token-read"]), s.connect()); err != nil {
		t.Errorf("the server does not go on: %v", err)
	}
}

func TestAStreamEndsWhenItsCredentialsDo(t *testing.T) {
	s := newSite(t)
	conn := s.connect()
	admin := bearing(s.context(), s.tokens["token-admin"])
	_, err := echelonv1.NewModelServiceClient(conn).CreateModel(admin, &echelonv1.CreateModelRequest{Model: model(t, plain)})
	s.must(err)
	for name, test := range map[string]struct {
		token string
		lose  func()
		words string
		code  codes.Code
	}{
		"a static token expires":        {s.tokens["soon-write"], func() { s.set(noon.Add(time.Hour)) }, "expired", codes.Unauthenticated},
		"a token of the issuer expires": {s.issuer.Sign(s.claims("write")), func() { s.set(noon.Add(time.Hour)) }, "expired", codes.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			s.set(noon)
			stream, err := echelonv1.NewCustomerServiceClient(conn).ImportCustomers(bearing(s.context(), test.token))
			s.must(err)
			s.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{}}}))
			batch := func(n int64) *echelonv1.ImportCustomersRequest {
				return importCustomers.rows(n, customer(fmt.Sprint("c", n), nil)).(*echelonv1.ImportCustomersRequest)
			}
			_, err = stream.Recv()
			s.must(err)
			s.must(stream.Send(batch(1)))
			_, err = stream.Recv()
			s.must(err)
			test.lose()
			s.must(stream.Send(batch(2)))
			_, err = stream.Recv()
			wanted{test.code, echelonv1.ErrorReason_UNAUTHENTICATED, nil, []string{test.words}}.check(t, err)
			if got := lastSequence(err); got != "1" {
				t.Errorf("the last sequence is %q", got)
			}
			s.set(noon)
			_, err = echelonv1.NewCustomerServiceClient(conn).GetCustomer(admin, &echelonv1.GetCustomerRequest{CustomerId: "c2"})
			wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_CUSTOMER_NOT_FOUND}.check(t, err)
		})
	}
}
