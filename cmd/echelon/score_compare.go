package main

import (
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/compare"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// maxCompared is how many of those who differ are kept, and written by --compare-output.
	maxCompared = 10_000
	// shownDifferences is how many of them are printed.
	shownDifferences = 10
)

// comparing is the comparison of two tierings that score was asked for; nil where it was not.
type comparing struct {
	*compare.Comparison
	// tierings are their places in the model.
	tierings [2]int
}

// newComparing reads the flag --compare: the names of two tierings of the model.
func newComparing(program *engine.Program, flag string) (*comparing, error) {
	if flag == "" {
		return nil, nil
	}
	names := strings.Split(flag, ",")
	if len(names) != 2 || names[0] == names[1] {
		return nil, usagef("--compare: write the names of two tierings, such as coverage,persona, and not %s", frame.Quote(flag))
	}
	var known []string
	for _, t := range program.Model().GetTierings() {
		known = append(known, t.GetName())
	}
	c := &comparing{}
	for i, name := range names {
		if c.tierings[i] = slices.Index(known, name); c.tierings[i] < 0 {
			remedy := diag.DidYouMean(name, known)
			if remedy == "" {
				remedy = "it has " + strings.Join(known, ", ")
			}
			return nil, usagef("--compare: the model has no tiering %s (%s)", frame.Quote(name), remedy)
		}
	}
	c.Comparison = compare.New(program.Side(c.tierings[0], names[0]), program.Side(c.tierings[1], names[1]), maxCompared)
	return c, nil
}

// add counts customers.
func (c *comparing) add(assignments []*echelonv1.Assignment, result *engine.Result) {
	if c == nil {
		return
	}
	block := result.Block(c.tierings[0], c.tierings[1])
	block.Why = func(row int) (string, string) {
		return whyIn(assignments[row], c.tierings[0]), whyIn(assignments[row], c.tierings[1])
	}
	c.Add(block)
}

// whyIn returns what decided a customer's tier in a tiering.
func whyIn(a *echelonv1.Assignment, tiering int) string {
	item, text := "tiers."+a.GetTiers()[tiering].GetTiering(), ""
	for _, reason := range a.GetReasons() {
		if reason.GetItem() == item {
			text = reason.GetMessage()
		}
	}
	return text
}

// reportComparison prints what was compared, and writes who differs where that was asked for.
func (j *scoreJob) reportComparison() error {
	if j.compared == nil {
		return nil
	}
	found := j.compared.Report()
	if j.options.compareOutput != "" {
		if err := j.writeDifferences(found); err != nil {
			return err
		}
	}
	if err := j.printf(""); err != nil {
		return err
	}
	return report.Comparison(j.stdout, found, j.program.Model().GetAmount(), shownDifferences)
}

// writeDifferences writes those who differ, the clearest first.
func (j *scoreJob) writeDifferences(found *compare.Report) (err error) {
	out, err := j.createOutput(j.options.compareOutput)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, out.Close()) }()
	w := csv.NewWriter(out)
	rows := [][]string{{j.options.idName(), "tier." + found.A, "tier." + found.B, "ranks", "amount", "reason." + found.A, "reason." + found.B}}
	for _, d := range found.Differ {
		rows = append(rows, []string{d.ID, d.A, d.B, strconv.Itoa(d.Ranks), frame.FormatNumber(d.Amount), d.WhyA, d.WhyB})
	}
	if err := errors.Join(w.WriteAll(rows), w.Error()); err != nil {
		return err
	}
	return out.Commit()
}
