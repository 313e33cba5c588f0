package modelfile_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// wantParsed fails unless data parses, without findings, to a model that equals want.
func wantParsed(t rapid.TB, data []byte, want *echelonv1.Model) {
	t.Helper()
	got, _, findings := modelfile.Parse("m.yaml", data)
	if len(findings) > 0 {
		t.Fatalf("findings in\n%s\n%v", data, findings)
	}
	if !proto.Equal(want, got) {
		t.Fatalf("read back from\n%s\n(-want +got):\n%s", data, cmp.Diff(want, got, protocmp.Transform()))
	}
}

func TestAWrittenModelReadsBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := randomModel(anyText()).Draw(t, "model")
		data, err := modelfile.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		wantParsed(t, data, m)
	})
}

func TestJSONOfProtobufReadsBackEqual(t *testing.T) {
	forms := map[string]protojson.MarshalOptions{
		"compact":               {},
		"indented by tabs":      {Multiline: true, Indent: "\t"},
		"with proto names":      {Multiline: true, UseProtoNames: true},
		"indented by two space": {Multiline: true, Indent: "  "},
	}
	for name, form := range forms {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			m := randomModel(plainText()).Draw(t, "model")
			data, err := form.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			wantParsed(t, data, m)
			wantParsed(t, inASCII(data), m)
		}))
	}
}

// inASCII writes JSON as many writers do, with escapes for all that is not ASCII.
func inASCII(data []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(data) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04X`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

func TestMarshalIsCanonical(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "valid.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	model, _, findings := modelfile.Parse("valid.yaml", data)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	got, err := modelfile.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "valid.canonical")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("canonical form differs (-want +got):\n%s", diff)
	}
}

func TestMarshalRefusesWhatAFileCannotHold(t *testing.T) {
	unknown := &echelonv1.Model{Scores: []*echelonv1.Score{{}}}
	unknown.Scores[0].ProtoReflect().SetUnknown(protoreflect.RawFields{0xF8, 0x7F, 1})
	number := math.NaN()
	tests := map[string]struct {
		model *echelonv1.Model
		want  string
	}{
		"text that is not UTF-8":   {&echelonv1.Model{Name: "a\xff"}, "name: the text is not valid UTF-8"},
		"a number that is not":     {&echelonv1.Model{Scores: []*echelonv1.Score{{MinCompleteness: &number}}}, "scores[0].min_completeness: NaN is not finite"},
		"an unknown enum value":    {&echelonv1.Model{Attributes: []*echelonv1.Attribute{{Type: 99}}}, "attributes[0].type: unknown value 99"},
		"fields of later versions": {unknown, "scores[0]: it has fields that this version does not know"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := modelfile.Marshal(test.model)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v; want an error with %q", data, err, test.want)
			}
		})
	}
}
