package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/internal/identity"
)

// check notes everything in the options that serve refuses, as far as they tell without a look at files.
func (o *serveOptions) check(c *config.Config) {
	if _, err := newLogger(os.Stderr, o.logFormat, o.logLevel); err != nil {
		c.Mistake(err.Error(), "log-level", "log-format")
	}
	if err := o.identity.allowed(o.listen, o.insecure); err != nil {
		c.Mistake(err.Error(), "listen")
	}
	o.identity.check(c)
	o.traces.check(c)
	if o.memoryLimit <= 0 {
		c.Mistake(fmt.Sprintf("--memory-limit-mib %d is not above 0", o.memoryLimit), "memory-limit-mib")
	}
	if o.server.KeepRuns < 0 || o.server.KeepDays < 0 || o.server.KeepAuditDays < 0 || o.server.KeepChangeDays < 0 {
		c.Mistake("--keep-runs, --keep-days, --keep-audit-days and --keep-change-days are 0 or more", "keep-runs", "keep-days", "keep-audit-days", "keep-change-days")
	}
	if o.server.StallTimeout <= 0 || o.server.DrainTimeout <= 0 {
		c.Mistake("--stall-timeout and --drain-timeout are above 0", "stall-timeout", "drain-timeout")
	}
	checkLimits(o.server.Limits, c)
	switch age := o.server.MaxConnectionAge; {
	case age < 0:
		c.Mistake("--max-connection-age is above 0, or 0 for ever", "max-connection-age")
	case o.server.MaxConnectionAgeGrace < age/2:
		c.Mistake(fmt.Sprintf("--max-connection-age-grace %s is less than half of --max-connection-age %s: streams could not leave connections in time",
			o.server.MaxConnectionAgeGrace, age), "max-connection-age-grace")
	}
	if o.server.JobRetention <= 0 {
		c.Mistake("--job-retention is above 0", "job-retention")
	}
	if o.metrics != "" {
		if local, err := isLoopback(o.metrics); err != nil || !local {
			c.Mistake(firstOf(err, fmt.Errorf("--metrics-listen %s is not a loopback address, and metrics are neither secured nor authenticated: give one of 127.0.0.1",
				o.metrics)).Error(), "metrics-listen")
		}
	}
}

// checkFiles notes what is wrong with the files that the options name. Nothing is left behind, and an issuer of tokens is not asked.
func (o *serveOptions) checkFiles(c *config.Config, now time.Time) {
	quiet := slog.New(slog.DiscardHandler)
	if o.identity.tls.Certificate != "" && o.identity.tls.Key != "" {
		if _, err := identity.ServerTLS(o.identity.tls, quiet); err != nil {
			c.Mistake(err.Error(), "tls-cert", "tls-key", "client-ca")
		} else if err := current(o.identity.tls, now); err != nil {
			c.Mistake(err.Error(), "tls-cert")
		}
	}
	if o.identity.file != "" {
		if err := identity.CheckFile(o.identity.file); err != nil {
			c.Mistake(err.Error(), "auth-file")
		}
	}
	if !o.memory {
		if err := writable(o.data); err != nil {
			c.Mistake(err.Error(), "data")
		}
	}
}

// current returns an error unless a certificate is valid now.
func current(files identity.TLSFiles, now time.Time) error {
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	switch {
	case err != nil:
		return err
	case now.After(pair.Leaf.NotAfter):
		return fmt.Errorf("the certificate %s expired at %s: get a new one", files.Certificate, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return fmt.Errorf("the certificate %s is valid from %s only: check the clock, or wait", files.Certificate, pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// writable returns an error unless the store's folder, or the nearest one above it that is there, can be written.
func writable(folder string) error {
	at := folder
	for {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
			at = filepath.Dir(at)
			continue
		}
		if err != nil {
			return fmt.Errorf("the data folder %s: %w", folder, err)
		}
		if !info.IsDir() {
			return fmt.Errorf("the data folder %s cannot be: %s is a file; name another folder", folder, at)
		}
		break
	}
	probe, err := os.CreateTemp(at, ".probe-*")
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be written by this user: give it the right to, or name another folder (%w)", folder, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
