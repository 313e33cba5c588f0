package main

import (
	"slices"
	"strings"

	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// writtenFamilies is what an import means for the families of published models, by the model's name.
type writtenFamilies []*echelonv1.WrittenFamilies

// add adds what one more batch means for them.
func (w *writtenFamilies) add(batch []*echelonv1.WrittenFamilies) {
	for _, one := range batch {
		at, known := slices.BinarySearchFunc(*w, one.GetModel(), func(f *echelonv1.WrittenFamilies, model string) int { return strings.Compare(f.GetModel(), model) })
		if !known {
			*w = slices.Insert(*w, at, &echelonv1.WrittenFamilies{Model: one.GetModel()})
		}
		sum := (*w)[at]
		sum.RunId, sum.Parent = one.GetRunId(), one.GetParent()
		sum.WithParent += one.GetWithParent()
		sum.MissingParents += one.GetMissingParents()
		sum.OwnParents += one.GetOwnParents()
		sum.OnCycles += one.GetOnCycles()
	}
}

// familiesJSON is what an import with --json prints of the families of a model.
type familiesJSON struct {
	Model          string `json:"model"`
	RunID          string `json:"run_id"`
	Parent         string `json:"parent"`
	WithParent     int64  `json:"with_parent"`
	MissingParents int64  `json:"missing_parents"`
	OwnParents     int64  `json:"own_parents"`
	OnCycles       int64  `json:"on_cycles"`
}

func (w writtenFamilies) json() (all []familiesJSON) {
	for _, f := range w {
		all = append(all, familiesJSON{f.GetModel(), f.GetRunId(), f.GetParent(), f.GetWithParent(), f.GetMissingParents(), f.GetOwnParents(), f.GetOnCycles()})
	}
	return all
}

// adviseFamilies says which families the customers are in until the next run, and what is odd about their parents, once for each attribute that names them.
func (c *cli) adviseFamilies(w writtenFamilies) {
	told := make(map[string]bool)
	for _, f := range w {
		if f.GetWithParent() == 0 {
			continue
		}
		c.advise("what the model %s reads of families is what its run %s found, until the next run", f.GetModel(), f.GetRunId())
		if told[f.GetParent()] {
			continue
		}
		told[f.GetParent()] = true
		for _, odd := range []struct {
			count int64
			what  string
		}{
			{f.GetMissingParents(), "named a parent that was not stored by then, and count as having none as long as it is not"},
			{f.GetOwnParents(), "name themselves as their parent, and count as having none"},
			{f.GetOnCycles(), "are on a cycle of parents, each a family of its own"},
		} {
			if odd.count > 0 {
				c.advise("%s of the customers %s (%s)", report.Count(odd.count), odd.what, f.GetParent())
			}
		}
	}
}
