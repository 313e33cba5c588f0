package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/limit"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// load is what callers use of the server, and what it does when they ask for more than its limits.
type load struct {
	limits Limits
	// share is the part of everything that one principal may have.
	share float64
	// patience is how long a stream is kept waiting. It is less than what makes a stream stall, which is not the caller's fault then.
	patience time.Duration
	pool     *limit.Pool
	rates    *limit.Rates
	shed     *prometheus.CounterVec
	slow     *prometheus.CounterVec
	refusals *refusals
	turns    turns
	// streams counts the streams, which tells them apart.
	streams atomic.Int64
}

// The limits' names, in metrics and in the metadata of errors.
const (
	limitConnections = "connections"
	limitCalls       = "calls"
	limitBulk        = "bulk_streams"
	limitWatch       = "watch_streams"
	limitBytes       = "bytes"
	limitCalibrate   = "calibrate_bytes"
	limitRows        = "rows"
	limitRuns        = "runs"
	limitEvaluations = "evaluations"
)

// dataPart is the part of the calls that those about customers and assignments may have: the rest is for those who look after the server and its
// runs. unaryPart and streamsPart are the parts of the bytes that unary calls and streams may have, and streamPart that of one stream: a crowd of the
// one kind leaves something to the other.
const (
	dataPart    = 0.875
	unaryPart   = 0.5
	streamsPart = 0.75
	streamPart  = 0.25
)

const (
	// longestPatience is how long a stream is kept waiting for bytes or for its rate before it is refused.
	longestPatience = 30 * time.Second
	// callersRemembered is how many principals' rates are remembered.
	callersRemembered = 10_000
	// retryCall and retryStream are when to try again what others are in the way of.
	retryCall   = time.Second
	retryStream = 5 * time.Second
)

func newLoad(config Config) (*load, error) {
	limits := config.Limits
	l := &load{
		limits: limits, share: 1, patience: min(longestPatience, config.StallTimeout/2), pool: limit.NewPool(), refusals: newRefusals(config.Log, config.Now),
		rates: limit.NewRates(limit.RatesConfig{PerSecond: limits.RowsPerSecond, Burst: limits.RowsBurst, Callers: callersRemembered}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "echelon_limit_shed_total", Help: "What was refused since a limit was reached: calls, streams, connections, runs.",
		}, []string{"limit"}),
		slow: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "echelon_limit_slowed_total", Help: "Messages of streams that waited since a limit was reached.",
		}, []string{"limit"}),
	}
	if config.Authenticator != nil {
		l.share = limits.PrincipalShare
	}
	for _, name := range []string{limitConnections, limitCalls, limitBulk, limitWatch, limitBytes, limitCalibrate, limitRows, limitRuns, limitEvaluations} {
		l.shed.WithLabelValues(name)
	}
	collectors := []prometheus.Collector{l.shed, l.slow}
	for _, name := range []string{limitBytes, limitRows} {
		l.slow.WithLabelValues(name)
	}
	for name, most := range map[string]int{
		limitConnections: limits.MaxConnections, limitCalls: limits.MaxCalls, limitBulk: limits.MaxBulkStreams, limitWatch: limits.MaxWatchStreams,
		limitBytes: limits.MaxInFlightBytes, limitCalibrate: limits.MaxCalibrateBytes,
		limitEvaluations: limits.MaxEvaluations,
	} {
		labels := prometheus.Labels{"limit": name}
		collectors = append(collectors,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "echelon_limit_used", Help: "What is in use of a limit.", ConstLabels: labels},
				func() float64 { return float64(l.pool.Used(name)) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "echelon_limit_max", Help: "The limit.", ConstLabels: labels},
				func() float64 { return float64(most) }))
	}
	for _, c := range collectors {
		if err := config.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of limits: %w", err)
		}
	}
	return l, nil
}

// of is a part of a limit.
func of(part float64, most int) int64 { return max(1, int64(part*float64(most))) }

// account is one that takes part in a limit; parts of it are told apart by what follows its name.
func account(name, of string, most int64) limit.Account {
	if of != "" {
		name += "/" + of
	}
	return limit.Account{Name: name, Limit: most}
}

// principals are told apart from parts by a sign that no part has.
func principalPart(name string) string { return "@" + name }

// call takes the slot of a unary call. OVERLOADED.
func (l *load) call(method, principal string) (leave func(), err error) {
	accounts := []limit.Account{account(limitCalls, "", int64(l.limits.MaxCalls))}
	if isData(method) {
		accounts = append(accounts, account(limitCalls, "data", of(dataPart, l.limits.MaxCalls)),
			account(limitCalls, principalPart(principal), of(dataPart*l.share, l.limits.MaxCalls)))
	}
	leave, err = l.pool.Try(1, accounts...)
	if err != nil {
		return nil, l.refuse(limitCalls, overloaded("as many calls as the server takes are under way", retryCall))
	}
	return leave, nil
}

// isData reports whether a method is about customers or assignments, which come in numbers.
func isData(method string) bool {
	return strings.HasPrefix(method, "/"+echelonv1.ScoringService_ServiceDesc.ServiceName+"/") ||
		strings.HasPrefix(method, "/"+echelonv1.CustomerService_ServiceDesc.ServiceName+"/") ||
		strings.HasPrefix(method, "/"+echelonv1.AssignmentService_ServiceDesc.ServiceName+"/")
}

