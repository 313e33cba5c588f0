package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echelonhq/echelon/cmd/echelon/internal/progress"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// scoreJob is one run of score.
type scoreJob struct {
	*cli
	options scoreOptions
	program *engine.Program
	source  *modelfile.Source
	asOf    time.Time
	rates   []*echelonv1.ExchangeRate
	// previous has the tiers that customers are in.
	previous *previousTiers

	frames  []*frame.Frame
	refused []tabular.Refusal
	rows    int
	// rejects takes the refused rows once all is known.
	rejects *rejects

	// compared is the comparison of two tierings; nil where nobody asked for it.
	compared *comparing

	calibration *echelonv1.Calibration
	summary     *echelonv1.Summary
}

// do reads, learns, evaluates and writes.
func (j *scoreJob) do(ctx context.Context) (err error) {
	line := progress.New(j.stderr)
	j.line = line
	defer line.Stop()
	if j.previous, err = j.readPrevious(ctx, j.options.previous, j.options.idName(), j.program); err != nil {
		return err
	}
	output, err := j.createOutput(j.options.output) // at once: what cannot be written is told before the work
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, output.Close()) }()
	if j.rejects, err = j.createRejects(j.options.rejects); err != nil {
		return err
	}
	defer func() { err = firstOf(err, j.rejects.discard()) }()
	if err := j.read(ctx, line); err != nil {
		return err
	}
	local := localAssigner{program: j.program, asOf: j.asOf, rates: j.rates, previous: j.previous}
	var by assigner = &local
	if j.address = j.options.address; j.address != "" {
		server, err := j.dial()
		if err != nil {
			return err
		}
		defer func() { err = firstOf(err, server.Close()) }()
		by = &remoteAssigner{local, server}
		if j.previous != nil && j.program.CapsMoves() {
			j.advise("moves that a cap would have to judge are PENDING_RUN: a server that is given customers does not see all of them; leave out --address to have them judged")
		}
	}
	if err := j.evaluate(ctx, by, output, line); err != nil {
		return j.reached(err)
	}
	return nil
}

// read reads the whole input: it is the population.
func (j *scoreJob) read(ctx context.Context, line *progress.Line) (err error) {
	reader, file, err := j.openCustomers(j.options.inputOptions, j.program.Model().GetAttributes())
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, file.Close()) }()
	line.Start("rows read")
	for batch, err := range reader.Batches(tabular.BatchRows) {
		if err = firstOf(err, ctx.Err()); err != nil {
			return err
		}
		if j.options.strict && len(batch.Refused) > 0 {
			return &failure{exitRefused, errors.New(batch.Refused[0].Describe(j.options.name()))}
		}
		if batch.Frame.Len() > 0 {
			j.frames = append(j.frames, batch.Frame)
		}
		j.refused = append(j.refused, batch.Refused...)
		j.rows += batch.Rows()
		line.Add(batch.Rows())
	}
	line.Done()
	if j.rows == 0 {
		return fmt.Errorf("%s: the file has a header and no customers: give it a line for each customer", j.options.name())
	}
	return nil
}

// evaluate calibrates, and writes the output once all of it is known and balances.
func (j *scoreJob) evaluate(ctx context.Context, by assigner, output *output, line *progress.Line) (err error) {
	if j.calibration, err = by.calibrate(ctx, j.frames); err != nil {
		return err
	}
	j.calibration.Refused = int64(len(j.refused))
	schema := j.program.OutcomeSchema(true)
	out, err := newOutcomeFile(j.options.output, output, schema, j.options.idName())
	if err != nil {
		return err
	}
	tally := engine.NewTally(j.program)
	tally.Refuse(int64(len(j.refused)))
	line.Start("customers scored")
	err = by.assign(ctx, j.frames, j.calibration, func(assignments []*echelonv1.Assignment, result *engine.Result) error {
		tally.Add(result)
		j.compared.add(assignments, result)
		line.Add(len(assignments))
		if result.Reasons.Offsets == nil { // made of assignments that came from a server
			result.TakeReasons(assignments)
		}
		return out.Write(result.Outcomes(schema))
	})
	if err = firstOf(err, out.Flush(), ctx.Err()); err != nil {
		return err
	}
	line.Done()
	j.summary = tally.Summary()
	j.calibration.Findings = append(j.calibration.Findings, j.program.GuardFindings(j.summary)...)
	if !report.Balanced(j.summary.GetBalance()) || j.summary.GetBalance().GetCustomers() != int64(j.rows) {
		return fmt.Errorf("the books do not balance, nothing was written: %v of %d rows; report it with the model and the input", j.summary.GetBalance(), j.rows)
	}
	if err := j.rejects.write(j.refused...); err != nil {
		return err
	}
	if err := j.rejects.commit(); err != nil {
		return err
	}
	return output.Commit()
}
