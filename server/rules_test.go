package server

import (
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Requests are told the same whether what carries no rules is visited or not.
func TestRulesAreTheSameWithoutVisitingWhatHasNone(t *testing.T) {
	ours, err := newRuleValidator()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	customer := &echelonv1.Customer{Id: "", Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(1)}}}
	stored := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: "a"}}}
	nameless := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{}}}
	crowd := make([]*echelonv1.Customer, 1001)
	for i := range crowd {
		crowd[i] = customer
	}
	broken := 0
	for _, m := range []proto.Message{
		&echelonv1.BatchScoreCustomersRequest{Evaluator: stored, Customers: crowd[:2]},
		&echelonv1.BatchScoreCustomersRequest{Evaluator: stored, Customers: crowd},
		&echelonv1.BatchScoreCustomersRequest{Evaluator: nameless, Customers: crowd[:2]},
		&echelonv1.BatchScoreCustomersRequest{Customers: crowd},
		&echelonv1.UpsertCustomerRequest{},
		&echelonv1.UpsertCustomerRequest{Customer: customer, AssignModels: []string{""}},
		&echelonv1.ListAssignmentsRequest{Model: "a", PageSize: -1},
	} {
		want, got := theirs.Validate(m), ours.Validate(m)
		if (want == nil) != (got == nil) || want != nil && want.Error() != got.Error() {
			t.Errorf("%T: %v, want %v", m, got, want)
		}
		if want != nil {
			broken++
		}
	}
	if broken != 6 {
		t.Errorf("%d of the requests break a rule, want 6", broken)
	}
}

func TestCustomersCarryNoRulesAndRequestsDo(t *testing.T) {
	free := withoutRules((*echelonv1.Customer)(nil).ProtoReflect().Descriptor())
	for _, name := range []protoreflect.FullName{"echelon.v1.Customer", "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"} {
		if !free[name] {
			t.Errorf("%s is visited", name)
		}
	}
	if found := withoutRules((*echelonv1.BatchScoreCustomersRequest)(nil).ProtoReflect().Descriptor()); found != nil {
		t.Errorf("a request with rules counts as one without, of %v", found)
	}
}
