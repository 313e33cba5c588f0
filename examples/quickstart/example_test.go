// Package quickstart holds what the example gives against what is expected.
package quickstart_test

import (
	"path/filepath"
	"testing"

	"github.com/echelonhq/echelon/examples/internal/exampletest"
)

var customers = exampletest.Example{Model: "model.yaml", Customers: "customers.csv", IDColumn: "id", AsOf: "2026-01-31"}

func TestModelLeavesNothingToFind(t *testing.T) {
	out := exampletest.Evaluate(t, customers)
	for _, f := range out.Findings {
		t.Error(f)
	}
	for _, r := range out.Refused {
		t.Error(r.Describe(customers.Customers))
	}
}

func TestTablesAreThoseExpected(t *testing.T) {
	exampletest.Golden(t, "testdata/tables.txt", exampletest.Tables(exampletest.Evaluate(t, customers).Summary))
}

func TestCommandWritesWhatIsExpected(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out.csv")
	exampletest.Score(t, exampletest.Build(t), customers, output)
	exampletest.Golden(t, "testdata/assignments.csv", exampletest.Read(t, output))
}
