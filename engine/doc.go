// Package engine compiles models and evaluates customers. It is pure: no clock, no randomness, no input or output, so that one program gives the
// same answer in a call, a stream, a run and on the command line.
//
//	program, findings := engine.Compile(model)
//	calibration, err := program.Calibrate(ctx, population, asOf) // where program.NeedsCalibration()
//	scorer, err := program.Bind(calibration)
//	result := scorer.Evaluate(batch, engine.Options{AsOf: asOf})
package engine
