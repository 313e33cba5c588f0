package report

import (
	"io"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Erased writes what was erased of a customer.
func Erased(w io.Writer, id string, erased *echelonv1.EraseCustomerResponse) error {
	stored := "it was not stored"
	if erased.GetExisted() {
		stored = "erased"
	}
	t := newTable("ll", "customer", id)
	t.add("record", stored)
	for _, row := range []struct {
		what string
		n    int64
	}{
		{"assignments since a run", erased.GetOverlayRows()}, {"snapshots of runs", erased.GetSnapshots()}, {"records of runs", erased.GetRuns()},
		{"calibrations", erased.GetCalibrations()}, {"entries of the audit log", erased.GetAuditEntries()},
	} {
		t.add(row.what, Count(row.n))
	}
	return t.write(w)
}
