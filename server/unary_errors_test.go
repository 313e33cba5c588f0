package server_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// refusal is a call that must fail.
type refusal struct {
	name string
	call func(h *harness) error
	wanted
}

func score(h *harness, request *echelonv1.ScoreCustomerRequest) error {
	_, err := h.scoring.ScoreCustomer(h.context(), request)
	return err
}

// given asks for the score of a customer that the request holds.
func given(e *echelonv1.Evaluator, c *echelonv1.Customer) *echelonv1.ScoreCustomerRequest {
	return &echelonv1.ScoreCustomerRequest{Evaluator: e, Customer: &echelonv1.ScoreCustomerRequest_Given{Given: c}}
}

func byID(e *echelonv1.Evaluator, id string) *echelonv1.ScoreCustomerRequest {
	return &echelonv1.ScoreCustomerRequest{Evaluator: e, Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: id}}
}

func getAssignment(h *harness, name, id string) error {
	_, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: name, CustomerId: id})
	return err
}

func list(h *harness, request *echelonv1.ListAssignmentsRequest) error {
	_, err := h.assignments.ListAssignments(h.context(), request)
	return err
}

// scene is a server with a published model "plain", an active one "ranked" that has no run, and one "idle" that is not active.
func scene(t *testing.T) *harness {
	h := start(t)
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60, "employees": 5})
	h.published("plain")
	h.upsert("late", attrs{"arr": 1})
	h.create(ranked)
	_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(t, strings.Replace(plain, "plain", "idle", 1))})
	h.must(err)
	return h
}

func refuse(t *testing.T, refusals []refusal) {
	h := scene(t)
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			within := *h
			within.TB = t
			r.check(t, r.call(&within))
			within.serving()
		})
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	refuse(t, []refusal{
		{"a model that nobody created", func(h *harness) error { return score(h, given(storedModel("nobody"), customer("a", nil))) },
			wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{`"nobody"`, "create"}}},
		{"a version that nobody created", func(h *harness) error {
			e := storedModel("plain")
			e.GetStored().Version = 9
			return score(h, given(e, customer("a", nil)))
		}, wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{"version 9", `"plain"`}}},
		{"a run of a model that nobody created", func(h *harness) error {
			_, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "nobody"})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, nil}},
		{"activating a version that nobody created", func(h *harness) error {
			_, err := h.models.ActivateModel(h.context(), &echelonv1.ActivateModelRequest{Name: "plain", Version: 7})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{"version 7"}}},
		{"getting a model that nobody created", func(h *harness) error {
			_, err := h.models.GetModel(h.context(), &echelonv1.GetModelRequest{Name: "nobody"})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, nil}},
		{"rolling back a model that nobody created", func(h *harness) error {
			_, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "nobody"})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, nil}},
		{"getting a customer that is not stored", func(h *harness) error {
			_, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "nobody"})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{`"nobody"`}}},
		{"deleting a customer that is not stored", func(h *harness) error {
			_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "nobody"})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{`"nobody"`}}},
		{"scoring a customer that is not stored", func(h *harness) error { return score(h, byID(storedModel("plain"), "nobody")) },
			wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{`"nobody"`}}},
		{"the assignment of a customer that is not stored", func(h *harness) error { return getAssignment(h, "plain", "nobody") },
			wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{`"nobody"`}}},
		{"the assignment of a customer that came after the run", func(h *harness) error { return getAssignment(h, "plain", "late") },
			wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, nil, []string{`"late"`, "start a run"}}},
		{"a run that nobody started", func(h *harness) error {
			_, err := h.runs.GetRun(h.context(), &echelonv1.GetRunRequest{RunId: "nobody"})
			return err
		}, wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, []string{`"nobody"`, "list the runs"}}},
		{"publishing a run that nobody started", func(h *harness) error { return h.publish("nobody") },
			wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, nil}},
		{"a calibration that no run made", func(h *harness) error {
			e := storedModel("plain")
			e.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: "nobody"}
			return score(h, given(e, customer("a", nil)))
		}, wanted{codes.NotFound, echelonv1.ErrorReason_CALIBRATION_NOT_FOUND, nil, []string{`"nobody"`}}},
		{"a calibration without an id", func(h *harness) error {
			e := storedModel("plain")
			e.Calibration = &echelonv1.Evaluator_CalibrationId{}
			return score(h, given(e, customer("a", nil)))
		}, wanted{codes.NotFound, echelonv1.ErrorReason_CALIBRATION_NOT_FOUND, nil, nil}},
	})
}

