package main

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

func TestAnAddressThatOthersCanReachNeedsTLSAndAuthentication(t *testing.T) {
	nothing := identityOptions{}
	secured := identityOptions{tls: identity.TLSFiles{Certificate: "server.crt", Key: "server.key"}}
	tokens := identityOptions{file: "principals.yaml"}
	both := identityOptions{tls: secured.tls, file: tokens.file}
	issuer := identityOptions{tls: secured.tls, oidc: identity.OIDC{Issuer: "https://id.example.org", Audience: "echelon"}}
	const local, elsewhere = "127.0.0.1:7070", "192.0.2.1:7070"
	for _, test := range []struct {
		name     string
		options  identityOptions
		address  string
		insecure bool
		want     string // part of the error, or none
	}{
		{"loopback", nothing, local, false, ""},
		{"another address of the loopback", nothing, "127.8.8.8:7070", false, ""},
		{"IPv6 loopback", nothing, "[::1]:7070", false, ""},
		{"localhost", nothing, "localhost:7070", false, ""},
		{"another machine's address", nothing, elsewhere, false, "neither traffic nor callers"},
		{"every address", nothing, ":7070", false, "neither traffic nor callers"},
		{"a name", nothing, "echelon.example:7070", false, "neither traffic nor callers"},
		{"a name that begins with localhost", nothing, "localhost.example:7070", false, "neither traffic nor callers"},
		{"TLS alone", secured, elsewhere, false, "callers are not authenticated"},
		{"tokens alone", tokens, elsewhere, false, "traffic is not secured"},
		{"TLS and tokens", both, elsewhere, false, ""},
		{"TLS and an issuer", issuer, elsewhere, false, ""},
		{"insisted on", nothing, elsewhere, true, ""},
		{"no address", both, "7070", true, "no HOST:PORT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.options.allowed(test.address, test.insecure)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestServeKnowsPrincipalsOfAFileAndOfAnIssuer(t *testing.T) {
	folder, authority, issuer := t.TempDir(), identitytest.NewAuthority(t), identitytest.NewIssuer(t)
	token := identity.NewToken()
	hash, err := identity.HashToken(token)
	if err != nil {
		t.Fatal(err)
	}
	o := identityOptions{
		file: identitytest.Write(t, folder, "principals.yaml", []byte("tokens: [{principal: ann, roles: [read], sha256: "+hash+"}]")),
		oidc: identity.OIDC{Issuer: issuer.URL(), Audience: "echelon", RolesClaim: "roles"},
	}
	o.tls.Certificate, o.tls.Key = authority.Write(folder, "server", identitytest.Leaf{CN: "server"})
	serving := serveOptions{memory: true, listen: "127.0.0.1:0", server: server.DefaultConfig()}
	serving.server.Log = slog.New(slog.DiscardHandler)
	if err := o.apply(t.Context(), &serving.server, serving.server.Log); err != nil {
		t.Fatal(err)
	}
	running, err := start(t.Context(), &serving, serving.server.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer running.stop()
	signed := issuer.Sign(map[string]any{"iss": issuer.URL(), "aud": "echelon", "sub": "svc", "roles": "read", "exp": time.Now().Add(time.Hour).Unix()})
	for name, test := range map[string]struct {
		token string
		want  echelonv1.ErrorReason
	}{
		"a token of the file": {token, 0}, "a token of the issuer": {signed, 0},
		"neither": {identity.NewToken(), echelonv1.ErrorReason_UNAUTHENTICATED}, "no token": {"", echelonv1.ErrorReason_UNAUTHENTICATED},
	} {
		options := []client.Option{client.WithTLS(&tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12})}
		if test.token != "" {
			options = append(options, client.WithBearerToken(test.token))
		}
		c, err := client.Dial(running.address, options...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ValidateModel(t.Context(), &echelonv1.Model{Name: "x"})
		if (err != nil) != (test.want != 0) || client.ReasonOf(err) != test.want {
			t.Errorf("%s: %v", name, err)
		}
		_ = c.Close()
	}
}
