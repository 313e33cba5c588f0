package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// latestOf is what begins an argument that names the newest run of a model of its kind, in place of a run's id.
	latestOf = "latest:"
	// currentOf is what begins an argument that names what is published of a model.
	currentOf = "current:"
)

// kindOfRun tells which runs a command is about, so that latest:MODEL names the newest of them.
type kindOfRun struct {
	// list gives a model's runs, the newest first, and is picks those that are meant.
	list func(*client.Client, context.Context, string) iter.Seq2[*echelonv1.Run, error]
	is   func(*echelonv1.Run) bool
	// named says to people how a run is named; none of a model, as "the model x …", that there is no such run, and what to do.
	named, none string
}

// runNamed begins what is said of the names of runs.
const runNamed = "RUN is the id of a run, or latest:MODEL, "

var (
	// withResult are the runs that can be looked at, and published unless they are what-ifs: what was looked at as the latest is what is published so.
	withResult = kindOfRun{(*client.Client).Runs, func(run *echelonv1.Run) bool {
		return !run.GetSnapshotRemoved() && (run.GetState() == echelonv1.Run_READY || run.GetState() == echelonv1.Run_PUBLISHED)
	}, runNamed + "which is the newest run of a model that has a result, or current:MODEL, which is what is\npublished of it.", `has no run with a result: start one, or look at "echelon run list"`}
	// underWay are those that are evaluated now.
	underWay = kindOfRun{(*client.Client).Runs, func(run *echelonv1.Run) bool {
		return run.GetState() == echelonv1.Run_RUNNING
	}, runNamed + "which is the run of a model that is under way.", `has no run under way: "echelon run list" shows how the last ones ended`}
	// waitingForDay are those whose publication waits.
	waitingForDay = kindOfRun{(*client.Client).ScheduledRuns, func(*echelonv1.Run) bool {
		return true
	}, runNamed + "which is the run of a model that waits.", `has no run whose publication waits for its day: "echelon run list --scheduled" shows all that do`}
)

// runIDOf returns the id of the run that an argument names.
func runIDOf(ctx context.Context, server *client.Client, arg string, kind kindOfRun) (string, error) {
	ref, err := namedRun(ctx, server, arg, kind)
	if err != nil || ref.GetCurrentOf() == "" {
		return ref.GetRunId(), err
	}
	model, err := modelNamed(ctx, server, ref.GetCurrentOf())
	if err == nil && model.GetCurrentRunId() == "" {
		err = fmt.Errorf("nothing is published of the model %s: publish a run, or name one by its id", frame.Quote(model.GetName()))
	}
	return model.GetCurrentRunId(), err
}

// namedRun reads an argument that names a run: its id, latest:MODEL or current:MODEL.
func namedRun(ctx context.Context, server *client.Client, arg string, kind kindOfRun) (*echelonv1.RunRef, error) {
	model, latest := strings.CutPrefix(arg, latestOf)
	switch {
	case !latest:
		return runRef(arg)
	case model == "":
		return nil, usagef("%s names no run: write latest: and the name of a model, such as latest:b2b", frame.Quote(arg))
	}
	for run, err := range kind.list(server, ctx, model) {
		if err != nil {
			return nil, err
		}
		if kind.is(run) {
			return runRef(run.GetId())
		}
	}
	if _, err := modelNamed(ctx, server, model); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the model %s %s", frame.Quote(model), kind.none)
}

// runRef reads an argument that names a run, but for the latest of a model.
func runRef(arg string) (*echelonv1.RunRef, error) {
	model, current := strings.CutPrefix(arg, currentOf)
	switch {
	case current && model != "":
		return &echelonv1.RunRef{Run: &echelonv1.RunRef_CurrentOf{CurrentOf: model}}, nil
	case current || arg == "":
		return nil, usagef("%s names no run: write its id, or current: and the name of a model, such as current:b2b", frame.Quote(arg))
	}
	return &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: arg}}, nil
}

// modelNamed returns a stored model, or an error that names one that may be meant.
func modelNamed(ctx context.Context, server *client.Client, name string) (*echelonv1.ModelSummary, error) {
	var names []string
	for model, err := range server.Models(ctx) {
		if err != nil {
			return nil, err
		}
		if model.GetName() == name {
			return model, nil
		}
		names = append(names, model.GetName())
	}
	hint := diag.DidYouMean(name, names)
	if hint == "" {
		hint = `"echelon model list" shows all`
	}
	return nil, fmt.Errorf("there is no model %s: %s", frame.Quote(name), hint)
}
