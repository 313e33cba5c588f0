package server

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/echelonhq/echelon/internal/runs"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// runMeters are the meters as runs know them.
type runMeters struct{ *meters }

var _ runs.Observer = runMeters{}

// Evaluating implements runs.Observer.
func (m runMeters) Evaluating(model string, customers int) (ended func()) {
	return meter{m.meters, model, wayRun}.evaluation(customers)
}

// written notes that a batch is evaluated as it is written, until what it returns is called.
func (m *meters) written(model string, customers int) (ended func()) {
	return meter{m, model, wayWrite}.evaluation(customers)
}

// Refused implements runs.Observer.
func (m runMeters) Refused(model string, customers int) {
	meter{m.meters, model, wayRun}.refuse(customers)
}

// Calibrating implements runs.Observer.
func (m runMeters) Calibrating(model string) (ended func(error)) {
	return meter{m.meters, model, wayRun}.calibration()
}

// Ended implements runs.Observer.
func (m runMeters) Ended(run *echelonv1.Run) {
	m.runs.WithLabelValues(run.GetModel(), strings.ToLower(run.GetState().String())).Inc()
	if run.GetState() == echelonv1.Run_READY {
		m.run.Observe(run.GetEndTime().AsTime().Sub(run.GetStartTime().AsTime()).Seconds())
	}
}

// runCollector shows how it is with runs and publications when somebody looks, so that it is right after a restart too.
type runCollector struct {
	runs  *runs.Manager
	store storage.Store
	log   *slog.Logger
}

var (
	underWay    = prometheus.NewDesc("echelon_runs_under_way", "Runs that are under way.", nil, nil)
	lastSuccess = prometheus.NewDesc("echelon_run_last_success_timestamp_seconds", "When a run of a model ended well last, since 1970.", []string{"model"}, nil)
	publishedAt = prometheus.NewDesc("echelon_publication_timestamp_seconds", "When the current publication of a model was made, since 1970.", []string{"model"}, nil)
)

// Describe implements prometheus.Collector.
func (c runCollector) Describe(to chan<- *prometheus.Desc) {
	to <- underWay
	to <- lastSuccess
	to <- publishedAt
}

// collectTimeout bounds how long whoever reads the metrics waits for the store.
const collectTimeout = 5 * time.Second

// Collect implements prometheus.Collector.
func (c runCollector) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(underWay, prometheus.GaugeValue, float64(c.runs.UnderWay()))
	for model, at := range c.runs.Succeeded() {
		to <- prometheus.MustNewConstMetric(lastSuccess, prometheus.GaugeValue, seconds(at), model)
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	view, err := c.store.View(ctx)
	if err != nil {
		c.log.Warn("the publications are not among the metrics", "error", err)
		return
	}
	defer view.Close()
	for document, err := range view.Documents(storage.KindCurrent, storage.DocumentScan{}) {
		current := &storagev1.Current{}
		if err == nil {
			err = document.Decode(current)
		}
		if err != nil {
			c.log.Warn("the publications are not all among the metrics", "error", err)
			return
		}
		to <- prometheus.MustNewConstMetric(publishedAt, prometheus.GaugeValue, seconds(current.GetPublishTime().AsTime()), document.Key)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
