package report

import (
	"io"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Audit writes entries of the audit log.
func Audit(w io.Writer, entries []*echelonv1.AuditEntry) error {
	t := newTable("llllllr", "time", "actor", "known by", "method", "subject", "on behalf of", "customers")
	for _, e := range entries {
		stored := ""
		if e.GetCustomers() > 0 {
			stored = Count(e.GetCustomers())
		}
		t.add(Moment(e.GetTime()), e.GetActor(), strings.ToLower(e.GetCredential().String()), e.GetMethod(), e.GetSubject(), orNone(e.GetOnBehalfOf()), orNone(stored))
	}
	return t.write(w)
}
