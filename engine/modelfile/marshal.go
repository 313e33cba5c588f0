package modelfile

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Marshal writes a model as a YAML file: fields by their proto names, in the order of the proto, without those that are not given, entries sorted by
// their keys. [Parse] reads an equal model from it. It fails, naming the place, on what a file cannot hold: text that is not UTF-8, numbers that are
// not finite, enum values and fields that this version does not know.
func Marshal(m *echelonv1.Model) ([]byte, error) {
	root, err := mappingOf("", m.ProtoReflect())
	if err != nil {
		return nil, fmt.Errorf("write model: %w", err)
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("write model: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write model: %w", err)
	}
	return out.Bytes(), nil
}

// mappingOf writes a message. One that holds numbers and words alone, such as {min: 1, max: 10}, stands in one line.
func mappingOf(path string, m protoreflect.Message) (*yaml.Node, error) {
	if len(m.GetUnknown()) > 0 {
		return nil, fmt.Errorf("%s: it has fields that this version does not know", orModel(path))
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) {
			continue
		}
		value, err := valueOf(diag.Field(path, string(fd.Name())), fd, m.Get(fd))
		if err != nil {
			return nil, err
		}
		if fd.IsList() || fd.Message() != nil || fd.Kind() == protoreflect.StringKind {
			n.Style = 0
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: string(fd.Name()), Tag: "!!str"}, value)
	}
	return n, nil
}

func orModel(path string) string {
	if path == "" {
		return "the model"
	}
	return path
}

func valueOf(path string, fd protoreflect.FieldDescriptor, v protoreflect.Value) (*yaml.Node, error) {
	switch {
	case fd.IsMap():
		return entriesOf(path, fd.MapValue(), v.Map())
	case fd.IsList():
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.List().Len() {
			item, err := singleOf(diag.Index(path, i), fd, v.List().Get(i))
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		return n, nil
	}
	return singleOf(path, fd, v)
}

func entriesOf(path string, fd protoreflect.FieldDescriptor, entries protoreflect.Map) (*yaml.Node, error) {
	var keys []string
	entries.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k.String())
		return true
	})
	slices.Sort(keys)
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keys {
		at := diag.Key(path, k)
		key, err := textOf(at, k)
		if err != nil {
			return nil, err
		}
		value, err := singleOf(at, fd, entries.Get(protoreflect.ValueOfString(k).MapKey()))
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, key, value)
	}
	return n, nil
}

func singleOf(path string, fd protoreflect.FieldDescriptor, v protoreflect.Value) (*yaml.Node, error) {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		return mappingOf(path, v.Message())
	case protoreflect.StringKind:
		return textOf(path, v.String())
	case protoreflect.EnumKind:
		value := fd.Enum().Values().ByNumber(v.Enum())
		if value == nil || value.Name() == "UNSPECIFIED" {
			return nil, fmt.Errorf("%s: unknown value %d", path, v.Enum())
		}
		return word(string(value.Name())), nil
	case protoreflect.DoubleKind:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return nil, fmt.Errorf("%s: %v is not finite", path, v.Float())
		}
		return word(numberText(v.Float())), nil
	}
	return word(v.String()), nil
}

// numberText is the shortest decimal that reads back as the same double, with an exponent only where it would be long.
func numberText(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e15) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// word is a scalar that needs no quotes.
func word(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// textOf writes a text so that it reads back as it is, in a literal block if it has several lines of which each can stand in one.
func textOf(path, s string) (*yaml.Node, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%s: the text is not valid UTF-8", path)
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: s, Tag: "!!str"}
	switch {
	case strings.ContainsRune(s, '\n') && fitsBlock(s):
		n.Style = yaml.LiteralStyle
	case strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }):
		n.Style = yaml.DoubleQuotedStyle // with escapes; the library would write some of these characters as they are
	}
	return n, nil
}

// fitsBlock reports whether a text of several lines can stand in a literal block without marks for its first and last lines.
func fitsBlock(s string) bool {
	if strings.HasPrefix(s, "\n") || strings.HasPrefix(s, " ") || strings.HasSuffix(s, "\n\n") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if line != strings.TrimRight(line, " \t") || strings.ContainsFunc(line, func(r rune) bool { return r == '\t' || !allowed(r) }) {
			return false
		}
	}
	return true
}
