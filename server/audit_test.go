package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/memory"
)

func (h *harness) audit() echelonv1.AuditServiceClient {
	return echelonv1.NewAuditServiceClient(h.conn)
}

// told is an entry in a line, without its time; runs are called RUN.
func told(e *echelonv1.AuditEntry, run string) string {
	line := fmt.Sprintf("%s %s %s", e.GetActor(), e.GetMethod()[strings.Index(e.GetMethod(), "/")+1:], e.GetSubject())
	if run != "" {
		line = strings.ReplaceAll(line, run, "RUN")
	}
	if e.GetCustomers() > 0 {
		line += fmt.Sprint(" ", e.GetCustomers())
	}
	return line
}

func TestEveryChangeIsWrittenDownWithItsActor(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60})
	_, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, manyCustomers("c", 3, attrs{"arr": 1})...),
		importCustomers.rows(2, manyCustomers("d", 4, attrs{"arr": 1})...))
	h.must(err)
	_, err = h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "acme"})
	h.must(err)
	first := h.published("plain")
	// Nothing changes by these: they are refused, change nothing, or only read.
	h.must(h.publish(first.GetId()))
	_, err = h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(t, plain)})
	h.must(err)
	if _, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "plain"}); err == nil {
		t.Error("the first publication was rolled back")
	}
	if _, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "acme"}); err == nil {
		t.Error("a customer was deleted twice")
	}
	h.serving()
	listed, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{})
	h.must(err)
	var got []string
	for _, e := range listed.GetEntries() {
		if e.GetTime().AsTime() != noon || e.GetCredential() != echelonv1.AuditEntry_NONE || !strings.HasPrefix(e.GetMethod(), "echelon.v1.") {
			t.Errorf("the entry %v", e)
		}
		got = append(got, told(e, first.GetId()))
	}
	want := []string{
		"anonymous PublishRun models/plain/runs/RUN", "anonymous StartRun models/plain/runs/RUN", "anonymous DeleteCustomer customers/acme",
		"anonymous ImportCustomers customers 7", "anonymous UpsertCustomer customers/acme 1", "anonymous ActivateModel models/plain/versions/1",
		"anonymous CreateModel models/plain/versions/1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARollBackIsWrittenDownAsTheRunThatIsCurrentAgain(t *testing.T) {
	h := start(t)
	h.create(plain)
	first := h.published("plain")
	h.published("plain")
	_, err := h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "plain"})
	h.must(err)
	listed, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{PageSize: 1})
	h.must(err)
	if got := told(listed.GetEntries()[0], first.GetId()); got != "anonymous RollBack models/plain/runs/RUN" {
		t.Errorf("the entry is %q", got)
	}
}

func TestAnActorSaysForWhomItActs(t *testing.T) {
	s := newSite(t)
	models := echelonv1.NewModelServiceClient(s.connect())
	create := func(header ...string) error {
		ctx := metadata.AppendToOutgoingContext(bearing(s.context(), s.issuer.Sign(s.claims("write"))), header...)
		_, err := models.CreateModel(ctx, &echelonv1.CreateModelRequest{Model: model(t, plain)})
		return err
	}
	const name = "echelon-on-behalf-of"
	refused := wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{name}}
	refused.check(t, create(name, strings.Repeat("x", 257)))
	refused.check(t, create(name+"-bin", "\xff"))
	refused.check(t, create(name, "a", name, "b"))
	s.must(create(name+"-bin", "Zoë "+strings.Repeat("x", 200)))
	admin := bearing(s.context(), s.tokens["token-admin"])
	listed, err := echelonv1.NewAuditServiceClient(s.connect()).ListAudit(admin, &echelonv1.ListAuditRequest{})
	s.must(err)
	if n := len(listed.GetEntries()); n != 1 {
		t.Fatalf("there are %d entries", n)
	}
	e := listed.GetEntries()[0]
	if e.GetActor() != "jwt-write" || e.GetCredential() != echelonv1.AuditEntry_JWT || !strings.HasPrefix(e.GetOnBehalfOf(), "Zoë x") {
		t.Errorf("the entry is %v", e)
	}
}

