package server_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// The answer to a call without an explanation is written from columns; that to one with it is a message. Calls for several models use one memory.
func TestAnAnswerIsTheSameWithAndWithoutItsExplanation(t *testing.T) {
	h := start(t)
	h.create(plain)
	other := model(t, plain)
	other.Name, other.Tierings = "other", nil
	people := []*echelonv1.Customer{
		customer("acme", attrs{"arr": 60, "employees": 5000}), customer("ünïcode", attrs{"arr": 40}), customer("nothing", attrs{}),
		customer("", attrs{"arr": 99, "employees": 10}), customer("again", attrs{"arr": 60, "employees": 5000}),
	}
	for _, person := range people {
		if person.GetId() != "" {
			h.upsert(person.GetId(), person.GetAttributes().AsMap())
		}
	}
	for range 2 {
		for _, person := range people {
			for _, e := range []*echelonv1.Evaluator{storedModel("plain"), inline(other)} {
				requests := []*echelonv1.ScoreCustomerRequest{given(e, person)}
				if person.GetId() != "" {
					requests = append(requests, byID(e, person.GetId()))
				}
				for _, request := range requests {
					plainly, err := h.scoring.ScoreCustomer(h.context(), request)
					h.must(err)
					explaining := proto.CloneOf(request)
					explaining.Explain = true
					explained, err := h.scoring.ScoreCustomer(h.context(), explaining)
					h.must(err)
					if explained.GetAssignment().GetExplanation() == nil || plainly.GetAssignment().GetProvenance() == nil {
						t.Fatalf("%q: no explanation, or no provenance: %v", person.GetId(), plainly)
					}
					explained.Assignment.Explanation = nil
					if diff := cmp.Diff(explained, plainly, protocmp.Transform()); diff != "" {
						t.Errorf("%q: (-explained +not)\n%s", person.GetId(), diff)
					}
				}
			}
		}
	}
}
