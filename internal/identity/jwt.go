package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// OIDC says whose JSON web tokens are taken.
type OIDC struct {
	// Issuer is the claim iss, a URL.
	Issuer string
	// Audience is what the claim aud must hold.
	Audience string
	// KeysURL is where the issuer's keys are (JWKS); empty finds it out from the issuer's /.well-known/openid-configuration.
	KeysURL string
	// RolesClaim is the claim that holds the roles, with dots into nested claims; "roles" where empty.
	RolesClaim string
	// KeysPause is how long keys that were fetched are not fetched again, whatever tokens come; 5 seconds where 0.
	KeysPause time.Duration
}

const (
	defaultRolesClaim = "roles"
	defaultKeysPause  = 5 * time.Second
	keysTimeout       = 10 * time.Second
	// maxKeys is how much is read of an issuer's answer, in bytes.
	maxKeys = 1 << 20
)

// algorithms are those whose keys are public: with the others, whoever can check a token can also make one.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// jwtVerifier checks JSON web tokens.
type jwtVerifier struct {
	verifier *oidc.IDTokenVerifier
	claim    []string
}

func newJWTVerifier(ctx context.Context, o OIDC, now func() time.Time) (*jwtVerifier, error) {
	if o.Issuer == "" || o.Audience == "" {
		return nil, errors.New("the issuer of tokens and their audience are given together")
	}
	for what, address := range map[string]string{"issuer": o.Issuer, "URL of the keys": o.KeysURL} {
		if err := trustworthy(address); err != nil {
			return nil, fmt.Errorf("the %s: %w", what, err)
		}
	}
	pause := o.KeysPause
	if pause == 0 {
		pause = defaultKeysPause
	}
	fetch := &http.Client{Timeout: keysTimeout, Transport: &throttled{pause: pause}}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), fetch)
	keys := o.KeysURL
	if keys == "" {
		discover := oidc.ClientContext(ctx, &http.Client{Timeout: keysTimeout})
		provider, err := oidc.NewProvider(discover, o.Issuer)
		if err != nil {
			return nil, fmt.Errorf("finding out the keys of the issuer %s: %w", o.Issuer, err)
		}
		var found struct {
			Keys string `json:"jwks_uri"`
		}
		if err := provider.Claims(&found); err != nil {
			return nil, fmt.Errorf("finding out the keys of the issuer %s: %w", o.Issuer, err)
		}
		keys = found.Keys
	}
	if err := trustworthy(keys); err != nil {
		return nil, fmt.Errorf("the URL of the keys: %w", err)
	}
	claim := o.RolesClaim
	if claim == "" {
		claim = defaultRolesClaim
	}
	config := &oidc.Config{ClientID: o.Audience, SupportedSigningAlgs: algorithms, Now: now}
	return &jwtVerifier{verifier: oidc.NewVerifier(o.Issuer, oidc.NewRemoteKeySet(ctx, keys), config), claim: strings.Split(claim, ".")}, nil
}

// trustworthy refuses addresses from which anybody on the way could send keys of his own.
func trustworthy(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no URL such as https://id.example.org", address)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("%q is not secured: it must begin with https", address)
	}
	return nil
}

// verify returns the principal of a token.
func (v *jwtVerifier) verify(ctx context.Context, token string) (*Principal, error) {
	checked, err := v.verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := checked.Claims(&claims); err != nil {
		return nil, err
	}
	if err := CheckName(checked.Subject); err != nil {
		return nil, fmt.Errorf("the claim sub: %w", err)
	}
	return &Principal{
		Name: checked.Subject, Roles: rolesIn(claims, v.claim), Credential: echelonv1.AuditEntry_JWT, Expires: checked.Expiry,
	}, nil
}

// rolesIn returns the roles of a claim, which is a list of names or one text of names with blanks between. Other names than ours are others' roles.
func rolesIn(claims map[string]any, path []string) Roles {
	var value any = claims
	for _, name := range path {
		within, _ := value.(map[string]any)
		value = within[name]
	}
	var roles Roles
	switch list := value.(type) {
	case string:
		for _, name := range strings.Fields(list) {
			roles |= Roles(roleOf(name))
		}
	case []any:
		for _, one := range list {
			name, _ := one.(string)
			roles |= Roles(roleOf(name))
		}
	}
	return roles
}

// throttled fetches keys, but not again at once: whoever sends forged tokens must not make the server flood the issuer.
type throttled struct {
	pause time.Duration

	mu   sync.Mutex
	last time.Time
}

// RoundTrip implements http.RoundTripper.
func (t *throttled) RoundTrip(request *http.Request) (*http.Response, error) {
	t.mu.Lock()
	early := time.Since(t.last) < t.pause
	if !early {
		t.last = time.Now()
	}
	t.mu.Unlock()
	if early {
		return nil, errors.New("the issuer's keys were asked for a moment ago")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		response.Body = limitedBody{io.LimitReader(response.Body, maxKeys), response.Body}
	}
	return response, err
}

// limitedBody is a body of which only so much is read.
type limitedBody struct {
	io.Reader
	io.Closer
}
