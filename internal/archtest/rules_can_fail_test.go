package archtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachRuleRefusesWhatItIsFor(t *testing.T) {
	broken := map[string]bool{}
	for _, test := range []struct{ name, importer, imported, reason string }{
		{"a proto that imports the engine", "./proto/echelon/v1", "./engine", "they know nobody"},
		{"diagnostics that import frames", "./engine/diag", "./engine/frame", "it imports nobody"},
		{"an engine that imports storage", "./engine", "./storage", "two pure functions"},
		{"a package of the engine that imports internals", "./engine/expr", "./internal/tabular", "two pure functions"},
		{"a frame that imports the engine above it", "./engine/frame", "./engine", "import frame alone"},
		{"a frame that imports its neighbour", "./engine/frame", "./engine/expr", "import frame alone"},
		{"an engine that imports Arrow", "./engine", "./engine/frame/arrowframe", "one form in which customers come"},
		{"a client that imports Arrow", "./client", "./engine/frame/arrowframe", "one form in which customers come"},
		{"a server that reads record batches", "./server", "github.com/apache/arrow-go/v18/arrow", "in one place"},
		{"a kernel that imports expressions", "./engine/kernel", "./engine/expr", "know no expression"},
		{"a format that imports the engine above it", "./engine/format", "./engine/expr", "without an engine"},
		{"a stability that looks into cuts", "./engine/stability", "./engine/tier", "decided from outcomes"},
		{"a ladder that looks back", "./engine/tier", "./engine/stability", "knows no history"},
		{"families that know expressions", "./engine/family", "./engine/expr", "ids and numbers"},
		{"comparisons that know the engine", "./engine/compare", "./engine/tier", "whose tiers they are"},
		{"a suggestion that reads files", "./internal/suggest", "./internal/tabular", "what files they came from"},
		{"storage that imports the engine", "./storage", "./engine", "keeps what it is given"},
		{"a store that imports the server", "./storage/badger", "./server", "keeps what it is given"},
		{"a conformance suite that names a store", "./storage/storagetest", "./storage/memory", "only cmd and tests choose one"},
		{"a server that names a store", "./server", "./storage/badger", "only cmd and tests choose one"},
		{"a server that imports Badger", "./server", "github.com/dgraph-io/badger/v4", "one implementation"},
		{"a client that imports the engine", "./client", "./engine", "must not bring a server or an engine along"},
		{"W that imports the engine", "./internal/workload", "./engine", "computes nothing with it"},
		{"tabular that imports the engine", "./internal/tabular", "./engine", "files into frames"},
		{"wire that imports a limit", "./internal/wire", "./internal/limit", "bytes into columns"},
		{"a fault that imports storage", "./internal/fault", "./storage", "a reason and words"},
		{"work in parallel that knows snapshots", "./internal/parallel", "./internal/snapshot", "whatever it is given"},
		{"a limit that makes faults", "./internal/limit", "./internal/fault", "what calls, rows and errors are"},
		{"an identity that imports storage", "./internal/identity", "./storage", "told from credentials alone"},
		{"an audit log that imports identity", "./internal/audit", "./internal/identity", "neither calls nor models"},
		{"jobs that import the catalog", "./internal/jobs", "./internal/catalog", "what is stored, and for whom"},
		{"a catalog that imports snapshots", "./internal/catalog", "./internal/snapshot", "turns names into programs"},
		{"a snapshot that imports runs", "./internal/snapshot", "./internal/runs", "who runs or publishes"},
		{"a review that imports intake", "./internal/review", "./internal/intake", "what ought to be looked at"},
		{"a feed that imports intake", "./internal/feed", "./internal/intake", "changes are what differs"},
		{"an intake that imports runs", "./internal/intake", "./internal/runs", "a write is composed"},
		{"runs that import files", "./internal/runs", "./internal/tabular", "between engine and storage"},
		{"a server that imports the client", "./server", "./client", "the other side"},
		{"an example that starts a server", "./examples/tour", "./server", "only cmd starts it"},
		{"a server that imports a command", "./server", "./cmd/echelon", "belongs further down"},
		{"an engine that imports grpc", "./engine", "google.golang.org/grpc", "becomes a status in server"},
		{"runs that import grpc", "./internal/runs", "google.golang.org/grpc/metadata", "becomes a status in server"},
		{"tabular that imports grpc", "./internal/tabular", "google.golang.org/grpc", "becomes a status in server"},
		{"a store that counts for Prometheus", "./storage/badger", "github.com/prometheus/client_golang/prometheus", "who watches a server"},
		{"an engine that makes spans", "./engine", "go.opentelemetry.io/otel/trace", "who watches a server"},
		{"a server that exports spans", "./server", "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc", "decided by the program"},
		{"runs that count for Prometheus", "./internal/runs", "github.com/prometheus/client_golang/prometheus", "tells an observer"},
		{"a command that makes a status", "./cmd/echelon", "google.golang.org/grpc/status", "the server alone makes statuses"},
		{"a command that holds W", "./cmd/echelon", "./internal/workload", "for tests and benchmarks"},
		{"a server that logs on its own", "./server", "log", "*slog.Logger"},
	} {
		t.Run(test.name, func(t *testing.T) {
			violations := check(importRules, graph{test.importer: {"fmt", test.imported}})
			found := slices.ContainsFunc(violations, func(violation string) bool {
				return strings.HasPrefix(violation, test.importer+" must not import "+test.imported+": ") && strings.Contains(violation, test.reason)
			})
			if !found {
				t.Errorf("%q is not among %q", test.reason, violations)
			}
		})
		for _, r := range importRules {
			broken[r.reason] = broken[r.reason] || strings.Contains(r.reason, test.reason)
		}
	}
	for _, r := range importRules {
		if !broken[r.reason] {
			t.Errorf("no case here breaks the rule %q", r.reason)
		}
	}
}

