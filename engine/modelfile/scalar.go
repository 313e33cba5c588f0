package modelfile

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/diag"
)

// scalar reads one value that is not null; false after saying what is wrong.
func (d *decoder) scalar(path string, fd protoreflect.FieldDescriptor, n *yaml.Node) (protoreflect.Value, bool) {
	if d.refused(path, n) {
		return protoreflect.Value{}, false
	}
	switch fd.Kind() {
	case protoreflect.StringKind:
		return d.text(path, n)
	case protoreflect.BoolKind:
		return d.boolean(path, n)
	case protoreflect.EnumKind:
		return d.enum(path, fd.Enum(), n)
	case protoreflect.DoubleKind:
		return d.double(path, n)
	case protoreflect.Int32Kind:
		v, ok := d.integer(path, n, 32)
		return protoreflect.ValueOfInt32(int32(v)), ok
	case protoreflect.Int64Kind:
		v, ok := d.integer(path, n, 64)
		return protoreflect.ValueOfInt64(v), ok
	}
	panic("modelfile: no reader for fields of kind " + fd.Kind().String()) // a new kind of field in the proto: the round-trip test meets it
}

// text takes any scalar as it is written: `name: 2024` and `when: true` mean texts.
func (d *decoder) text(path string, n *yaml.Node) (protoreflect.Value, bool) {
	if n.Kind == yaml.ScalarNode {
		return protoreflect.ValueOfString(n.Value), true
	}
	remedy := ""
	if n.Style&yaml.FlowStyle != 0 {
		remedy = "put the whole text into quotes"
	}
	d.mistake(n, path, remedy, "a text is expected, got %s", kindOf(n))
	return protoreflect.Value{}, false
}

func (d *decoder) boolean(path string, n *yaml.Node) (protoreflect.Value, bool) {
	if isPlain(n) && (n.Value == "true" || n.Value == "false") {
		return protoreflect.ValueOfBool(n.Value == "true"), true
	}
	remedy := ""
	if n.Kind == yaml.ScalarNode {
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on", "y", "t", "1":
			remedy = "write true, without quotes"
		case "false", "no", "off", "n", "f", "0":
			remedy = "write false, without quotes"
		}
	}
	d.mistake(n, path, remedy, "true or false is expected, got %s", shown(n))
	return protoreflect.Value{}, false
}

func (d *decoder) enum(path string, ed protoreflect.EnumDescriptor, n *yaml.Node) (protoreflect.Value, bool) {
	var names []string
	for i := range ed.Values().Len() {
		if name := string(ed.Values().Get(i).Name()); name != "UNSPECIFIED" {
			names = append(names, name)
		}
	}
	if n.Kind != yaml.ScalarNode {
		d.mistake(n, path, "one of "+commas(names), "a word is expected, got %s", kindOf(n))
		return protoreflect.Value{}, false
	}
	if v := ed.Values().ByName(protoreflect.Name(n.Value)); v != nil && n.Value != "UNSPECIFIED" {
		return protoreflect.ValueOfEnum(v.Number()), true
	}
	remedy := diag.DidYouMean(n.Value, names)
	if remedy == "" {
		remedy = "one of " + commas(names)
	}
	d.mistake(n, path, remedy, "unknown value %s", quote(n.Value))
	return protoreflect.Value{}, false
}

// jsonNumber is how numbers are written, as in JSON.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (d *decoder) double(path string, n *yaml.Node) (protoreflect.Value, bool) {
	if !isPlain(n) || !jsonNumber.MatchString(n.Value) {
		d.mistake(n, path, numberRemedy(n), "a number is expected, got %s", shown(n))
		return protoreflect.Value{}, false
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if errors.Is(err, strconv.ErrRange) {
		d.mistake(n, path, "", "the number %s is too large", quote(n.Value))
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfFloat64(v), true
}

// integer reads a whole number of so many bits. Numbers of 64 bits may stand in quotes, as protobuf's JSON writes them.
func (d *decoder) integer(path string, n *yaml.Node, bits int) (int64, bool) {
	quotedNumber := bits == 64 && n.Kind == yaml.ScalarNode
	if !isPlain(n) && !quotedNumber || !jsonNumber.MatchString(n.Value) {
		d.mistake(n, path, numberRemedy(n), "a whole number is expected, got %s", shown(n))
		return 0, false
	}
	if strings.ContainsAny(n.Value, ".eE") {
		return d.wholeDouble(path, n, bits)
	}
	v, err := strconv.ParseInt(n.Value, 10, bits)
	if err != nil {
		d.mistake(n, path, "", "the number %s is out of range", quote(n.Value))
		return 0, false
	}
	return v, true
}

// wholeDouble reads a whole number that is written as 1e3 or 5.0.
func (d *decoder) wholeDouble(path string, n *yaml.Node, bits int) (int64, bool) {
	v, err := strconv.ParseFloat(n.Value, 64)
	switch exact := min(math.Ldexp(1, bits-1)-1, 1<<53); {
	case err != nil || math.Abs(v) > exact:
		d.mistake(n, path, "write it out in digits", "the number %s is out of range", quote(n.Value))
	case v != math.Trunc(v):
		d.mistake(n, path, "", "a whole number is expected, got %s", shown(n))
	default:
		return int64(v), true
	}
	return 0, false
}

// numberRemedy says how to write what was probably meant as a number.
func numberRemedy(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	switch strings.ToLower(strings.TrimLeft(n.Value, "+-.")) {
	case "inf", "infinity", "nan":
		return "numbers are finite"
	}
	meant := strings.TrimPrefix(strings.NewReplacer("_", "", ",", "", " ", "").Replace(n.Value), "+")
	meant = strings.TrimSuffix(meant, ".")
	sign := ""
	if strings.HasPrefix(meant, "-") {
		sign, meant = "-", meant[1:]
	}
	if strings.HasPrefix(meant, ".") {
		meant = "0" + meant
	}
	switch trimmed := sign + meant; {
	case !jsonNumber.MatchString(trimmed) || len(trimmed) > 40:
		return "write a number such as 0.5, 1000 or 1e6"
	case trimmed == n.Value:
		return "write it without quotes"
	default:
		return "write " + trimmed
	}
}
