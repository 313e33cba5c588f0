package server_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func exportPages(h *harness, request *echelonv1.ExportAssignmentsRequest) []*echelonv1.ExportAssignmentsResponse {
	h.Helper()
	stream, err := h.assignments.ExportAssignments(h.context(), request)
	h.must(err)
	pages, err := collect(stream.Recv)
	h.must(err)
	return pages
}

func exportAssignments(h *harness, request *echelonv1.ExportAssignmentsRequest) (all []*echelonv1.Assignment) {
	h.Helper()
	for _, page := range exportPages(h, request) {
		all = append(all, page.GetAssignments()...)
	}
	return all
}

// listed goes through the pages of a list.
func listed(h *harness, request *echelonv1.ListAssignmentsRequest) (all []*echelonv1.Assignment, pages []*echelonv1.ListAssignmentsResponse) {
	h.Helper()
	for {
		page, err := h.assignments.ListAssignments(h.context(), request)
		h.must(err)
		all, pages = append(all, page.GetAssignments()...), append(pages, page)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all, pages
		}
	}
}

func assignedIDs(all []*echelonv1.Assignment) (ids []string) {
	for _, a := range all {
		ids = append(ids, a.GetCustomerId())
	}
	return ids
}

// people stores 23 customers: a third high, a third low, a third without a tier.
func people(h *harness) {
	h.Helper()
	var rows []*echelonv1.Customer
	for i := range 23 {
		a := attrs{"arr": 60, "employees": 5}
		switch i % 3 {
		case 1:
			a = attrs{"arr": 10}
		case 2:
			a = nil
		}
		rows = append(rows, customer(fmt.Sprintf("c%02d", i), a))
	}
	_, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, rows...))
	h.must(err)
}

func TestAnAssignmentIsPublishedWithItsReasons(t *testing.T) {
	h := start(t)
	v := h.create(plain)
	people(h)
	run := h.published("plain")
	got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: "c00"})
	h.must(err)
	scored, err := h.scoring.ScoreCustomer(h.context(), byID(storedModel("plain"), "c00"))
	h.must(err)
	want := scored.GetAssignment()
	want.Provenance = &echelonv1.Provenance{
		Model: "plain", ModelVersion: 1, ModelFingerprint: v.GetFingerprint(), RunId: run.GetId(), AsOf: timestamppb.New(noon),
		CalibrationId: got.GetAssignment().GetProvenance().GetCalibrationId(),
	}
	if diff := cmp.Diff(want, got.GetAssignment(), protocmp.Transform()); diff != "" {
		t.Errorf("the assignment (-scored +published):\n%s", diff)
	}
	if len(want.GetReasons()) == 0 {
		t.Error("there is no reason")
	}
}

func TestListsAndExportsAreTheSameAtAllPageSizes(t *testing.T) {
	h := start(t)
	h.create(plain)
	people(h)
	run := h.published("plain")
	all := exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain"})
	if len(all) != 23 || !slices.IsSorted(assignedIDs(all)) {
		t.Fatalf("exported are %v", assignedIDs(all))
	}
	filters := map[string]*echelonv1.ListAssignmentsRequest{
		"all":  {Model: "plain"},
		"high": {Model: "plain", Tiering: "coverage", Tier: "high"},
		"low":  {Model: "plain", Tiering: "coverage", Tier: "low"},
		"none": {Model: "plain", Tiering: "coverage"},
	}
	for name, filter := range filters {
		var want []*echelonv1.Assignment
		for _, a := range all {
			if name == "all" || tier(a) == name || name == "none" && a.GetTiers()[0].Tier == nil {
				want = append(want, a)
			}
		}
		for _, size := range []int32{1, 2, 7, int32(len(want)), 10000} {
			filter.PageSize = size
			got, pages := listed(h, filter)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s in pages of %d (-want +got):\n%s", name, size, diff)
			}
			for _, page := range pages {
				if len(page.GetAssignments()) > int(size) || len(page.GetAssignments()) == 0 || page.GetProvenance().GetRunId() != run.GetId() {
					t.Errorf("%s in pages of %d: %d of %v", name, size, len(page.GetAssignments()), page.GetProvenance())
				}
			}
		}
	}
	for _, size := range []int32{1, 2, 7, 23, 10000} {
		seen := 0
		for i, page := range exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", PageSize: size}) {
			if (page.GetProvenance() != nil) != (i == 0) || len(page.GetAssignments()) > int(size) {
				t.Errorf("page %d of %d: %d of %v", i, size, len(page.GetAssignments()), page.GetProvenance())
			}
			seen += len(page.GetAssignments())
			rest := exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", PageSize: 3, Cursor: page.GetCursor()})
			if diff := cmp.Diff(all[seen:], rest, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("resumed after %d (-want +got):\n%s", seen, diff)
			}
		}
		if seen != len(all) {
			t.Errorf("pages of %d have %d", size, seen)
		}
	}
}