func TestTheAuditLogIsListedAndStreamedInPagesOfAnySize(t *testing.T) {
	h := start(t)
	h.create(plain)
	for i := range 9 {
		h.upsert(fmt.Sprint("c", i), nil)
	}
	for _, size := range []int32{1, 2, 7, 0} {
		var listed []string
		for token := ""; ; {
			page, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{Subject: "customers/", PageSize: size, PageToken: token})
			h.must(err)
			for _, e := range page.GetEntries() {
				listed = append(listed, e.GetSubject())
			}
			if token = page.GetNextPageToken(); token == "" {
				break
			}
		}
		if len(listed) != 9 || listed[0] != "customers/c8" || listed[8] != "customers/c0" {
			t.Errorf("in pages of %d: %v", size, listed)
		}
		var watched int
		for cursor := ""; ; {
			stream, err := h.audit().WatchAudit(h.context(), &echelonv1.WatchAuditRequest{Cursor: cursor, PageSize: size})
			h.must(err)
			page, err := stream.Recv()
			if err != nil {
				break
			}
			watched += len(page.GetEntries())
			cursor = page.GetCursor()
		}
		if watched != 11 {
			t.Errorf("streams of messages of %d have %d entries", size, watched)
		}
	}
	damaged := wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, nil}
	_, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{PageToken: "AAAA"})
	damaged.check(t, err)
	page, err := h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{PageSize: 1})
	h.must(err)
	_, err = h.audit().ListAudit(h.context(), &echelonv1.ListAuditRequest{PageToken: page.GetNextPageToken(), Actor: "somebody"})
	damaged.check(t, err)
	stream, err := h.audit().WatchAudit(h.context(), &echelonv1.WatchAuditRequest{Cursor: page.GetNextPageToken()})
	h.must(err)
	_, err = stream.Recv()
	damaged.check(t, err)
}

func TestAWatchOfTheAuditLogGetsWhatComesAndEndsWithTheServer(t *testing.T) {
	h := start(t)
	h.create(plain)
	stream, err := h.audit().WatchAudit(h.context(), &echelonv1.WatchAuditRequest{Follow: true})
	h.must(err)
	subjects := func(n int) (list []string) {
		for len(list) < n {
			page, err := stream.Recv()
			h.must(err)
			for _, e := range page.GetEntries() {
				list = append(list, e.GetSubject())
			}
		}
		return list
	}
	subjects(2)
	for i := range 3 {
		h.upsert(fmt.Sprint("c", i), nil)
		if got := subjects(1); got[0] != fmt.Sprint("customers/c", i) {
			t.Errorf("%v comes", got)
		}
	}
	h.stop()
	_, err = stream.Recv()
	wanted{codes.Unavailable, echelonv1.ErrorReason_SHUTTING_DOWN, nil, nil}.check(t, err)
}

func TestTheAuditLogOutlivesTheServer(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	first := serve(t, store)
	first.create(plain)
	ctx, cut := context.WithCancel(first.context())
	stream := first.opened(ctx, first.conn, importCustomers)
	first.must(stream.SendMsg(importCustomers.rows(1, manyCustomers("c", 5, nil)...)))
	first.must(stream.RecvMsg(importCustomers.answer()))
	cut()
	first.stop()
	second := serve(t, store)
	second.upsert("later", nil)
	listed, err := second.audit().ListAudit(second.context(), &echelonv1.ListAuditRequest{})
	second.must(err)
	var got []string
	for _, e := range listed.GetEntries() {
		got = append(got, told(e, ""))
	}
	want := []string{"anonymous UpsertCustomer customers/later 1", "anonymous ImportCustomers customers 5", "anonymous ActivateModel models/plain/versions/1",
		"anonymous CreateModel models/plain/versions/1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The proto says what the table of roles is about; a method that is not in the table would need the highest role.
func TestEveryRPCStandsInTheTableOfThisTest(t *testing.T) {
	names := make(map[string]bool)
	for _, r := range rpcs(t) {
		names[r.name[strings.LastIndex(r.name, "/")+1:]] = true
	}
	for name := range admits {
		if !names[name] {
			t.Errorf("there is no RPC %s", name)
		}
	}
}