// stream takes the slot of a stream. TOO_MANY_STREAMS.
func (l *load) stream(method, principal string) (leave func(), err error) {
	kind, most := limitBulk, l.limits.MaxBulkStreams
	if isWatch(method) {
		kind, most = limitWatch, l.limits.MaxWatchStreams
	}
	leave, err = l.pool.Try(1, account(kind, "", int64(most)), account(kind, principalPart(principal), of(l.share, most)))
	if err != nil {
		f := fault.New(echelonv1.ErrorReason_TOO_MANY_STREAMS, "as many streams of this kind as the server takes, or as you may have, are open: try again later")
		return nil, l.refuse(kind, f.After(retryStream))
	}
	return leave, nil
}

// isWatch reports whether a streaming method follows something: it is quiet and goes on for long. All others carry much.
func isWatch(method string) bool {
	return strings.HasPrefix(method[strings.LastIndexByte(method, '/')+1:], "Watch") || strings.HasPrefix(method, reflectionPrefix)
}

// callBytes takes the bytes of a unary call's request. OVERLOADED.
func (l *load) callBytes(size int, principal string) (leave func(), err error) {
	most := l.limits.MaxInFlightBytes
	leave, err = l.pool.Try(int64(size), account(limitBytes, "", int64(most)), account(limitBytes, "unary", of(unaryPart, most)),
		account(limitBytes, "unary/"+principalPart(principal), of(unaryPart*l.share, most)))
	if err != nil {
		return nil, l.refuse(limitBytes, overloaded("requests of as many bytes as the server takes are under way", retryCall))
	}
	return leave, nil
}

// streamBytes takes the bytes of a stream's message, or waits for them a while. OVERLOADED.
func (l *load) streamBytes(ctx context.Context, size int, stream, principal string) (leave func(), err error) {
	most := l.limits.MaxInFlightBytes
	accounts := []limit.Account{
		account(limitBytes, "", int64(most)), account(limitBytes, "streams", of(streamsPart, most)),
		account(limitBytes, principalPart(principal), of(streamsPart*l.share, most)), account(limitBytes, "#"+stream, of(streamPart, most)),
	}
	if leave, err = l.pool.Try(int64(size), accounts...); err == nil {
		return leave, nil
	}
	l.slow.WithLabelValues(limitBytes).Inc()
	waiting, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	if leave, err = l.pool.Take(waiting, int64(size), accounts...); err == nil {
		return leave, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, l.refuse(limitBytes, overloaded("messages of as many bytes as the server takes are under way, and none of them was answered in time", retryStream))
}

// wanted reports whether others wait for bytes that a slow reader holds.
func (l *load) wanted() bool {
	return l.pool.Wanted(limitBytes) || l.pool.Wanted(account(limitBytes, "streams", 0).Name)
}

// callRows takes the rows of a unary call from the rate of a principal. RATE_LIMITED.
func (l *load) callRows(rows int, principal string) error {
	if wait, ok := l.rates.Take(principal, rows, 0); !ok {
		return l.tooFast(wait)
	}
	return nil
}

// fetchedRows takes rows that were fetched from the rate of a principal, however long its next call must wait for that.
func (l *load) fetchedRows(rows int, principal string) { l.rates.Take(principal, rows, math.MaxInt64) }

// streamRows takes the rows of a stream's message from the rate of a principal, and waits as long as that takes. RATE_LIMITED.
func (l *load) streamRows(ctx context.Context, rows int, principal string) error {
	wait, ok := l.rates.Take(principal, rows, l.patience)
	if !ok {
		return l.tooFast(wait)
	}
	if wait == 0 {
		return nil
	}
	l.slow.WithLabelValues(limitRows).Inc()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *load) tooFast(wait time.Duration) error {
	return l.refuse(limitRows, fault.New(echelonv1.ErrorReason_RATE_LIMITED, "you may send and fetch %v rows a second, and were faster: go on in %s",
		l.limits.RowsPerSecond, wait.Round(time.Millisecond)).After(wait))
}

// calibrateBytes takes bytes of a population that stays until the stream ends. OVERLOADED.
func (l *load) calibrateBytes(size int64) (leave func(), err error) {
	leave, err = l.pool.Try(size, account(limitCalibrate, "", int64(l.limits.MaxCalibrateBytes)))
	var full *limit.FullError
	if errors.As(err, &full) {
		return nil, l.refuse(limitCalibrate, overloaded(fmt.Sprintf(
			"the populations that are gathered to calibrate have %d bytes, which is all that the server takes: calibrate by a run of stored customers, or by a sample",
			l.pool.Used(limitCalibrate)), retryStream))
	}
	return leave, nil
}

// refuse counts what is refused.
func (l *load) refuse(name string, f *fault.Fault) error {
	l.shed.WithLabelValues(name).Inc()
	l.refusals.note(name)
	return f.With("limit", name)
}

// refused counts what others refused since a limit was reached.
func (l *load) refused(name string, err error) error {
	if fault.Is(err, echelonv1.ErrorReason_OVERLOADED) {
		l.shed.WithLabelValues(name).Inc()
		l.refusals.note(name)
	}
	return err
}

func overloaded(what string, after time.Duration) *fault.Fault {
	return fault.New(echelonv1.ErrorReason_OVERLOADED, "%s: try again later", what).After(after)
}
