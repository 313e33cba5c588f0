package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func ratesFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "rates", "", "a CSV file of exchange rates beside the model's, with the columns currency, date and rate: what one unit of the currency\n"+
		"is worth in the model's base from that day on; one for the same currency and day goes before the model's")
}

// readRates reads a file of exchange rates for a model; none where the file is not named. What is wrong is told line by line.
func (c *cli) readRates(path string, model *echelonv1.Model) (rates []*echelonv1.ExchangeRate, err error) {
	if path == "" {
		return nil, nil
	}
	file := fileOptions{input: path}
	rows, err := file.rows()
	if err != nil {
		return nil, err
	}
	in, err := file.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = firstOf(err, in.Close()) }()
	table, err := tabular.ReadRates(in, rows)
	if err != nil {
		return nil, fmt.Errorf("--rates: %w", err)
	}
	mistakes := mistakesOf(table, model, rows.File)
	for _, text := range mistakes[:min(len(mistakes), maxListed)] {
		c.advise("%s", oneLine(text))
	}
	switch n := len(mistakes); {
	case n == 1:
		return nil, fmt.Errorf("--rates: %s has a mistake: mend it", rows.File)
	case n > 1:
		return nil, fmt.Errorf("--rates: %s has %d mistakes: mend them", rows.File, n)
	}
	return table.Rates, nil
}

// mistakesOf says what is wrong with a file of rates: rows that cannot be read, or else those that cannot be given to the model.
func mistakesOf(table *tabular.RateTable, model *echelonv1.Model, file string) (texts []string) {
	for _, r := range table.Refused {
		texts = append(texts, r.Describe(file))
	}
	wrong, _ := errors.AsType[*engine.RatesError](engine.CheckRates(model, table.Rates))
	if len(texts) > 0 || wrong == nil {
		return texts
	}
	for _, f := range wrong.Found {
		texts = append(texts, fmt.Sprintf("%s: %s: %s", placeOf(f.Path, file, table.Lines), f.Message, f.Remedy))
	}
	return texts
}

// placeOf turns the path of a rate, such as "rates[2].date", into its line and column.
func placeOf(path, file string, lines []int) string {
	_, after, _ := strings.Cut(path, "[")
	index, field, _ := strings.Cut(after, "]")
	i, err := strconv.Atoi(index)
	switch {
	case err != nil || i >= len(lines):
		return file
	case field == "":
		return fmt.Sprintf("%s:%d", file, lines[i])
	}
	return fmt.Sprintf("%s:%d: column %q", file, lines[i], strings.TrimPrefix(field, "."))
}
