package runs

import (
	"context"
	"maps"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Observer hears what runs do. Its methods are called by several goroutines, and wait for nothing.
type Observer interface {
	// Evaluated tells that a batch of customers was evaluated, Refused that customers were refused.
	Evaluated(model string, customers int, took time.Duration)
	Refused(model string, customers int)
	// Calibrated tells that a calibration ended; the error is why it was not made.
	Calibrated(model string, took time.Duration, err error)
	// Ended tells that a run ended, Published that one became current, by rolling back too. The run must not be changed.
	Ended(run *echelonv1.Run)
	Published(run *echelonv1.Run)
}

// unobserved hears nothing.
type unobserved struct{}

func (unobserved) Evaluated(string, int, time.Duration)    {}
func (unobserved) Refused(string, int)                     {}
func (unobserved) Calibrated(string, time.Duration, error) {}
func (unobserved) Ended(*echelonv1.Run)                    {}
func (unobserved) Published(*echelonv1.Run)                {}

// Observe makes an observer hear what runs do from now on. It is called before the first run starts.
func (m *Manager) Observe(o Observer) { m.observer = o }

// ended notes how a run ended.
func (m *Manager) ended(run *echelonv1.Run) {
	m.noteSuccess(run)
	m.observer.Ended(run)
}

// noteSuccess keeps when a run ended well.
func (m *Manager) noteSuccess(run *echelonv1.Run) {
	if run.GetState() != echelonv1.Run_READY && run.GetState() != echelonv1.Run_PUBLISHED {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := run.GetEndTime().AsTime(); at.After(m.succeeded[run.GetModel()]) {
		m.succeeded[run.GetModel()] = at
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
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.succeeded)
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

// failed marks a span where there was an error, whose words may name customers and stay out.
func failed(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "failed; the server's log has the details")
	}
}
