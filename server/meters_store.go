package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
)

// meteredStore is a store whose commits and views are counted and, under a call that is traced, traced.
type meteredStore struct {
	storage.Store
	meters *meters
}

// Update implements storage.Store.
func (s *meteredStore) Update(ctx context.Context, fn func(storage.Tx) error) error {
	ctx, span := span(ctx, "storage.commit")
	defer span.End()
	began, attempts, tx := time.Now(), 0, &meteredTx{}
	err := s.Store.Update(ctx, func(inner storage.Tx) error {
		attempts++
		*tx = meteredTx{Tx: inner}
		return fn(tx)
	})
	s.meters.commit.Observe(time.Since(began).Seconds())
	if attempts > 1 {
		s.meters.retries.Add(float64(attempts - 1))
	}
	s.meters.commits.WithLabelValues(outcomeOf(err)).Inc()
	if err == nil && tx.customers > 0 {
		s.meters.commitCustomers.Observe(float64(tx.customers))
	}
	if err == nil && tx.published != "" {
		s.meters.publications.WithLabelValues(tx.published).Inc()
	}
	span.SetAttributes(attribute.Int("echelon.customers", tx.customers), attribute.Int("echelon.attempts", attempts))
	if err != nil {
		// Errors may name customers, and spans must not.
		span.SetStatus(codes.Error, outcomeOf(err))
	}
	return err
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "committed"
	case errors.Is(err, storage.ErrConflict):
		return "conflict"
	}
	return "failed"
}

// PutCustomers implements storage.Store.
func (s *meteredStore) PutCustomers(ctx context.Context, customers *frame.Frame, at time.Time) error {
	return s.Update(ctx, func(tx storage.Tx) error { return tx.PutCustomers(customers, at) })
}

// DeleteCustomer implements storage.Store.
func (s *meteredStore) DeleteCustomer(ctx context.Context, id string) (existed bool, err error) {
	err = s.Update(ctx, func(tx storage.Tx) error {
		existed, err = tx.DeleteCustomer(id)
		return err
	})
	return existed && err == nil, err
}

// View implements storage.Store.
func (s *meteredStore) View(ctx context.Context) (storage.Reader, error) {
	reader, err := s.Store.View(ctx)
	if err != nil {
		return nil, err
	}
	s.meters.views.Inc()
	s.meters.openViews.Inc()
	return &meteredReader{Reader: reader, open: s.meters.openViews}, nil
}

// meteredTx notes what is stored.
type meteredTx struct {
	storage.Tx
	customers int
	// published is the model whose publication it is; empty where it is none.
	published string
}

// PutDocument implements storage.Tx.
func (t *meteredTx) PutDocument(kind storage.Kind, key string, document proto.Message) error {
	if kind == storage.KindCurrent {
		t.published = key
	}
	return t.Tx.PutDocument(kind, key, document)
}

// PutCustomers implements storage.Tx.
func (t *meteredTx) PutCustomers(customers *frame.Frame, at time.Time) error {
	t.customers += customers.Len()
	return t.Tx.PutCustomers(customers, at)
}

// meteredReader says when it is closed.
type meteredReader struct {
	storage.Reader
	open   prometheus.Gauge
	closed atomic.Bool
}

// Close implements storage.Reader.
func (r *meteredReader) Close() {
	r.Reader.Close()
	if r.closed.CompareAndSwap(false, true) {
		r.open.Dec()
	}
}

// span begins a span under the one of a context, whose tracer it takes; where that is not recorded, nothing is.
func span(ctx context.Context, name string) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(tracerName).Start(ctx, name)
}

// tracerName is who makes the spans of this package.
const tracerName = "github.com/echelonhq/echelon/server"

// storeCollector shows the figures that a store has of itself.
type storeCollector struct {
	store storage.Statistics
}

var (
	tableBytes = prometheus.NewDesc("echelon_store_table_bytes", "Space that the tables of the store's keys and short values take.", nil, nil)
	logBytes   = prometheus.NewDesc("echelon_store_value_log_bytes", "Space that the logs of the store's long values take.", nil, nil)
	tables     = prometheus.NewDesc("echelon_store_tables", "Files of tables.", nil, nil)
	valueLogs  = prometheus.NewDesc("echelon_store_value_logs", "Files of logs of values.", nil, nil)
	cacheHits  = prometheus.NewDesc("echelon_store_cache_hits_total", "Blocks of tables that were read from memory.", nil, nil)
	cacheMiss  = prometheus.NewDesc("echelon_store_cache_misses_total", "Blocks of tables that had to be read from the disk.", nil, nil)
	blockHits  = prometheus.NewDesc("echelon_store_block_cache_hits_total", "Blocks of snapshots, read for one customer, that were in memory.", nil, nil)
	blockMiss  = prometheus.NewDesc("echelon_store_block_cache_misses_total", "Blocks of snapshots, read for one customer, that had to be decoded.", nil, nil)
	cleanings  = prometheus.NewDesc("echelon_store_cleanings_total", "Attempts to free the space of replaced values.", nil, nil)
	cleaned    = prometheus.NewDesc("echelon_store_cleaned_files_total", "Logs of values that were rewritten to free space.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect implements prometheus.Collector.
func (c storeCollector) Collect(to chan<- prometheus.Metric) {
	s := c.store.Statistics()
	for _, one := range []struct {
		desc  *prometheus.Desc
		kind  prometheus.ValueType
		value float64
	}{
		{tableBytes, prometheus.GaugeValue, float64(s.TableBytes)},
		{logBytes, prometheus.GaugeValue, float64(s.ValueLogBytes)},
		{tables, prometheus.GaugeValue, float64(s.Tables)},
		{valueLogs, prometheus.GaugeValue, float64(s.ValueLogs)},
		{cacheHits, prometheus.CounterValue, float64(s.CacheHits)},
		{cacheMiss, prometheus.CounterValue, float64(s.CacheMisses)},
		{blockHits, prometheus.CounterValue, float64(s.BlockCacheHits)},
		{blockMiss, prometheus.CounterValue, float64(s.BlockCacheMisses)},
		{cleanings, prometheus.CounterValue, float64(s.Cleanings)},
		{cleaned, prometheus.CounterValue, float64(s.CleanedFiles)},
	} {
		to <- prometheus.MustNewConstMetric(one.desc, one.kind, one.value)
	}
}
