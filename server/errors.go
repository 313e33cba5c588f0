package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// domain is that of every ErrorInfo.
const domain = "echelon.v1"

// codeOf is the one table from reasons to codes.
var codeOf = map[echelonv1.ErrorReason]codes.Code{
	echelonv1.ErrorReason_INVALID_REQUEST:       codes.InvalidArgument,
	echelonv1.ErrorReason_MODEL_INVALID:         codes.InvalidArgument,
	echelonv1.ErrorReason_CUSTOMER_INVALID:      codes.InvalidArgument,
	echelonv1.ErrorReason_MODEL_NOT_FOUND:       codes.NotFound,
	echelonv1.ErrorReason_CUSTOMER_NOT_FOUND:    codes.NotFound,
	echelonv1.ErrorReason_RUN_NOT_FOUND:         codes.NotFound,
	echelonv1.ErrorReason_CALIBRATION_NOT_FOUND: codes.NotFound,
	echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND:  codes.NotFound,
	echelonv1.ErrorReason_CALIBRATION_REQUIRED:  codes.FailedPrecondition,
	echelonv1.ErrorReason_CALIBRATION_MISMATCH:  codes.FailedPrecondition,
	echelonv1.ErrorReason_NO_ACTIVE_VERSION:     codes.FailedPrecondition,
	echelonv1.ErrorReason_NOTHING_PUBLISHED:     codes.FailedPrecondition,
	echelonv1.ErrorReason_RUN_STATE:             codes.FailedPrecondition,
	echelonv1.ErrorReason_RUN_OUTDATED:          codes.FailedPrecondition,
	echelonv1.ErrorReason_AS_OF_GOES_BACK:       codes.FailedPrecondition,
	echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK:  codes.FailedPrecondition,
	echelonv1.ErrorReason_SCHEMA_CONFLICT:       codes.FailedPrecondition,
	echelonv1.ErrorReason_STORE_READ_ONLY:       codes.FailedPrecondition,
	echelonv1.ErrorReason_HEADER_EXPECTED:       codes.InvalidArgument,
	echelonv1.ErrorReason_OUT_OF_SEQUENCE:       codes.InvalidArgument,
	echelonv1.ErrorReason_BATCH_TOO_LARGE:       codes.InvalidArgument,
	echelonv1.ErrorReason_PAGE_TOKEN_INVALID:    codes.InvalidArgument,
	echelonv1.ErrorReason_SHUTTING_DOWN:         codes.Unavailable,
	echelonv1.ErrorReason_CONFLICT:              codes.Aborted,
	echelonv1.ErrorReason_INTERNAL_FAULT:        codes.Internal,
	echelonv1.ErrorReason_STREAM_STALLED:        codes.DeadlineExceeded,
	echelonv1.ErrorReason_SNAPSHOT_REMOVED:      codes.FailedPrecondition,
	echelonv1.ErrorReason_BACKUP_BASE_MISMATCH:  codes.FailedPrecondition,
	echelonv1.ErrorReason_MESSAGE_TOO_LARGE:     codes.ResourceExhausted,
	echelonv1.ErrorReason_UNAUTHENTICATED:       codes.Unauthenticated,
	echelonv1.ErrorReason_PERMISSION_DENIED:     codes.PermissionDenied,
	echelonv1.ErrorReason_PUBLICATION_REPLACED:  codes.FailedPrecondition,

	echelonv1.ErrorReason_BATCH_MISMATCH:      codes.FailedPrecondition,
	echelonv1.ErrorReason_JOB_EXPIRED:         codes.FailedPrecondition,
	echelonv1.ErrorReason_JOB_MISMATCH:        codes.FailedPrecondition,
	echelonv1.ErrorReason_RESUME_ELSEWHERE:    codes.Unavailable,
	echelonv1.ErrorReason_ATTRIBUTE_NOT_FOUND: codes.NotFound,
	echelonv1.ErrorReason_ATTRIBUTE_IN_USE:    codes.FailedPrecondition,
	echelonv1.ErrorReason_RATE_LIMITED:        codes.ResourceExhausted,
	echelonv1.ErrorReason_OVERLOADED:          codes.ResourceExhausted,
	echelonv1.ErrorReason_TOO_MANY_STREAMS:    codes.ResourceExhausted,
	echelonv1.ErrorReason_RUN_IN_PROGRESS:     codes.FailedPrecondition,
	echelonv1.ErrorReason_ARROW_INVALID:       codes.InvalidArgument,

	echelonv1.ErrorReason_OVERRIDE_NOT_FOUND: codes.NotFound,
	echelonv1.ErrorReason_OVERRIDE_CHANGED:   codes.Aborted,
	echelonv1.ErrorReason_CHANGES_EXPIRED:    codes.FailedPrecondition,

	echelonv1.ErrorReason_REVIEW_ITEM_NOT_FOUND: codes.NotFound,
	echelonv1.ErrorReason_REVIEW_ITEM_CHANGED:   codes.Aborted,
	echelonv1.ErrorReason_IDEMPOTENCY_MISMATCH:  codes.FailedPrecondition,
	echelonv1.ErrorReason_APPROVAL_REQUIRED:     codes.FailedPrecondition,
	echelonv1.ErrorReason_APPROVAL_OF_OWN_RUN:   codes.FailedPrecondition,
	echelonv1.ErrorReason_APPROVAL_EXISTS:       codes.AlreadyExists,
	echelonv1.ErrorReason_APPROVAL_NOT_FOUND:    codes.NotFound,
	echelonv1.ErrorReason_PRINCIPALS_UNKNOWN:    codes.FailedPrecondition,
	echelonv1.ErrorReason_GUARD_EXCEEDED:        codes.FailedPrecondition,
}

