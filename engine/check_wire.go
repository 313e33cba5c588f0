package engine

import (
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// wellFormed returns a copy of a model as it would come over the wire: nobody else changes it, and no message in it is absent. Texts that are no
// UTF-8, and numbers of enumerations that have no meaning here, are mistakes.
func wellFormed(model *echelonv1.Model) (*echelonv1.Model, diag.List) {
	var found diag.List
	checkMessage("", model.ProtoReflect(), &found)
	if found.HasMistakes() {
		return nil, found
	}
	received := &echelonv1.Model{}
	data, err := proto.Marshal(model)
	if err == nil {
		err = proto.Unmarshal(data, received)
	}
	if err != nil {
		found.Mistakef("", "build the model anew", "the model cannot be sent: %v", err)
	}
	return received, found
}

func checkMessage(path string, m protoreflect.Message, found *diag.List) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		at := diag.Field(path, string(field.Name()))
		switch {
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, one protoreflect.Value) bool {
				checkText(at, key.String(), found)
				checkValue(diag.Key(at, key.String()), field.MapValue(), one, found)
				return true
			})
		case field.IsList():
			for i := range value.List().Len() {
				checkValue(diag.Index(at, i), field, value.List().Get(i), found)
			}
		default:
			checkValue(at, field, value, found)
		}
		return true
	})
}

func checkValue(path string, field protoreflect.FieldDescriptor, value protoreflect.Value, found *diag.List) {
	switch field.Kind() {
	case protoreflect.MessageKind:
		checkMessage(path, value.Message(), found)
	case protoreflect.StringKind:
		checkText(path, value.String(), found)
	case protoreflect.EnumKind:
		if field.Enum().Values().ByNumber(value.Enum()) == nil {
			found.Mistakef(path, "use one that this version knows", "the number %d has no meaning", value.Enum())
		}
	}
}

func checkText(path, text string, found *diag.List) {
	if !utf8.ValidString(text) {
		found.Mistakef(path, "convert it to UTF-8", "the text is no valid UTF-8")
	}
}
