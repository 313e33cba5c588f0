package runs

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Observer hears what runs do. Its methods are called by several goroutines, and wait for nothing.
type Observer interface {
	// Evaluating tells that a batch of customers is evaluated, until what it returns is called.
	Evaluating(model string, customers int) (ended func())
	// Refused tells that customers were refused.
	Refused(model string, customers int)
	// Calibrating tells that a calibration is made, until what it returns is called; the error is why it was not.
	Calibrating(model string) (ended func(error))
	// Ended tells that a run ended. The run must not be changed.
	Ended(run *echelonv1.Run)
}

// unobserved hears nothing.
type unobserved struct{}

func (unobserved) Evaluating(string, int) func()  { return func() {} }
func (unobserved) Refused(string, int)            {}
func (unobserved) Calibrating(string) func(error) { return func(error) {} }
func (unobserved) Ended(*echelonv1.Run)           {}

// observed is what is told of runs, and remembered for whoever looks.
type observed struct {
	observer Observer // nil where nobody hears

	mu        sync.Mutex
	succeeded map[string]time.Time
}

// Observe makes an observer hear what runs do from now on. It is called before the first run starts.
func (m *Manager) Observe(o Observer) { m.observed.observer = o }

// hears returns who hears what runs do.
func (m *Manager) hears() Observer {
	if m.observed.observer == nil {
		return unobserved{}
	}
	return m.observed.observer
}

// ended notes how a run ended.
func (m *Manager) ended(run *echelonv1.Run) {
	m.noteSuccess(run)
	m.hears().Ended(run)
}

// noteSuccess keeps when a run ended well. A what-if does not tell that the runs which are to be published do.
func (m *Manager) noteSuccess(run *echelonv1.Run) {
	if run.GetState() != echelonv1.Run_READY && run.GetState() != echelonv1.Run_PUBLISHED || run.GetWhatIf() {
		return
	}
	o := &m.observed
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.succeeded == nil {
		o.succeeded = make(map[string]time.Time)
	}
	if at := run.GetEndTime().AsTime(); at.After(o.succeeded[run.GetModel()]) {
		o.succeeded[run.GetModel()] = at
	}
}

// UnderWay returns how many runs are under way.
func (m *Manager) UnderWay() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.active)
}

// Succeeded returns when a run of each model ended well last, for models of which one did.
func (m *Manager) Succeeded() map[string]time.Time {
	m.observed.mu.Lock()
	defer m.observed.mu.Unlock()
	return maps.Clone(m.observed.succeeded)
}

// begin begins a span of a run under the one of a context, whose tracer it takes; where that is not recorded, nothing is. Neither names nor values
// of customers belong into a span.
func begin(ctx context.Context, name string, run *echelonv1.Run) (context.Context, trace.Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer("github.com/echelonhq/echelon/internal/runs")
	attributes := []attribute.KeyValue{attribute.String("echelon.run", run.GetId())}
	if run.GetModel() != "" {
		attributes = append(attributes, attribute.String("echelon.model", run.GetModel()), attribute.Int64("echelon.model_version", run.GetModelVersion()))
	}
	return tracer.Start(ctx, name, trace.WithAttributes(attributes...))
}

// calibrating begins the calibration of a run, until what it returns is called with how that went.
func (j *job) calibrating(ctx context.Context) (context.Context, func(error)) {
	ctx, span := begin(ctx, "run.calibrate", j.run)
	ended := j.manager.hears().Calibrating(j.run.GetModel())
	return ctx, func(err error) {
		ended(err)
		failed(span, err)
		span.End()
	}
}

// evaluating tells that a batch of the run is evaluated.
func (j *job) evaluating(customers int) (ended func()) {
	return j.manager.hears().Evaluating(j.run.GetModel(), customers)
}

// failed marks a span where there was an error, whose words may name customers and stay out.
func failed(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "failed; the server's log has the details")
	}
}
