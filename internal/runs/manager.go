package runs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/intake"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Manager starts runs, follows them and publishes them. It may be used by several goroutines. Close it before the store.
type Manager struct {
	store   storage.Store
	catalog *catalog.Catalog
	intake  *intake.Intake
	now     func() time.Time
	log     *slog.Logger

	observed observed
	// kept is how many bytes of customers the runs that are under way keep.
	kept atomic.Int64
	// population is how many customers the last run to go through them all found; negative where none did.
	population atomic.Int64

	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu sync.Mutex
	// active are the runs that are under way, by id.
	active map[string]*progress
	// most is how many runs may be under way, 0 for any number; claims are their ids, by the model, of which each has one.
	most   int
	claims map[string]string
	// failed are the runs that failed, and whose end the store has not taken yet, by id.
	failed map[string]*echelonv1.Run

	// acts returns a context in which whoever put a publication off publishes; what says how that ends.
	acts func(ctx context.Context, schedule *storagev1.Schedule, what string) context.Context

	// once is held while a run with an idempotency key is started, so that whoever repeats the call at the same time waits for its run.
	once sync.Mutex
	// starting is held shared while a run has a view and no record yet.
	starting sync.RWMutex
	// publishing is held by the publication that is under way.
	publishing sync.Mutex
}

// New returns the manager of a store's runs, into which the intake writes customers, after going on with those that were under way when the
// server before ended.
func New(ctx context.Context, store storage.Store, c *catalog.Catalog, in *intake.Intake, now func() time.Time, log *slog.Logger) (*Manager, error) {
	m := &Manager{
		store: store, catalog: c, intake: in, now: now, log: log, active: make(map[string]*progress),
		claims: make(map[string]string), failed: make(map[string]*echelonv1.Run),
	}
	m.population.Store(-1)
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := m.recover(ctx); err != nil {
		m.Close()
		return nil, fmt.Errorf("taking up what the server before left behind: %w", err)
	}
	return m, nil
}

// Close stops the runs that are under way, which the next manager of the store goes on with, and waits for them.
func (m *Manager) Close() {
	m.cancel()
	m.wait.Wait()
}

// Request says what to evaluate.
type Request struct {
	// Model is its name, Version its version, or 0 for the active one.
	Model   string
	Version int64
	// AsOf is the instant as of which customers are evaluated; now where zero.
	AsOf time.Time
	// Rates are exchange rates beside the model's.
	Rates []*echelonv1.ExchangeRate
	// WhatIf tells that the run is never to be published.
	WhatIf bool
	// Key makes it harmless to start again: who gives the same gets the run that is there. Empty where each starts one.
	Key string
}

// AtMost sets how many runs may be under way; 0 is any number. One of a model may, in any case.
func (m *Manager) AtMost(runs int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = runs
}

// retryRun is when to try again to start a run where others are in its way.
const retryRun = 15 * time.Second

// claim notes that a run of a model begins, until release. RUN_IN_PROGRESS, OVERLOADED.
func (m *Manager) claim(model, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if other, taken := m.claims[model]; taken {
		return fault.New(echelonv1.ErrorReason_RUN_IN_PROGRESS, "the run %q of the model %q is under way: wait for it, or cancel it", other, model).With("run_id", other)
	}
	if m.most > 0 && len(m.claims) >= m.most {
		return fault.New(echelonv1.ErrorReason_OVERLOADED, "%d runs of other models are under way, which is all that the server takes: start this one when one of them has ended",
			len(m.claims)).After(retryRun)
	}
	m.claims[model] = id
	return nil
}

// release notes that the run of a model evaluates nothing any more.
func (m *Manager) release(model string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.claims, model)
}

// Start starts a run and returns it at once. MODEL_NOT_FOUND, NO_ACTIVE_VERSION, INVALID_REQUEST, RUN_IN_PROGRESS, OVERLOADED, IDEMPOTENCY_MISMATCH.
func (m *Manager) Start(ctx context.Context, request Request) (*echelonv1.Run, error) {
	key, err := once(ctx, request)
	if err != nil {
		return nil, err
	}
	if key != nil {
		m.once.Lock()
		defer m.once.Unlock()
	}
	m.starting.RLock()
	defer m.starting.RUnlock()
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, err
	}
	if id, err := key.started(view); err != nil || id != "" {
		view.Close()
		if err != nil {
			return nil, err
		}
		return m.Get(ctx, id)
	}
	job, err := m.prepare(view, request)
	if err == nil {
		err = m.claim(request.Model, job.run.GetId())
	}
	if err != nil {
		view.Close()
		return nil, err
	}
	job.run.StartedBy = feed.WhoIn(ctx).Actor
	started := job.clone()
	if err := m.begin(ctx, job, &storagev1.RunStart{RunId: started.GetId(), Rates: request.Rates}, key); err != nil {
		return nil, err
	}
	return started, nil
}