func TestWhatTheStateForbidsIsSaid(t *testing.T) {
	refuse(t, []refusal{
		{"a model without an active version", func(h *harness) error { return score(h, given(storedModel("idle"), customer("a", nil))) },
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NO_ACTIVE_VERSION, nil, []string{`"idle"`, "activate"}}},
		{"a run of a model without an active version", func(h *harness) error {
			_, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "idle"})
			return err
		}, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NO_ACTIVE_VERSION, nil, []string{`"idle"`, "activate"}}},
		{"an assignment of a model without a publication", func(h *harness) error { return getAssignment(h, "ranked", "acme") },
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_PUBLISHED, nil, []string{`"ranked"`, "publish"}}},
		{"rolling back a model without a publication", func(h *harness) error {
			_, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "ranked"})
			return err
		}, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_PUBLISHED, nil, nil}},
		{"rolling back the first publication", func(h *harness) error {
			_, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "plain"})
			return err
		}, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK, nil, []string{`"plain"`}}},
		{"a model that learns without a calibration", func(h *harness) error { return score(h, given(storedModel("ranked"), customer("a", nil))) },
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_REQUIRED, nil, []string{`"ranked"`, "publish"}}},
		{"a calibration of another model", func(h *harness) error {
			e := storedModel("ranked")
			e.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: &echelonv1.Calibration{ModelFingerprint: "other"}}
			return score(h, given(e, customer("a", nil)))
		}, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_MISMATCH, nil, []string{`"ranked"`, "calibrate"}}},
		{"a model with another type for a known attribute", func(h *harness) error {
			m := model(h, strings.Replace(plain, "name: employees, type: INTEGER", "name: employees, type: NUMBER", 1))
			_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: m})
			return err
		}, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"employees"}, nil}},
		{"scoring a stored customer with another type for a known attribute", func(h *harness) error {
			m := model(h, strings.Replace(plain, "name: employees, type: INTEGER", "name: employees, type: NUMBER", 1))
			return score(h, byID(inline(m), "acme"))
		}, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"employees"}, nil}},
	})
}

