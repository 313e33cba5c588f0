package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Config says whom an Authenticator knows.
type Config struct {
	// File is the file of principals: hashes of static tokens, and names in client certificates. Empty has none.
	File string
	// OIDC says whose JSON web tokens are taken; nil takes none.
	OIDC *OIDC
	// Now tells the time.
	Now func() time.Time
	// Log takes what is not told to callers.
	Log *slog.Logger
}

// Authenticator tells who calls. It may be used by several goroutines.
type Authenticator struct {
	book *reloaded[*book]
	jwt  *jwtVerifier
	now  func() time.Time
	log  *slog.Logger
}

// NewAuthenticator returns an Authenticator, after reading the file of principals.
func NewAuthenticator(ctx context.Context, config Config) (*Authenticator, error) {
	return newAuthenticator(ctx, config, lookAgain)
}

func newAuthenticator(ctx context.Context, config Config, pause time.Duration) (*Authenticator, error) {
	a := &Authenticator{now: config.Now, log: config.Log}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.Default()
	}
	if config.File == "" && config.OIDC == nil {
		return nil, errors.New("nobody can be authenticated: give a file of principals, or an issuer of tokens")
	}
	var err error
	if config.File != "" {
		a.book, err = reload("file of principals", []string{config.File}, pause, a.log, func() (*book, error) { return readBook(config.File) })
		if err != nil {
			return nil, err
		}
	}
	if config.OIDC != nil {
		a.jwt, err = newJWTVerifier(ctx, *config.OIDC, a.now)
	}
	return a, err
}

func readBook(file string) (*book, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the file of principals: %w", err)
	}
	b, err := parseBook(data)
	if err != nil {
		return nil, fmt.Errorf("the file of principals %s:\n%w", file, err)
	}
	return b, nil
}

// Credentials are what a call came with.
type Credentials struct {
	// Authorization are the call's headers of that name.
	Authorization []string
	// Certificate is the client's, checked; nil where there is none.
	Certificate *x509.Certificate
}

// Authenticate returns who calls. A bearer token goes before a certificate, and a wrong one is not made good by a right certificate. UNAUTHENTICATED.
func (a *Authenticator) Authenticate(ctx context.Context, c Credentials) (*Principal, error) {
	switch {
	case len(c.Authorization) > 1:
		return nil, refused("the call has %d authorization headers: send one", len(c.Authorization))
	case len(c.Authorization) == 1:
		scheme, token, _ := strings.Cut(c.Authorization[0], " ")
		if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "bearer") || token == "" {
			return nil, refused(`the authorization header is not understood: it must read "Bearer TOKEN"`)
		}
		return a.ofToken(ctx, token)
	case c.Certificate != nil:
		return a.ofCertificate(c.Certificate)
	}
	return nil, refused(`the call has no credentials: send the header "authorization: Bearer TOKEN", or a client certificate where the server takes them`)
}

func refused(format string, args ...any) error {
	return fault.New(echelonv1.ErrorReason_UNAUTHENTICATED, format, args...)
}

func (a *Authenticator) ofToken(ctx context.Context, token string) (*Principal, error) {
	key := hashed(token)
	if known, ok := a.current().tokens[key]; ok {
		return a.principal(known, echelonv1.AuditEntry_TOKEN, key, time.Time{})
	}
	if a.jwt == nil || strings.Count(token, ".") != 2 {
		return nil, refused("the bearer token is not known here: check it, or ask the administrator for a new one")
	}
	p, err := a.jwt.verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case err == nil:
		// The library takes a token at the very instant of its end; RFC 7519 does not.
		return p, a.expired(p)
	case errors.As(err, &expired):
		return nil, errExpired(expired.Expiry)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	// What exactly is wrong helps whoever forges tokens; it stands in the log for whoever runs the server.
	a.log.WarnContext(ctx, "a JSON web token is refused", "error", err)
	return nil, refused("the bearer token is refused: it must be of the issuer, for the audience and with the signature that this server expects; its log says which is wrong")
}

func (a *Authenticator) ofCertificate(c *x509.Certificate) (*Principal, error) {
	certificates := a.current().certificates
	for _, name := range namesIn(c) {
		if known, ok := certificates[name]; ok {
			return a.principal(known, echelonv1.AuditEntry_CERTIFICATE, name, c.NotAfter)
		}
	}
	return nil, refused("the client certificate of %q is of nobody who is known here: ask the administrator to enter it", c.Subject.CommonName)
}

// namesIn returns what a certificate may be known by: URIs before the common name.
func namesIn(c *x509.Certificate) []string {
	var names []string
	for _, uri := range c.URIs {
		names = append(names, "uri:"+uri.String())
	}
	if c.Subject.CommonName != "" {
		names = append(names, "cn:"+c.Subject.CommonName)
	}
	return names
}

// principal returns who stands in the file. A certificate ends at its limit, whatever the file says.
func (a *Authenticator) principal(known entry, credential echelonv1.AuditEntry_Credential, key string, limit time.Time) (*Principal, error) {
	p := &Principal{Name: known.principal, Roles: known.roles, Credential: credential, Expires: known.expires, key: key, limit: limit}
	if p.Expires.IsZero() || !limit.IsZero() && limit.Before(p.Expires) {
		p.Expires = limit
	}
	return p, a.expired(p)
}

func (a *Authenticator) expired(p *Principal) error {
	if p.Expires.IsZero() || a.now().Before(p.Expires) {
		return nil
	}
	return errExpired(p.Expires)
}

func errExpired(at time.Time) error {
	return refused("the credentials expired at %s: get new ones, and open a stream again after the last batch that was answered", at.UTC().Format(time.RFC3339))
}

func (a *Authenticator) current() *book {
	if a.book == nil {
		return &book{}
	}
	return a.book.get()
}

// Recheck returns the principal as it is now, in the middle of a stream: its credential may have expired, or the file may have changed.
// UNAUTHENTICATED.
func (a *Authenticator) Recheck(p *Principal) (*Principal, error) {
	var known entry
	var found bool
	switch p.Credential {
	case echelonv1.AuditEntry_TOKEN:
		known, found = a.current().tokens[p.key]
	case echelonv1.AuditEntry_CERTIFICATE:
		known, found = a.current().certificates[p.key]
	default:
		return p, a.expired(p)
	}
	if !found || known.principal != p.Name {
		return nil, refused("the credentials were withdrawn: ask the administrator for new ones")
	}
	return a.principal(known, p.Credential, p.key, p.limit)
}
