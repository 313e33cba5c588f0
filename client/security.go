package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// WithBearerToken sends a token with every call. To another machine it needs TLS.
func WithBearerToken(token string) Option {
	return WithTokenSource(func(context.Context) (string, error) { return token, nil })
}

// WithTokenSource sends with every call the token that the source returns then, so that one that expires can be renewed. The source may be called by
// several goroutines. To another machine it needs TLS.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(s *settings) { s.token = source }
}

// WithTLS secures the connection; nil trusts the system's authorities. TLSFiles makes a configuration of files.
func WithTLS(config *tls.Config) Option {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return WithTransportCredentials(credentials.NewTLS(config))
}

// TLSFiles returns a configuration of PEM files: the authorities that the server's certificate must be of, the system's where ca is empty, and the
// client's own certificate with its key, none where both are empty.
func TLSFiles(ca, certificate, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("the server's authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("the server's authorities: %s has no certificate in PEM form", ca)
		}
	}
	if (certificate == "") != (key == "") {
		return nil, errors.New("a client's certificate and its key are given together")
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("the certificate %s with the key %s: %w", certificate, key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// OnBehalfOf returns a context whose calls say for whom they are made, a text of at most 256 bytes. The audit log has it beside the principal;
// nobody checks it.
func OnBehalfOf(ctx context.Context, whom string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "echelon-on-behalf-of-bin", whom)
}

// bearer sends a token with calls.
type bearer struct {
	source func(context.Context) (string, error)
	// local allows it to be sent in the clear, which stays on this machine.
	local bool
}

var _ credentials.PerRPCCredentials = bearer{}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.source(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (b bearer) RequireTransportSecurity() bool { return !b.local }
