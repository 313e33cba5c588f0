package expr

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Cause is why an expression could not be read on a row: either something is missing or something is wrong. The zero value is no cause.
type Cause struct {
	// Missing is the name of the variable that is missing; empty where that is not the cause.
	Missing string
	// Message is otherwise what is wrong, such as "index 5 is out of range: the list has 2 items".
	Message string
}

// String returns "arr is missing", or the message.
func (c Cause) String() string {
	if c.Missing != "" {
		return c.Missing + " is missing"
	}
	return c.Message
}

// The causes of numbers that no column holds.
var (
	notANumber = &Cause{Message: "the result is not a number"}
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
	return &Cause{Message: err.Error()}
}
