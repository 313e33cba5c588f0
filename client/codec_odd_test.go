package client_test

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// What nobody sends on purpose is written as protobuf writes it too, and does not end the program.
func TestTheCodecWritesOddMessagesAsProtobufDoes(t *testing.T) {
	with := func(value *structpb.Value) proto.Message {
		fields := map[string]*structpb.Value{"odd": value}
		return &echelonv1.BatchScoreCustomersRequest{Customers: []*echelonv1.Customer{{Id: "acme", Attributes: &structpb.Struct{Fields: fields}}}}
	}
	var noBatch *echelonv1.CustomerBatch
	for name, message := range map[string]proto.Message{
		"no batch to score":   (*echelonv1.BatchScoreCustomersRequest)(nil),
		"no customer":         (*echelonv1.ScoreCustomerRequest)(nil),
		"nothing to import":   (*echelonv1.ImportCustomersRequest)(nil),
		"an absent batch":     &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: noBatch}},
		"an absent customer":  &echelonv1.BatchScoreCustomersRequest{Customers: []*echelonv1.Customer{nil, {Id: "a"}}},
		"an absent value":     with(nil),
		"an absent number":    with(&structpb.Value{Kind: (*structpb.Value_NumberValue)(nil)}),
		"an absent text":      with(&structpb.Value{Kind: (*structpb.Value_StringValue)(nil)}),
		"an absent truth":     with(&structpb.Value{Kind: (*structpb.Value_BoolValue)(nil)}),
		"an absent null":      with(&structpb.Value{Kind: (*structpb.Value_NullValue)(nil)}),
		"an absent list":      with(&structpb.Value{Kind: (*structpb.Value_ListValue)(nil)}),
		"a list of nothing":   with(&structpb.Value{Kind: &structpb.Value_ListValue{}}),
		"a list with nothing": with(structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{nil}})),
		"another null":        with(&structpb.Value{Kind: &structpb.Value_NullValue{NullValue: 300}}),
	} {
		t.Run(name, func(t *testing.T) {
			want, refused := encoding.GetCodecV2("proto").Marshal(message)
			got, err := client.Codec().Marshal(message)
			if (err != nil) != (refused != nil) {
				t.Fatalf("the error is %v, want %v", err, refused)
			}
			if !bytes.Equal(got.Materialize(), want.Materialize()) {
				t.Errorf("it is written as %x, want %x", got.Materialize(), want.Materialize())
			}
		})
	}
}
