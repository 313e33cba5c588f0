package server_test

import (
	"testing"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestThePathOfAStoredCustomerIsToldWhereItIsAskedFor(t *testing.T) {
	// PATH-1
	h := start(t)
	h.create(holding)
	h.upsert("a", attrs{"arr": 20.0})
	score := func(explain, path bool) *echelonv1.Explanation {
		t.Helper()
		got, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
			Evaluator: storedModel("holding"), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "a"}, Explain: explain, Path: path})
		h.must(err)
		return got.GetAssignment().GetExplanation()
	}
	paths := score(true, true).GetPaths()
	if len(paths) == 0 || len(paths[0].GetSteps()) == 0 || paths[0].GetSteps()[0].GetOutcome() != echelonv1.PathStep_REACHES {
		t.Fatalf("the paths are %v", paths)
	}
	h.upsert("a", attrs{"arr": paths[0].GetSteps()[0].GetTo().GetNumberValue()})
	if got := score(true, false); got.GetTiers()[0].GetTier() != paths[0].GetSteps()[0].GetTier() || len(got.GetPaths()) > 0 {
		t.Errorf("with the value of the path %v it is explained as %v", paths[0], got)
	}
	if got := score(false, true); got != nil {
		t.Errorf("without explain there is %v", got)
	}
}
