// Package fault is the errors that Echelon answers: each has a stable reason and words for people, and nothing internal. What becomes of a reason
// on the wire is the server's business.
package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Fault is an error with a reason.
type Fault struct {
	// Reason is what kind of error it is.
	Reason echelonv1.ErrorReason
	// Message says what is wrong and what to do.
	Message string
	// Violations name the fields at fault, where there are such.
	Violations []Violation
	// Metadata are facts for programs, such as the last sequence that was acknowledged.
	Metadata map[string]string
	// Retry is after how long to try again; 0 says nothing about it.
	Retry time.Duration
	// Cause is what happened inside, for the log and for nobody else.
	Cause error
}

// Violation is one field at fault.
type Violation struct {
	// Field is its path.
	Field string
	// Description says what is wrong and what to do.
	Description string
}

// Error returns the message.
func (f *Fault) Error() string { return f.Message }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// New returns a fault.
func New(reason echelonv1.ErrorReason, format string, args ...any) *Fault {
	return &Fault{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// With adds a fact for programs, and returns the fault.
func (f *Fault) With(key, value string) *Fault {
	if f.Metadata == nil {
		f.Metadata = make(map[string]string)
	}
	f.Metadata[key] = value
	return f
}

// After says after how long to try again, and returns the fault.
func (f *Fault) After(retry time.Duration) *Fault {
	f.Retry = retry
	return f
}

// Is reports whether an error is a fault of that reason.
func Is(err error, reason echelonv1.ErrorReason) bool {
	var f *Fault
	return errors.As(err, &f) && f.Reason == reason
}

// Model returns the fault of a model with mistakes.
func Model(found diag.List) *Fault {
	mistakes := found.Mistakes()
	f := New(echelonv1.ErrorReason_MODEL_INVALID, "the model has %d mistakes, and ValidateModel lists all; the first: %s", len(mistakes), mistakes[0].String())
	if len(mistakes) == 1 {
		f.Message = "the model has a mistake: " + mistakes[0].String()
	}
	f.Violations = violations(mistakes)
	return f
}

// Request returns the fault of a request whose fields have mistakes.
func Request(found diag.List) *Fault {
	mistakes := found.Mistakes()
	f := New(echelonv1.ErrorReason_INVALID_REQUEST, "the request has %d mistakes, the first: %s", len(mistakes), mistakes[0].String())
	if len(mistakes) == 1 {
		f.Message = "the request has a mistake: " + mistakes[0].String()
	}
	f.Violations = violations(mistakes[:min(len(mistakes), maxViolations)])
	return f
}

// maxViolations is how many mistakes of a request are named, so that an error stays smaller than what it is about.
const maxViolations = 100

func violations(mistakes diag.List) []Violation {
	var list []Violation
	for _, m := range mistakes {
		description := m.Message
		if m.Remedy != "" {
			description += " (" + m.Remedy + ")"
		}
		list = append(list, Violation{Field: m.Path, Description: description})
	}
	return list
}

// Customer returns the fault of a customer that was refused.
func Customer(row *echelonv1.RowError) *Fault {
	f := New(echelonv1.ErrorReason_CUSTOMER_INVALID, "customer %q is refused: %s", row.GetCustomerId(), row.GetMessage())
	if id := row.GetCustomerId(); id == "" || len(id) > 100 {
		f.Message = "the customer is refused: " + row.GetMessage()
	}
	field := "id"
	switch {
	case row.GetCode() == echelonv1.RowError_PREVIOUS_TIER:
		field = row.GetField()
	case row.GetField() != "":
		field = "attributes." + row.GetField()
	}
	f.Violations = []Violation{{Field: field, Description: row.GetMessage()}}
	return f.With("code", row.GetCode().String())
}
