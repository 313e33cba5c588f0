package server_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (h *harness) rename(from, to string) error {
	_, err := h.customers.RenameAttribute(h.context(), &echelonv1.RenameAttributeRequest{From: from, To: to})
	return err
}

func (h *harness) retire(name string) error {
	_, err := h.customers.RetireAttribute(h.context(), &echelonv1.RetireAttributeRequest{Name: name})
	return err
}

// sums is a model that reads two attributes; its scores show what it read.
const sums = `
name: sums
attributes:
  - {name: arr, type: NUMBER, unit: USD}
  - {name: usage, type: NUMBER}
scores:
  - {name: value, criteria: [{name: arr, expr: arr + usage, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
`

func (h *harness) scoreOf(id string) *float64 {
	h.Helper()
	response, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
		Evaluator: storedModel("sums"), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: id},
	})
	h.must(err)
	return response.GetAssignment().GetScores()[0].Value
}

func TestARenamedAttributeIsReadByWhoeverKnewIt(t *testing.T) {
	h := start(t)
	h.create(sums)
	h.upsert("a", attrs{"arr": 20, "usage": 5})
	h.published("sums")
	h.must(h.rename("arr", "revenue"))
	h.must(h.rename("arr", "revenue")) // sent again
	if got := h.scoreOf("a"); got == nil || *got != 25 {
		t.Errorf("the published model reads %v", got)
	}
	if run := h.run("sums"); run.GetState() != echelonv1.Run_READY || run.GetEvaluated() != 1 {
		t.Errorf("a run of the model that names it as it was: %v", run)
	}
	got, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "a"})
	h.must(err)
	want := customer("a", attrs{"revenue": 20, "usage": 5})
	if diff := cmp.Diff(want, got.GetCustomer(), protocmp.Transform(), protocmp.IgnoreFields(want, "update_time")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// A model that is given anew, and a customer, must use the new name; nothing gets the old one.
	_, err = h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(t, strings.Replace(sums, "name: sums", "name: again", 1))})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"arr"}, []string{"arr was renamed revenue"}}.check(t, err)
	_, err = h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{"arr": 1})})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{"attributes.arr"}, []string{`write "revenue"`}}.check(t, err)
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"arr"}, []string{"another attribute has or had"}}.check(t, h.rename("usage", "arr"))
	h.create(strings.ReplaceAll(strings.Replace(sums, "name: sums", "name: newer", 1), "arr", "revenue"))
	h.upsert("a", attrs{"revenue": 30, "usage": 5})
	if got := h.scoreOf("a"); got == nil || *got != 35 {
		t.Errorf("what was written by the new name is read as %v", got)
	}
	h.must(h.rename("revenue", "arr")) // and back
	schema, err := h.customers.GetSchema(h.context(), &echelonv1.GetSchemaRequest{})
	h.must(err)
	first := &echelonv1.SchemaAttribute{Id: 1, Name: "arr", Type: echelonv1.Attribute_NUMBER, Unit: "USD", FormerNames: []string{"revenue"}}
	if diff := cmp.Diff(first, schema.GetSchema().GetAttributes()[0], protocmp.Transform()); diff != "" || schema.GetSchema().GetVersion() != 3 {
		t.Errorf("version %d (-want +got)\n%s", schema.GetSchema().GetVersion(), diff)
	}
	h.serving()
}

