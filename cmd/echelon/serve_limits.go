package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
	"github.com/echelonhq/echelon/server"
)

// limitFlags adds the flags of a server's limits; they are their own defaults.
func limitFlags(flags *pflag.FlagSet, l *server.Limits) {
	flags.IntVar(&l.MaxMessageBytes, "max-message-bytes", l.MaxMessageBytes, "largest message taken and sent")
	flags.Uint32Var(&l.MaxHeaderBytes, "max-header-bytes", l.MaxHeaderBytes, "largest list of headers of a call")
	flags.IntVar(&l.MaxConnections, "max-connections", l.MaxConnections, "connections at once")
	flags.Uint32Var(&l.MaxStreams, "max-streams", l.MaxStreams, "calls that one connection may have at once")
	flags.IntVar(&l.MaxCalls, "max-calls", l.MaxCalls, "unary calls under way")
	flags.IntVar(&l.MaxBulkStreams, "max-bulk-streams", l.MaxBulkStreams, "open streams that carry customers, assignments or a backup")
	flags.IntVar(&l.MaxWatchStreams, "max-watch-streams", l.MaxWatchStreams, "open streams that follow something")
	flags.IntVar(&l.MaxInFlightBytes, "max-in-flight-bytes", l.MaxInFlightBytes, "bytes of messages under way; at least twice --max-message-bytes")
	flags.IntVar(&l.MaxCalibrateBytes, "max-calibrate-bytes", l.MaxCalibrateBytes, "bytes of customers that all Calibrate streams gather")
	flags.Float64Var(&l.PrincipalShare, "principal-share", l.PrincipalShare, "part of calls, streams and bytes that one principal may have, where callers are authenticated")
	flags.Float64Var(&l.RowsPerSecond, "rows-per-second", l.RowsPerSecond, "customers a second that a principal may send and fetch; 0 for any number")
	flags.IntVar(&l.RowsBurst, "rows-burst", l.RowsBurst, "customers that it may send at once after a while without any")
	l.MaxEvaluations = 0 // what is shown must not depend on the machine
	flags.IntVar(&l.MaxEvaluations, "max-evaluations", l.MaxEvaluations, "batches that are decoded or evaluated at once; 0 for as many as there are processors")
	flags.IntVar(&l.MaxRuns, "max-runs", l.MaxRuns, "runs under way; one a model in any case")
	flags.DurationVar(&l.SlowReaderTimeout, "slow-reader-timeout", l.SlowReaderTimeout, "how long a stream may leave an answer unread while others wait for its memory")
	flags.DurationVar(&l.IdleTimeout, "idle-timeout", l.IdleTimeout, "after how long a connection without a call is closed")
	flags.DurationVar(&l.HandshakeTimeout, "handshake-timeout", l.HandshakeTimeout, "how long a new connection may take to become one")
}

// limitGroups are the limits that are judged together, by the names of their flags. The first group are those that depend on each other.
var limitGroups = [][]string{
	{"max-message-bytes", "max-in-flight-bytes", "max-calibrate-bytes"},
	{"max-header-bytes"}, {"max-connections"}, {"max-streams"}, {"max-calls"}, {"max-bulk-streams"}, {"max-watch-streams"},
	{"principal-share"}, {"rows-per-second"}, {"rows-burst"}, {"max-evaluations"}, {"max-runs"},
	{"slow-reader-timeout"}, {"idle-timeout"}, {"handshake-timeout"},
}

// checkLimits notes the limits that the server refuses: each among the defaults of the others, so that all are told and none hides another.
func checkLimits(given server.Limits, c *config.Config) {
	var from pflag.FlagSet
	limitFlags(&from, &given)
	for _, group := range limitGroups {
		judged := server.DefaultLimits()
		var to pflag.FlagSet
		limitFlags(&to, &judged)
		for _, name := range group {
			// What a flag printed it reads.
			_ = to.Set(name, from.Lookup(name).Value.String())
		}
		judged.MaxEvaluations = evaluations(judged.MaxEvaluations)
		if err := judged.Check(); err != nil {
			c.Mistake(fmt.Sprintf("--%s: %v", strings.Join(group, ", --"), err), slices.Clone(group)...)
		}
	}
}

// evaluations returns how many batches are evaluated at once where a flag says so many.
func evaluations(flag int) int {
	if flag == 0 {
		return server.DefaultLimits().MaxEvaluations
	}
	return flag
}
