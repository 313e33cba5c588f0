package server_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// An import that is open goes on when an attribute is retired: who does not use it hears nothing of it, and rows that have it are refused, in
// whatever form they come. One that is opened after it answers alike.
func TestAnOpenImportGoesOnWhenAnAttributeIsRetired(t *testing.T) {
	retired := []*echelonv1.RowError{{
		Index: 1, CustomerId: "c", Field: "usage", Code: echelonv1.RowError_UNKNOWN_ATTRIBUTE,
		Message: `the attribute "usage" was retired: leave it out, or ignore unknown attributes`,
	}}
	forms := map[string]func(testing.TB, ...*echelonv1.Customer) *echelonv1.CustomerBatch{
		"rows": func(_ testing.TB, customers ...*echelonv1.Customer) *echelonv1.CustomerBatch {
			return &echelonv1.CustomerBatch{Rows: &echelonv1.CustomerRows{Customers: customers}}
		},
		"columns": func(t testing.TB, customers ...*echelonv1.Customer) *echelonv1.CustomerBatch {
			return &echelonv1.CustomerBatch{Arrow: asArrow(t, engineSchema(t, sums), customers...)}
		},
	}
	for name, form := range forms {
		for _, header := range []*echelonv1.ImportHeader{{}, {Assign: true}, {IgnoreUnknownAttributes: true}, {JobId: "nightly"}} {
			t.Run(fmt.Sprint(name, ", header ", header), func(t *testing.T) {
				h := start(t)
				h.create(sums)
				h.create(`
name: sums
attributes: [{name: arr, type: NUMBER}]
scores: [{name: value, criteria: [{name: arr, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
`)
				h.published("sums")
				open := func() grpc.BidiStreamingClient[echelonv1.ImportCustomersRequest, echelonv1.ImportCustomersResponse] {
					stream, err := h.customers.ImportCustomers(h.context())
					h.must(err)
					h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: header}}))
					_, err = stream.Recv()
					h.must(err)
					return stream
				}
				stream := open()
				send := func(sequence int64, customers ...*echelonv1.Customer) *echelonv1.ImportedBatch {
					batch := form(t, customers...)
					batch.Sequence = sequence
					h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: batch}}))
					answer, err := stream.Recv()
					h.must(err)
					answer.GetBatch().Assigned = 0
					return answer.GetBatch()
				}
				send(1, customer("a", attrs{"arr": 1, "usage": 2}))
				h.must(h.retire("usage"))
				want := &echelonv1.ImportedBatch{Sequence: 2, Stored: 1, Errors: retired}
				if header.GetIgnoreUnknownAttributes() {
					want.Stored, want.Errors = 2, nil
				}
				if diff := cmp.Diff(want, send(2, customer("b", attrs{"arr": 3}), customer("c", attrs{"arr": 4, "usage": 5})), protocmp.Transform()); diff != "" {
					t.Errorf("the batch in which it was retired (-want +got)\n%s", diff)
				}
				want.Sequence = 3
				if diff := cmp.Diff(want, send(3, customer("d", attrs{"arr": 6}), customer("c", attrs{"arr": 7, "usage": 8})), protocmp.Transform()); diff != "" {
					t.Errorf("a batch after it (-want +got)\n%s", diff)
				}
				h.must(stream.CloseSend())
				stream, want.Sequence = open(), 1
				if header.GetJobId() != "" {
					want.Sequence = 4
				}
				again := send(want.GetSequence(), customer("e", attrs{"arr": 6}), customer("c", attrs{"arr": 7, "usage": 8}))
				if diff := cmp.Diff(want, again, protocmp.Transform(), protocmp.IgnoreFields(want, "notices")); diff != "" {
					t.Errorf("a batch of a stream that was opened after it (-want +got)\n%s", diff)
				}
				h.must(stream.CloseSend())
				got, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "d"})
				h.must(err)
				if x := got.GetCustomer().GetAttributes().GetFields()["arr"].GetNumberValue(); x != 6 {
					t.Errorf("what was stored after it has arr %v", x)
				}
				h.serving()
			})
		}
	}
}

// A rename does not end an open import either: it goes on under the names that it began with, and another attribute that is retired meanwhile keeps it so.
func TestAnOpenImportGoesOnThroughARenameAndARetirement(t *testing.T) {
	h := start(t)
	h.create(sums)
	h.create(`
name: sums
attributes: [{name: arr, type: NUMBER}]
segmentations: [{name: s, segments: [{name: a, when: arr > 1.0}], otherwise: b, unknown: c}]
`)
	stream, err := h.customers.ImportCustomers(h.context())
	h.must(err)
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{}}}))
	_, err = stream.Recv()
	h.must(err)
	h.must(h.rename("arr", "revenue"))
	h.must(h.rename("usage", "activity"))
	h.must(h.retire("activity"))
	batch := &echelonv1.CustomerBatch{Sequence: 1, Rows: &echelonv1.CustomerRows{Customers: []*echelonv1.Customer{
		customer("a", attrs{"arr": 1}), customer("b", attrs{"arr": 1, "usage": 2}),
	}}}
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: batch}}))
	answer, err := stream.Recv()
	h.must(err)
	if answer.GetBatch().GetStored() != 1 || len(answer.GetBatch().GetErrors()) != 1 {
		t.Errorf("the batch is answered %v", answer)
	}
	h.must(stream.CloseSend())
	if code := statusCode(func() error { _, err := collect(stream.Recv); return err }()); code != codes.OK {
		t.Errorf("the stream ends with %s", code)
	}
}
