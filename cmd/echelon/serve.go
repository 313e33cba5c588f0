package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/badger"
	"github.com/echelonhq/echelon/storage/memory"
)

// serveOptions are the flags of `echelon serve`.
type serveOptions struct {
	data, listen, metrics string
	memory, insecure      bool
	noSync                bool
	memoryLimit           int64
	logFormat, logLevel   string
	server                server.Config
	identity              identityOptions
	traces                traceOptions
	// config is where the values came from; nil where nobody asked.
	config *config.Config
}

func (c *cli) serveCommand() *cobra.Command {
	o := serveOptions{server: server.DefaultConfig()}
	command := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API over a folder of data",
		Long: `Serve answers the RPCs of echelon.v1 over a folder, which it makes where there is none and holds alone.

It listens on loopback. Another address needs TLS and authentication, so that traffic and callers are secured, or --insecure.
SIGINT or SIGTERM stops it: it takes no new calls, waits for those under way, and cuts what is left after --drain-timeout.`,
		Example: `  echelon serve --data ./echelon-data
  echelon serve --memory --listen 127.0.0.1:0`,
		Args: cobra.NoArgs,
		RunE: c.does(func(ctx context.Context, _ []string) error { return o.run(ctx, c) }),
	}
	o.bind(command.Flags())
	command.PreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		o.config, err = c.configure(config.Group{Flags: cmd.Flags()})
		return err
	}
	c.configFlag(command)
	return command
}

// bind makes flags of the options. They can be set in a file and by variables too, see internal/config.
func (o *serveOptions) bind(flags *pflag.FlagSet) {
	flags.StringVar(&o.data, "data", "echelon-data", "folder of the store")
	flags.BoolVar(&o.memory, "memory", false, "keep everything in memory; it is gone when the server stops")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:7070", "address to listen on; port 0 takes a free one")
	flags.StringVar(&o.metrics, "metrics-listen", "", "loopback address of Prometheus metrics under /metrics; empty serves none")
	flags.BoolVar(&o.insecure, "insecure", false, "allow an address that is not loopback, without TLS or without authentication")
	o.identity.flags(flags)
	o.traces.flags(flags)
	flags.BoolVar(&o.noSync, "no-sync", false, "acknowledge writes before the disk has them: a power cut may lose the last ones")
	flags.Int64Var(&o.memoryLimit, "memory-limit-mib", 400, "memory, in MiB, that the server tries to stay within; less where the system allows less, and GOMEMLIMIT goes before it")
	flags.StringVar(&o.logFormat, "log-format", "text", "text or json")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error; debug logs every call")
	limitFlags(flags, &o.server.Limits)
	flags.DurationVar(&o.server.StallTimeout, "stall-timeout", o.server.StallTimeout, "how long a bulk stream may make no progress")
	flags.DurationVar(&o.server.DrainTimeout, "drain-timeout", o.server.DrainTimeout, "how long a stop waits for calls")
	flags.DurationVar(&o.server.MaxConnectionAge, "max-connection-age", o.server.MaxConnectionAge, "how old a connection becomes before calls take a new one, within a tenth; 0 for ever")
	flags.DurationVar(&o.server.MaxConnectionAgeGrace, "max-connection-age-grace", o.server.MaxConnectionAgeGrace, "how long after that calls under way go on; at least half of the age")
	flags.DurationVar(&o.server.JobRetention, "job-retention", o.server.JobRetention, "how long after its last batch an import with a job id can be resumed")
	flags.IntVar(&o.server.KeepRuns, "keep-runs", o.server.KeepRuns, "how many of a model's runs keep their snapshot; 0 with --keep-days 0 for all")
	flags.IntVar(&o.server.KeepDays, "keep-days", o.server.KeepDays, "for how many days older runs keep their snapshot as well")
	flags.IntVar(&o.server.KeepAuditDays, "keep-audit-days", o.server.KeepAuditDays, "for how many days entries of the audit log are kept; 0 for ever")
	flags.IntVar(&o.server.KeepChangeDays, "keep-change-days", o.server.KeepChangeDays, "for how many days changes of assignments are kept, to be watched and as history; 0 for ever")
}

