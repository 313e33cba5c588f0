package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// previousTiers are the tiers that customers are in, by an earlier output; nil knows of nobody.
type previousTiers struct {
	program *engine.Program
	// tierings are the names of the model's tierings.
	tierings []string
	// customers has each customer's tiers, and how it came to be in them.
	customers map[string]*echelonv1.Customer
}

// readPrevious reads an earlier output, of which the ids, the tiers of the model's tierings that look back, and the columns of their standings are of
// use.
func (c *cli) readPrevious(ctx context.Context, path, idColumn string, program *engine.Program) (previous *previousTiers, err error) {
	if path == "" {
		return nil, nil
	}
	if !program.NeedsPrevious() {
		c.advise("--previous changes nothing: no tier of the model has an exit rule, and no tiering has stability")
		return nil, nil
	}
	p := &previousTiers{program: program, customers: make(map[string]*echelonv1.Customer)}
	var columns []*echelonv1.Attribute
	for i, t := range program.Model().GetTierings() {
		p.tierings = append(p.tierings, t.GetName())
		if program.LooksBack(i) {
			columns = append(columns, &echelonv1.Attribute{Name: t.GetName(), Type: echelonv1.Attribute_STRING, Column: tabular.TierColumn(t.GetName())})
		}
	}
	if err := c.readTiers(ctx, path, idColumn, columns, false, p.addTiers); err != nil {
		return nil, err
	}
	for i, t := range program.Model().GetTierings() {
		if !program.HasStandings(i) {
			continue
		}
		if path == stdio {
			return nil, usagef("--previous: it is read more than once where a tiering has stability: give a file in place of the standard input")
		}
		names := tabular.StandingColumns(t.GetName())
		types := []echelonv1.Attribute_Type{echelonv1.Attribute_DATE, echelonv1.Attribute_INTEGER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_INTEGER, echelonv1.Attribute_DATE}
		columns = nil
		for k, column := range names {
			columns = append(columns, &echelonv1.Attribute{Name: strings.ReplaceAll(column, ".", "_"), Type: types[k], Column: column})
		}
		if err := c.readTiers(ctx, path, idColumn, columns, true, func(f *frame.Frame) error { return p.addStandings(t.GetName(), f) }); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// readTiers reads columns of an earlier output.
func (c *cli) readTiers(ctx context.Context, path, idColumn string, columns []*echelonv1.Attribute, allowMissing bool, add func(*frame.Frame) error) (err error) {
	file := fileOptions{input: path}
	rows, err := file.rows()
	if err != nil {
		return err
	}
	in, err := file.open()
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, in.Close()) }()
	reader, err := tabular.NewReader(in, tabular.Options{
		File: rows.File, Format: rows.Format, Delimiter: rows.Delimiter, IDColumn: idColumn, Attributes: columns, AllowMissingColumns: allowMissing,
	})
	if err != nil {
		return fmt.Errorf("--previous: %w", err)
	}
	for batch, err := range reader.Batches(tabular.BatchRows) {
		if err = firstOf(err, ctx.Err()); err != nil {
			return err
		}
		if len(batch.Refused) > 0 {
			return errors.New("--previous: " + batch.Refused[0].Describe(rows.File))
		}
		if err := add(batch.Frame); err != nil {
			return fmt.Errorf("--previous: %s: %w", rows.File, err)
		}
	}
	return nil
}

// addTiers takes the tiers of a frame, whose columns are the tierings that look back.
func (p *previousTiers) addTiers(f *frame.Frame) error {
	for row, id := range f.IDs {
		customer := &echelonv1.Customer{}
		column := 0
		for i, name := range p.tierings {
			if !p.program.LooksBack(i) {
				continue
			}
			if f.Columns[column].Valid.Get(row) {
				if customer.PreviousTiers == nil {
					customer.PreviousTiers = make(map[string]string)
				}
				customer.PreviousTiers[name] = f.Columns[column].String(row)
			}
			column++
		}
		p.customers[id] = customer
	}
	return nil
}

// addStandings takes how the customers of a frame came to be in the tiers of a tiering.
func (p *previousTiers) addStandings(tiering string, f *frame.Frame) error {
	for row, id := range f.IDs {
		day := func(column int) string {
			if f.Columns[column].Valid.Get(row) {
				return frame.FormatDate(f.Columns[column].Ints[row])
			}
			return ""
		}
		number := func(column int) int32 {
			if f.Columns[column].Valid.Get(row) {
				return int32(f.Columns[column].Numbers[row])
			}
			return 0
		}
		customer := p.customers[id]
		if day(0) == "" || customer.GetPreviousTiers()[tiering] == "" {
			continue
		}
		if customer.PreviousStandings == nil {
			customer.PreviousStandings = make(map[string]*echelonv1.Standing)
		}
		standing := &echelonv1.Standing{
			Since: day(0), Promotions: number(1), Demotions: number(2), OtherMoves: number(3), PendingSince: day(4),
		}
		if _, err := frame.ReadStanding(standing); err != nil {
			return fmt.Errorf("customer %q, tiering %s: %w", id, tiering, err)
		}
		customer.PreviousStandings[tiering] = standing
	}
	return nil
}

// tell gives a customer what is known of it.
func (p *previousTiers) tell(customer *echelonv1.Customer) {
	if p == nil {
		return
	}
	if known := p.customers[customer.GetId()]; known != nil {
		customer.PreviousTiers, customer.PreviousStandings = known.GetPreviousTiers(), known.GetPreviousStandings()
	}
}

// to tells an evaluation what is known of customers.
func (p *previousTiers) to(options *engine.Options, ids []string) {
	if p == nil {
		return
	}
	customers := make([]*echelonv1.Customer, len(ids))
	for i, id := range ids {
		customers[i] = &echelonv1.Customer{Id: id}
		p.tell(customers[i])
	}
	options.Previous, options.Standings = frame.PreviousColumns(customers, p.tierings), p.program.StandingsOf(customers)
}
