package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAFaultIsFoundWithinOtherErrors(t *testing.T) {
	f := fault.New(echelonv1.ErrorReason_CONFLICT, "%s, try again", "busy").With("a", "1").With("b", "2")
	wrapped := errors.Join(errors.New("other"), fmt.Errorf("doing: %w", f))
	if !fault.Is(wrapped, echelonv1.ErrorReason_CONFLICT) || fault.Is(wrapped, echelonv1.ErrorReason_RUN_STATE) || fault.Is(nil, echelonv1.ErrorReason_CONFLICT) {
		t.Error("Is does not tell faults by their reason")
	}
	if f.Error() != "busy, try again" {
		t.Errorf("it says %q", f)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, f.Metadata); diff != "" {
		t.Error(diff)
	}
}

func TestAModelsFaultNamesAllMistakesAndNoWarning(t *testing.T) {
	var found diag.List
	found.Warnf("scores[0]", "think", "it is simple")
	found.Mistakef("scores[1].name", "use small letters", "%q is no name", "X")
	one := fault.Model(found)
	if want := "the model has a mistake: "; len(one.Violations) != 1 || one.Message[:len(want)] != want {
		t.Errorf("one mistake: %+v", one)
	}
	found.Mistakef("tierings", "", "it is wrong")
	f := fault.Model(found)
	want := []fault.Violation{{Field: "scores[1].name", Description: `"X" is no name (use small letters)`}, {Field: "tierings", Description: "it is wrong"}}
	if diff := cmp.Diff(want, f.Violations); diff != "" || f.Reason != echelonv1.ErrorReason_MODEL_INVALID {
		t.Errorf("%v (-want +got):\n%s", f.Reason, diff)
	}
}

func TestARequestsFaultNamesItsFieldsAndNotAllOfThousands(t *testing.T) {
	var found diag.List
	found.Mistakef("rates[0].date", "write a day", "%q is no date", "soon")
	f := fault.Request(found)
	want := []fault.Violation{{Field: "rates[0].date", Description: `"soon" is no date (write a day)`}}
	if diff := cmp.Diff(want, f.Violations); diff != "" || f.Reason != echelonv1.ErrorReason_INVALID_REQUEST {
		t.Errorf("%v (-want +got):\n%s", f.Reason, diff)
	}
	for range 5000 {
		found.Mistakef("rates[1]", "", "it is wrong")
	}
	if f := fault.Request(found); len(f.Violations) != 100 || f.Message[:len("the request has 5001 mistakes")] != "the request has 5001 mistakes" {
		t.Errorf("%d violations: %s", len(f.Violations), f)
	}
}

func TestThePreviousTiersOfACustomerAreNoAttribute(t *testing.T) {
	f := fault.Customer(&echelonv1.RowError{CustomerId: "acme", Field: "previous_tiers.x", Code: echelonv1.RowError_PREVIOUS_TIER, Message: "there is none"})
	if diff := cmp.Diff([]fault.Violation{{Field: "previous_tiers.x", Description: "there is none"}}, f.Violations); diff != "" {
		t.Error(diff)
	}
}

func TestACustomersFaultNamesTheField(t *testing.T) {
	for field, want := range map[string]string{"": "id", "arr": "attributes.arr"} {
		f := fault.Customer(&echelonv1.RowError{CustomerId: "acme", Field: field, Code: echelonv1.RowError_WRONG_TYPE, Message: "it is wrong"})
		if diff := cmp.Diff([]fault.Violation{{Field: want, Description: "it is wrong"}}, f.Violations); diff != "" {
			t.Errorf("field %q (-want +got):\n%s", field, diff)
		}
		if f.Metadata["code"] != "WRONG_TYPE" || f.Reason != echelonv1.ErrorReason_CUSTOMER_INVALID || f.Message != `customer "acme" is refused: it is wrong` {
			t.Errorf("the fault is %+v", f)
		}
	}
}
