package report

import (
	"fmt"
	"io"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Schema writes the attributes of stored customers.
func Schema(w io.Writer, schema *echelonv1.Schema) error {
	t := newTable("rlll", "id", "attribute", "type", "unit")
	for _, a := range schema.GetAttributes() {
		t.add(fmt.Sprint(a.GetId()), a.GetName(), a.GetType().String(), orNone(a.GetUnit()))
	}
	return t.write(w)
}

// Calibrations writes a list of calibrations.
func Calibrations(w io.Writer, list []*echelonv1.CalibrationSummary) error {
	t := newTable("lrlrrl", "id", "version", "as of", "customers", "refused", "")
	for _, c := range list {
		current := ""
		if c.GetCurrent() {
			current = "current"
		}
		t.add(c.GetId(), version(c.GetModelVersion()), Time(c.GetAsOf()), Count(c.GetCustomers()), Count(c.GetRefused()), current)
	}
	return t.write(w)
}