// statusMaker makes the statuses of whatever handlers return. What is internal goes to the log, and only there.
type statusMaker struct {
	log *slog.Logger
}

func (m statusMaker) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	response, err := handler(ctx, request)
	return response, m.status(ctx, info.FullMethod, err)
}

func (m statusMaker) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return m.status(stream.Context(), info.FullMethod, handler(server, stream))
}

// status returns the error that goes over the wire for one that a handler returned.
func (m statusMaker) status(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		// Only grpc itself makes statuses below here: of messages that it could not read or send.
		return s.Err()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	f := faultOf(err)
	if f.Cause != nil {
		m.log.ErrorContext(ctx, "internal fault", "method", method, "error", f.Cause)
	}
	return statusOf(f).Err()
}

// faultOf returns the fault of what a handler, a store or the engine returned. What is internal stays behind one as its cause.
func faultOf(err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	if f = ofStorage(err); f != nil {
		return f
	}
	f = fault.New(echelonv1.ErrorReason_INTERNAL_FAULT, "an internal fault; the server's log has the details")
	f.Cause = err
	return f
}

// ofStorage returns the fault of what a store says to its callers, and nil where it is internal.
func ofStorage(err error) *fault.Fault {
	var schema *storage.SchemaConflictError
	switch {
	case errors.As(err, &schema):
		var names []string
		f := fault.New(echelonv1.ErrorReason_SCHEMA_CONFLICT, "")
		for _, conflict := range schema.Conflicts {
			names = append(names, conflict.String())
			f.Violations = append(f.Violations, fault.Violation{Field: conflict.Name, Description: conflict.String()})
		}
		f.Message = shortened("attributes do not fit the store's schema: "+strings.Join(names, "; ")) + ": give those of another type another name, " +
			"call those that were renamed as they are called now, and leave out those that were retired"
		return f
	case errors.Is(err, storage.ErrConflict):
		return fault.New(echelonv1.ErrorReason_CONFLICT, "others keep changing the same thing at the same time; nothing was changed: try again")
	case errors.Is(err, storage.ErrTooLarge):
		return fault.New(echelonv1.ErrorReason_BATCH_TOO_LARGE, "the batch is too large for one commit; nothing of it was stored: send fewer customers a batch")
	case errors.Is(err, storage.ErrDiskFull), errors.Is(err, storage.ErrReadOnly):
		return fault.New(echelonv1.ErrorReason_STORE_READ_ONLY, "the store takes no writes, since its disk is full or read-only: free space or mend the folder")
	case errors.Is(err, storage.ErrClosed):
		return fault.New(echelonv1.ErrorReason_SHUTTING_DOWN, "the server is stopping: try again elsewhere or later")
	}
	return nil
}

// An error travels in the headers of an answer, of which many clients take no more than 8 KiB.
const (
	maxViolationBytes = 3 << 10
	maxWords          = 500
)

// badRequest returns the first of the fields at fault, as many as fit an error.
func badRequest(violations []fault.Violation) *errdetails.BadRequest {
	var bad *errdetails.BadRequest
	bytes := 0
	for _, v := range violations {
		one := &errdetails.BadRequest_FieldViolation{Field: shortened(v.Field), Description: shortened(v.Description)}
		if bytes += proto.Size(one); bytes > maxViolationBytes {
			break
		}
		if bad == nil {
			bad = &errdetails.BadRequest{}
		}
		bad.FieldViolations = append(bad.FieldViolations, one)
	}
	return bad
}

// shortened cuts a text that is too long for an error.
func shortened(text string) string {
	if len(text) <= maxWords {
		return text
	}
	return strings.ToValidUTF8(text[:maxWords], "") + "…"
}

// statusOf returns the status of a fault, with ErrorInfo, where fields are at fault BadRequest, and where it is worth to try again RetryInfo.
func statusOf(f *fault.Fault) *status.Status {
	code, known := codeOf[f.Reason]
	if !known {
		code = codes.Internal
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: f.Reason.String(), Domain: domain, Metadata: f.Metadata}}
	if bad := badRequest(f.Violations); bad != nil {
		details = append(details, bad)
	}
	if f.Retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.Retry)})
	}
	made := status.New(code, shortened(f.Message))
	if detailed, err := made.WithDetails(details...); err == nil {
		return detailed
	}
	return made
}
