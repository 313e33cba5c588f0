package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/echelonhq/echelon/engine/frame"
)

// scoreOptions are the flags of score.
type scoreOptions struct {
	inputOptions
	model, output string
	asOf, rates   string
	// previous is an earlier output.
	previous string
	// address is the server's; empty where no server is asked.
	address string
}

func (c *cli) scoreCommand() *cobra.Command {
	var o scoreOptions
	cmd := &cobra.Command{
		Use:   "score",
		Short: "Score a file of customers, without a server or through one",
		Long: "Score evaluates the customers of a file (CSV, JSON lines, Parquet, Arrow), which are the population that the model learns from, and writes a file with the segments,\n" +
			"scores, tiers and reasons of each, in the order of the input. It needs no server; with --address a server does the work, with the same\n" +
			"result to the byte. Rows that cannot be read are listed and do not stop the others; the exit code then is 4.",
		Example: "  echelon score --model model.yaml --input customers.csv --id-column account_id --output tiers.csv --as-of 2026-01-31",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	c.modelFlag(cmd, &o.model, "the model's file")
	o.flags(cmd)
	outputFlag(cmd, &o.output)
	asOfFlag(cmd, &o.asOf)
	ratesFlag(cmd, &o.rates)
	flags.StringVar(&o.previous, "previous", "", "an earlier output, whose tiers the customers are in: exit rules hold them there")
	flags.StringVar(&o.address, "address", "", "the HOST:PORT of the server that does the work; none where it is not given")
	c.remote.flags(cmd)
	c.configurable(cmd, "address") // whether a server does the work is said on the command line
	cmd.RunE = c.does(func(ctx context.Context, _ []string) error { return c.score(ctx, o) })
	return cmd
}

func (c *cli) modelFlag(cmd *cobra.Command, to *string, help string) {
	cmd.Flags().StringVar(to, "model", "", help)
	require(cmd, "model")
}

func outputFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "output", "", "the file to write: Parquet or Arrow where its name ends in .parquet, .arrow or .arrows, else CSV, compressed where it ends in .gz or .zst; - is the standard output")
	require(cmd, "output")
}

func asOfFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "as-of", "", "the instant as of which customers are evaluated: a date, which is its midnight in the model's time zone, or RFC 3339; now where it is not given")
}

// require marks flags as required; it panics where there is no such flag, which every run of the command would show.
func require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
}

// parseAsOf reads the flag --as-of: a date, which begins at its midnight in a zone, an instant, or now.
func parseAsOf(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Now().UTC().Truncate(time.Microsecond), nil
	}
	if day, err := frame.ParseDate(text); err == nil {
		return frame.DayStartIn(day, zone), nil
	}
	micros, err := frame.ParseTimestamp(text)
	if err != nil {
		return time.Time{}, usagef("--as-of: %s is neither a date, such as 2026-01-31, nor an instant, such as 2026-01-31T12:00:00Z", frame.Quote(text))
	}
	return time.UnixMicro(micros).UTC(), nil
}

// check finds what is wrong with the flags together.
func (o scoreOptions) check() error {
	if err := o.inputOptions.check(); err != nil {
		return err
	}
	if err := checkOutput(o.output); err != nil {
		return err
	}
	if o.rejects != "" && o.rejects == o.output {
		return usagef("--rejects and --output name the same file: give each its own")
	}
	for flag, path := range map[string]string{"--output": o.output, "--rejects": o.rejects} {
		if sameFile(path, o.input) || sameFile(path, o.model) || sameFile(path, o.rates) || sameFile(path, o.previous) {
			return usagef("%s names a file that is read, %s: give it another name", flag, path)
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func (c *cli) score(ctx context.Context, o scoreOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if _, err := parseAsOf(o.asOf, time.UTC); err != nil {
		return err
	}
	m, err := c.useModel(o.model)
	if err != nil {
		return err
	}
	asOf, err := parseAsOf(o.asOf, m.program.Zone())
	if err != nil {
		return err
	}
	if o.output == stdio {
		c = &cli{stdout: c.stderr, stderr: c.stderr, results: c.stdout, json: c.json}
	}
	job := &scoreJob{cli: c, options: o, program: m.program, source: m.source, asOf: asOf}
	if job.rates, err = c.readRates(o.rates, m.model); err != nil {
		return err
	}
	if err := job.do(ctx); err != nil {
		return err
	}
	if err := job.report(); err != nil {
		return err
	}
	return refusedError(len(job.refused), job.rows)
}

// refusedError is the error of a command that did its work but for rows that were refused; nil where none was.
func refusedError(refused, rows int) error {
	if refused == 0 {
		return nil
	}
	return &failure{exitRefused, fmt.Errorf("%d of %d rows were refused: mend them and run it again", refused, rows)}
}
