package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// detailed is a status as the service makes it, with a violation and a fact.
func detailed(code codes.Code, message, reason string) *status.Status {
	s, err := status.New(code, message).WithDetails(
		&errdetails.ErrorInfo{Reason: reason, Domain: "echelon.v1", Metadata: map[string]string{"last_sequence": "7"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "scores[0].expr", Description: "undeclared"}}})
	if err != nil {
		panic(err)
	}
	return s
}

func failing(t *testing.T, answer error) error {
	c := start(t, &fake{unary: func(string, any) (any, error) { return nil, answer }})
	_, err := c.GetCustomer(t.Context(), "acme")
	return err
}

func TestAnErrorHasWhatTheServiceSaid(t *testing.T) {
	answer := detailed(codes.InvalidArgument, "the model has 2 mistakes", "MODEL_INVALID")
	err := fmt.Errorf("creating: %w", failing(t, answer.Err()))
	var got *client.Error
	if !errors.As(err, &got) {
		t.Fatalf("error %v", err)
	}
	want := &client.Error{
		Code: codes.InvalidArgument, Reason: echelonv1.ErrorReason_MODEL_INVALID, Message: "the model has 2 mistakes",
		Metadata:   map[string]string{"last_sequence": "7"},
		Violations: []client.Violation{{Field: "scores[0].expr", Description: "undeclared"}},
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(unexported, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if got, want := got.Error(), "MODEL_INVALID: the model has 2 mistakes; scores[0].expr: undeclared"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if s, ok := status.FromError(err); !ok || s.Code() != codes.InvalidArgument || len(s.Details()) != 2 {
		t.Errorf("the status below is %v", s)
	}
	if client.ReasonOf(err) != echelonv1.ErrorReason_MODEL_INVALID || !client.IsInvalid(err) || client.IsNotFound(err) || client.IsUnavailable(err) {
		t.Errorf("the helpers misjudge %v", err)
	}
}

func TestAnErrorWithoutDetailsTellsItsCode(t *testing.T) {
	err := failing(t, status.Error(codes.Unimplemented, "no such method"))
	if err.Error() != "Unimplemented: no such method" || client.ReasonOf(err) != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		t.Errorf("error %v", err)
	}
}

func TestAViolationThatTheMessageTellsIsNotToldTwice(t *testing.T) {
	err := failing(t, detailed(codes.InvalidArgument, "the model has a mistake: undeclared", "MODEL_INVALID").Err())
	if got, want := err.Error(), "MODEL_INVALID: the model has a mistake: undeclared"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAReasonThatThisClientDoesNotKnowIsNone(t *testing.T) {
	foreign, err := status.New(codes.NotFound, "none").WithDetails(&errdetails.ErrorInfo{Reason: "MODEL_NOT_FOUND", Domain: "other.example"})
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]*status.Status{
		"a reason of a newer service": detailed(codes.NotFound, "none", "NEWER"),
		"a reason of another domain":  foreign,
	} {
		t.Run(name, func(t *testing.T) {
			err := failing(t, answer.Err())
			if client.ReasonOf(err) != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED || !client.IsNotFound(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAContextThatEndedIsFoundInTheError(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer error
		want   error // of the two of package context, the one that matches
	}{
		{"canceled", status.Error(codes.Canceled, "context canceled"), context.Canceled},
		{"deadline exceeded", status.Error(codes.DeadlineExceeded, "context deadline exceeded"), context.DeadlineExceeded},
		{"a stall that the service saw", detailed(codes.DeadlineExceeded, "stalled", "STREAM_STALLED").Err(), nil},
		{"anything else", status.Error(codes.Internal, "context canceled"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := failing(t, test.answer)
			for _, target := range []error{context.Canceled, context.DeadlineExceeded} {
				if got := errors.Is(err, target); got != (target == test.want) {
					t.Errorf("errors.Is(%v, %v) is %v", err, target, got)
				}
			}
		})
	}
}

func TestOtherErrorsHaveNoReason(t *testing.T) {
	for _, err := range []error{nil, errFile} {
		if client.ReasonOf(err) != echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED || client.IsNotFound(err) {
			t.Errorf("%v has reason %v", err, client.ReasonOf(err))
		}
	}
}