// begin records a run, whose model it has claimed, and what it was started with, and lets it go on. Where that fails, its view is closed.
func (m *Manager) begin(ctx context.Context, job *job, start *storagev1.RunStart, key *onceKey) error {
	id := job.run.GetId()
	job.ctx, job.progress = m.enter(id, job.view)
	err := m.store.Update(ctx, func(tx storage.Tx) error {
		if err := key.put(tx, id); err != nil {
			return err
		}
		if err := tx.PutDocument(storage.KindRunStart, startKey(id), start); err != nil {
			return err
		}
		return tx.PutDocument(storage.KindRun, id, job.run)
	})
	if err != nil {
		m.release(job.run.GetModel())
		m.leave(id, job.progress)
		job.view.Close()
		return err
	}
	// The run's spans are below the call that started it, which does not wait for them.
	job.ctx = trace.ContextWithSpan(job.ctx, trace.SpanFromContext(ctx))
	m.wait.Go(func() {
		defer job.view.Close()
		job.execute(job.ctx)
	})
	return nil
}

// prepare makes the record of a run that begins in a view.
func (m *Manager) prepare(view storage.Reader, request Request) (*job, error) {
	head, err := catalog.Head(view, request.Model)
	if err != nil {
		return nil, err
	}
	version := request.Version
	if version == 0 {
		version = head.GetActiveVersion()
	}
	if version == 0 {
		return nil, fault.New(echelonv1.ErrorReason_NO_ACTIVE_VERSION, "no version of the model %q is active: activate one, or name a version", request.Model)
	}
	program, err := m.catalog.Program(view, request.Model, version)
	if err != nil {
		return nil, err
	}
	if err := catalog.CheckRates(program, request.Rates); err != nil {
		return nil, err
	}
	if err := m.catalog.CheckReadable(view, request.Model, version); err != nil {
		return nil, err
	}
	current, err := catalog.Current(view, request.Model)
	if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return nil, err
	}
	now := m.now()
	asOf := request.AsOf
	if asOf.IsZero() {
		asOf = now
	}
	if asOf.After(now.Add(aheadOfTime)) {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST,
			"as_of %s lies in the future; once it were published no run of today could follow it: give today's", asOf.UTC().Format(timeLayout))
	}
	return &job{manager: m, view: view, program: program, rates: request.Rates, run: &echelonv1.Run{
		Id: newID(now), Model: request.Model, ModelVersion: version, State: echelonv1.Run_RUNNING,
		AsOf: timestamppb.New(time.UnixMicro(asOf.UnixMicro())), StartTime: timestamppb.New(now),
		BaseRunId: current.GetRunId(), ReadPoint: uint64(view.ReadPoint()), WhatIf: request.WhatIf, Attempts: 1,
	}}, nil
}

// aheadOfTime is how far as_of may lie ahead: a day begins earlier elsewhere, and clocks differ.
const aheadOfTime = 36 * time.Hour

// newID returns a new id, which sorts by the time.
func newID(now time.Time) string {
	var random [4]byte
	// Read never fails: it ends the program where the system has no randomness.
	_, _ = rand.Read(random[:])
	return now.UTC().Format("20060102-150405.000000") + "-" + hex.EncodeToString(random[:])
}

// Get returns a run, with how far it is. RUN_NOT_FOUND.
func (m *Manager) Get(ctx context.Context, id string) (*echelonv1.Run, error) {
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	run, err := read(view, id)
	if err != nil {
		return nil, err
	}
	return m.progress(run), nil
}

// read returns a run as it is stored. RUN_NOT_FOUND.
func read(documents storage.Documents, id string) (*echelonv1.Run, error) {
	run := &echelonv1.Run{}
	err := documents.Document(storage.KindRun, id, run)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_RUN_NOT_FOUND, "there is no run %q: list the runs", id)
	}
	return run, err
}

// List returns up to limit runs, of one model or of all, the newest first and those before an id.
func (m *Manager) List(ctx context.Context, model, before string, limit int) ([]*echelonv1.Run, error) {
	view, err := m.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	var list []*echelonv1.Run
	for document, err := range view.Documents(storage.KindRun, storage.DocumentScan{After: before, Descending: true}) {
		if err != nil {
			return nil, err
		}
		run := &echelonv1.Run{}
		if err := document.Decode(run); err != nil {
			return nil, err
		}
		if model != "" && run.GetModel() != model {
			continue
		}
		if list = append(list, m.progress(run)); len(list) == limit {
			break
		}
	}
	return list, nil
}

// unrecorded keeps the end of a run that the store does not take, until it does: then the run is nil.
func (m *Manager) unrecorded(id string, run *echelonv1.Run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if run == nil {
		delete(m.failed, id)
		return
	}
	m.failed[id] = run
}

// unrecordedEnd returns the end of a run that the store has not taken yet, nil where there is none.
func (m *Manager) unrecordedEnd(id string) *echelonv1.Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	if run := m.failed[id]; run != nil {
		return proto.CloneOf(run)
	}
	return nil
}

// progress adds to a run that is under way how far it is.
func (m *Manager) progress(run *echelonv1.Run) *echelonv1.Run {
	if failed := m.unrecordedEnd(run.GetId()); failed != nil {
		return failed
	}
	if p := m.underWay(run.GetId()); p != nil && run.GetState() == echelonv1.Run_RUNNING {
		return p.look(run, 0).Run
	}
	return run
}
