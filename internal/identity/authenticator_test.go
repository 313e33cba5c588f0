package identity

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const secret = "ech_0123456789abcdef0123456789abcdef"

// known is an Authenticator of a file that is read again at once, and the log that it writes.
func known(t *testing.T, text string, change ...func(*Config)) (a *Authenticator, file string, log *bytes.Buffer) {
	t.Helper()
	folder := t.TempDir()
	file = identitytest.Write(t, folder, "principals.yaml", []byte(text))
	log = &bytes.Buffer{}
	config := Config{File: file, Now: func() time.Time { return noon }, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, f := range change {
		f(&config)
	}
	a, err := newAuthenticator(t.Context(), config, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a, file, log
}

func line(principal, roles, more string) string {
	return fmt.Sprintf("tokens:\n  - {principal: %s, roles: [%s], sha256: %s%s}\n", principal, roles, hashed(secret), more)
}

func bearer(token string) Credentials { return Credentials{Authorization: []string{"Bearer " + token}} }

func TestABrokenFileLeavesWhatWasReadBefore(t *testing.T) {
	a, file, log := known(t, line("ann", "read", ""))
	check := func(want Roles) {
		t.Helper()
		p, err := a.Authenticate(t.Context(), bearer(secret))
		if err != nil || p.Name != "ann" || p.Roles != want {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	folder := filepath.Dir(file)
	check(Roles(Read))
	identitytest.Write(t, folder, "principals.yaml", []byte("tokens: ["))
	check(Roles(Read))
	check(Roles(Read))
	if n := strings.Count(log.String(), "cannot be read again"); n != 1 {
		t.Errorf("the log tells %d times of the broken file:\n%s", n, log)
	}
	identitytest.Write(t, folder, "principals.yaml", []byte(line("ann", "write", "")))
	check(Roles(Write))
}

func TestABrokenCertificateLeavesTheOneBeforeAndANewOneIsUsed(t *testing.T) {
	authority, folder, log := identitytest.NewAuthority(t), t.TempDir(), &bytes.Buffer{}
	certificate, key := authority.Write(folder, "server", identitytest.Leaf{CN: "first"})
	config, err := serverTLS(TLSFiles{Certificate: certificate, Key: key}, 0, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		here, there := net.Pipe()
		server := tls.Server(there, config)
		ended := make(chan error, 1)
		go func() { ended <- server.Handshake() }()
		client := tls.Client(here, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12})
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		_, _ = here.Close(), there.Close()
		return client.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := shown(); got != "first" {
		t.Errorf("it shows %q", got)
	}
	second, secondKey := authority.Issue(identitytest.Leaf{CN: "second"})
	identitytest.Write(t, folder, "server.crt", second) // the key is not there yet
	if got := shown(); got != "first" {
		t.Errorf("with a certificate and the key of another it shows %q", got)
	}
	if !strings.Contains(log.String(), "stays as it was") {
		t.Errorf("the log does not tell of it: %s", log)
	}
	identitytest.Write(t, folder, "server.key", secondKey)
	if got := shown(); got != "second" {
		t.Errorf("with both files replaced it shows %q", got)
	}
}

func TestCredentialsThatAreWithdrawnOrExpireAreSeenInTheMiddleOfAStream(t *testing.T) {
	now := noon
	a, file, _ := known(t, line("ann", "read, write", ""), func(c *Config) { c.Now = func() time.Time { return now } })
	p, err := a.Authenticate(t.Context(), bearer(secret))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, text string
		at         time.Time
		roles      Roles // 0 where it is refused
		words      string
	}{
		{"nothing changed", line("ann", "read, write", ""), noon, Roles(Read | Write), ""},
		{"a role was taken away", line("ann", "read", ""), noon, Roles(Read), ""},
		{"it was given to somebody else", line("bob", "read", ""), noon, 0, "withdrawn"},
		{"it was removed", "certificates: [{cn: x, roles: [read]}]\n", noon, 0, "withdrawn"},
		{"it got an end", line("ann", "read", ", expires: 2026-01-31T12:00:01Z"), noon, Roles(Read), ""},
		{"the end came", line("ann", "read", ", expires: 2026-01-31T12:00:01Z"), noon.Add(time.Second), 0, "expired at 2026-01-31T12:00:01Z"},
	} {
		identitytest.Write(t, filepath.Dir(file), filepath.Base(file), []byte(step.text))
		now = step.at
		got, err := a.Recheck(p)
		if step.roles != 0 && (err != nil || got.Roles != step.roles) {
			t.Errorf("%s: %+v, %v", step.name, got, err)
		}
		if step.roles == 0 && (!fault.Is(err, echelonv1.ErrorReason_UNAUTHENTICATED) || !strings.Contains(err.Error(), step.words)) {
			t.Errorf("%s: %+v, %v", step.name, got, err)
		}
	}
}

func TestACertificateEndsAtTheEarlierOfItsOwnEndAndThatOfItsLine(t *testing.T) {
	authority := identitytest.NewAuthority(t)
	a, _, _ := known(t, "certificates:\n  - {cn: free, roles: [read]}\n  - {cn: bound, roles: [read], expires: 2026-02-01}\n")
	for _, test := range []struct {
		cn   string
		end  time.Time
		want time.Time // zero where it is refused
	}{
		{"free", noon.Add(time.Hour), noon.Add(time.Hour)},
		{"free", noon, time.Time{}},
		{"bound", noon.Add(time.Hour), noon.Add(time.Hour)},
		{"bound", noon.AddDate(1, 0, 0), noon.Add(12 * time.Hour)},
		{"unknown", noon.AddDate(1, 0, 0), time.Time{}},
	} {
		text, _ := authority.Issue(identitytest.Leaf{CN: test.cn, NotAfter: test.end})
		block, _ := pem.Decode(text)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.Authenticate(t.Context(), Credentials{Certificate: certificate})
		if refused := err != nil; refused != test.want.IsZero() || !refused && !p.Expires.Equal(test.want) {
			t.Errorf("%s that ends at %v: %+v, %v", test.cn, test.end, p, err)
		}
		if err == nil {
			if again, err := a.Recheck(p); err != nil || !again.Expires.Equal(test.want) {
				t.Errorf("%s, looked at again: %+v, %v", test.cn, again, err)
			}
		}
	}
}

func TestTokensOfAnIssuerHaveTheirRolesAndRotatedKeysAreFetchedOnce(t *testing.T) {
	issuer := identitytest.NewIssuer(t)
	claims := func(roles any) map[string]any {
		return map[string]any{"iss": issuer.URL(), "aud": []string{"x", "echelon"}, "sub": "svc", "exp": noon.Add(time.Hour).Unix(),
			"realm": map[string]any{"roles": roles}}
	}
	oidc := &OIDC{Issuer: issuer.URL(), Audience: "echelon", RolesClaim: "realm.roles", KeysPause: time.Nanosecond}
	a, err := newAuthenticator(t.Context(), Config{OIDC: oidc, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		roles any
		want  Roles
	}{
		{[]any{"read", "publish", "x", 7}, Roles(Read | Publish)}, {"write  admin", Roles(Write | Admin)}, {nil, 0}, {7, 0}, {"READ", 0},
		{map[string]any{"read": true}, 0},
	} {
		p, err := a.Authenticate(t.Context(), bearer(issuer.Sign(claims(test.roles))))
		if err != nil || p.Roles != test.want || p.Name != "svc" || p.Credential != echelonv1.AuditEntry_JWT {
			t.Errorf("%v: %+v, %v", test.roles, p, err)
		}
	}
	if n := issuer.Fetched.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	old := issuer.Sign(claims("read"))
	issuer.Rotate("key-2")
	// The library answers with the keys of a fetch that has just ended until its goroutine notes that it has.
	for {
		_, err := a.Authenticate(t.Context(), bearer(issuer.Sign(claims("read"))))
		if err == nil {
			break
		}
		if issuer.Fetched.Load() > 1 {
			t.Fatalf("a token by a new key: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := a.Authenticate(t.Context(), bearer(old)); !fault.Is(err, echelonv1.ErrorReason_UNAUTHENTICATED) {
		t.Errorf("a token by a key that is no more: %v", err)
	}
}

func TestForgedTokensDoNotFloodTheIssuer(t *testing.T) {
	issuer := identitytest.NewIssuer(t)
	oidc := &OIDC{Issuer: issuer.URL(), Audience: "echelon", KeysURL: issuer.KeysURL(), KeysPause: time.Hour}
	a, err := NewAuthenticator(t.Context(), Config{OIDC: oidc, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"iss": issuer.URL(), "aud": "echelon", "sub": "svc", "exp": noon.Add(time.Hour).Unix(), "roles": "read"}
	for range 50 {
		if _, err := a.Authenticate(t.Context(), bearer(issuer.Forge(claims))); !fault.Is(err, echelonv1.ErrorReason_UNAUTHENTICATED) {
			t.Fatalf("a forged token: %v", err)
		}
	}
	if n := issuer.Fetched.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	if _, err := a.Authenticate(t.Context(), bearer(issuer.Sign(claims))); err != nil {
		t.Errorf("a right token among them: %v", err)
	}
}

func TestAnIssuerThatCannotBeTrustedOrReachedIsRefusedAtTheStart(t *testing.T) {
	for name, o := range map[string]OIDC{
		"no audience":             {Issuer: "https://id.example.org"},
		"an issuer in the clear":  {Issuer: "http://id.example.org", Audience: "x", KeysURL: "https://id.example.org"},
		"keys in the clear":       {Issuer: "https://id.example.org", Audience: "x", KeysURL: "http://id.example.org/keys"},
		"no URL":                  {Issuer: "id.example.org", Audience: "x"},
		"nobody at the other end": {Issuer: "http://127.0.0.1:1", Audience: "x"},
	} {
		if _, err := NewAuthenticator(t.Context(), Config{OIDC: &o}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := NewAuthenticator(t.Context(), Config{}); err == nil {
		t.Error("an Authenticator that knows nobody is made")
	}
}
