package modelfile_test

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// anyText draws all kinds of texts, with those that YAML takes for something else.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[ a-z:#'"\\\n\t-]{0,12}`),
		rapid.SampledFrom([]string{"", "true", "no", "null", "~", "<<", "=", "2024", "1e3", ".inf", "0x1F", "1_000", "2026-01-31", "- a", "a: b", "a #b", "!x",
			"&a", "*a", "@", "`", "%", "{a", "[b", "?", "|", ">", "'", "\"", "a\n", "a\n\nb", "\na", "a\n  b\n c", "a \nb", "a\n\n", " a", "a ", "\u2028", "\x00",
			"\u0085", "\uFEFF", "\x7f", "客户 😀\né", "\r\n"}),
	)
}

// plainText draws texts that a JSON writer may leave as they are and YAML allows.
func plainText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.RuneFrom([]rune("aZ9 _-:#'\"\\/\n\t{}[],é客😀\U0010FFFD")))
}

// randomModel draws models that hold any values of their fields' types, whatever they mean.
func randomModel(texts *rapid.Generator[string]) *rapid.Generator[*echelonv1.Model] {
	return rapid.Custom(func(t *rapid.T) *echelonv1.Model {
		m := &echelonv1.Model{}
		fill(t, m.ProtoReflect(), texts)
		return m
	})
}

func fill(t *rapid.T, m protoreflect.Message, texts *rapid.Generator[string]) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if oneof := fd.ContainingOneof(); oneof != nil && m.WhichOneof(oneof) != nil || !rapid.Bool().Draw(t, "given") {
			continue
		}
		switch {
		case fd.IsMap():
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				key := protoreflect.ValueOfString(texts.Draw(t, "key")).MapKey()
				m.Mutable(fd).Map().Set(key, randomScalar(t, fd.MapValue(), texts))
			}
		case fd.IsList():
			for range rapid.IntRange(0, 2).Draw(t, "items") {
				if fd.Message() != nil {
					fill(t, m.Mutable(fd).List().AppendMutable().Message(), texts)
				} else {
					m.Mutable(fd).List().Append(randomScalar(t, fd, texts))
				}
			}
		case fd.Message() != nil:
			fill(t, m.Mutable(fd).Message(), texts)
		default:
			m.Set(fd, randomScalar(t, fd, texts))
		}
	}
}

func randomScalar(t *rapid.T, fd protoreflect.FieldDescriptor, texts *rapid.Generator[string]) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(texts.Draw(t, "text"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "boolean"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 0.1, 1e6, 1e15, 1e-7, -2.5e300})).Draw(t, "number"))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "integer"))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "integer"))
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		v := values.Get(rapid.IntRange(0, values.Len()-1).Draw(t, "value")) // UNSPECIFIED as a field's value is that it is not given
		return protoreflect.ValueOfEnum(v.Number())
	}
	panic("a kind of field that the generator does not know: " + fd.Kind().String())
}
