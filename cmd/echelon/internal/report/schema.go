package report

import (
	"fmt"
	"io"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Schema writes the attributes of stored customers.
func Schema(w io.Writer, schema *echelonv1.Schema) error {
	t := newTable("rllll", "id", "attribute", "type", "unit", "")
	for _, a := range schema.GetAttributes() {
		t.add(fmt.Sprint(a.GetId()), a.GetName(), a.GetType().String(), orNone(a.GetUnit()), became(a))
	}
	return t.write(w)
}

// became says what happened to an attribute.
func became(a *echelonv1.SchemaAttribute) string {
	var parts []string
	if a.GetRetired() {
		parts = append(parts, "retired")
	}
	if former := a.GetFormerNames(); len(former) > 0 {
		parts = append(parts, "was "+strings.Join(former, ", "))
	}
	return strings.Join(parts, "; ")
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
