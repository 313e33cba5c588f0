package server

import (
	"fmt"

	rules "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ruleValidator checks the rules that messages carry in their .proto, and looks at nothing that carries none. Without that, protovalidate visits
// every value of every customer of a request to find that there is nothing to check, which is a fifth of what it costs to score them.
type ruleValidator struct {
	protovalidate.Validator
	sought protovalidate.ValidationOption
}

func newRuleValidator() (*ruleValidator, error) {
	v, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("preparing the validation of requests: %w", err)
	}
	free := withoutRules((*echelonv1.Customer)(nil).ProtoReflect().Descriptor())
	return &ruleValidator{Validator: v, sought: protovalidate.WithFilter(protovalidate.FilterFunc(
		func(_ protoreflect.Message, d protoreflect.Descriptor) bool {
			field, isField := d.(protoreflect.FieldDescriptor)
			return !isField || !free[field.ContainingMessage().FullName()]
		}))}, nil
}

// Validate implements protovalidate.Validator.
func (v *ruleValidator) Validate(message proto.Message, options ...protovalidate.ValidationOption) error {
	return v.Validator.Validate(message, append(options, v.sought)...)
}

// withoutRules returns a message and all that it is made of, where nothing of that carries rules, and otherwise nothing.
func withoutRules(of protoreflect.MessageDescriptor) map[protoreflect.FullName]bool {
	free := make(map[protoreflect.FullName]bool)
	if carriesRules(of, free) {
		return nil
	}
	return free
}

// carriesRules reports whether a message, or what it is made of, carries rules; what it looked at by then is in seen.
func carriesRules(of protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[of.FullName()] {
		return false
	}
	seen[of.FullName()] = true
	if proto.HasExtension(of.Options(), rules.E_Message) {
		return true
	}
	for i := range of.Oneofs().Len() {
		if proto.HasExtension(of.Oneofs().Get(i).Options(), rules.E_Oneof) {
			return true
		}
	}
	for i := range of.Fields().Len() {
		field := of.Fields().Get(i)
		if proto.HasExtension(field.Options(), rules.E_Field) || field.Message() != nil && carriesRules(field.Message(), seen) {
			return true
		}
	}
	return false
}
