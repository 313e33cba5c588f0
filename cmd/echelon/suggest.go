package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/internal/suggest"
	"github.com/echelonhq/echelon/internal/tabular"
)

// maxProfiled is how many rows a model is suggested from: more hardly change it, and each value is kept.
const maxProfiled = 200_000

// suggestOptions are the flags of model suggest.
type suggestOptions struct {
	fileOptions
	idColumn, modelName, output string
	rowIDs                      bool
}

func (c *cli) suggestCommand() *cobra.Command {
	var o suggestOptions
	cmd := &cobra.Command{
		Use:   "suggest",
		Short: "Make a first model from a file of customers, without a server",
		Long: "Suggest profiles the columns of a file and writes a first model to argue with: attributes with the formats that the cells have, size bands,\n" +
			"groups, a score with weights, and tiers by concentration, each choice explained by a comment. Nothing is hidden: what it is not sure of is\n" +
			"marked CHECK and told.",
		Example: "  echelon model suggest --input customers.csv --id-column account_id --output model.yaml",
		Args:    cobra.NoArgs,
		RunE:    c.does(func(ctx context.Context, _ []string) error { return c.suggest(ctx, o) }),
	}
	o.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.idColumn, "id-column", "", "the column that has the customers' ids; one that tells all rows apart where it is not given")
	flags.BoolVar(&o.rowIDs, "row-ids", false, "no column has ids: rows will be numbered")
	flags.StringVar(&o.modelName, "name", "", "the model's name; made of the file's where it is not given")
	flags.StringVar(&o.output, "output", stdio, "the file to write the model to; - is the standard output")
	cmd.MarkFlagsMutuallyExclusive("id-column", "row-ids")
	return cmd
}

func (c *cli) suggest(ctx context.Context, o suggestOptions) (err error) {
	if sameFile(o.output, o.input) {
		return usagef("--output names the file that is read, %s: give it another name", o.output)
	}
	profile, err := c.profile(ctx, o)
	if err != nil {
		return err
	}
	made, err := suggest.Suggest(profile, suggest.Options{
		Name: modelName(o), File: filepath.Base(o.name()), IDColumn: o.idColumn, RowIDs: o.rowIDs, Flags: o.given(),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", o.name(), err)
	}
	out, err := c.createOutput(o.output)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, out.Close()) }()
	if _, err := out.Write(made.YAML); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	c.tellSuggestion(o, made)
	return nil
}

// tellSuggestion says what to look at, and what to do next.
func (c *cli) tellSuggestion(o suggestOptions, made *suggest.Suggestion) {
	for _, note := range made.Notes {
		c.advise("%s: %s", o.name(), oneLine(note))
	}
	if o.output == stdio {
		return
	}
	ids := "--row-ids"
	if made.IDColumn != "" {
		ids = fmt.Sprintf("--id-column %q", made.IDColumn)
	}
	ids += o.given()
	c.advise("%s: %d attributes, %d segmentations, %d scores, %d tierings", o.output,
		len(made.Model.GetAttributes()), len(made.Model.GetSegmentations()), len(made.Model.GetScores()), len(made.Model.GetTierings()))
	c.advise("next: echelon score --model %s --input %s %s --output tiers.csv", o.output, o.input, ids)
}

// profile reads the file's rows.
func (c *cli) profile(ctx context.Context, o suggestOptions) (profile *suggest.Profile, err error) {
	options, err := o.rows()
	if err != nil {
		return nil, err
	}
	file, err := o.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	if o.idColumn != "" {
		options.Expected = []string{o.idColumn}
	}
	rows, err := tabular.OpenRows(file, options)
	if err != nil {
		return nil, err
	}
	if o.delimiter == "" {
		c.tellDelimiter(options.File, rows.Delimiter())
	}
	profile = suggest.NewProfile(rows.Columns())
	cells, skipped := make([]suggest.Cell, len(rows.Columns())), 0
	for profile.Rows() < maxProfiled {
		values, bad, err := rows.Read()
		skipped += bad
		if errors.Is(err, io.EOF) {
			break
		}
		if err = firstOf(err, ctx.Err()); err != nil {
			return nil, err
		}
		for i, v := range values {
			if !utf8.ValidString(v.Text) {
				return nil, tabular.NotUTF8(options.File, rows.Line(), v.Text)
			}
			cells[i] = suggest.Cell{Kind: kindOf[v.Kind], Text: v.Text}
		}
		profile.Add(cells)
	}
	if profile.Rows() == 0 && skipped > 0 {
		return nil, fmt.Errorf("no line after the header can be read, so look at the header first, which must be line 1: %w", rows.Unread())
	}
	if skipped > 0 {
		c.advise("%s: lines that cannot be read and are left out here: %d; score and import list them", o.name(), skipped)
	}
	if profile.Rows() == maxProfiled {
		c.advise("%s: the model is suggested from the first %d rows", o.name(), maxProfiled)
	}
	return profile, nil
}

// kindOf has the kinds of values as a profile knows them.
var kindOf = map[tabular.Kind]suggest.Kind{
	tabular.Cell: suggest.Text, tabular.Text: suggest.Word, tabular.Number: suggest.Number, tabular.Truth: suggest.Truth,
	tabular.List: suggest.List, tabular.Other: suggest.Other,
}

// modelName returns the model's name: as given, or made of the file's.
func modelName(o suggestOptions) string {
	if o.modelName != "" {
		return o.modelName
	}
	base := "customers"
	if o.input != stdio {
		base, _, _ = strings.Cut(strings.ToLower(filepath.Base(o.input)), ".")
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, base)
	name = strings.Trim(name, "-")
	if name == "" || name[0] < 'a' {
		name = "customers-" + name
	}
	return strings.TrimRight(name[:min(len(name), 64)], "-")
}
