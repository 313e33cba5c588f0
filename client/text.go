package client

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// checkText returns what is wrong with a customer that has text which is no valid UTF-8, and nil otherwise. One such text would fail the whole
// message, and with it every other customer of the batch. Everything else is left to the service, so that there is one place that checks it.
func checkText(customer *echelonv1.Customer) *echelonv1.RowError {
	if !utf8.ValidString(customer.GetId()) {
		return &echelonv1.RowError{
			CustomerId: frame.Printable(customer.GetId()),
			Code:       echelonv1.RowError_INVALID_UTF8,
			Message:    "the id is no valid UTF-8: convert the input to UTF-8",
		}
	}
	for tiering, tier := range customer.GetPreviousTiers() {
		if !utf8.ValidString(tiering) || !utf8.ValidString(tier) {
			return refuseText(customer, "previous_tiers", "previous_tiers: a text is no valid UTF-8: convert the input to UTF-8")
		}
	}
	fields := customer.GetAttributes().GetFields()
	if validFields(fields) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !utf8.ValidString(name) {
			return refuseText(customer, name, "the name of the attribute is no valid UTF-8: convert the input to UTF-8")
		}
		if !validValue(fields[name]) {
			return refuseText(customer, name, frame.Printable(name)+": the text is no valid UTF-8: convert the input to UTF-8")
		}
	}
	return nil
}

func refuseText(customer *echelonv1.Customer, name, message string) *echelonv1.RowError {
	return &echelonv1.RowError{
		CustomerId: frame.Printable(customer.GetId()), Field: frame.Printable(name), Code: echelonv1.RowError_INVALID_UTF8, Message: message,
	}
}

func validFields(fields map[string]*structpb.Value) bool {
	for name, value := range fields {
		if !utf8.ValidString(name) || !validValue(value) {
			return false
		}
	}
	return true
}

func validValue(value *structpb.Value) bool {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_StringValue:
		return utf8.ValidString(kind.StringValue)
	case *structpb.Value_ListValue:
		for _, item := range kind.ListValue.GetValues() {
			if !validValue(item) {
				return false
			}
		}
	case *structpb.Value_StructValue:
		return validFields(kind.StructValue.GetFields())
	}
	return true
}

// invalid is the error that the service would have answered for a customer that was refused.
func invalid(refusal *echelonv1.RowError) *Error {
	field := "id"
	if refusal.GetField() != "" {
		field = "attributes." + refusal.GetField()
	}
	return &Error{
		Code:       codes.InvalidArgument,
		Reason:     echelonv1.ErrorReason_CUSTOMER_INVALID,
		Message:    fmt.Sprintf("customer %q is refused: %s", refusal.GetCustomerId(), refusal.GetMessage()),
		Metadata:   map[string]string{"code": refusal.GetCode().String()},
		Violations: []Violation{{Field: field, Description: refusal.GetMessage()}},
	}
}
