package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

func TestACustomerIsReplacedReadAndDeleted(t *testing.T) {
	h := start(t)
	h.create(plain)
	all := attrs{"arr": 1.5, "employees": 9007199254740992, "industry": "retail", "note": "<ü>\x00", "partner": false, "renewal": "0001-01-01",
		"seen": "2026-01-31T12:00:00.123456+02:00", "tags": []any{"a", "a", ""}}
	stored, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("acme", all)})
	h.must(err)
	want := customer("acme", all)
	want.UpdateTime = timestamppb.New(noon)
	want.Attributes.Fields["seen"] = customer("", attrs{"seen": "2026-01-31T10:00:00.123456Z"}).GetAttributes().GetFields()["seen"]
	get := func() *echelonv1.Customer {
		t.Helper()
		got, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "acme"})
		h.must(err)
		return got.GetCustomer()
	}
	for _, got := range []*echelonv1.Customer{stored.GetCustomer(), get()} {
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	}
	h.upsert("acme", attrs{"note": nil, "partner": true})
	want = customer("acme", attrs{"partner": true})
	want.UpdateTime = timestamppb.New(noon)
	if diff := cmp.Diff(want, get(), protocmp.Transform()); diff != "" {
		t.Errorf("what was not given again is missing (-want +got):\n%s", diff)
	}
	_, err = h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "acme"})
	h.must(err)
	_, err = h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "acme"})
	wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, nil}.check(t, err)
}

func TestAnImportAnswersTheSchemaAndEachBatch(t *testing.T) {
	h := start(t)
	h.create(plain)
	batch := importCustomers.rows(1, customer("a", attrs{"arr": 1}), customer("b", attrs{"arr": 2}))
	for range 2 { // sending it again is harmless
		answers, err := h.exchange(importCustomers, importCustomers.header(), batch)
		h.must(err)
		if v := answers[0].(*echelonv1.ImportCustomersResponse).GetOpened().GetSchemaVersion(); v != 1 {
			t.Errorf("the schema's version is %d", v)
		}
		if b := answers[1].(*echelonv1.ImportCustomersResponse).GetBatch(); b.GetSequence() != 1 || b.GetStored() != 2 || len(b.GetErrors()) > 0 {
			t.Errorf("the batch is answered %v", b)
		}
	}
	if ids := exportedIDs(h, 0); !slices.Equal(ids, []string{"a", "b"}) {
		t.Errorf("stored are %v", ids)
	}
}

// exported are the pages of an export.
func exported(h *harness, size int32, cursor string) []*echelonv1.ExportCustomersResponse {
	h.Helper()
	stream, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{PageSize: size, Cursor: cursor})
	h.must(err)
	pages, err := collect(stream.Recv)
	h.must(err)
	return pages
}

func idsOf(pages []*echelonv1.ExportCustomersResponse) (ids []string) {
	for _, page := range pages {
		for _, c := range page.GetCustomers() {
			ids = append(ids, c.GetId())
		}
	}
	return ids
}

func exportedIDs(h *harness, size int32) []string { return idsOf(exported(h, size, "")) }

func TestAnExportIsTheSameAtAllPageSizesAndResumesAnywhere(t *testing.T) {
	h := start(t)
	h.create(plain)
	const n = 25
	_, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, manyCustomers("c", n, attrs{"arr": 1})...))
	h.must(err)
	want := exportedIDs(h, 0)
	if len(want) != n || !slices.IsSorted(want) {
		t.Fatalf("exported are %v", want)
	}
	for _, size := range []int32{1, 2, 7, n, 10000} {
		pages := exported(h, size, "")
		if got := idsOf(pages); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", size, got)
		}
		seen := 0
		for i, page := range pages {
			if k := len(page.GetCustomers()); k == 0 || k > int(size) {
				t.Errorf("pages of %d: page %d has %d", size, i, k)
			}
			seen += len(page.GetCustomers())
			if got := idsOf(exported(h, 3, page.GetCursor())); !slices.Equal(got, want[seen:]) {
				t.Errorf("resumed after %d: %v", seen, got)
			}
		}
	}
}

