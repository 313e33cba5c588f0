package expr

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/echelonhq/echelon/engine/frame"
)

// Cause is why an expression could not be read on a row: either something is missing or something is wrong. The zero value is no cause.
type Cause struct {
	// Missing is the name of the variable that is missing; empty where that is not the cause.
	Missing string
	// Message is otherwise what is wrong, such as "index 5 is out of range: the list has 2 items". Beside Missing it says why that is.
	Message string
}

// String returns "arr is missing", with the cause of that where there is one, or the message.
func (c Cause) String() string {
	if c.Missing != "" && c.Message != "" {
		return c.Missing + " is missing, since " + c.Message
	}
	if c.Missing != "" {
		return c.Missing + " is missing"
	}
	return c.Message
}

// The causes of numbers that no column holds.
var (
	notANumber = &Cause{Message: "the result is not a number"}
	tooCostly  = &Cause{Message: "its loops take too long on lists of this length"}
	infinite   = &Cause{Message: "the result is infinite"}
)

// fault is a cause on its way through an evaluation.
type fault struct{ cause Cause }

func (f *fault) Error() string { return f.cause.String() }

// failf returns an error value that says what is wrong.
func failf(format string, args ...any) ref.Val {
	return types.WrapErr(&fault{Cause{Message: fmt.Sprintf(format, args...)}})
}

// missing returns the error value of a variable that is missing. It may be shared between goroutines: cel-go writes the place of an error into it
// unless it has one already, so it is given one here.
func missing(name string) ref.Val {
	return types.LabelErrNode(-1, types.WrapErr(&fault{Cause{Missing: name}}))
}

// Stale is the rows of a column that are missing for a cause of their own: what they had is out of date.
type Stale struct {
	rows  frame.Bitmap
	cause *Cause
	value ref.Val
}

// NewStale returns the rows of a variable that are missing for a cause.
func NewStale(name string, rows frame.Bitmap, cause string) *Stale {
	c := &Cause{Missing: name, Message: cause}
	return &Stale{rows: rows, cause: c, value: types.LabelErrNode(-1, types.WrapErr(&fault{*c}))}
}

// has reports whether a row is one of them; no rows are of none.
func (s *Stale) has(row int) bool { return s != nil && s.rows.Get(row) }

// isMissing reports whether v is the error value of something missing.
func isMissing(v ref.Val) bool {
	if !types.IsError(v) {
		return false
	}
	f, ok := errors.AsType[*fault](v.(*types.Err))
	return ok && f.cause.Missing != ""
}

// causeOf returns the cause of an error that an evaluation ended in.
func causeOf(err error) *Cause {
	if f, ok := errors.AsType[*fault](err); ok {
		return &f.cause
	}
	if cancelled, ok := errors.AsType[interpreter.EvalCancelledError](err); ok && cancelled.Cause == interpreter.CostLimitExceeded {
		return tooCostly
	}
	return &Cause{Message: err.Error()}
}
