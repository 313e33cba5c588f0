package server

import (
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAPlainRequestKeepsTheRules(t *testing.T) {
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	plains := 0
	texts := rapid.SampledFrom([]string{"", "m", "ü", strings.Repeat("m", 64), strings.Repeat("m", 65), strings.Repeat("ü", 64), strings.Repeat("i", 512), strings.Repeat("i", 513)})
	rapid.Check(t, func(t *rapid.T) {
		r := &echelonv1.ScoreCustomerRequest{Explain: rapid.Bool().Draw(t, "explain")}
		if rapid.IntRange(0, 9).Draw(t, "evaluator") > 0 {
			r.Evaluator = &echelonv1.Evaluator{IgnoreUnknownAttributes: rapid.Bool().Draw(t, "ignore")}
			switch rapid.IntRange(0, 5).Draw(t, "model") {
			case 0:
			case 1:
				r.Evaluator.Model = &echelonv1.Evaluator_Inline{Inline: &echelonv1.Model{}}
			default:
				r.Evaluator.Model = &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: texts.Draw(t, "name"), Version: rapid.Int64Range(-1, 2).Draw(t, "version")}}
			}
			switch rapid.IntRange(0, 5).Draw(t, "calibration") {
			case 0:
				r.Evaluator.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: texts.Draw(t, "calibration id")}
			case 1:
				r.Evaluator.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: &echelonv1.Calibration{}}
			}
			if rapid.Bool().Draw(t, "as of") {
				r.Evaluator.AsOf = &timestamppb.Timestamp{Nanos: -1}
			}
		}
		switch rapid.IntRange(0, 3).Draw(t, "customer") {
		case 0:
		case 1:
			r.Customer = &echelonv1.ScoreCustomerRequest_Given{Given: &echelonv1.Customer{Id: texts.Draw(t, "id")}}
		default:
			r.Customer = &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: texts.Draw(t, "id")}
		}
		if !plain(r) {
			return
		}
		plains++
		if err := validator.Validate(r); err != nil {
			t.Fatalf("%v is taken for plain: %v", r, err)
		}
	})
	if plains == 0 {
		t.Error("no request is plain")
	}
}

// A field that is added may have rules, of which plain knows nothing.
func TestPlainKnowsAllFieldsOfItsRequest(t *testing.T) {
	for _, test := range []struct {
		message proto.Message
		fields  string
	}{
		{&echelonv1.ScoreCustomerRequest{}, "evaluator given customer_id explain path"},
		{&echelonv1.Evaluator{}, "stored inline calibration_id inline_calibration as_of ignore_unknown_attributes"},
		{&echelonv1.ModelRef{}, "name version"},
	} {
		known := strings.Fields(test.fields)
		fields := test.message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if name := string(fields.Get(i).Name()); !slices.Contains(known, name) {
				t.Errorf("%T has the field %s: see that plain keeps to its rules, and add it here", test.message, name)
			}
		}
	}
}
