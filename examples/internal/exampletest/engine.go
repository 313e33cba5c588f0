package exampletest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxRows is more than any example has: an example is one batch.
const maxRows = 10_000

// Example is a model and its customers.
type Example struct {
	// Model and Customers are files.
	Model, Customers string
	// IDColumn is the column of Customers that has the ids.
	IDColumn string
	// AsOf is the day, YYYY-MM-DD, as of which they are evaluated.
	AsOf string
}

// Outcome is what the engine makes of an example.
type Outcome struct {
	// Findings are those of the model and of its calibration.
	Findings diag.List
	// Refused are the rows that could not be read.
	Refused []tabular.Refusal
	// Summary is the tables.
	Summary *echelonv1.Summary
	// Assignments are the customers' outcomes, in the file's order, and Frame is their attributes.
	Assignments []*echelonv1.Assignment
	Frame       *frame.Frame
}

// Evaluate runs an example through the engine. A model with mistakes fails the test.
func Evaluate(t *testing.T, e Example) *Outcome {
	t.Helper()
	program, out := compile(t, e), &Outcome{}
	out.Findings = program.findings
	batch := read(t, e, program.Model().GetAttributes())
	out.Refused, out.Frame = batch.Refused, batch.Frame
	asOf, err := time.Parse(time.DateOnly, e.AsOf)
	if err != nil {
		t.Fatal(err)
	}
	population := func(yield func(*frame.Frame, error) bool) { yield(batch.Frame, nil) }
	calibration, err := program.Calibrate(context.Background(), population, asOf)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range calibration.GetFindings() {
		out.Findings.Warnf(f.GetPath(), f.GetRemedy(), "%s", f.GetMessage())
	}
	scorer, err := program.Bind(calibration)
	if err != nil {
		t.Fatal(err)
	}
	result := scorer.Evaluate(batch.Frame, engine.Options{AsOf: asOf, Reasons: true, Amounts: true})
	tally := engine.NewTally(program.Program)
	tally.Refuse(int64(len(batch.Refused)))
	tally.Add(result)
	out.Summary = tally.Summary()
	for i := range result.Len() {
		out.Assignments = append(out.Assignments, result.Assignment(i))
	}
	return out
}

// compiled is a program with what lint found.
type compiled struct {
	*engine.Program
	findings diag.List
}

func compile(t *testing.T, e Example) compiled {
	t.Helper()
	data, err := os.ReadFile(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	model, source, found := modelfile.Parse(e.Model, data)
	if found.HasMistakes() {
		t.Fatal(found)
	}
	program, more := engine.Compile(model)
	found.Add(source.Locate(more)...)
	if found.HasMistakes() {
		t.Fatal(found)
	}
	return compiled{program, found}
}

func read(t *testing.T, e Example, attributes []*echelonv1.Attribute) *tabular.Batch {
	t.Helper()
	file, err := os.Open(e.Customers)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := tabular.NewReader(file, tabular.Options{File: e.Customers, IDColumn: e.IDColumn, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := reader.Read(maxRows)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// Tables writes the tables of a summary, a line a tier: customers and amount.
func Tables(summary *echelonv1.Summary) string {
	var out strings.Builder
	for _, table := range summary.GetTierings() {
		fmt.Fprintln(&out, table.GetTiering())
		for _, tier := range table.GetTiers() {
			fmt.Fprintf(&out, "  %-24s%6d%18.2f\n", tier.GetTier(), tier.GetCustomers(), tier.GetAmount())
		}
		fmt.Fprintf(&out, "  %-24s%6d%18.2f\n", "(none)", table.GetUnscored(), table.GetUnscoredAmount())
	}
	return out.String()
}
