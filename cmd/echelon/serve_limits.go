package main

import (
	"github.com/spf13/pflag"

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