func TestARenamedAttributeIsNotLostWhereUnknownOnesAreIgnored(t *testing.T) {
	h := start(t)
	h.create(sums)
	h.must(h.rename("arr", "revenue"))
	stream, err := h.customers.ImportCustomers(h.context())
	h.must(err)
	batch := &echelonv1.CustomerBatch{Sequence: 1, Rows: &echelonv1.CustomerRows{Customers: []*echelonv1.Customer{
		customer("a", attrs{"arr": 1}), customer("b", attrs{"revenue": 1, "nobody": 2}),
	}}}
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{IgnoreUnknownAttributes: true}}}))
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: batch}}))
	h.must(stream.CloseSend())
	answers, err := collect(stream.Recv)
	if err != nil && err != io.EOF || len(answers) != 2 {
		t.Fatalf("%v: %v", answers, err)
	}
	want := &echelonv1.ImportedBatch{Sequence: 1, Stored: 1, Errors: []*echelonv1.RowError{{
		CustomerId: "a", Field: "arr", Code: echelonv1.RowError_UNKNOWN_ATTRIBUTE, Message: `the attribute "arr" was renamed: write "revenue"`,
	}}}
	if diff := cmp.Diff(want, answers[1].GetBatch(), protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnAttributeIsRetiredOnceNoModelReadsIt(t *testing.T) {
	h := start(t)
	h.create(sums)
	h.upsert("a", attrs{"arr": 20, "usage": 5})
	h.published("sums")
	h.must(h.rename("usage", "activity"))
	inUse := wanted{codes.FailedPrecondition, echelonv1.ErrorReason_ATTRIBUTE_IN_USE, nil, []string{"active version 1 of the model sums"}}
	inUse.check(t, h.retire("activity"))
	without := `
name: sums
attributes: [{name: arr, type: NUMBER}]
scores: [{name: value, criteria: [{name: arr, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
`
	h.create(without)
	inUse.words = []string{"published version 1 of the model sums"}
	inUse.check(t, h.retire("activity"))
	h.published("sums")
	h.must(h.retire("activity"))
	h.must(h.retire("activity")) // sent again
	got, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "a"})
	h.must(err)
	if _, shown := got.GetCustomer().GetAttributes().GetFields()["activity"]; shown {
		t.Errorf("it is read: %v", got)
	}
	conflict := wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"usage"}, []string{"retired"}}
	_, err = h.models.ActivateModel(h.context(), &echelonv1.ActivateModelRequest{Name: "sums", Version: 1})
	conflict.check(t, err)
	_, err = h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "sums", Version: 1})
	conflict.check(t, err)
	_, err = h.runs.RollBack(h.context(), &echelonv1.RollBackRequest{Model: "sums"})
	conflict.check(t, err)
	for _, name := range []string{"usage", "activity"} { // neither name is ever used again
		_, err = h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(t, strings.ReplaceAll(without, "arr", name))})
		wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{name}, []string{"retired"}}.check(t, err)
		_, err = h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{name: 1})})
		wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, nil, []string{"retired"}}.check(t, err)
	}
	h.serving()
}

func TestNamesOfTheSchemaAreChecked(t *testing.T) {
	h := start(t)
	h.create(sums)
	missing := wanted{codes.NotFound, echelonv1.ErrorReason_ATTRIBUTE_NOT_FOUND, nil, []string{`did you mean "usage"?`}}
	missing.check(t, h.rename("usgae", "x"))
	missing.check(t, h.retire("usgae"))
	invalid := wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"to"}, nil}
	for _, to := range []string{"", "Arr", "as_of", "a b", "1a", strings.Repeat("a", 65)} {
		invalid.check(t, h.rename("arr", to))
	}
	h.must(h.rename("arr", "revenue"))
	missing.words = []string{"was renamed revenue"}
	missing.check(t, h.rename("arr", "x"))
	missing.check(t, h.retire("arr"))
}

func TestChangesOfTheSchemaAreInTheAudit(t *testing.T) {
	s := newSite(t)
	conn := s.connect()
	admin := bearing(s.context(), s.tokens["token-admin"])
	_, err := echelonv1.NewModelServiceClient(conn).CreateModel(admin, &echelonv1.CreateModelRequest{Model: model(t, sums)})
	s.must(err)
	customers := echelonv1.NewCustomerServiceClient(conn)
	_, err = customers.RenameAttribute(admin, &echelonv1.RenameAttributeRequest{From: "arr", To: "revenue"})
	s.must(err)
	_, err = customers.RetireAttribute(admin, &echelonv1.RetireAttributeRequest{Name: "usage"})
	s.must(err)
	list, err := echelonv1.NewAuditServiceClient(conn).ListAudit(context.WithoutCancel(admin), &echelonv1.ListAuditRequest{})
	s.must(err)
	var got []string
	for _, entry := range list.GetEntries() {
		got = append(got, entry.GetMethod()[strings.LastIndex(entry.GetMethod(), "/")+1:]+" "+entry.GetSubject()+" "+entry.GetActor())
	}
	want := []string{"RetireAttribute schema/attributes/usage token-admin", "RenameAttribute schema/attributes/revenue token-admin",
		"CreateModel models/sums/versions/1 token-admin"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
