package client_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Whatever a message has, usual or not, arrives, or is refused as protobuf refuses it.
func TestTheCodecWritesWhatProtobufWrites(t *testing.T) {
	ours, theirs := client.Codec(), encoding.GetCodecV2("proto")
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(t, "messages") { // of one encoder, which remembers names
			message := drawRequest(t)
			want, refused := theirs.Marshal(message)
			got, err := ours.Marshal(message)
			if (err != nil) != (refused != nil) {
				t.Fatalf("the error of %v is %v, want %v", message, err, refused)
			}
			if err != nil {
				continue
			}
			if got.Len() != want.Len() {
				t.Fatalf("%v has %d bytes, want %d", message, got.Len(), want.Len())
			}
			back := message.ProtoReflect().New().Interface()
			if err := theirs.Unmarshal(got, back); err != nil {
				t.Fatalf("%v cannot be decoded: %v", message, err)
			}
			again := message.ProtoReflect().New().Interface()
			if err := theirs.Unmarshal(want, again); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(back, again) {
				t.Fatalf("%v arrives as %v", again, back)
			}
		}
	})
}

// drawRequest draws a message that carries customers, or none.
func drawRequest(t *rapid.T) proto.Message {
	batch := &echelonv1.CustomerBatch{Sequence: rapid.Int64Range(0, 300).Draw(t, "sequence")}
	switch rapid.IntRange(0, 5).Draw(t, "rows") {
	case 0:
	case 1:
		batch.Arrow = []byte("ARROW")
	default:
		batch.Rows = &echelonv1.CustomerRows{}
		for range rapid.IntRange(0, 5).Draw(t, "customers") {
			batch.Rows.Customers = append(batch.Rows.Customers, drawCustomer(t))
		}
	}
	var message proto.Message
	switch rapid.IntRange(0, 5).Draw(t, "message") {
	case 0:
		message = &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: batch}}
	case 1:
		message = &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{Batch: batch}}
	case 2:
		message = &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Batch{Batch: batch}}
	case 3:
		message = &echelonv1.ScoreCustomerRequest{Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "acme"}}
	case 4:
		message = &echelonv1.BatchScoreCustomersRequest{Evaluator: drawEvaluator(t), Customers: batch.GetRows().GetCustomers(), Explain: rapid.Bool().Draw(t, "explain")}
	default:
		score := &echelonv1.ScoreCustomerRequest{
			Customer: &echelonv1.ScoreCustomerRequest_Given{Given: drawCustomer(t)},
			Explain:  rapid.Bool().Draw(t, "explain"), Path: rapid.Bool().Draw(t, "path"),
		}
		if rapid.Bool().Draw(t, "evaluator") {
			score.Evaluator = drawEvaluator(t)
		}
		message = score
	}
	addUnknown(t, message)
	return message
}

func drawEvaluator(t *rapid.T) *echelonv1.Evaluator {
	e := client.StoredModel(rapid.SampledFrom([]string{"", "accounts", "\xff"}).Draw(t, "model"), rapid.Int64Range(-1, 200).Draw(t, "version"))
	addUnknown(t, e.GetStored())
	switch rapid.IntRange(0, 9).Draw(t, "more") {
	case 0:
		e.Model = &echelonv1.Evaluator_Inline{Inline: &echelonv1.Model{Name: "inline"}}
	case 1:
		e.Model = nil
	case 2:
		e.Model = &echelonv1.Evaluator_Stored{}
	case 3:
		e.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: "run"}
	case 4:
		e.AsOf = &timestamppb.Timestamp{Seconds: 5}
	case 5:
		e.IgnoreUnknownAttributes = true
	}
	addUnknown(t, e)
	return e
}

// addUnknown adds, now and then, a field that a later version of the service might have.
func addUnknown(t *rapid.T, message proto.Message) {
	if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		message.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 5000, protowire.VarintType), 7))
	}
}

var texts = rapid.SampledFrom([]string{"", "a", "ü", strings.Repeat("long ", 40), "arr", "industry", "\xff"})