func TestRequestsThatBreakARuleNameTheField(t *testing.T) {
	long := strings.Repeat("x", 513)
	refuse(t, []refusal{
		{"no evaluator", func(h *harness) error { return score(h, given(nil, customer("a", nil))) },
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"evaluator"}, []string{"evaluator"}}},
		{"an evaluator without a model", func(h *harness) error { return score(h, given(&echelonv1.Evaluator{}, customer("a", nil))) },
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"stored", "inline"}}},
		{"no customer", func(h *harness) error {
			return score(h, &echelonv1.ScoreCustomerRequest{Evaluator: storedModel("plain")})
		},
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"customer"}, []string{"customer"}}},
		{"a model without a name", func(h *harness) error { return score(h, given(storedModel(""), customer("a", nil))) },
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"evaluator.stored.name"}, nil}},
		{"a version below 0", func(h *harness) error {
			_, err := h.models.GetModel(h.context(), &echelonv1.GetModelRequest{Name: "plain", Version: -1})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"version"}, nil}},
		{"an instant that is none", func(h *harness) error {
			e := storedModel("plain")
			e.AsOf = &timestamppb.Timestamp{Nanos: -1}
			return score(h, given(e, customer("a", nil)))
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"as_of"}}},
		{"a run as of an instant that is none", func(h *harness) error {
			_, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "plain", AsOf: &timestamppb.Timestamp{Seconds: 1 << 60}})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"as_of"}}},
		{"an empty id", func(h *harness) error {
			_, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"customer_id"}, nil}},
		{"an id that is too long", func(h *harness) error { return getAssignment(h, "plain", long) },
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"customer_id"}, nil}},
		{"upserting nothing", func(h *harness) error {
			_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"customer"}, nil}},
		{"creating nothing", func(h *harness) error {
			_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"model"}, nil}},
		{"more customers than a batch of calls takes", func(h *harness) error {
			request := &echelonv1.BatchScoreCustomersRequest{Evaluator: storedModel("plain"), Customers: make([]*echelonv1.Customer, 1001)}
			for i := range request.Customers {
				request.Customers[i] = &echelonv1.Customer{}
			}
			_, err := h.scoring.BatchScoreCustomers(h.context(), request)
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"customers"}, nil}},
		{"a page that is too large", func(h *harness) error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", PageSize: 10001})
		},
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"page_size"}, nil}},
		{"a page below 0", func(h *harness) error {
			_, err := h.runs.ListRuns(h.context(), &echelonv1.ListRunsRequest{PageSize: -1})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"page_size"}, nil}},
		{"an export page that is too large", func(h *harness) error {
			stream, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{PageSize: 10001})
			h.must(err)
			_, err = collect(stream.Recv)
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"page_size"}, nil}},
		{"a tier without its tiering", func(h *harness) error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", Tier: "high"})
		},
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`"high"`, "tiering"}}},
		{"an unknown tiering", func(h *harness) error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: "coverag", Tier: "high"})
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`"coverag"`, `"coverage"`}}},
		{"an unknown tier", func(h *harness) error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: "coverage", Tier: "hihg"})
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`"hihg"`, `"high"`}}},
		{"a damaged page token", func(h *harness) error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", PageToken: "AAAA"})
		},
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, []string{"begin again"}}},
		{"a customer given without an id, of another type", func(h *harness) error {
			return score(h, given(storedModel("plain"), customer("", attrs{"arr": "much"})))
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{"attributes.arr"}, []string{"arr", `"much"`}}},
		{"a model with two mistakes", func(h *harness) error {
			m := model(h, plain)
			m.Scores[0].Criteria[0].Expr = "ar"
			m.Segmentations[0].Segments[0].When = "employees >"
			_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: m})
			return err
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_MODEL_INVALID,
			[]string{"scores[0].criteria[0].expr", "segmentations[0].segments[0].when"}, []string{"2 mistakes"}}},
		{"an inline model with a mistake", func(h *harness) error {
			m := model(h, plain)
			m.Scores[0].Criteria[0].Expr = "ar"
			return score(h, given(inline(m), customer("a", nil)))
		}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_MODEL_INVALID, []string{"scores[0].criteria[0].expr"}, []string{`"arr"`}}},
	})
}

// A hostile name is a name like any other: it is not there.
func TestNoTextInARequestIsAnInternalFault(t *testing.T) {
	h := scene(t)
	ctx := h.context()
	for _, name := range []string{"\x00", "plain\x00", "plain/1", "../..", strings.Repeat("😀", 64), "\U0010FFFF", "%s%d"} {
		calls := []error{
			getAssignment(h, name, name), getAssignment(h, "plain", name), score(h, byID(storedModel(name), name)), h.publish(name),
			list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: name, Tier: name}),
		}
		_, err := h.models.GetModel(ctx, &echelonv1.GetModelRequest{Name: name})
		calls = append(calls, err)
		_, err = h.runs.StartRun(ctx, &echelonv1.StartRunRequest{Model: name, AsOf: timestamppb.New(time.Unix(0, 0))})
		calls = append(calls, err)
		stream, err := h.assignments.ExportAssignments(ctx, &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: name})
		h.must(err)
		_, err = collect(stream.Recv)
		calls = append(calls, err)
		e := storedModel("plain")
		e.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: name}
		for i, err := range append(calls, score(h, given(e, customer("a", nil)))) {
			if code := statusCode(err); code != codes.NotFound && code != codes.InvalidArgument {
				t.Errorf("call %d with %q: %v", i, name, err)
			}
		}
	}
}
