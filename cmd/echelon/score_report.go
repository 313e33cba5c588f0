package main

import (
	"encoding/json"
	"fmt"

	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/compare"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxListed is how many refused rows are listed; --rejects has all.
const maxListed = 20

// scoreJSON is what score prints as JSON.
type scoreJSON struct {
	Model            string            `json:"model"`
	ModelFingerprint string            `json:"model_fingerprint"`
	AsOf             string            `json:"as_of"`
	Output           string            `json:"output"`
	Summary          json.RawMessage   `json:"summary"`
	Findings         []json.RawMessage `json:"findings"`
	// Comparison is absent where none was asked for.
	Comparison *compare.Report `json:"comparison,omitempty"`
	// Refused lists the first rows that were refused; the balance counts all.
	Refused []tabular.Refusal `json:"refused"`
}

// report prints the tables, what was found and what was refused.
func (j *scoreJob) report() error {
	if j.json {
		return j.reportJSON()
	}
	if err := j.printf("%s as of %s\n", j.program.Model().GetName(), frame.FormatTimestamp(j.asOf.UnixMicro())); err != nil {
		return err
	}
	if err := report.Summary(j.stdout, j.summary, j.program.Model().GetAmount()); err != nil {
		return err
	}
	if err := j.reportComparison(); err != nil {
		return err
	}
	if err := j.printFindings(); err != nil {
		return err
	}
	j.listRefused(j.options.name(), j.refused, len(j.refused), j.options.rejects)
	return nil
}

// printFindings prints what the calibration found, with the places in the model's file.
func (j *scoreJob) printFindings() error {
	found := j.source.Locate(findingsOf(j.calibration.GetFindings()))
	if len(found) == 0 {
		return nil
	}
	if err := j.printf("\nfindings"); err != nil {
		return err
	}
	for _, f := range found {
		if err := j.printf("  %s", f); err != nil {
			return err
		}
	}
	return nil
}

// findingsOf returns findings that came over the wire as diag has them.
func findingsOf(found []*echelonv1.Finding) diag.List {
	var list diag.List
	for _, f := range found {
		severity := diag.Mistake
		if f.GetSeverity() == echelonv1.Finding_WARNING {
			severity = diag.Warning
		}
		list.Add(diag.Finding{Severity: severity, Path: f.GetPath(), Offset: diag.WholeValue, Message: f.GetMessage(), Remedy: f.GetRemedy()})
	}
	return list
}

// listRefused lists the first refused rows of all, and says where the others are.
func (c *cli) listRefused(file string, refused []tabular.Refusal, all int, rejects string) {
	for _, r := range refused[:min(len(refused), maxListed)] {
		c.advise("%s", oneLine(r.Describe(file)))
	}
	switch more := all - maxListed; {
	case more > 0 && rejects == "":
		c.advise("and %d more: --rejects FILE writes all of them", more)
	case more > 0:
		c.advise("and %d more: %s has all of them", more, rejects)
	}
}

func (j *scoreJob) reportJSON() error {
	summary, err := messageJSON(j.summary)
	if err != nil {
		return err
	}
	out := scoreJSON{
		Model: j.program.Model().GetName(), ModelFingerprint: engine.Fingerprint(j.program.Model()),
		AsOf: frame.FormatTimestamp(j.asOf.UnixMicro()), Output: j.options.output, Summary: summary,
		Findings: []json.RawMessage{}, Refused: append([]tabular.Refusal{}, j.refused[:min(len(j.refused), maxListed)]...),
	}
	if j.compared != nil {
		out.Comparison = j.compared.Report()
		if j.options.compareOutput != "" {
			if err := j.writeDifferences(out.Comparison); err != nil {
				return err
			}
		}
	}
	for _, f := range j.calibration.GetFindings() {
		data, err := messageJSON(f)
		if err != nil {
			return fmt.Errorf("a finding: %w", err)
		}
		out.Findings = append(out.Findings, data)
	}
	return j.printJSON(out)
}