// A page token and a cursor stay with the publication of their first page.
func TestPagesStayWithTheFirstPublication(t *testing.T) {
	h := start(t)
	h.create(plain)
	people(h)
	first := h.published("plain")
	want := assignedIDs(exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain"}))
	page, err := h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "plain", PageSize: 5})
	h.must(err)
	cursor := exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", PageSize: 5})[0].GetCursor()
	h.upsert("c05x", attrs{"arr": 60})
	second := h.published("plain")
	rest, pages := listed(h, &echelonv1.ListAssignmentsRequest{Model: "plain", PageSize: 5, PageToken: page.GetNextPageToken()})
	if !slices.Equal(assignedIDs(rest), want[5:]) || pages[0].GetProvenance().GetRunId() != first.GetId() {
		t.Errorf("the list went on with %v of %v", assignedIDs(rest), pages[0].GetProvenance())
	}
	exportRest := exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", Cursor: cursor})
	if got := exportRest[0]; !slices.Equal(assignedIDs(got.GetAssignments()), want[5:]) || got.GetProvenance().GetRunId() != first.GetId() {
		t.Errorf("the export went on with %v of %v", assignedIDs(got.GetAssignments()), got.GetProvenance())
	}
	fresh, pages := listed(h, &echelonv1.ListAssignmentsRequest{Model: "plain"})
	if len(fresh) != 24 || pages[0].GetProvenance().GetRunId() != second.GetId() {
		t.Errorf("a new list has %d of %v", len(fresh), pages[0].GetProvenance())
	}
}

func TestWhatWasWrittenLaterIsStaleAndWhatWasDeletedIsHidden(t *testing.T) {
	h := start(t)
	h.create(plain)
	for _, id := range []string{"a", "b", "c", "d"} {
		h.upsert(id, attrs{"arr": 60})
	}
	h.published("plain")
	h.upsert("b", attrs{"arr": 10})
	h.upsert("new", attrs{"arr": 60})
	for _, id := range []string{"c", "d"} {
		_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: id})
		h.must(err)
	}
	h.upsert("d", attrs{"arr": 10}) // another one of that id, which has no assignment yet
	stale := map[string]bool{"a": false, "b": true}
	listed, _ := listed(h, &echelonv1.ListAssignmentsRequest{Model: "plain"})
	for name, all := range map[string][]*echelonv1.Assignment{
		"listed": listed, "exported": exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", PageSize: 1}),
	} {
		if got := assignedIDs(all); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%s are %v", name, got)
		}
		for _, a := range all {
			if a.GetStale() != stale[a.GetCustomerId()] || tier(a) != "high" {
				t.Errorf("%s: %q is stale %t with %q", name, a.GetCustomerId(), a.GetStale(), tier(a))
			}
		}
	}
	for id, want := range stale {
		got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: id})
		h.must(err)
		if got.GetAssignment().GetStale() != want {
			t.Errorf("%q is stale %t", id, got.GetAssignment().GetStale())
		}
	}
	_, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: "d"})
	wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, nil, []string{`"d"`}}.check(t, err)
	h.published("plain")
	for _, a := range exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain"}) {
		if a.GetStale() {
			t.Errorf("%q is stale after another run", a.GetCustomerId())
		}
	}
}

func TestAnEmptyPublicationIsOnePageWithItsProvenance(t *testing.T) {
	h := start(t)
	h.create(plain)
	run := h.published("plain")
	pages := exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain"})
	if len(pages) != 1 || pages[0].GetProvenance().GetRunId() != run.GetId() || len(pages[0].GetAssignments()) > 0 {
		t.Errorf("the pages are %v", pages)
	}
	if got, _ := listed(h, &echelonv1.ListAssignmentsRequest{Model: "plain"}); len(got) > 0 {
		t.Errorf("listed are %v", got)
	}
	if b := run.GetSummary().GetBalance(); b.GetCustomers() != 0 {
		t.Errorf("the balance is %v", b)
	}
}
