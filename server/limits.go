package server

import (
	"fmt"
	"runtime"
	"time"
)

// Limits bound what callers may ask of a server at once. Zero fields take the defaults of DefaultLimits, but for RowsPerSecond. What is above them is
// refused with RESOURCE_EXHAUSTED and a hint when to try again, or slowed; docs/operations.md says which.
type Limits struct {
	// MaxMessageBytes is the largest message that is taken and sent.
	MaxMessageBytes int
	// MaxHeaderBytes is the largest list of headers that is taken.
	MaxHeaderBytes uint32
	// MaxConnections is how many connections there may be; those above are closed at once.
	MaxConnections int
	// MaxStreams is how many calls one connection may have at once; the next ones wait in the client.
	MaxStreams uint32
	// MaxCalls is how many unary calls may be under way.
	MaxCalls int
	// MaxBulkStreams is how many streams that carry customers or assignments, or a backup, may be open.
	MaxBulkStreams int
	// MaxWatchStreams is how many streams that follow something may be open.
	MaxWatchStreams int
	// MaxInFlightBytes is how many bytes of messages may be under way: received and not answered, or waiting for their reader. Decoded they take up
	// to ten times as much memory. It is at least 2 * MaxMessageBytes.
	MaxInFlightBytes int
	// MaxCalibrateBytes is how many bytes of customers all Calibrate streams may gather, as they came or as they are in memory, whichever is more.
	MaxCalibrateBytes int
	// PrincipalShare is the part of calls, streams and bytes that one principal may have, above 0 and up to 1. Where nobody is authenticated
	// everybody shares all.
	PrincipalShare float64
	// RowsPerSecond is how many customers a second a principal may send and fetch, over all its calls; 0 does not bound it.
	RowsPerSecond float64
	// RowsBurst is how many it may send at once after a while without any; it is at least the rows of a batch.
	RowsBurst int
	// MaxEvaluations is how many batches of calls and streams are decoded or evaluated at once, the others in order after them; by default as many
	// as there are processors. More would only make each of them, and whatever is small, slower.
	MaxEvaluations int
	// MaxRuns is how many runs may be under way; one a model in any case.
	MaxRuns int
	// SlowReaderTimeout is how long a stream's reader may leave an answer unread while others wait for the bytes that it holds. Otherwise it may as
	// long as StallTimeout.
	SlowReaderTimeout time.Duration
	// IdleTimeout is after how long a connection without a call is closed.
	IdleTimeout time.Duration
	// HandshakeTimeout is how long a new connection may take to become one.
	HandshakeTimeout time.Duration
}

// DefaultLimits returns the defaults.
func DefaultLimits() Limits {
	return Limits{
		MaxMessageBytes:   16 << 20,
		MaxHeaderBytes:    16 << 10,
		MaxConnections:    1024,
		MaxStreams:        128,
		MaxCalls:          256,
		MaxBulkStreams:    64,
		MaxWatchStreams:   512,
		MaxInFlightBytes:  64 << 20,
		MaxCalibrateBytes: 1 << 30,
		PrincipalShare:    0.5,
		RowsPerSecond:     0,
		RowsBurst:         100_000,
		MaxEvaluations:    runtime.GOMAXPROCS(0),
		MaxRuns:           2,
		SlowReaderTimeout: 10 * time.Second,
		IdleTimeout:       15 * time.Minute,
		HandshakeTimeout:  20 * time.Second,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.MaxMessageBytes = or(l.MaxMessageBytes, d.MaxMessageBytes)
	l.MaxHeaderBytes = or(l.MaxHeaderBytes, d.MaxHeaderBytes)
	l.MaxConnections = or(l.MaxConnections, d.MaxConnections)
	l.MaxStreams = or(l.MaxStreams, d.MaxStreams)
	l.MaxCalls = or(l.MaxCalls, d.MaxCalls)
	l.MaxBulkStreams = or(l.MaxBulkStreams, d.MaxBulkStreams)
	l.MaxWatchStreams = or(l.MaxWatchStreams, d.MaxWatchStreams)
	l.MaxInFlightBytes = or(l.MaxInFlightBytes, max(d.MaxInFlightBytes, 2*l.MaxMessageBytes))
	l.MaxCalibrateBytes = or(l.MaxCalibrateBytes, max(d.MaxCalibrateBytes, l.MaxMessageBytes))
	l.PrincipalShare = or(l.PrincipalShare, d.PrincipalShare)
	l.RowsBurst = or(l.RowsBurst, d.RowsBurst)
	l.MaxEvaluations = or(l.MaxEvaluations, d.MaxEvaluations)
	l.MaxRuns = or(l.MaxRuns, d.MaxRuns)
	l.SlowReaderTimeout = or(l.SlowReaderTimeout, d.SlowReaderTimeout)
	l.IdleTimeout = or(l.IdleTimeout, d.IdleTimeout)
	l.HandshakeTimeout = or(l.HandshakeTimeout, d.HandshakeTimeout)
	return l
}

// minMessageBytes is the least that the largest message may be: an error and a small page fit into it.
const minMessageBytes = 64 << 10

// minHeaderBytes is the least that the largest list of headers may be: a token fits into it.
const minHeaderBytes = 4 << 10

// Check returns what is out of range.
func (l Limits) Check() error {
	switch {
	case l.MaxMessageBytes < minMessageBytes:
		return fmt.Errorf("the largest message has %d bytes, at least %d are needed", l.MaxMessageBytes, minMessageBytes)
	case l.MaxHeaderBytes < minHeaderBytes:
		return fmt.Errorf("the largest list of headers has %d bytes, at least %d are needed", l.MaxHeaderBytes, minHeaderBytes)
	case l.MaxInFlightBytes < 2*l.MaxMessageBytes:
		return fmt.Errorf("%d bytes of messages may be under way, at least %d are needed, which is two of the largest", l.MaxInFlightBytes, 2*l.MaxMessageBytes)
	case l.MaxCalibrateBytes < l.MaxMessageBytes:
		return fmt.Errorf("%d bytes may be gathered to calibrate, at least %d are needed, which is the largest message", l.MaxCalibrateBytes, l.MaxMessageBytes)
	case !(l.PrincipalShare > 0 && l.PrincipalShare <= 1):
		return fmt.Errorf("the share of a principal is %v, and must be above 0 and up to 1", l.PrincipalShare)
	case !(l.RowsPerSecond >= 0):
		return fmt.Errorf("the rows a second are %v, and must be 0, which does not bound them, or more", l.RowsPerSecond)
	case l.RowsBurst < maxBatchRows:
		return fmt.Errorf("the burst has %d rows, at least %d are needed, which is the largest batch", l.RowsBurst, maxBatchRows)
	case l.MaxStreams < 1, l.MaxConnections < 1, l.MaxCalls < 1, l.MaxBulkStreams < 1, l.MaxWatchStreams < 1, l.MaxEvaluations < 1, l.MaxRuns < 1:
		return fmt.Errorf("calls of a connection (%d), connections (%d), calls (%d), bulk streams (%d), watch streams (%d), evaluations (%d) and runs (%d) must be 1 or more",
			l.MaxStreams, l.MaxConnections, l.MaxCalls, l.MaxBulkStreams, l.MaxWatchStreams, l.MaxEvaluations, l.MaxRuns)
	case l.SlowReaderTimeout <= 0, l.IdleTimeout <= 0, l.HandshakeTimeout <= 0:
		return fmt.Errorf("the timeouts of slow readers (%s), idle connections (%s) and handshakes (%s) must be above 0",
			l.SlowReaderTimeout, l.IdleTimeout, l.HandshakeTimeout)
	}
	return nil
}
