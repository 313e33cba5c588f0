package identity

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// TLSFiles are the PEM files that a server secures its connections with.
type TLSFiles struct {
	// Certificate is the server's certificate and those between it and its authority.
	Certificate string
	// Key is the certificate's key.
	Key string
	// ClientCA are the authorities whose client certificates are taken; empty asks for none.
	ClientCA string
}

// ServerTLS returns how a server secures its connections. Files that change are read again; a change that cannot be read is logged, and what was
// read before stays. A client may come without a certificate, but not with a wrong one.
func ServerTLS(files TLSFiles, log *slog.Logger) (*tls.Config, error) {
	return serverTLS(files, lookAgain, log)
}

func serverTLS(files TLSFiles, pause time.Duration, log *slog.Logger) (*tls.Config, error) {
	watched := []string{files.Certificate, files.Key}
	if files.ClientCA != "" {
		watched = append(watched, files.ClientCA)
	}
	current, err := reload("TLS certificates", watched, pause, log, files.config)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current.get(), nil },
	}, nil
}

func (f TLSFiles) config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s: %w", f.Certificate, f.Key, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		// A resumed session would be taken on the word of authorities that may have been removed since.
		SessionTicketsDisabled: true,
	}
	if f.ClientCA == "" {
		return config, nil
	}
	text, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("the authorities of clients: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the authorities of clients: %s has no certificate in PEM form", f.ClientCA)
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	return config, nil
}
