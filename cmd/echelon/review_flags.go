package main

import (
	"context"
	"slices"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// runID returns the id of the run whose queue is meant; empty where that of what is published is.
func (f *reviewFlags) runID(ctx context.Context, server *client.Client) (string, error) {
	if f.run == "" {
		return "", nil
	}
	return runIDOf(ctx, server, f.run, withResult)
}

// areCustomers finds arguments that name a tiering or a segmentation where customers are named, which is easily mistaken. Whoever gives --item means customers.
func (f *reviewFlags) areCustomers(ctx context.Context, server *client.Client, model, run string, customers []string) error {
	if f.item != "" {
		return nil
	}
	names, err := decidedNames(ctx, server, model, run)
	if err != nil {
		return err
	}
	for _, id := range customers {
		if slices.Contains(names, id) {
			return usagef("%s is no customer here, but a name of the model %s: write --item %s, and customers alone after the model; a customer of that id is meant where --item is given",
				frame.Quote(id), frame.Quote(model), id)
		}
	}
	return nil
}

// decidedNames are the names that a queue decides on, as --item has them.
func decidedNames(ctx context.Context, server *client.Client, model, run string) (names []string, err error) {
	summary, err := modelNamed(ctx, server, model)
	if err != nil {
		return nil, err
	}
	version := summary.GetCurrentVersion()
	if run != "" {
		of, err := server.GetRun(ctx, run)
		if err != nil {
			return nil, err
		}
		version = of.GetModelVersion()
	}
	if version == 0 {
		return nil, nil // nothing is published, which the server says
	}
	kept, err := server.GetModel(ctx, model, version)
	if err != nil {
		return nil, err
	}
	return namesOf(kept.GetModel()), nil
}

func namesOf(model *echelonv1.Model) (names []string) {
	for _, tiering := range model.GetTierings() {
		names = append(names, tiering.GetName())
	}
	for _, segmentation := range model.GetSegmentations() {
		names = append(names, "segments."+segmentation.GetName())
	}
	return names
}
