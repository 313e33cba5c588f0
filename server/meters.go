package server

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// The ways in which customers are evaluated, as the label says.
const (
	wayCall   = "call"
	wayStream = "stream"
	wayRun    = "run"
	wayWrite  = "write"
)

// inlineModel is the label of models that are given with a request: their names are the callers', and there may be any number of them.
const inlineModel = "inline"

// meters are what the server counts of the engine, of runs and of the store. docs/metrics.md lists them; a test holds it against what is registered.
type meters struct {
	evaluated, refused *prometheus.CounterVec
	evaluationSeconds  *prometheus.HistogramVec
	// last are those of the evaluation that was counted last.
	last               atomic.Pointer[counted]
	calibrations       *prometheus.CounterVec
	calibrationSeconds prometheus.Histogram

	runs         *prometheus.CounterVec
	run          prometheus.Histogram
	publications *prometheus.CounterVec

	commits         *prometheus.CounterVec
	commit          prometheus.Histogram
	commitCustomers prometheus.Histogram
	retries         prometheus.Counter
	views           prometheus.Counter
	openViews       prometheus.Gauge
}

// newMeters registers the meters.
func newMeters(to prometheus.Registerer) (*meters, error) {
	m := &meters{
		evaluated: counters("evaluated_customers_total", "Customers evaluated.", "model", "way"),
		refused:   counters("refused_customers_total", "Customers that were refused instead of evaluated.", "model", "way"),
		evaluationSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "echelon_evaluation_seconds", Help: "How long the evaluation of a batch took.", Buckets: prometheus.ExponentialBuckets(10e-6, 4, 10),
		}, []string{"way"}),
		calibrations:       counters("calibrations_total", "Calibrations, by how they ended.", "model", "outcome"),
		calibrationSeconds: histogram("calibration_seconds", "How long calibrations took that ended well.", prometheus.ExponentialBuckets(0.001, 4, 10)),
		runs:               counters("runs_total", "Runs that ended, by how they did.", "model", "state"),
		run:                histogram("run_seconds", "How long runs took that ended well.", prometheus.ExponentialBuckets(0.01, 4, 10)),
		publications:       counters("publications_total", "Publications, those by rolling back included.", "model"),
		commits:            counters("store_commits_total", "Commits to the store, by how they ended: committed, conflict, or failed.", "outcome"),
		commit: histogram("store_commit_seconds", "How long commits took, with what is done in them, attempts that were repeated, and the disk.",
			prometheus.ExponentialBuckets(50e-6, 4, 10)),
		commitCustomers: histogram("store_commit_customers", "Customers stored in a commit that stored any.", prometheus.ExponentialBuckets(1, 4, 8)),
		retries:         prometheus.NewCounter(opts("store_commit_retries_total", "Attempts at a commit that were repeated, since others changed the same meanwhile.")),
		views:           prometheus.NewCounter(opts("store_views_total", "Views of the store that were opened to read from.")),
		openViews: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "echelon_store_open_views", Help: "Views of the store that are open; what they alone see cannot be freed.",
		}),
	}
	for _, c := range []prometheus.Collector{m.evaluated, m.refused, m.evaluationSeconds, m.calibrations, m.calibrationSeconds, m.runs, m.run, m.publications,
		m.commits, m.commit, m.commitCustomers, m.retries, m.views, m.openViews} {
		if err := to.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of the engine and the store: %w", err)
		}
	}
	return m, nil
}

func opts(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Name: "echelon_" + name, Help: help}
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(opts(name, help), labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "echelon_" + name, Help: help, Buckets: buckets})
}

// meter is the meters of one model, evaluated in one way.
type meter struct {
	*meters
	model, way string
}

// of returns the meter of calls for a model that a request named, or brought along.
func (m *meters) of(provenance *echelonv1.Provenance) meter {
	if provenance.GetModelVersion() == 0 {
		return meter{m, inlineModel, wayCall}
	}
	return meter{m, provenance.GetModel(), wayCall}
}

// evaluation notes that a batch is evaluated, until what it returns is called.
func (m meter) evaluation(rows int) (ended func()) {
	began := time.Now()
	return func() {
		c := m.counted()
		c.customers.Add(float64(rows))
		c.seconds.Observe(time.Since(began).Seconds())
	}
}

// counted is what counts evaluations of a model in a way.
type counted struct {
	model, way string
	customers  prometheus.Counter
	seconds    prometheus.Observer
}

// counted returns what counts evaluations. Call after call is for one model, whose counters are looked up once.
func (m meter) counted() *counted {
	if last := m.last.Load(); last != nil && last.model == m.model && last.way == m.way {
		return last
	}
	c := &counted{model: m.model, way: m.way, customers: m.evaluated.WithLabelValues(m.model, m.way), seconds: m.evaluationSeconds.WithLabelValues(m.way)}
	m.last.Store(c)
	return c
}

// refuse notes that customers were refused.
func (m meter) refuse(customers int) {
	if customers > 0 {
		m.refused.WithLabelValues(m.model, m.way).Add(float64(customers))
	}
}

// calibration notes that a calibration is made, until what it returns is called.
func (m meter) calibration() (ended func(error)) {
	began := time.Now()
	return func(err error) {
		if err != nil {
			m.calibrations.WithLabelValues(m.model, "failed").Inc()
			return
		}
		m.calibrations.WithLabelValues(m.model, "made").Inc()
		m.calibrationSeconds.Observe(time.Since(began).Seconds())
	}
}
