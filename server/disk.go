package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/echelonhq/echelon/storage"
)

// writesService is the name under which the health says whether the store takes writes. The empty name is the server's own, which goes on answering
// reads while the disk is full.
const writesService = "writes"

// diskEvery is how often the health looks at the disk.
const diskEvery = time.Second

// registerStates shows as metrics how it is with the store and with runs, whenever somebody looks.
func (s *Server) registerStates(store storage.Store) error {
	if disk, known := store.(storage.Disk); known {
		if err := registerDisk(s.config.Metrics, disk); err != nil {
			return err
		}
	}
	if figures, known := store.(storage.Statistics); known {
		if err := s.config.Metrics.Register(storeCollector{figures}); err != nil {
			return fmt.Errorf("registering the metrics of the store: %w", err)
		}
	}
	if s.config.TLS != nil {
		if err := s.config.Metrics.Register(certificateExpiry(s.config.TLS)); err != nil {
			return fmt.Errorf("registering the metrics of the certificate: %w", err)
		}
	}
	if err := s.config.Metrics.Register(runCollector{s.runs, store, s.config.Log}); err != nil {
		return fmt.Errorf("registering the metrics of runs: %w", err)
	}
	return nil
}

// certificateExpiry shows when the certificate in force ends, which may be another one than at the start.
func certificateExpiry(config *tls.Config) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "echelon_tls_certificate_expiry_timestamp_seconds", Help: "When the server's certificate expires, since 1970; 0 where that is not known.",
	}, func() float64 {
		now := config
		if config.GetConfigForClient != nil {
			if current, err := config.GetConfigForClient(&tls.ClientHelloInfo{}); err == nil && current != nil {
				now = current
			}
		}
		if len(now.Certificates) == 0 || now.Certificates[0].Leaf == nil {
			return 0
		}
		return seconds(now.Certificates[0].Leaf.NotAfter)
	})
}

// registerDisk shows how it is with a store's disk as metrics.
func registerDisk(metrics prometheus.Registerer, disk storage.Disk) error {
	for name, gauge := range map[string]struct {
		help  string
		value func(storage.DiskState) float64
	}{
		"echelon_store_free_bytes":    {"Free space of the store's disk.", func(s storage.DiskState) float64 { return float64(s.Free) }},
		"echelon_store_reserve_bytes": {"Free space below which the store takes no writes.", func(s storage.DiskState) float64 { return float64(s.Reserve) }},
		"echelon_store_used_bytes":    {"Space that the store's files take.", func(s storage.DiskState) float64 { return float64(s.Used) }},
		"echelon_store_writable": {"1 while the store takes writes, else 0.", func(s storage.DiskState) float64 {
			if s.Err != nil {
				return 0
			}
			return 1
		}},
	} {
		metric := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: gauge.help}, func() float64 { return gauge.value(disk.DiskState()) })
		if err := metrics.Register(metric); err != nil {
			return fmt.Errorf("registering the metrics of the disk: %w", err)
		}
	}
	return nil
}

// watchDisk begins to say in the health whether the store takes writes, until the server stops.
func (s *Server) watchDisk(ctx context.Context, store storage.Store) {
	disk, known := store.(storage.Disk)
	if !known {
		s.health.SetServingStatus(writesService, healthv1.HealthCheckResponse_SERVING)
		s.watching = func() {}
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		followDisk(ctx, s.health, disk)
	}()
	s.watching = func() {
		cancel()
		<-ended
	}
}

func followDisk(ctx context.Context, to *health.Server, disk storage.Disk) {
	ticker := time.NewTicker(diskEvery)
	defer ticker.Stop()
	for {
		status := healthv1.HealthCheckResponse_SERVING
		if disk.DiskState().Err != nil {
			status = healthv1.HealthCheckResponse_NOT_SERVING
		}
		to.SetServingStatus(writesService, status)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
