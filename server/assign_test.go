package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// picky refuses who has no industry, or one other than software.
const picky = `name: picky
attributes: [{name: arr, type: NUMBER}, {name: industry, type: STRING, values: [software], required: true}]
scores: [{name: value, criteria: [{name: arr, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: coverage, linear: {score: value, tiers: [{name: top, cut: {min_score: 50}}, {name: rest}]}}]
`

func (h *harness) assign(id string, a attrs, models ...string) (*echelonv1.UpsertCustomerResponse, error) {
	h.Helper()
	return h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer(id, a), Assign: true, AssignModels: models})
}

func (h *harness) assignment(model, id string) (*echelonv1.Assignment, error) {
	got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: model, CustomerId: id})
	return got.GetAssignment(), err
}

func assignHeader(models ...string) proto.Message {
	header := &echelonv1.ImportHeader{Assign: true, AssignModels: models}
	return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: header}}
}

func TestACustomerIsAssignedAsItIsWritten(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	run := h.published("ranked")
	answer, err := h.assign("a", attrs{"arr": 60})
	h.must(err)
	if n := len(answer.GetAssignments()); n != 2 || answer.GetCustomer().GetUpdateTime() == nil {
		t.Fatalf("the answer has %d assignments: %v", n, answer)
	}
	for i, name := range []string{"plain", "ranked"} {
		given := answer.GetAssignments()[i]
		got, err := h.assignment(name, "a")
		h.must(err)
		if diff := cmp.Diff(given, got, protocmp.Transform()); diff != "" {
			t.Errorf("answered and got (-answered +got)\n%s", diff)
		}
		by := got.GetProvenance()
		if tier(got) != "high" || got.GetStale() || !by.GetOnline() || by.GetModel() != name || len(got.GetReasons()) == 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if by := answer.GetAssignments()[1].GetProvenance(); by.GetRunId() != run.GetId() || by.GetCalibrationId() != run.GetId() {
		t.Errorf("it was made by %v", by)
	}
	answer, err = h.assign("new", attrs{"arr": 90}, "plain", "plain")
	h.must(err)
	if len(answer.GetAssignments()) != 1 {
		t.Errorf("assigned %v", answer.GetAssignments())
	}
	_, err = h.assignment("ranked", "new")
	wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, nil, []string{"`assign`", "start a run"}}.check(t, err)
	rows, pages := listed(h, &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: "coverage", Tier: "high"})
	if got := assignedIDs(rows); !slices.Equal(got, []string{"a", "new"}) || !rows[0].GetProvenance().GetOnline() || pages[0].GetProvenance().GetOnline() {
		t.Errorf("listed are %v, of %v", rows, pages[0].GetProvenance())
	}
	h.upsert("a", attrs{"arr": 5})
	if got, err := h.assignment("plain", "a"); err != nil || !got.GetStale() || tier(got) != "high" {
		t.Errorf("written without assignment it is %v, %v", got, err)
	}
}

func TestWhatCannotBeAssignedIsNotStored(t *testing.T) {
	h := start(t)
	_, err := h.assign("a", attrs{})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_PUBLISHED, nil, []string{"no run of any model", "without `assign`"}}.check(t, err)
	h.create(plain)
	h.create(picky)
	_, err = h.assign("a", attrs{"arr": 1}, "plain")
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_PUBLISHED, nil, []string{`"plain"`}}.check(t, err)
	h.published("picky")
	_, err = h.assign("a", attrs{"arr": 1}, "nope")
	wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{`"nope"`}}.check(t, err)
	_, err = h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", nil), AssignModels: []string{"picky"}})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"assign is not set"}}.check(t, err)
	_, err = h.assign("a", attrs{"arr": 1})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, nil, []string{`the model "picky" refuses it`, "industry is required"}}.check(t, err)
	_, err = h.assign("a", attrs{"arr": 1, "industry": "mining"})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, nil, []string{`"picky"`, "mining"}}.check(t, err)
	if ids := exportedIDs(h, 0); len(ids) > 0 {
		t.Errorf("stored are %v", ids)
	}
}

