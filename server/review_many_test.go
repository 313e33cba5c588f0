package server_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Of more customers than are looked at together, each is in the queue for itself: whatever was written, deleted, stored anew, pinned or accepted since.
func TestTheQueueOfManyIsThatOfEach(t *testing.T) {
	const customers = 4500
	h := start(t)
	h.create(tall)
	score := func(i int) float64 { return float64(i%100) + 0.5 }
	near := func(score float64) bool { return score > 58 && score < 62 || score > 28 && score < 32 } // the lines are 60 and 30
	name := func(i int) string { return fmt.Sprintf("c%05d", i) }
	for i := range customers {
		h.upsert(name(i), usage(score(i), 10))
	}
	run := h.published("tall")
	want, asRun := map[string]bool{}, map[string]bool{}
	for i := range customers {
		want[name(i)], asRun[name(i)] = near(score(i)), near(score(i))
	}
	for i := 27; i < customers-2; i += 401 { // those after it are near the line of 30, many times
		_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer(name(i), usage(59.5, 10)), Assign: true})
		h.must(err)
		want[name(i)] = true // it lies over the snapshot
		_, err = h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: name(i + 1)})
		h.must(err)
		want[name(i+1)], asRun[name(i+1)] = false, false
		_, err = h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: name(i + 2)})
		h.must(err)
		h.upsert(name(i+2), usage(59.5, 10)) // it is another customer, of whom nothing is known
		want[name(i+2)], asRun[name(i+2)] = false, false
	}
	h.override(&echelonv1.Override{Model: "tall", CustomerId: name(4259), Item: "coverage", Pinned: "low", Reason: "r"})
	want[name(4259)] = false
	_, err := h.resolve(accept(name(60), "coverage"), accept(name(4460), "coverage"))
	h.must(err)
	want[name(60)], want[name(4460)] = false, false
	// The thresholds leave out all but scores near lines.
	limits := &echelonv1.ReviewThresholds{LargeMove: proto.Int32(100), TopCustomers: proto.Int32(0), MinCompleteness: proto.Float64(0)}
	look := func(what string, request *echelonv1.ListReviewItemsRequest, want map[string]bool) {
		t.Helper()
		request.Item, request.Thresholds = "coverage", limits
		var got, all []string
		for _, item := range h.review(request).GetItems() {
			got = append(got, item.GetCustomerId())
		}
		for id, in := range want {
			if in {
				all = append(all, id)
			}
		}
		slices.Sort(all)
		h.same(what, got, all) // all amounts are the same, so that they come by their ids
	}
	look("what is published", &echelonv1.ListReviewItemsRequest{PageSize: 97}, want)
	second := h.run("tall")
	h.must(h.publish(second.GetId()))
	for _, i := range []int{60, 4259, 4460} {
		asRun[name(i)] = want[name(i)] // what is decided on is so in every run
	}
	look("the run before, as it left them", &echelonv1.ListReviewItemsRequest{RunId: run.GetId(), PageSize: 97}, asRun)
}
