package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// asStored is what a stored customer scores, by what is published.
func (h *harness) asStored(model, id string) *echelonv1.Assignment {
	h.Helper()
	response, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
		Evaluator: storedModel(model), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: id},
	})
	h.must(err)
	return response.GetAssignment()
}

// sameAsScored fails the test unless a customer has the assignment that a published model gives who is stored so.
func (h *harness) sameAsScored(model, id string) {
	h.Helper()
	got, err := h.assignment(model, id)
	h.must(err)
	want := h.asStored(model, id)
	if got.GetStale() || len(want.GetTiers()) == 0 || want.GetTiers()[0].GetTier() == "" {
		h.Fatalf("the assignment of %s is %v, and it scores %v", id, got, want)
	}
	if diff := cmp.Diff(want.GetTiers(), got.GetTiers(), protocmp.Transform()); diff != "" {
		h.Errorf("%s is otherwise than it scores (-scored +assigned)\n%s", id, diff)
	}
	if diff := cmp.Diff(want.GetScores(), got.GetScores(), protocmp.Transform()); diff != "" {
		h.Errorf("%s is otherwise than it scores (-scored +assigned)\n%s", id, diff)
	}
}

// A published model goes on naming an attribute as it was called when the model was made; so do streams that were open before.
func TestWhoIsWrittenIsAssignedByModelsThatNameAttributesOtherwise(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(picky)
	h.upsert("a", attrs{"arr": 10, "industry": "software"})
	h.published("plain")
	h.published("picky")
	stream := h.open(h.context(), h.conn, importCustomers)
	h.must(stream.SendMsg(assignHeader()))
	_, err := stream.receive()
	h.must(err)
	h.must(h.rename("arr", "revenue"))
	h.must(h.rename("industry", "branch"))
	_, err = h.assign("a", attrs{"revenue": 60, "branch": "software"})
	h.must(err)
	h.sameAsScored("plain", "a")
	h.sameAsScored("picky", "a")
	// A model made since names them as they are called now, and the stream as they were.
	newer := strings.NewReplacer("name: picky", "name: newer", "arr", "revenue", "industry", "branch").Replace(picky)
	h.create(newer)
	h.published("newer")
	h.must(stream.SendMsg(importCustomers.rows(1, customer("b", attrs{"arr": 70, "industry": "software"}), customer("c", attrs{"arr": 1, "industry": "mining"}))))
	answer, err := stream.receive()
	h.must(err)
	batch := answer.(*echelonv1.ImportCustomersResponse).GetBatch()
	if batch.GetStored() != 1 || batch.GetAssigned() != 3 || len(batch.GetErrors()) != 1 || batch.GetErrors()[0].GetCustomerId() != "c" {
		t.Fatalf("the batch is answered %v", batch)
	}
	for _, model := range []string{"plain", "picky", "newer"} {
		h.sameAsScored(model, "b")
	}
	h.must(stream.CloseSend())
	_, err = collectStream(stream)
	h.must(err)
}

// A stream that was open before a model brought an attribute along knows nothing of it.
func TestAStreamThatDoesNotKnowAnAttributeYetAssignsWithoutIt(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	stream := h.open(h.context(), h.conn, importCustomers)
	h.must(stream.SendMsg(assignHeader()))
	_, err := stream.receive()
	h.must(err)
	h.create(strings.Replace(sums, "name: sums", "name: more", 1) + "tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {min_score: 50}}, {name: low}], unscored: low}}]\n")
	h.published("more")
	h.must(stream.SendMsg(importCustomers.rows(1, customer("b", attrs{"arr": 70}))))
	_, err = stream.receive()
	h.must(err)
	h.sameAsScored("more", "b")
	h.must(stream.CloseSend())
	_, err = collectStream(stream)
	h.must(err)
}
