package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) overrideImportCommand() *cobra.Command {
	return c.calls(&cobra.Command{
		Use:   "import MODEL FILE",
		Short: "Pin tiers, personas, segments and reps on the customers of a CSV file",
		Long: "Import sets the overrides of a CSV file with the columns customer_id, item, pinned, reason and, where some expire, expires: a date or an\n" +
			"instant. The item is a tiering, a segmentation as in segments.size, or a role as in reps.csm. Each replaces what is pinned there, so that a file may be imported again. Rows that are refused are listed, and the others stored.",
		Example: "  echelon override import b2b overrides.csv",
		Args:    cobra.ExactArgs(2),
		RunE: c.calling(func(ctx context.Context, server *client.Client, args []string) error {
			file, err := os.Open(args[1])
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			return c.importOverrides(ctx, server, args[0], args[1], file)
		}),
	})
}

// importedOverrides is what an import of overrides prints as JSON.
type importedOverrides struct {
	Stored  int64    `json:"stored"`
	Refused []string `json:"refused"`
}

func (c *cli) importOverrides(ctx context.Context, server *client.Client, model, name string, file io.Reader) error {
	read := &overrideFile{model: model, name: name, csv: csv.NewReader(file)}
	if err := read.header(); err != nil {
		return err
	}
	done := importedOverrides{Refused: []string{}}
	for progress, err := range server.ImportOverrides(ctx, read.rows()) {
		if err != nil {
			return fmt.Errorf("%s overrides were stored, and stay: %w", report.Count(done.Stored), err)
		}
		done.Stored = progress.Stored
		for _, refused := range progress.Errors {
			done.Refused = append(done.Refused, fmt.Sprintf("%s:%d: customer %q: %s", name, read.lines[refused.GetIndex()], refused.GetCustomerId(), refused.GetMessage()))
		}
	}
	if err := c.tellImported(done); err != nil {
		return err
	}
	if n := len(done.Refused); n > 0 {
		return &failure{exitRefused, fmt.Errorf("%s of %s overrides were refused", report.Count(int64(n)), report.Count(int64(n)+done.Stored))}
	}
	return nil
}

func (c *cli) tellImported(done importedOverrides) error {
	if c.json {
		return c.printJSON(done)
	}
	for _, line := range done.Refused {
		if err := c.printf("%s", line); err != nil {
			return err
		}
	}
	return c.printf("%s overrides stored", report.Count(done.Stored))
}

// overrideFile is a CSV file of overrides.
type overrideFile struct {
	model, name string
	csv         *csv.Reader
	columns     map[string]int
	// lines are those of the rows, from 1.
	lines []int
}

// header reads the names of the columns.
func (f *overrideFile) header() error {
	names, err := f.csv.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	f.columns = make(map[string]int)
	for i, name := range names {
		f.columns[strings.TrimPrefix(name, "\ufeff")] = i
	}
	var lacks []string
	for _, name := range []string{"customer_id", "item", "pinned", "reason"} {
		if _, there := f.columns[name]; !there {
			lacks = append(lacks, name)
		}
	}
	if len(lacks) > 0 {
		slices.Sort(lacks)
		return fmt.Errorf("%s: the first line must name the columns customer_id, item, pinned and reason, and may name expires; it lacks %s", f.name, strings.Join(lacks, ", "))
	}
	return nil
}

// rows yields the overrides of the file. One that cannot be read ends them.
func (f *overrideFile) rows() iter.Seq2[*echelonv1.Override, error] {
	return func(yield func(*echelonv1.Override, error) bool) {
		for {
			cells, err := f.csv.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", f.name, err))
				return
			}
			line, _ := f.csv.FieldPos(0)
			o, err := f.row(cells)
			if err != nil {
				err = fmt.Errorf("%s:%d: %w", f.name, line, err)
			}
			f.lines = append(f.lines, line)
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (f *overrideFile) row(cells []string) (*echelonv1.Override, error) {
	o := &echelonv1.Override{
		Model: f.model, CustomerId: cells[f.columns["customer_id"]], Item: cells[f.columns["item"]], Pinned: cells[f.columns["pinned"]],
		Reason: cells[f.columns["reason"]],
	}
	place, there := f.columns["expires"]
	if !there {
		return o, nil
	}
	var err error
	o.ExpireTime, err = instant("expires", cells[place])
	return o, err
}
