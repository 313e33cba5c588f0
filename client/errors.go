package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// domain is that of the service's ErrorInfo.
const domain = "echelon.v1"

// Error is what a call failed with, whether the service answered it, the connection broke, or the client found it: an error of another kind is
// the caller's own, from the sequence that the caller gave.
type Error struct {
	// Code is the gRPC code.
	Code codes.Code
	// Reason is the stable reason; ERROR_REASON_UNSPECIFIED where the service gave none that this client knows.
	Reason echelonv1.ErrorReason
	// Message says what is wrong and what to do.
	Message string
	// Metadata are facts for programs, by reason.
	Metadata map[string]string
	// Violations name the fields at fault.
	Violations []Violation
	// RetryAfter is how long the service asks to wait before another try; 0 where it does not say.
	RetryAfter time.Duration

	cause error
}

// Violation is one field at fault.
type Violation struct {
	// Field is its path in the request or in the model.
	Field string
	// Description says what is wrong and what to do.
	Description string
}

// Error returns the reason, or else the code, then the message, then the violations that the message does not tell.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Reason != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		b.WriteString(e.Reason.String())
	} else {
		b.WriteString(e.Code.String())
	}
	b.WriteString(": " + e.Message)
	for _, v := range e.Violations {
		if !strings.Contains(e.Message, v.Description) {
			b.WriteString("; " + v.Field + ": " + v.Description)
		}
	}
	return b.String()
}

// Unwrap returns the gRPC status error; nil where the client found the error itself.
func (e *Error) Unwrap() error { return e.cause }

// Is makes a call that the caller's context ended match context.Canceled or context.DeadlineExceeded.
func (e *Error) Is(target error) bool {
	if e.Reason != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return false
	}
	return target == context.Canceled && e.Code == codes.Canceled || target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded
}

// ReasonOf returns the stable reason of an error; ERROR_REASON_UNSPECIFIED where it has none.
func ReasonOf(err error) echelonv1.ErrorReason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// RetryAfterOf returns how long the service asks to wait before another try; 0 where the error does not say.
func RetryAfterOf(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.RetryAfter
}

// IsNotFound reports whether a call failed because what it names does not exist.
func IsNotFound(err error) bool { return hasCode(err, codes.NotFound) }

// IsInvalid reports whether a call failed because what it was given is wrong, whatever the state of the service.
func IsInvalid(err error) bool { return hasCode(err, codes.InvalidArgument) }

// IsUnavailable reports whether a call failed because no service could be reached, or it is stopping: another try may succeed.
func IsUnavailable(err error) bool { return hasCode(err, codes.Unavailable) }

func hasCode(err error, code codes.Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// typed makes an Error of what gRPC returned.
func typed(err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	s, isStatus := status.FromError(err)
	if !isStatus {
		s = status.FromContextError(err)
	}
	return ofStatus(s, err)
}

func ofStatus(s *status.Status, cause error) *Error {
	e := &Error{Code: s.Code(), Message: s.Message(), cause: cause}
	e.RetryAfter, _ = hintOf(s)
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == domain {
				e.Reason = echelonv1.ErrorReason(echelonv1.ErrorReason_value[d.GetReason()])
				e.Metadata = d.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Violations = append(e.Violations, Violation{Field: v.GetField(), Description: v.GetDescription()})
			}
		}
	}
	return e
}

// refusal is the error of one customer that a sequence yields: it refuses that row, where another error ends the stream.
type refusal struct{ row *echelonv1.RowError }

// Error implements error.
func (r *refusal) Error() string { return invalid(r.row).Error() }

// Unwrap returns the Error that the service would have answered.
func (r *refusal) Unwrap() error { return invalid(r.row) }

// refusalOf returns the row's error where an error refuses one row, and nil otherwise.
func refusalOf(err error) *echelonv1.RowError {
	var r *refusal
	if !errors.As(err, &r) {
		return nil
	}
	return proto.CloneOf(r.row) // its index is that of one stream
}

// broken is the error of a service that does not keep to the protocol.
func broken(format string, args ...any) *Error {
	return &Error{
		Code:    codes.Internal,
		Reason:  echelonv1.ErrorReason_INTERNAL_FAULT,
		Message: "the service broke the protocol: " + fmt.Sprintf(format, args...) + "; use a client and a service of the same version",
	}
}

// answered returns what a unary call answered, or its error. A service that leaves it out breaks the protocol.
func answered[T any](value *T, err error) (*T, error) {
	if err != nil {
		return nil, typed(err)
	}
	if value == nil {
		return nil, broken("the answer lacks its %T", value)
	}
	return value, nil
}
