package client

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// One customer with many attributes must not make all that follow as slow as itself: each name that an encoder knows is looked up for each of them.
func TestAnEncoderForgetsTheNamesOfAWideCustomer(t *testing.T) {
	with := func(attributes int) *echelonv1.ScoreCustomerRequest {
		fields := make(map[string]*structpb.Value)
		for i := range attributes {
			fields[fmt.Sprint("attribute", i)] = structpb.NewNumberValue(1)
		}
		given := &echelonv1.Customer{Id: "acme", Attributes: &structpb.Struct{Fields: fields}}
		return &echelonv1.ScoreCustomerRequest{Customer: &echelonv1.ScoreCustomerRequest_Given{Given: given}}
	}
	e := &encoder{}
	for _, step := range []struct{ attributes, known int }{{10, 10}, {20_000, 20_000}, {10, 10}, {40, 40}, {10, 40}, {0, 40}} {
		if known, err := e.request(with(step.attributes)); err != nil || !known {
			t.Fatal(known, err)
		}
		if len(e.names) != step.known {
			t.Errorf("after a customer with %d attributes %d names are known, want %d", step.attributes, len(e.names), step.known)
		}
	}
}
