package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/echelonhq/echelon/client"
)

// The exit codes; exitHelp documents them.
const (
	exitFine        = 0
	exitFailure     = 1
	exitUsage       = 2
	exitModel       = 3
	exitRefused     = 4
	exitDamaged     = 5
	exitInterrupted = 130
)

const exitHelp = `Exit codes:
  0    all went well
  1    it failed: a file, the server or the network; what was stored before stays
  2    the command was not understood; nothing was done
  3    the model has mistakes; all of them are listed
  4    the work is done, but for rows that were refused; they are listed
  5    a backup or the store is damaged, and cannot be used as it is
  130  it was interrupted`

// failure is an error with an exit code of its own.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usagef(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...)}
}

// codeOf returns the exit code of what a command returned. started tells whether the command was understood.
func codeOf(ctx context.Context, err error, started bool) int {
	var f *failure
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &f):
		return f.code
	case ctx.Err() != nil:
		return exitInterrupted
	case !started:
		return exitUsage
	case client.ReasonOf(err) == modelInvalid:
		return exitModel
	}
	return exitFailure
}

// tell writes an error in a line, and beneath it what the server said of each field.
func tell(w io.Writer, err error, code int) {
	var refused *client.Error
	switch {
	case code == exitInterrupted:
		_, _ = fmt.Fprintln(w, "echelon: interrupted")
	case errors.As(err, &refused) && len(refused.Violations) > 0:
		_, _ = fmt.Fprintf(w, "echelon: %s\n", oneLine(refused.Message))
		for _, v := range refused.Violations {
			if strings.HasSuffix(oneLine(refused.Message), oneLine(v.Description)) {
				continue // the line above has told it
			}
			_, _ = fmt.Fprintf(w, "  %s: %s\n", v.Field, oneLine(v.Description))
		}
	default:
		_, _ = fmt.Fprintf(w, "echelon: %s\n", oneLine(err.Error()))
	}
	if code == exitUsage {
		_, _ = fmt.Fprintln(w, "Run it with --help to see what it takes.")
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
