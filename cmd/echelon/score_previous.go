package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// previousTiers are the tiers that customers are in, by an earlier output; nil knows of nobody.
type previousTiers struct {
	// tierings are the names of the model's tierings, and held tells which of them have exit rules.
	tierings []string
	held     []bool
	// tiers has each customer's tiers, one a tiering, empty where it is in none.
	tiers map[string][]string
}

// readPrevious reads an earlier output, of which the ids and the tiers of the model's tierings with exit rules are of use.
func (c *cli) readPrevious(ctx context.Context, path, idColumn string, program *engine.Program) (previous *previousTiers, err error) {
	if path == "" {
		return nil, nil
	}
	if !program.NeedsPrevious() {
		c.advise("--previous changes nothing: no tier of the model has an exit rule")
		return nil, nil
	}
	p := &previousTiers{tiers: make(map[string][]string)}
	var columns []*echelonv1.Attribute
	for i, t := range program.Model().GetTierings() {
		p.tierings, p.held = append(p.tierings, t.GetName()), append(p.held, program.LooksBack(i))
		if p.held[i] {
			columns = append(columns, &echelonv1.Attribute{Name: t.GetName(), Type: echelonv1.Attribute_STRING, Column: tabular.TierColumn(t.GetName())})
		}
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
	reader, err := tabular.NewReader(in, tabular.Options{
		File: rows.File, Format: rows.Format, Delimiter: rows.Delimiter, IDColumn: idColumn, Attributes: columns,
	})
	if err != nil {
		return nil, fmt.Errorf("--previous: %w", err)
	}
	for batch, err := range reader.Batches(tabular.BatchRows) {
		if err = firstOf(err, ctx.Err()); err != nil {
			return nil, err
		}
		if len(batch.Refused) > 0 {
			return nil, errors.New("--previous: " + batch.Refused[0].Describe(rows.File))
		}
		p.add(batch.Frame)
	}
	return p, nil
}

// add takes the tiers of a frame, whose columns are the tierings with exit rules.
func (p *previousTiers) add(f *frame.Frame) {
	for row, id := range f.IDs {
		tiers, column := make([]string, len(p.tierings)), 0
		for i, held := range p.held {
			if !held {
				continue
			}
			if f.Columns[column].Valid.Get(row) {
				tiers[i] = f.Columns[column].String(row)
			}
			column++
		}
		p.tiers[id] = tiers
	}
}

// of returns the tiers of a customer as they go over the wire.
func (p *previousTiers) of(id string) map[string]string {
	if p == nil {
		return nil
	}
	var in map[string]string
	for i, tier := range p.tiers[id] {
		if tier == "" {
			continue
		}
		if in == nil {
			in = make(map[string]string)
		}
		in[p.tierings[i]] = tier
	}
	return in
}

// columns returns the tiers of customers as the engine takes them.
func (p *previousTiers) columns(ids []string) []*frame.Column {
	if p == nil {
		return nil
	}
	customers := make([]*echelonv1.Customer, len(ids))
	for i, id := range ids {
		customers[i] = &echelonv1.Customer{PreviousTiers: p.of(id)}
	}
	return frame.PreviousColumns(customers, p.tierings)
}
