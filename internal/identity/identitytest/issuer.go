package identitytest

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is an issuer of JSON web tokens on the loopback. Its clients must close idle connections before a test looks for goroutines.
type Issuer struct {
	t      testing.TB
	server *httptest.Server
	// Fetched counts how often its keys were asked for.
	Fetched atomic.Int64

	mu  sync.Mutex
	key *ecdsa.PrivateKey
	id  string
}

// NewIssuer starts an issuer, which ends with the test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t, key: newKey(t), id: "key-1"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"issuer": i.URL(), "jwks_uri": i.KeysURL(), "authorization_endpoint": i.URL(), "token_endpoint": i.URL()})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.Fetched.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		i.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &i.key.PublicKey, KeyID: i.id, Algorithm: "ES256", Use: "sig"}}})
	})
	i.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		i.server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return i
}

func (i *Issuer) answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Connection", "close")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		i.t.Error(err)
	}
}

// URL is the issuer's name.
func (i *Issuer) URL() string { return i.server.URL }

// KeysURL is where its keys are.
func (i *Issuer) KeysURL() string { return i.server.URL + "/keys" }

// Rotate replaces the key.
func (i *Issuer) Rotate(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.id = newKey(i.t), id
}

// Sign returns a token of claims.
func (i *Issuer) Sign(claims map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	return sign(i.t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: i.id}}, claims)
}

// Forge returns a token of claims that names the issuer's key, and is signed by another.
func (i *Issuer) Forge(claims map[string]any) string {
	i.t.Helper()
	return sign(i.t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: newKey(i.t), KeyID: i.id}}, claims)
}

// SignByPublicKey returns a token that is signed with the issuer's public key, taken for a secret.
func (i *Issuer) SignByPublicKey(claims map[string]any) string {
	i.t.Helper()
	public, err := i.key.PublicKey.Bytes()
	if err != nil {
		i.t.Fatal(err)
	}
	return sign(i.t, jose.SigningKey{Algorithm: jose.HS256, Key: public}, claims)
}

// Unsigned returns a token of claims with the algorithm "none".
func (i *Issuer) Unsigned(claims map[string]any) string {
	i.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
}

func sign(t testing.TB, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