func (o *serveOptions) run(ctx context.Context, c *cli) error {
	o.check(o.config)
	if err := c.sound(o.config); err != nil {
		return err
	}
	log, err := newLogger(c.stderr, o.logFormat, o.logLevel)
	if err != nil {
		return err
	}
	o.server.MaxEvaluations = evaluations(o.server.MaxEvaluations)
	if o.server.MaxConnectionAge == 0 {
		o.server.MaxConnectionAge = -1 // to the server 0 is the default
	}
	for _, warning := range o.config.Findings.Warnings() {
		log.Warn("configuration", "what", warning.String())
	}
	if err := o.identity.apply(ctx, &o.server, log); err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(o.memoryLimit<<20, controlGroupFiles))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	registry := prometheus.NewRegistry()
	registerProcess(registry)
	o.server.Log, o.server.Metrics = log, registry
	provider, flush, err := o.traces.provider(ctx, log)
	if err != nil {
		return err
	}
	defer flush()
	o.server.Traces = provider
	running, err := start(ctx, o, log)
	if err != nil {
		return err
	}
	defer running.stop()
	if o.metrics != "" {
		stop, at, err := serveMetrics(o.metrics, registry)
		if err != nil {
			return err
		}
		defer stop()
		fmt.Fprintf(c.stdout, "metrics on http://%s/metrics\n", at)
	}
	fmt.Fprintf(c.stdout, "serving on %s\n", running.address)
	select {
	case <-ctx.Done():
		log.Info("stopping", "cause", context.Cause(ctx))
		return nil
	case err := <-running.failed:
		return err
	}
}

// running is a server that listens.
type running struct {
	address string
	failed  chan error
	server  *server.Server
	store   storage.Store
	log     *slog.Logger
}

// start opens the store and begins to serve.
func start(ctx context.Context, o *serveOptions, log *slog.Logger) (*running, error) {
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; stop what listens there, or choose another port with --listen", o.listen, err)
	}
	store, err := openStore(o, log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s, err := server.New(ctx, store, o.server)
	if err != nil {
		return nil, errors.Join(err, store.Close(), listener.Close())
	}
	r := &running{address: listener.Addr().String(), failed: make(chan error, 1), server: s, store: store, log: log}
	go func() { r.failed <- s.Serve(listener) }()
	return r, nil
}

func openStore(o *serveOptions, log *slog.Logger) (storage.Store, error) {
	if o.memory {
		return memory.New(), nil
	}
	store, err := badger.Open(o.data, badger.Options{NoSync: o.noSync, Logger: log})
	if err != nil {
		return nil, damaged(err)
	}
	return store, nil
}

// stop ends the server and closes the store.
func (r *running) stop() {
	r.server.Stop()
	if err := r.store.Close(); err != nil {
		r.log.Error("closing the store", "error", err)
	}
}

// registerProcess registers the metrics of the program and its process.
func registerProcess(to prometheus.Registerer) {
	v := built()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "echelon_build_info", Help: "1, with what the program was built from.",
		ConstLabels: prometheus.Labels{"version": v.Version, "revision": v.Revision, "go": v.Go},
	})
	info.Set(1)
	to.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// serveMetrics serves a registry's metrics until stop.
func serveMetrics(address string, registry *prometheus.Registry) (stop func(), at string, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("cannot listen on %s: %w; choose another port with --metrics-listen", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	return func() {
		_ = s.Close()
		<-done
	}, listener.Addr().String(), nil
}

func newLogger(to io.Writer, format, level string) (*slog.Logger, error) {
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		return nil, usagef("--log-level %q is none of debug, info, warn and error", level)
	}
	options := &slog.HandlerOptions{Level: threshold}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(to, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(to, options)), nil
	}
	return nil, usagef("--log-format %q is neither text nor json", format)
}
