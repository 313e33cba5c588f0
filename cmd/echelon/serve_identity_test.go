package main

import (
	"strings"
	"testing"

	"github.com/echelonhq/echelon/internal/identity"
)

func TestAnAddressThatOthersCanReachNeedsTLSAndAuthentication(t *testing.T) {
	nothing := identityOptions{}
	tls := identityOptions{tls: identity.TLSFiles{Certificate: "server.crt", Key: "server.key"}}
	tokens := identityOptions{file: "principals.yaml"}
	both := identityOptions{tls: tls.tls, file: tokens.file}
	issuer := identityOptions{tls: tls.tls, oidc: identity.OIDC{Issuer: "https://id.example.org", Audience: "echelon"}}
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
		{"TLS alone", tls, elsewhere, false, "callers are not authenticated"},
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
