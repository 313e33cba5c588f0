package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/server"
)

// identityOptions are the flags of serve about TLS and callers.
type identityOptions struct {
	tls  identity.TLSFiles
	file string
	oidc identity.OIDC
}

func (o *identityOptions) flags(flags *pflag.FlagSet) {
	flags.StringVar(&o.tls.Certificate, "tls-cert", "", "PEM file of the server's certificate, and of those between it and its authority")
	flags.StringVar(&o.tls.Key, "tls-key", "", "PEM file of the certificate's key")
	flags.StringVar(&o.tls.ClientCA, "client-ca", "", "PEM file of the authorities whose client certificates are taken; needs --auth-file")
	flags.StringVar(&o.file, "auth-file", "", `YAML file of principals: hashes of tokens, as "echelon token new" prints them, and names in client certificates`)
	flags.StringVar(&o.oidc.Issuer, "oidc-issuer", "", "URL of the issuer whose JSON web tokens are taken")
	flags.StringVar(&o.oidc.Audience, "oidc-audience", "", "audience that those tokens must be for")
	flags.StringVar(&o.oidc.KeysURL, "oidc-keys-url", "", "URL of the issuer's keys (JWKS); found out from the issuer where it is not given")
	flags.StringVar(&o.oidc.RolesClaim, "oidc-roles-claim", "roles", "claim of those tokens that holds the roles, with dots into nested claims")
}

func (o *identityOptions) authenticates() bool { return o.file != "" || o.oidc.Issuer != "" }

// check notes what does not go together.
func (o *identityOptions) check(c *config.Config) {
	if (o.tls.Certificate == "") != (o.tls.Key == "") {
		c.Mistake("--tls-cert and --tls-key are given together", "tls-cert", "tls-key")
	}
	if o.tls.ClientCA != "" && o.tls.Certificate == "" {
		c.Mistake("--client-ca needs TLS: give --tls-cert and --tls-key", "client-ca")
	}
	if o.tls.ClientCA != "" && o.file == "" {
		c.Mistake("--client-ca needs --auth-file, which says who the certificates are of", "client-ca")
	}
	if (o.oidc.Issuer == "") != (o.oidc.Audience == "") {
		c.Mistake("--oidc-issuer and --oidc-audience are given together", "oidc-issuer", "oidc-audience")
	}
	if o.oidc.KeysURL != "" && o.oidc.Issuer == "" {
		c.Mistake("--oidc-keys-url needs --oidc-issuer and --oidc-audience", "oidc-keys-url")
	}
}

// allowed returns an error for an address that others can reach, where traffic or callers are not secured and that is not insisted on.
func (o *identityOptions) allowed(address string, insecure bool) error {
	local, err := isLoopback(address)
	if err != nil || local || insecure {
		return err
	}
	missing := "neither traffic nor callers are secured"
	switch secured := o.tls.Certificate != ""; {
	case secured && o.authenticates():
		return nil
	case secured:
		missing = "callers are not authenticated"
	case o.authenticates():
		missing = "traffic is not secured"
	}
	return usagef("%s is not a loopback address, and %s: give --tls-cert and --tls-key, and --auth-file or --oidc-issuer; or listen on 127.0.0.1; or insist with --insecure",
		address, missing)
}

func isLoopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, usagef("the address %q is no HOST:PORT such as 127.0.0.1:7070", address)
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), nil
}

// apply reads the files and makes the server know its callers.
func (o *identityOptions) apply(ctx context.Context, config *server.Config, log *slog.Logger) error {
	var err error
	if o.tls.Certificate != "" {
		if config.TLS, err = identity.ServerTLS(o.tls, log); err != nil {
			return err
		}
	}
	if !o.authenticates() {
		return nil
	}
	known := identity.Config{File: o.file, Now: config.Now, Log: log}
	if o.oidc.Issuer != "" {
		known.OIDC = &o.oidc
	}
	config.Authenticator, err = identity.NewAuthenticator(ctx, known)
	return err
}
