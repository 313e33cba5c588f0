package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/echelonhq/echelon/internal/audit"
)

// auditEvery is how often old entries of the audit log are looked for.
const auditEvery = time.Hour

// sweepAudit removes entries of the audit log that are older than so many days, now and then, until stop; 0 days keep all.
func sweepAudit(ctx context.Context, entries *audit.Log, days int, now func() time.Time, log *slog.Logger) (stop func()) {
	if days <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(auditEvery)
		defer ticker.Stop()
		for {
			removed, err := entries.Sweep(ctx, now().AddDate(0, 0, -days))
			if err != nil && ctx.Err() == nil {
				log.Warn("old entries of the audit log could not be removed; it is tried again later", "error", err)
			}
			if removed > 0 {
				log.Info("old entries of the audit log were removed", "entries", removed, "days", days)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
