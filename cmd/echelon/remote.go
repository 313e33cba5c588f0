package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
)

// tokenVariable holds the token of the commands that call a server.
const tokenVariable = "ECHELON_TOKEN"

// remote is how a command calls the server.
type remote struct {
	// tls asks for TLS; a file does so too.
	tls           bool
	ca, cert, key string
	tokenFile     string
	onBehalfOf    string
}

func (r *remote) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.tokenFile, "token-file", "", "file with the token to call with; without it, "+tokenVariable+" is the token")
	flags.BoolVar(&r.tls, "tls", false, "call by TLS, and trust the system's authorities; every other --tls flag asks for TLS too")
	flags.StringVar(&r.ca, "tls-ca", "", "PEM file of the authorities that the server's certificate must be of")
	flags.StringVar(&r.cert, "tls-cert", "", "PEM file of the certificate to call with")
	flags.StringVar(&r.key, "tls-key", "", "PEM file of that certificate's key")
	flags.StringVar(&r.onBehalfOf, "on-behalf-of", "", "for whom the change is made, for the audit log")
}

// options returns how to dial.
func (r *remote) options() ([]client.Option, error) {
	// Half a second bridges a hiccup; a person who waits longer wants to know why.
	options := []client.Option{client.WithAttempts(3)}
	if r.tls || r.ca != "" || r.cert != "" || r.key != "" {
		config, err := client.TLSFiles(r.ca, r.cert, r.key)
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithTLS(config))
	}
	if r.tokenFile != "" {
		if _, err := readToken(r.tokenFile); err != nil {
			return nil, err
		}
		// It is read at each call: others renew it while a long command runs.
		return append(options, client.WithTokenSource(func(context.Context) (string, error) { return readToken(r.tokenFile) })), nil
	}
	if token := strings.TrimSpace(os.Getenv(tokenVariable)); token != "" {
		options = append(options, client.WithBearerToken(token))
	}
	return options, nil
}

func readToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("--token-file: %s must hold a token and nothing else", file)
	}
	return token, nil
}

// context returns the context of the command's calls.
func (r *remote) context(ctx context.Context) context.Context {
	if r.onBehalfOf == "" {
		return ctx
	}
	return client.OnBehalfOf(ctx, r.onBehalfOf)
}
