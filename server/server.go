package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/echelonhq/echelon/internal/audit"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/intake"
	"github.com/echelonhq/echelon/internal/jobs"
	"github.com/echelonhq/echelon/internal/runs"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Config says how a server works. Zero fields take the defaults of DefaultConfig, but for KeepRuns, KeepDays,
// KeepAuditDays and KeepChangeDays.
type Config struct {
	// Limits bound what callers may ask of it.
	Limits
	// StallTimeout is how long a bulk stream may make no progress before it is cut.
	StallTimeout time.Duration
	// DrainTimeout is how long a stop waits for calls before it cuts them.
	DrainTimeout time.Duration
	// MaxConnectionAge is how old a connection becomes, within a tenth, before calls take another one; below 0 it lives for ever. Bulk streams that can
	// be resumed end then with RESUME_ELSEWHERE; other calls go on for MaxConnectionAgeGrace at most, which is at least half of the age.
	MaxConnectionAge, MaxConnectionAgeGrace time.Duration
	// JobRetention is how long after a job's last batch its numbers are known.
	JobRetention time.Duration
	// TLS secures the connections; nil leaves them in the clear.
	TLS *tls.Config
	// Authenticator tells who calls; nil lets everybody do everything, as "anonymous".
	Authenticator *identity.Authenticator
	// KeepRuns is how many of a model's runs keep their snapshot, and KeepDays for how many days after their end others do. What is current, and what
	// a roll back would make current, is always kept; where both are 0, which is no default, everything is.
	KeepRuns, KeepDays int
	// KeepAuditDays is for how many days entries of the audit log are kept; 0, which is no default, keeps them for ever.
	KeepAuditDays int
	// KeepChangeDays is for how many days changes of assignments are kept, to be watched and as history; 0, which is no default, keeps them for ever.
	KeepChangeDays int
	// Log takes the server's log.
	Log *slog.Logger
	// Metrics takes the server's metrics.
	Metrics prometheus.Registerer
	// Traces takes the spans of calls, runs and commits; nil makes none.
	Traces trace.TracerProvider
	// Now tells the time.
	Now func() time.Time
	// Services registers services of a program that embeds the server: their calls pass the same interceptors and limits as ours, and need the
	// highest role. Nil registers none.
	Services func(grpc.ServiceRegistrar)
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Limits:                DefaultLimits(),
		StallTimeout:          5 * time.Minute,
		DrainTimeout:          10 * time.Second,
		KeepRuns:              20,
		KeepDays:              30,
		KeepAuditDays:         400,
		KeepChangeDays:        400,
		MaxConnectionAge:      30 * time.Minute,
		MaxConnectionAgeGrace: 12 * time.Hour,
		JobRetention:          7 * 24 * time.Hour,
		Log:                   slog.Default(),
		Metrics:               prometheus.NewRegistry(),
		Now:                   time.Now,
	}
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	c.Limits = c.Limits.withDefaults()
	c.StallTimeout = or(c.StallTimeout, d.StallTimeout)
	c.DrainTimeout = or(c.DrainTimeout, d.DrainTimeout)
	c.MaxConnectionAge = or(c.MaxConnectionAge, d.MaxConnectionAge)
	c.MaxConnectionAgeGrace = or(c.MaxConnectionAgeGrace, d.MaxConnectionAgeGrace)
	c.JobRetention = or(c.JobRetention, d.JobRetention)
	c.Log = or(c.Log, d.Log)
	if c.Metrics == nil {
		c.Metrics = d.Metrics
	}
	if c.Now == nil {
		c.Now = d.Now
	}
	return c
}

