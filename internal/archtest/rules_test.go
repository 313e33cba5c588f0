package archtest

// A rule says what some packages must not import. A pattern that begins with "./" is a package of this module, any other an import path; one that
// ends in "/..." takes in what is below. Rules bind what is built; test files import what they need.
type rule struct {
	importers []string // who is bound
	spared    []string // who, of them, is not
	forbidden []string // what they must not import
	allowed   []string // what, of that, they may
	reason    string   // why, and with it what to do instead
}

// The roof holds packages that may import whatever they need. Every other package is bound by a rule that names it.
var roof = []string{"./cmd/...", "./examples/...", "./e2e/...", "./internal/archtest/..."}

// An allowed list is closed: each package on it has a rule of its own that leads no further up. So what is checked import by import holds for
// everything that is reached.
var importRules = []rule{
	{
		importers: []string{"./proto/..."}, forbidden: []string{"./..."}, allowed: []string{"./proto/..."},
		reason: "the protos are the ground: they know nobody",
	},
	{
		importers: []string{"./engine/diag/...", "./engine/exact/..."}, forbidden: []string{"./..."},
		reason: "whoever is at the bottom may import it, so it imports nobody",
	},
	{
		importers: []string{"./engine/..."}, forbidden: []string{"./..."},
		allowed: []string{"./engine/...", "./proto/..."},
		reason:  "the engine is two pure functions over frames: it knows no storage, no server and no file format of customers",
	},
	{
		importers: []string{"./engine/family/..."}, forbidden: []string{"./..."},
		allowed: []string{"./engine/family/...", "./engine/exact/...", "./proto/..."},
		reason:  "families are ids and numbers: what is added up, and what comes of it, is for the callers",
	},
	{
		importers: []string{"./engine/compare/..."}, forbidden: []string{"./..."},
		allowed: []string{"./engine/compare/...", "./engine/exact/...", "./engine/frame/...", "./proto/..."},
		reason:  "it puts columns side by side, wherever they come from: whose tiers they are is for the callers",
	},
	{
		importers: []string{"./engine/frame/..."}, forbidden: []string{"./engine/..."},
		allowed: []string{"./engine/frame/...", "./engine/diag/...", "./engine/kernel/..."},
		reason:  "storage and client import frame alone, so frame must not bring the rest of the engine along; loops over columns are not the rest",
	},
	{
		importers: []string{"./..."},
		spared: []string{"./engine/frame/arrowframe/...", "./server/...", "./internal/tabular/...", "./cmd/...", "./examples/...", "./e2e/...",
			"./internal/archtest/..."},
		forbidden: []string{"./engine/frame/arrowframe/..."},
		reason:    "Arrow is one form in which customers come: the engine, storage and the client do without it, and so does whoever embeds them",
	},
	{
		importers: []string{"./..."},
		spared:    []string{"./engine/frame/arrowframe/...", "./internal/tabular/...", "./cmd/...", "./examples/...", "./e2e/..."},
		forbidden: []string{"github.com/apache/arrow-go/...", "github.com/google/flatbuffers/..."},
		reason:    "record batches become frames in one place: nobody else reads the memory of another program",
	},
	{
		importers: []string{"./engine/kernel/..."}, forbidden: []string{"./engine/..."},
		allowed: []string{"./engine/kernel/...", "./engine/frame/..."},
		reason:  "loops over columns know no expression and no model",
	},
	{
		importers: []string{"./engine/format/..."}, forbidden: []string{"./engine/..."},
		allowed: []string{"./engine/format/...", "./engine/frame/...", "./engine/diag/..."},
		reason:  "files are read by format without an engine, so format must not bring the rest of it along",
	},
	{
		importers: []string{"./engine/stability/..."}, forbidden: []string{"./engine/..."},
		allowed: []string{"./engine/stability/...", "./engine/exact/...", "./engine/expr/...", "./engine/frame/...", "./engine/reason/...", "./engine/diag/..."},
		reason:  "what is in force is decided from outcomes: how cuts and scores came to them is not its business",
	},
	{
		importers: []string{"./engine/tier/...", "./engine/scoring/...", "./engine/segment/..."}, forbidden: []string{"./engine/stability/..."},
		reason: "what is computed knows no history: what holds customers where they were comes after it",
	},
	{
		importers: []string{"./storage/..."}, forbidden: []string{"./..."},
		allowed: []string{"./storage/...", "./engine/frame/...", "./proto/..."},
		reason:  "storage keeps what it is given: what a model means, and who asks, is not its business",
	},
	{
		importers: []string{"./..."}, spared: []string{"./cmd/...", "./storage/badger/...", "./storage/memory/..."},
		forbidden: []string{"./storage/badger/...", "./storage/memory/..."},
		reason:    "a store comes in through the interfaces of storage: only cmd and tests choose one",
	},
	{
		importers: []string{"./..."}, spared: []string{"./storage/badger/..."}, forbidden: []string{"github.com/dgraph-io/badger/..."},
		reason: "Badger is one implementation of storage.Store: nobody else depends on it",
	},
	{
		importers: []string{"./client/..."}, forbidden: []string{"./..."}, allowed: []string{"./client/...", "./engine/frame/...", "./proto/..."},
		reason: "a user's program that imports client must not bring a server or an engine along",
	},
	{
		importers: []string{"./internal/workload/..."}, forbidden: []string{"./..."}, allowed: []string{"./internal/workload/...", "./proto/..."},
		reason: "W judges the engine, so it computes nothing with it",
	},
	{
		importers: []string{"./internal/tabular/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/tabular/...", "./engine/frame/...", "./engine/format/...", "./proto/..."},
		reason:  "tabular turns files into frames and back: what is done with them is for its callers",
	},
	{
		importers: []string{"./internal/wire/..."}, forbidden: []string{"./..."},
		allowed: []string{"./engine/frame/...", "./proto/..."},
		reason:  "wire turns bytes into columns: what calls they came with, and what is done with them, is for its callers",
	},
	{
		importers: []string{"./internal/suggest/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/suggest/...", "./engine/...", "./proto/..."},
		reason:  "a model is suggested from columns of cells: what files they came from is for its callers",
	},
	{
		importers: []string{"./internal/fault/..."}, forbidden: []string{"./..."},
		allowed: []string{"./engine/diag/...", "./proto/..."},
		reason:  "a fault is a reason and words: whoever answers one must not be needed to make it",
	},
	{
		importers: []string{"./internal/parallel/..."}, forbidden: []string{"./..."}, allowed: []string{"./internal/parallel/..."},
		reason: "internal/parallel works on whatever it is given",
	},
	{
		importers: []string{"./internal/limit/..."}, forbidden: []string{"./..."},
		reason: "a limit counts what it is asked for: what calls, rows and errors are is its callers' business",
	},
	{
		importers: []string{"./internal/identity/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/identity/...", "./internal/fault/...", "./engine/diag/...", "./proto/..."},
		reason:  "who calls is told from credentials alone: what is done for him is the server's business",
	},
	{
		importers: []string{"./internal/audit/..."}, forbidden: []string{"./..."},
		allowed: []string{"./storage/...", "./engine/frame/...", "./proto/..."},
		reason:  "the audit log stands between a store and whoever changes it: it knows neither calls nor models",
	},
	{
		importers: []string{"./internal/jobs/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/fault/...", "./storage/...", "./engine/diag/...", "./engine/frame/...", "./proto/..."},
		reason:  "a job notes what a batch stored in the same transaction: what is stored, and for whom, is for its callers",
	},
	{
		importers: []string{"./internal/catalog/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/catalog/...", "./internal/fault/...", "./engine/...", "./storage/...", "./proto/..."},
		reason:  "the catalog turns names into programs: what is done with them is for its callers",
	},
	{
		importers: []string{"./internal/snapshot/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/snapshot/...", "./internal/parallel/...", "./internal/catalog/...", "./internal/fault/...", "./engine/...", "./storage/...", "./proto/..."},
		reason:  "a snapshot is read and written between engine and storage: who runs or publishes is above it",
	},
	{
		importers: []string{"./internal/feed/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/feed/...", "./internal/parallel/...", "./internal/snapshot/...", "./internal/catalog/...", "./internal/fault/...", "./engine/...", "./storage/...", "./proto/..."},
		reason:  "changes are what differs between assignments, in the commit of whoever makes them: who does, and who watches, is above it",
	},
	{
		importers: []string{"./internal/review/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/review/...", "./internal/parallel/...", "./internal/snapshot/...", "./internal/catalog/...", "./internal/fault/...", "./engine/...", "./storage/...", "./proto/..."},
		reason:  "what ought to be looked at is read from what there is: who decides on it, and in which commit, is above it",
	},
	{
		importers: []string{"./internal/intake/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/intake/...", "./internal/parallel/...", "./internal/review/...", "./internal/feed/...", "./internal/snapshot/...", "./internal/catalog/...", "./internal/fault/...", "./engine/...", "./storage/...", "./proto/..."},
		reason:  "a write is composed between engine and storage: who calls, and what else is in its commit, comes in from above",
	},
	{
		importers: []string{"./internal/runs/..."}, forbidden: []string{"./..."},
		allowed: []string{"./internal/runs/...", "./internal/parallel/...", "./internal/intake/...", "./internal/feed/...", "./internal/snapshot/...", "./internal/catalog/...", "./internal/fault/...", "./engine/...", "./storage/...", "./proto/..."},
		reason:  "a run is orchestrated between engine and storage: neither files nor calls reach it",
	},
	{
		importers: []string{"./server/..."}, forbidden: []string{"./..."},
		allowed: []string{"./server/...", "./internal/runs/...", "./internal/intake/...", "./internal/review/...", "./internal/feed/...", "./internal/snapshot/...", "./internal/catalog/...", "./internal/fault/...",
			"./internal/identity/...", "./internal/audit/...", "./internal/jobs/...", "./internal/limit/...", "./internal/wire/...",
			"./engine/...", "./storage/...", "./proto/..."},
		reason: "the server answers calls from engine, storage and runs: files belong to cmd, the client to the other side",
	},
	{
		importers: []string{"./..."}, spared: []string{"./cmd/...", "./server/..."}, forbidden: []string{"./server/..."},
		reason: "imports go down, and the server is at the top: only cmd starts it",
	},
	{
		importers: []string{"./..."}, spared: []string{"./cmd/..."}, forbidden: []string{"./cmd/..."},
		reason: "commands are for people: what another package needs of one belongs further down",
	},
	{
		importers: []string{"./engine/...", "./storage/...", "./internal/runs/...", "./internal/tabular/...", "./internal/suggest/...", "./internal/catalog/...",
			"./internal/snapshot/...", "./internal/review/...", "./internal/intake/...", "./internal/fault/...", "./internal/identity/...", "./internal/audit/...",
			"./internal/jobs/...", "./internal/limit/..."},
		forbidden: []string{"google.golang.org/grpc/..."},
		reason:    "below the server there are Go errors and Go iterators, no calls: an error becomes a status in server",
	},
	{
		importers: []string{"./engine/...", "./storage/...", "./client/..."},
		forbidden: []string{"go.opentelemetry.io/...", "github.com/prometheus/..."},
		reason:    "who watches a server is not their business: runs and server measure around them, and storage hands out its figures as values",
	},
	{
		importers: []string{"./..."}, spared: []string{"./cmd/..."},
		forbidden: []string{"go.opentelemetry.io/otel/sdk/...", "go.opentelemetry.io/otel/exporters/..."},
		reason:    "where traces go is decided by the program: a library makes spans under the one of its context",
	},
	{
		importers: []string{"./internal/runs/...", "./internal/tabular/...", "./internal/suggest/...", "./internal/catalog/...", "./internal/snapshot/...",
			"./internal/fault/...", "./internal/identity/...", "./internal/audit/..."},
		forbidden: []string{"github.com/prometheus/..."},
		reason:    "metrics are the server's: what is below it tells an observer",
	},
	{
		importers: []string{"./..."}, spared: []string{"./server/...", "./client/...", "./proto/..."},
		forbidden: []string{"google.golang.org/grpc/status", "google.golang.org/grpc/codes"},
		reason:    "the server alone makes statuses, and the client turns them into typed errors: nobody else sees one",
	},
	{
		importers: []string{"./..."}, spared: []string{"./internal/workload/..."}, forbidden: []string{"./internal/workload/..."},
		reason: "workload W is for tests and benchmarks: no user downloads it into a binary",
	},
	{
		importers: []string{"./..."}, spared: []string{"./cmd/...", "./examples/..."}, forbidden: []string{"log"},
		reason: "log writes where a library's user did not ask it to: return the error, or take a *slog.Logger",
	},
}