// The longest ids are those whose JSON form is the longest too: a cursor of them must be taken back.
func TestCursorsOfTheLongestIDsAreTakenBack(t *testing.T) {
	h := start(t)
	h.create(plain)
	ids := []string{strings.Repeat("<", 512), strings.Repeat("\x01", 512), strings.Repeat("é", 256), strings.Repeat("\u2028", 170)}
	for _, id := range ids {
		h.upsert(id, attrs{"arr": 1})
	}
	slices.Sort(ids)
	h.published("plain")
	for i, page := range exported(h, 1, "") {
		stream, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{Cursor: page.GetCursor()})
		h.must(err)
		rest, err := collect(stream.Recv)
		if err != nil || !slices.Equal(idsOf(rest), ids[i+1:]) {
			t.Errorf("resumed after an id that begins with %q: %d customers, %v", ids[i][:2], len(idsOf(rest)), err)
		}
	}
	request := &echelonv1.ListAssignmentsRequest{Model: "plain", PageSize: 1}
	for i := range ids {
		page, err := h.assignments.ListAssignments(h.context(), request)
		if err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
		if page.GetAssignments()[0].GetCustomerId() != ids[i] {
			t.Errorf("page %d is of %q", i, page.GetAssignments()[0].GetCustomerId())
		}
		request.PageToken = page.GetNextPageToken()
	}
}

// A page ends where a message would be too large, however many customers were asked for.
func TestPagesOfManyAttributesFitAMessage(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes = 1 << 20 })
	text := "name: wide\nsegmentations: [{name: s, segments: [{name: All, when: \"true\"}]}]\nattributes:\n"
	wide := attrs{}
	for i := range 64 {
		name := fmt.Sprintf("%s%02d", strings.Repeat("a", 62), i)
		text += fmt.Sprintf("  - {name: %s, type: BOOLEAN}\n", name)
		wide[name] = true
	}
	h.create(text)
	messages := []any{importCustomers.header()}
	for sequence := range int64(5) {
		messages = append(messages, importCustomers.rows(sequence+1, manyCustomers(fmt.Sprint(sequence), 100, wide)...))
	}
	_, err := h.exchange(importCustomers, messages...)
	h.must(err)
	stream, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{PageSize: 10000})
	h.must(err)
	pages, err := collect(stream.Recv)
	if err != nil || len(idsOf(pages)) != 500 {
		t.Errorf("%d customers were exported: %v", len(idsOf(pages)), err)
	}
}

func TestCursorsOfAnotherRequestAreRefused(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	for i := range 3 {
		h.upsert(fmt.Sprint("c", i), attrs{"arr": 60})
	}
	run := h.published("plain")
	h.published("ranked")
	customers := exported(h, 1, "")[0].GetCursor()
	page, err := h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "plain", PageSize: 1})
	h.must(err)
	token := page.GetNextPageToken()
	damaged := []byte(token)
	damaged[len(damaged)/2] ^= 1
	invalid := wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, []string{"another request"}}
	for name, call := range map[string]func() error{
		"of another service": func() error { return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", PageToken: customers}) },
		"of another model":   func() error { return list(h, &echelonv1.ListAssignmentsRequest{Model: "ranked", PageToken: token}) },
		"of another tiering": func() error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", Tiering: "coverage", PageToken: token})
		},
		"damaged": func() error {
			return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", PageToken: string(damaged)})
		},
		"cut": func() error { return list(h, &echelonv1.ListAssignmentsRequest{Model: "plain", PageToken: token[:8]}) },
		"of models": func() error {
			_, err := h.models.ListModels(h.context(), &echelonv1.ListModelsRequest{PageToken: token})
			return err
		},
		"of runs": func() error {
			_, err := h.runs.ListRuns(h.context(), &echelonv1.ListRunsRequest{PageToken: token})
			return err
		},
		"of an export of customers": func() error {
			stream, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{Cursor: token})
			h.must(err)
			_, err = collect(stream.Recv)
			return err
		},
		"of an export of assignments": func() error {
			stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: run.GetId(), Cursor: token})
			h.must(err)
			_, err = collect(stream.Recv)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { invalid.check(t, call()) })
	}
}