func TestAnImportAssignsInTheCommitOfEachBatch(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(picky)
	h.published("plain")
	h.published("picky")
	software := func(id string, arr float64) *echelonv1.Customer {
		return customer(id, attrs{"arr": arr, "industry": "software"})
	}
	answers, err := h.exchange(importCustomers, assignHeader(), importCustomers.rows(1,
		customer("bad", attrs{"arr": "x"}), software("a", 10), customer("mining", attrs{"arr": 1, "industry": "mining"}), software("b", 90), software("a", 80)),
		importCustomers.rows(2, customer("none", attrs{"arr": 1})))
	h.must(err)
	first := answers[1].(*echelonv1.ImportCustomersResponse).GetBatch()
	var places []string
	for _, refused := range first.GetErrors() {
		places = append(places, fmt.Sprint(refused.GetIndex(), " ", refused.GetCustomerId(), " ", refused.GetCode()))
	}
	want := []string{"0 bad WRONG_TYPE", "2 mining VALUE_NOT_ALLOWED", "4 a DUPLICATE_ID"}
	if first.GetStored() != 2 || first.GetAssigned() != 4 || !slices.Equal(places, want) {
		t.Errorf("answered %v", first)
	}
	if second := answers[2].(*echelonv1.ImportCustomersResponse).GetBatch(); second.GetStored() != 0 || second.GetAssigned() != 0 || len(second.GetErrors()) != 1 {
		t.Errorf("answered %v", second)
	}
	for id, want := range map[string]string{"a": "low", "b": "high"} {
		if got, err := h.assignment("plain", id); err != nil || tier(got) != want || got.GetStale() {
			t.Errorf("%q is %v, %v", id, got, err)
		}
	}
	_, err = h.exchange(importCustomers, assignHeader("nope"), importCustomers.rows(1, software("c", 1)))
	wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, []string{`"nope"`}}.check(t, err)
	if ids := exportedIDs(h, 0); !slices.Equal(ids, []string{"a", "b"}) {
		t.Errorf("stored are %v", ids)
	}
}

// A list goes on in the publication that it began with, with what was evaluated online under it, until that is gone.
func TestAListGoesOnInItsPublicationUntilThatIsGone(t *testing.T) {
	store := openBadger(t, t.TempDir())
	h := serve(t, store)
	h.create(plain)
	for _, id := range []string{"a", "b", "c", "d"} {
		h.upsert(id, attrs{"arr": 10})
	}
	first := h.published("plain")
	for _, id := range []string{"b", "c"} {
		_, err := h.assign(id, attrs{"arr": 90})
		h.must(err)
	}
	request := &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: "coverage", Tier: "high", PageSize: 1}
	page, err := h.assignments.ListAssignments(h.context(), request)
	h.must(err)
	pages := exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", PageSize: 2})
	h.published("plain")
	h.upsert("d", attrs{"arr": 90})
	request.PageToken = page.GetNextPageToken()
	next, err := h.assignments.ListAssignments(h.context(), request)
	h.must(err)
	if got := next.GetAssignments(); len(got) != 1 || got[0].GetCustomerId() != "c" || got[0].GetProvenance().GetRunId() != first.GetId() || got[0].GetStale() {
		t.Errorf("the list went on with %v", got)
	}
	rest := exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", Cursor: pages[0].GetCursor()})
	if got := rest[0].GetAssignments(); len(got) != 2 || tier(got[0]) != "high" || tier(got[1]) != "low" || !got[1].GetStale() {
		t.Errorf("the export went on with %v", got)
	}
	h.stop()
	h = serve(t, store, func(c *server.Config) { c.Now = func() time.Time { return noon.Add(2 * time.Hour) } })
	gone := wanted{codes.FailedPrecondition, echelonv1.ErrorReason_PUBLICATION_REPLACED, nil, []string{`"plain"`, "begin again"}}
	_, err = h.assignments.ListAssignments(h.context(), request)
	gone.check(t, err)
	stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: "plain", Cursor: pages[0].GetCursor()})
	h.must(err)
	_, err = collect(stream.Recv)
	gone.check(t, err)
}

func TestAnErasedCustomerIsNowhere(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60})
	h.upsert("other", attrs{"arr": 60})
	run := h.published("plain")
	_, err := h.assign("acme", attrs{"arr": 70})
	h.must(err)
	erase := func() *echelonv1.EraseCustomerResponse {
		got, err := h.customers.EraseCustomer(h.context(), &echelonv1.EraseCustomerRequest{CustomerId: "acme"})
		h.must(err)
		return got
	}
	if got := erase(); !got.GetExisted() || got.GetOverlayRows() != 1 || got.GetSnapshots() != 1 || got.GetAuditEntries() != 2 {
		t.Errorf("erased %v", got)
	}
	if got := erase(); !proto.Equal(got, &echelonv1.EraseCustomerResponse{}) {
		t.Errorf("erased again %v", got)
	}
	h.upsert("acme", attrs{"arr": 60})
	for _, id := range []string{"", run.GetId()} {
		if got := assignedIDs(exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: id})); !slices.Equal(got, []string{"other"}) {
			t.Errorf("exported of %q are %v", id, got)
		}
	}
	_, err = h.customers.EraseCustomer(h.context(), &echelonv1.EraseCustomerRequest{})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"customer_id"}, nil}.check(t, err)
}
