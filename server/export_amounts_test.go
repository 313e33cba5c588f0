package server_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// An export that asks for amounts has those that the run read, whatever is written afterwards; what is evaluated since has its own.
func TestAnExportHasAmountsWhereTheyAreAskedFor(t *testing.T) {
	h := start(t)
	h.create(tall)
	h.upsert("a", usage(80, 500))
	h.upsert("b", attrs{"growth": 20})
	run := h.published("tall")
	h.upsert("a", usage(80, 7))
	export := func(request *echelonv1.ExportAssignmentsRequest) (map[string]*float64, error) {
		stream, err := h.assignments.ExportAssignments(h.context(), request)
		h.must(err)
		pages, err := collect(stream.Recv)
		found := map[string]*float64{}
		for _, page := range pages {
			for _, a := range page.GetAssignments() {
				found[a.GetCustomerId()] = a.Amount
			}
		}
		return found, err
	}
	check := func(what string, request *echelonv1.ExportAssignmentsRequest, want map[string]float64) {
		t.Helper()
		found, err := export(request)
		h.must(err)
		for id, amount := range want {
			if got := found[id]; got == nil || *got != amount {
				t.Errorf("%s: %s brings %v, want %g", what, id, got, amount)
			}
		}
	}
	check("the run", &echelonv1.ExportAssignmentsRequest{Model: "tall", RunId: run.GetId(), Amounts: true}, map[string]float64{"a": 500, "b": 0})
	check("what is published", &echelonv1.ExportAssignmentsRequest{Model: "tall", Amounts: true}, map[string]float64{"a": 500, "b": 0})
	_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", usage(80, 9)), Assign: true})
	h.must(err)
	check("what is published, written since", &echelonv1.ExportAssignmentsRequest{Model: "tall", Amounts: true}, map[string]float64{"a": 9, "b": 0})
	if found, err := export(&echelonv1.ExportAssignmentsRequest{Model: "tall"}); err != nil || len(found) != 2 || found["a"] != nil {
		t.Errorf("amounts that nobody asked for: %v, %v", found, err)
	}
	_, err = export(&echelonv1.ExportAssignmentsRequest{Model: "tall", Amounts: true, Arrow: true})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"ask for one of them"}}.check(t, err)
}