// check returns what is out of range.
func (c Config) check() error {
	switch {
	case c.StallTimeout < 0, c.DrainTimeout < 0:
		return fmt.Errorf("the stall timeout %s and the drain timeout %s must be above 0", c.StallTimeout, c.DrainTimeout)
	case c.MaxConnectionAgeGrace < c.MaxConnectionAge/2:
		return fmt.Errorf("the grace of connections %s must be at least half of their age %s, so that streams can leave them in time", c.MaxConnectionAgeGrace, c.MaxConnectionAge)
	case c.JobRetention < 0:
		return fmt.Errorf("the retention of jobs %s must be above 0", c.JobRetention)
	}
	return c.Limits.Check()
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// Keepalive policy, which docs/operations.md publishes: clients that ping more often are sent away.
const (
	minPingInterval    = 10 * time.Second
	serverPingInterval = 2 * time.Minute
	pingTimeout        = 20 * time.Second
)

// The flow control's windows, in bytes: how much of a stream, and of a connection, may be on the way without anybody reading it.
const (
	streamWindow     = 2 << 20
	connectionWindow = 8 << 20
)

// Server serves echelon.v1 over one store. The store stays the caller's, who closes it after Stop.
type Server struct {
	config Config
	grpc   *grpc.Server
	health *health.Server
	runs   *runs.Manager
	load   *load
	// stopping is closed when the server stops taking work: long streams end with "resume here".
	stopping chan struct{}
	// watching ends the watch of the disk, and sweeping the removal of what is kept for a time.
	watching func()
	sweeping []func()
}

// keepalive returns when connections are looked at, and how old they become.
func (c Config) keepalive() keepalive.ServerParameters {
	p := keepalive.ServerParameters{Time: serverPingInterval, Timeout: pingTimeout, MaxConnectionIdle: c.IdleTimeout}
	if c.MaxConnectionAge > 0 {
		p.MaxConnectionAge, p.MaxConnectionAgeGrace = c.MaxConnectionAge, c.MaxConnectionAgeGrace
	}
	return p
}

// New returns a server of a store that is not listening yet.
func New(ctx context.Context, store storage.Store, config Config) (*Server, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	validator, err := newRuleValidator()
	if err != nil {
		return nil, err
	}
	config.Log = slog.New(requestLog{config.Log.Handler()})
	meters, err := newMeters(config.Metrics)
	if err != nil {
		return nil, err
	}
	calls, err := newCallMeters(config.Metrics)
	if err != nil {
		return nil, err
	}
	log, err := audit.Open(ctx, &meteredStore{store, meters}, config.Now)
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	// What writes goes through the log; what looks at the disk, or copies it, needs the store itself.
	recorded := log.Store()
	models := catalog.New(recorded, config.Now)
	writes := intake.New(recorded, models, config.Now)
	writes.Observe(meters.written)
	manager, err := runs.New(ctx, recorded, models, writes, config.Now, config.Log)
	if err != nil {
		return nil, err
	}
	manager.Observe(runMeters{meters})
	manager.AtMost(config.MaxRuns)
	manager.ActAs(actAs)
	s := &Server{config: config, health: health.NewServer(), runs: manager, stopping: make(chan struct{})}
	guard := gate{config.Authenticator, log, config.Log}
	s.load, err = newLoad(config)
	if err != nil {
		manager.Close()
		return nil, err
	}
	unary, stream, err := interceptors(config, validator, guard, s.load, s.stopping)
	if err != nil {
		manager.Close()
		return nil, err
	}
	transport := insecure.NewCredentials()
	if config.TLS != nil {
		transport = credentials.NewTLS(config.TLS)
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(transport),
		grpc.StatsHandler(calls),
		tracing(config.Traces),
		grpc.ChainUnaryInterceptor(unary...),
		grpc.ChainStreamInterceptor(stream...),
		grpc.ForceServerCodecV2(newCodec(config.MaxMessageBytes)),
		grpc.MaxRecvMsgSize(2*config.MaxMessageBytes),
		grpc.MaxSendMsgSize(config.MaxMessageBytes),
		grpc.MaxHeaderListSize(config.MaxHeaderBytes),
		grpc.MaxConcurrentStreams(config.MaxStreams),
		grpc.ConnectionTimeout(config.HandshakeTimeout),
		// Windows that do not grow bound what waits of a stream that is not read from; a message that is being received may be larger.
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connectionWindow),
		grpc.WaitForHandlers(true),
		// A goroutine that has served calls has the stack for the next one.
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPingInterval, PermitWithoutStream: true}),
		grpc.KeepaliveParams(config.keepalive()),
		grpc.StatsHandler(connectionAge{}),
	)
	if err := s.registerStates(store); err != nil {
		manager.Close()
		return nil, err
	}
	streams := streaming{validator: validator, stopping: s.stopping, stall: config.StallTimeout, maxMessage: config.MaxMessageBytes}
	streams.age = connectionAge{config.MaxConnectionAge, config.MaxConnectionAgeGrace}
	ledger := jobs.New(recorded, config.Now, config.JobRetention)
	services := registrar{s.grpc, guard, s.load, new(wire.Evaluators)}
	echelonv1.RegisterScoringServiceServer(services, &scoringService{store: recorded, catalog: models, streams: streams, meters: meters, load: s.load})
	echelonv1.RegisterCustomerServiceServer(services, &customerService{store: recorded, catalog: models, intake: writes, jobs: ledger, streams: streams, now: config.Now, load: s.load})
	echelonv1.RegisterModelServiceServer(services, &modelService{store: recorded, catalog: models})
	echelonv1.RegisterRunServiceServer(services, &runService{store: recorded, catalog: models, runs: manager, streams: streams, load: s.load})
	echelonv1.RegisterAdminServiceServer(services, &adminService{store: store, streams: streams, now: config.Now})
	echelonv1.RegisterAssignmentServiceServer(services, &assignmentService{store: recorded, catalog: models, intake: writes, streams: streams, now: config.Now})
	echelonv1.RegisterAuditServiceServer(services, &auditService{log: log, streams: streams})
	if config.Services != nil {
		config.Services(services)
	}
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	s.watchDisk(ctx, store)
	s.sweeping = append(s.sweeping, s.sweepJobs(ctx, ledger), sweepAudit(ctx, log, config.KeepAuditDays, config.Now, config.Log))
	manager.KeepOnly(runs.Retention{Runs: config.KeepRuns, Days: config.KeepDays, ChangeDays: config.KeepChangeDays})
	return s, nil
}

// Serve answers calls on a listener until Stop; it returns nil then.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.grpc.Serve(s.load.listener(listener)); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	}
	return nil
}

// Stop ends the server in bounded time: it takes no new calls, tells long streams to resume elsewhere, waits for calls as long as DrainTimeout,
// cuts those that are left, and stops the runs. Calling it twice is an error of the caller.
func (s *Server) Stop() {
	s.watching()
	for _, end := range s.sweeping {
		end()
	}
	s.health.Shutdown()
	close(s.stopping)
	drained := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(drained)
	}()
	timer := time.NewTimer(s.config.DrainTimeout)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
		s.config.Log.Warn("calls did not end in time and are cut", "after", s.config.DrainTimeout)
		s.grpc.Stop()
		<-drained
	}
	s.runs.Close()
}
