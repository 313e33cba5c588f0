package client

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// repeats says whether a call may be made again when nobody knows what became of it.
type repeats int

const (
	// once is a call whose second execution does something else than the first, or answers as if it had failed.
	once repeats = iota
	// again is a call that changes nothing, or that leaves behind the same however often it is made.
	again
	// stream is a call that is no single answer: whoever ranges over it knows how far it came.
	stream
)

// repeatsOf is the one table of what is repeated; a test holds it against the services. What is not in it is made once.
var repeatsOf = map[string]repeats{
	echelonv1.ScoringService_ScoreCustomer_FullMethodName:       again,
	echelonv1.ScoringService_BatchScoreCustomers_FullMethodName: again,
	echelonv1.ScoringService_Calibrate_FullMethodName:           stream,
	echelonv1.ScoringService_BulkAssign_FullMethodName:          stream,

	echelonv1.CustomerService_UpsertCustomer_FullMethodName:  again,
	echelonv1.CustomerService_GetCustomer_FullMethodName:     again,
	echelonv1.CustomerService_DeleteCustomer_FullMethodName:  once, // the second time there is no such customer
	echelonv1.CustomerService_ImportCustomers_FullMethodName: stream,
	echelonv1.CustomerService_ExportCustomers_FullMethodName: stream,
	echelonv1.CustomerService_GetSchema_FullMethodName:       again,
	echelonv1.CustomerService_EraseCustomer_FullMethodName:   again, // what was broken off is taken up
	echelonv1.CustomerService_RenameAttribute_FullMethodName: once,  // the second time there is no such name
	echelonv1.CustomerService_RetireAttribute_FullMethodName: once,  // the second time there is no such attribute

	echelonv1.ModelService_CreateModel_FullMethodName:      again, // one that equals the newest version is that version
	echelonv1.ModelService_ValidateModel_FullMethodName:    again,
	echelonv1.ModelService_ListModels_FullMethodName:       again,
	echelonv1.ModelService_GetModel_FullMethodName:         again,
	echelonv1.ModelService_ActivateModel_FullMethodName:    again,
	echelonv1.ModelService_ListCalibrations_FullMethodName: again,
	echelonv1.ModelService_GetCalibration_FullMethodName:   again,

	echelonv1.RunService_StartRun_FullMethodName:    once, // each starts a run, but for those with an idempotency key
	echelonv1.RunService_GetRun_FullMethodName:      again,
	echelonv1.RunService_WatchRun_FullMethodName:    stream,
	echelonv1.RunService_CancelRun_FullMethodName:   once, // the second time the run is under way no more
	echelonv1.RunService_ListRuns_FullMethodName:    again,
	echelonv1.RunService_CompareRuns_FullMethodName: again,
	echelonv1.RunService_PreviewRun_FullMethodName:  again,
	echelonv1.RunService_PublishRun_FullMethodName:  again, // publishing what is current changes nothing
	echelonv1.RunService_RollBack_FullMethodName:    once,  // each goes back by one publication

	echelonv1.RunService_ApproveRun_FullMethodName:       once, // the second time it is approved already
	echelonv1.RunService_WithdrawApproval_FullMethodName: once, // the second time there is none

	echelonv1.RunService_UnschedulePublication_FullMethodName: once, // the second time it waits no more

	echelonv1.AssignmentService_GetAssignment_FullMethodName:      again,
	echelonv1.AssignmentService_ListAssignments_FullMethodName:    again,
	echelonv1.AssignmentService_ExportAssignments_FullMethodName:  stream,
	echelonv1.AssignmentService_GetFamily_FullMethodName:          again,
	echelonv1.AssignmentService_ExplainAssignment_FullMethodName:  again,
	echelonv1.AssignmentService_SetOverride_FullMethodName:        once, // the second time the etag is another one
	echelonv1.AssignmentService_GetOverride_FullMethodName:        again,
	echelonv1.AssignmentService_ListOverrides_FullMethodName:      again,
	echelonv1.AssignmentService_DeleteOverride_FullMethodName:     once, // the second time there is none
	echelonv1.AssignmentService_ImportOverrides_FullMethodName:    stream,
	echelonv1.AssignmentService_ListReviewItems_FullMethodName:    again,
	echelonv1.AssignmentService_ResolveReviewItems_FullMethodName: once, // the second time the items are resolved
	echelonv1.AssignmentService_WatchAssignments_FullMethodName:   stream,
	echelonv1.AssignmentService_GetHistory_FullMethodName:         again,

	echelonv1.AdminService_Backup_FullMethodName:     stream,
	echelonv1.AuditService_ListAudit_FullMethodName:  again,
	echelonv1.AuditService_WatchAudit_FullMethodName: stream,
}

const (
	defaultAttempts = 5
	maxAttempts     = 20
	// firstPause is how long the first repetition waits at most, lastPause each: doubled in between. Five attempts take three seconds.
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
	// longestHint is the longest time that a call waits since the service asks for it; a longer one is for the caller to decide.
	longestHint = 30 * time.Second
)

// reconnecting is how often a lost connection is tried: no less often than calls are repeated, so that a repetition finds the service that is back.
var reconnecting = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: firstPause / 2, Multiplier: 1.6, Jitter: 0.2, MaxDelay: lastPause},
	MinConnectTimeout: 20 * time.Second,
}

// repeater makes calls again that failed for want of a service. The retry policy of grpc itself knows nothing of google.rpc.RetryInfo, which is how
// the service says when to come back.
type repeater struct {
	attempts int
	sleep    func(context.Context, time.Duration) error
}

func (r repeater) unary(
	ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	repeatable := repeatsOf[method] == again || keyed(request)
	for attempt := 1; ; attempt++ {
		err := invoke(ctx, method, request, answer, conn, options...)
		if err == nil || attempt >= r.attempts || !repeatable {
			return err
		}
		pause, worthIt := pauseAfter(err, attempt)
		if deadline, limited := ctx.Deadline(); !worthIt || limited && time.Until(deadline) <= pause {
			return err
		}
		conn.ResetConnectBackoff()
		if r.sleep(ctx, pause) != nil {
			return err // the caller's context ended; why the call failed says more
		}
	}
}

// keyed reports whether a request has a key by which the service knows it again.
func keyed(request any) bool {
	start, ok := request.(*echelonv1.StartRunRequest)
	return ok && start.GetIdempotencyKey() != ""
}

// pauseAfter returns how long to wait after that attempt failed so, and whether another one may help: where there is no service, and where one says
// when it has room again. A message that is too large is RESOURCE_EXHAUSTED too, without such a hint.
func pauseAfter(err error, attempt int) (pause time.Duration, worthIt bool) {
	s := status.Convert(err)
	hint, hinted := hintOf(s)
	if s.Code() != codes.Unavailable && (s.Code() != codes.ResourceExhausted || !hinted) || hint > longestHint {
		return 0, false
	}
	most := min(firstPause<<(attempt-1), lastPause)
	// Clients that failed together must not come back together.
	jittered := most/2 + rand.N(most/2)
	return hint + jittered, true
}

// hintOf returns how long the service asks to wait, and whether it says so.
func hintOf(s *status.Status) (wait time.Duration, hinted bool) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