func drawCustomer(t *rapid.T) *echelonv1.Customer {
	c := &echelonv1.Customer{Id: texts.Draw(t, "id")}
	if rapid.IntRange(0, 9).Draw(t, "attributes") > 0 {
		c.Attributes = &structpb.Struct{Fields: make(map[string]*structpb.Value)}
		for range rapid.IntRange(0, 12).Draw(t, "attributes") {
			c.Attributes.Fields[texts.Draw(t, "name")+rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "more")] = drawValue(t)
		}
		addUnknown(t, c.Attributes)
	}
	switch rapid.IntRange(0, 9).Draw(t, "other") {
	case 0:
		c.UpdateTime = &timestamppb.Timestamp{Seconds: 1 << 40, Nanos: 5}
	case 1:
		c.PreviousTiers = map[string]string{"coverage": "high"}
	case 2:
		c.PreviousStandings = map[string]*echelonv1.Standing{"coverage": {Since: "2026-01-31"}}
	}
	addUnknown(t, c)
	return c
}

func drawValue(t *rapid.T) *structpb.Value {
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 0:
		return structpb.NewNullValue()
	case 1:
		return structpb.NewBoolValue(rapid.Bool().Draw(t, "bool"))
	case 2:
		list := &structpb.ListValue{}
		for range rapid.IntRange(0, 60).Draw(t, "items") {
			list.Values = append(list.Values, structpb.NewStringValue(texts.Draw(t, "item")))
		}
		if rapid.IntRange(0, 5).Draw(t, "number") == 0 {
			list.Values = append(list.Values, structpb.NewNumberValue(1))
		}
		return structpb.NewListValue(list)
	case 3:
		return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(1)}})
	case 4:
		return &structpb.Value{}
	case 5, 6, 7:
		return structpb.NewStringValue(texts.Draw(t, "text"))
	}
	return structpb.NewNumberValue(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1.5, math.Inf(1), math.NaN(), math.MaxFloat64}).Draw(t, "number"))
}

// A field that is added would be lost.
func TestTheCodecKnowsAllFieldsOfWhatItWrites(t *testing.T) {
	for _, test := range []struct {
		message proto.Message
		fields  string
	}{
		{&echelonv1.ScoreCustomerRequest{}, "evaluator given customer_id explain path"},
		{&echelonv1.BatchScoreCustomersRequest{}, "evaluator customers explain"},
		{&echelonv1.Evaluator{}, "stored inline calibration_id inline_calibration as_of ignore_unknown_attributes"},
		{&echelonv1.ModelRef{}, "name version"},
		{&echelonv1.ImportCustomersRequest{}, "header batch"},
		{&echelonv1.BulkAssignRequest{}, "header batch"},
		{&echelonv1.CalibrateRequest{}, "header batch"},
		{&echelonv1.CustomerBatch{}, "sequence rows arrow"},
		{&echelonv1.CustomerRows{}, "customers"},
		{&echelonv1.Customer{}, "id attributes update_time previous_tiers previous_standings"},
	} {
		known := strings.Fields(test.fields)
		fields := test.message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if name := string(fields.Get(i).Name()); !slices.Contains(known, name) {
				t.Errorf("%T has the field %s: see that the encoder writes it, and add it here", test.message, name)
			}
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	fields := make(map[string]any)
	for _, name := range strings.Fields("arr employees revenue growth wallet usage nps tenure seats products industry country region plan goal") {
		fields[name] = float64(len(name))
	}
	fields["industry"], fields["country"] = "industry_07", "DE"
	attributes, err := structpb.NewStruct(fields)
	if err != nil {
		b.Fatal(err)
	}
	message := &echelonv1.ScoreCustomerRequest{
		Evaluator: client.StoredModel("accounts", 0),
		Customer:  &echelonv1.ScoreCustomerRequest_Given{Given: &echelonv1.Customer{Id: "acme", Attributes: attributes}},
	}
	for name, codec := range map[string]encoding.CodecV2{"protobuf": encoding.GetCodecV2("proto"), "client": client.Codec()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				data, err := codec.Marshal(message)
				if err != nil {
					b.Fatal(err)
				}
				data.Free()
			}
		})
	}
}
