package server_test

import (
	"context"
	"testing"
	"time"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestOldEntriesOfTheAuditLogAreRemovedWhenTheServerStarts(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	first := serve(t, store)
	for _, id := range []string{"a", "b", "c"} {
		first.upsert(id, attrs{})
	}
	first.stop()
	later := func(c *server.Config) { c.Now = func() time.Time { return noon.AddDate(0, 0, 31) } }
	for _, test := range []struct{ days, want int }{{0, 3}, {31, 3}, {30, 1}} {
		h := serve(t, store, later, func(c *server.Config) { c.KeepAuditDays = test.days })
		for ctx := h.context(); ; time.Sleep(time.Millisecond) { // the sweep runs beside the calls
			entries := auditEntries(ctx, h)
			if len(entries) == test.want || ctx.Err() != nil {
				break
			}
		}
		h.stop()
		if got := len(auditEntries(t.Context(), serve(t, store, later))); got != test.want {
			t.Errorf("with %d days %d entries are left, want %d", test.days, got, test.want)
		}
	}
}

func auditEntries(ctx context.Context, h *harness) []*echelonv1.AuditEntry {
	h.Helper()
	listed, err := h.audit().ListAudit(ctx, &echelonv1.ListAuditRequest{})
	h.must(err)
	return listed.GetEntries()
}
