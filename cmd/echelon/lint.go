package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) lintCommand() *cobra.Command {
	var o lintOptions
	cmd := &cobra.Command{
		Use:   "lint FILE",
		Short: "Check a model file, without a server",
		Long: "Lint checks a model file in YAML or JSON and shows all that it finds, each with its place, its line and what to do.\n" +
			"It ends with 0 where the model can be used, warnings or not, and with 3 where it has mistakes. Rules are judged without customers as far\n" +
			"as that goes; with --input, or --address, lint says of those customers too which rules none of them meets, and which overlap.",
		Example: "  echelon model lint model.yaml\n  echelon model lint model.yaml --input customers.csv --id-column account_id",
		Args:    cobra.ExactArgs(1),
		RunE:    c.does(func(ctx context.Context, args []string) error { return c.lint(ctx, args[0], o) }),
	}
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "say what the model learns from its population, which rules were analysed in part, and which expressions are evaluated row by row")
	o.customerFlags(cmd)
	return cmd
}

func (c *cli) lint(ctx context.Context, file string, o lintOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	m, err := readModel(file)
	if err != nil {
		return err
	}
	seen := &lintCustomers{}
	c.address = o.address
	if m.program != nil && (o.input != "" || o.address != "") {
		var shown diag.List
		if shown, seen, err = c.heldAgainst(ctx, m, o); err != nil {
			return err
		}
		m.found = m.source.Locate(append(m.found, shown...))
	}
	if c.json {
		err = c.printJSON(lintReport(m, o.verbose))
	} else {
		err = c.printLint(file, m, o.verbose)
	}
	switch {
	case err != nil:
		return err
	case m.program == nil:
		return mistaken(file, m.found)
	}
	return seen.refusals(c)
}

func (c *cli) printLint(file string, m *modelFile, verbose bool) error {
	if err := m.found.Format(c.stdout, 0); err != nil || m.program == nil {
		return err
	}
	if !verbose {
		return nil
	}
	if err := c.printf("%s: %s", file, learns(m.program)); err != nil {
		return err
	}
	for _, f := range m.source.Locate(m.program.NotAnalysed()) {
		if err := c.printf("%s: %s: %s", f.Place, f.Path, f.Message); err != nil {
			return err
		}
	}
	return c.printRowByRow(file, m)
}

// printRowByRow says which expressions are not evaluated in columns, and why.
func (c *cli) printRowByRow(file string, m *modelFile) error {
	left, all := m.program.RowByRow()
	paths := make(map[string]bool)
	for _, f := range left {
		paths[f.Path] = true
	}
	if all > 0 {
		if err := c.printf("%s: %d of %d expressions are evaluated in columns", file, all-len(paths), all); err != nil {
			return err
		}
	}
	for _, f := range m.source.Locate(left) {
		if err := c.printf("%s: %s: %s", f.Place, f.Path, f.Message); err != nil {
			return err
		}
	}
	return nil
}

// learns says what a program learns from its population.
func learns(p *engine.Program) string {
	if !p.NeedsCalibration() {
		return "the model learns nothing from a population and needs no calibration"
	}
	text := "the model needs a calibration"
	if list := p.Learns(); len(list) > 0 {
		text += "; it learns from its population\n  " + strings.Join(list, "\n  ")
	}
	if p.Converts() {
		text += "\n  the exchange rates of its day are frozen in it"
	}
	return text
}

// lintJSON is what was found as JSON: echelon.v1.ValidateModelResponse with the places in the file.
type lintJSON struct {
	Findings         []findingJSON `json:"findings"`
	NeedsCalibration bool          `json:"needs_calibration"`
	// NotAnalysed are the conditions that were analysed in part, with --verbose.
	NotAnalysed []findingJSON `json:"not_analysed,omitempty"`
	// RowByRow are the expressions that are not evaluated in columns, as a whole or in part, with --verbose.
	RowByRow []findingJSON `json:"row_by_row,omitempty"`
}

type findingJSON struct {
	Severity string `json:"severity"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
}

func lintReport(m *modelFile, verbose bool) lintJSON {
	out := lintJSON{Findings: findingsJSON(m.found), NeedsCalibration: m.program != nil && m.program.NeedsCalibration()}
	if verbose && m.program != nil {
		out.NotAnalysed = findingsJSON(m.source.Locate(m.program.NotAnalysed()))
		left, _ := m.program.RowByRow()
		out.RowByRow = findingsJSON(m.source.Locate(left))
	}
	return out
}

func findingsJSON(found diag.List) []findingJSON {
	list := []findingJSON{}
	for _, f := range found {
		severity := echelonv1.Finding_MISTAKE
		if f.Severity == diag.Warning {
			severity = echelonv1.Finding_WARNING
		}
		list = append(list, findingJSON{
			severity.String(), f.Path, f.Message, f.Remedy, f.Place.File, f.Place.Line, f.Place.Column,
		})
	}
	return list
}