func TestTheHouseAsDesignedBreaksNoRule(t *testing.T) {
	designed := graph{
		"./proto/echelon/v1":        {"google.golang.org/grpc", "google.golang.org/grpc/codes", "google.golang.org/grpc/status"},
		"./engine/diag":             {"golang.org/x/text/width"},
		"./engine/frame":            {"./engine/diag", "./proto/echelon/v1"},
		"./engine/frame/arrowframe": {"./engine/frame", "./proto/echelon/v1", "github.com/apache/arrow-go/v18/arrow/ipc"},
		"./engine/expr":             {"./engine/frame", "cel.dev/cel-go/cel"},
		"./engine":                  {"./engine/expr", "./engine/exact", "./engine/frame", "./proto/echelon/v1"},
		"./storage":                 {"./engine/frame", "./proto/echelon/storage/v1"},
		"./storage/badger":          {"./storage", "github.com/dgraph-io/badger/v4"},
		"./storage/storagetest":     {"./storage", "testing"},
		"./internal/runs":           {"./engine", "./storage", "./proto/echelon/v1"},
		"./internal/tabular":        {"./engine/frame", "./proto/echelon/v1"},
		"./server":                  {"./internal/runs", "./engine", "./storage", "google.golang.org/grpc/status", "log/slog"},
		"./client":                  {"./engine/frame", "./proto/echelon/v1", "google.golang.org/grpc/status"},
		"./cmd/echelon":             {"./server", "./client", "./internal/tabular", "./storage/badger", "./storage/memory", "log"},
	}
	if violations := check(importRules, designed); violations != nil {
		t.Errorf("%q", violations)
	}
	if places := unbound(importRules, designed); places != nil {
		t.Errorf("no rule names %q", places)
	}
}

func TestAPackageOfNoRuleIsFound(t *testing.T) {
	packages := graph{"./engine/expr": nil, "./internal/run": nil, "./misc": nil, "./cmd/echelon": nil, "./e2e": nil}
	if diff := cmp.Diff([]string{"./internal/run", "./misc"}, unbound(importRules, packages)); diff != "" {
		t.Error(diff)
	}
}

func TestAPatternTakesInWhatItNames(t *testing.T) {
	for _, test := range []struct {
		pattern, path string
		want          bool
	}{
		{"log", "log", true},
		{"log", "log/slog", false},
		{"./engine/...", "./engine", true},
		{"./engine/...", "./engine/frame", true},
		{"./engine/...", "./engines", false},
		{"./...", "./cmd/echelon", true},
		{"./...", ".", true},
		{"./...", "fmt", false},
	} {
		if got := matches([]string{test.pattern}, test.path); got != test.want {
			t.Errorf("%s takes in %s: %v, want %v", test.pattern, test.path, got, test.want)
		}
	}
}
