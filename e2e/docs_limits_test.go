package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/server"
)

// TestOperationsHaveTheLimitsOfTheServer holds the table of limits against the code: each flag of a limit has a row, with its default in words.
func TestOperationsHaveTheLimitsOfTheServer(t *testing.T) {
	c := server.DefaultConfig()
	wants := map[string]string{
		"--max-message-bytes":   fmt.Sprintf("%d MiB", c.MaxMessageBytes>>20),
		"--max-header-bytes":    fmt.Sprintf("%d KiB", c.MaxHeaderBytes>>10),
		"--max-connections":     thousands(c.MaxConnections),
		"--max-streams":         thousands(int(c.MaxStreams)),
		"--max-calls":           thousands(c.MaxCalls),
		"--max-bulk-streams":    thousands(c.MaxBulkStreams),
		"--max-watch-streams":   thousands(c.MaxWatchStreams),
		"--max-in-flight-bytes": fmt.Sprintf("%d MiB", c.MaxInFlightBytes>>20),
		"--max-calibrate-bytes": fmt.Sprintf("%d GiB", c.MaxCalibrateBytes>>30),
		"--principal-share":     map[float64]string{0.5: "one half"}[c.PrincipalShare],
		"--rows-per-second":     map[float64]string{0: "any"}[c.RowsPerSecond],
		"--rows-burst":          map[float64]string{0: "any"}[c.RowsPerSecond],
		"--max-evaluations":     "as many as processors",
		"--max-runs":            fmt.Sprintf("%d, one a model", c.MaxRuns),
		"--slow-reader-timeout": inWords(c.SlowReaderTimeout),
		"--stall-timeout":       inWords(c.StallTimeout),
		"--idle-timeout":        inWords(c.IdleTimeout),
		"--handshake-timeout":   inWords(c.HandshakeTimeout),
	}
	documented := make(map[string]string)
	for _, one := range tables(t, "docs/operations.md") {
		if !slices.Equal(one[0], []string{"limit", "default", "flag", "above it"}) {
			continue
		}
		for _, row := range one[1:] {
			for _, flag := range spans(row[2]) {
				documented[flag] = row[1]
			}
		}
	}
	for flag, want := range wants {
		if documented[flag] != want {
			t.Errorf("docs/operations.md: the limit of %s is %q, not %q", flag, want, documented[flag])
		}
		delete(documented, flag)
	}
	for flag := range documented {
		t.Errorf("docs/operations.md has a limit of %s, which is none of the server's", flag)
	}
	// A flag that says of itself that it is a limit has a row there.
	for _, row := range tables(t, "docs/operations.md")[0][1:] {
		if flags := spans(row[0]); strings.HasPrefix(row[2], "[limit]") && wants[flags[0]] == "" {
			t.Errorf("docs/operations.md: %s is called a limit, and has no row among them", flags[0])
		}
	}
	for what, want := range map[string]time.Duration{"a stream waits up to %s, or half of `--stall-timeout` where that is less, then OVERLOADED": duration(t, "server/load.go", "longestPatience")} {
		if want := fmt.Sprintf(what, inWords(want)); !strings.Contains(read(t, "docs/operations.md"), want) {
			t.Errorf("docs/operations.md does not say %q", want)
		}
	}
}

// thousands writes a number as the pages do.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
