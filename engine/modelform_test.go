package engine_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAFileABodyAndALiteralAreOneThing(t *testing.T) {
	// MODEL-6
	want := wholeModel(t)
	asJSON := func(options protojson.MarshalOptions) string {
		data, err := options.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, text := range map[string]string{
		"JSON with the names of the proto":  asJSON(protojson.MarshalOptions{UseProtoNames: true}),
		"JSON with names in camel case":     asJSON(protojson.MarshalOptions{}),
		"YAML with names in camel case":     strings.NewReplacer("min_completeness", "minCompleteness", "tie_breakers", "tieBreakers", "drives_coverage", "drivesCoverage", "top_share", "topShare").Replace(whole),
		"YAML that says the defaults aloud": strings.Replace(strings.Replace(whole, "percentile: {}", "percentile: {ties: LOW}", 1), "  - name: size\n", "  - name: size\n    hit_policy: FIRST\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, _, found := modelfile.Parse("model", []byte(text))
			if len(found) > 0 || !proto.Equal(got, want) || engine.Fingerprint(got) != engine.Fingerprint(want) {
				t.Errorf("it is another model, with %v", found)
			}
		})
	}
}

func TestFilesThatAreNoModel(t *testing.T) {
	// MODEL-7
	for name, test := range map[string]struct{ text, says string }{
		"two documents":        {"name: a\n---\nname: b\n", "second document"},
		"a duplicate key":      {"name: a\nname: b\n", "name"},
		"a field twice":        {"name: a\nattributes: [{name: x, type: NUMBER, type: STRING}]\n", "type"},
		"in both spellings":    {"scores: [{name: v, min_completeness: 1, minCompleteness: 1}]\n", "ompleteness"},
		"an empty file":        {"", "empty"},
		"a file of comments":   {"# nothing\n", "empty"},
		"a field that is none": {"name: a\nnickname: b\n", "nickname"},
		"a type that is none":  {"attributes: [{name: x, type: MONEY}]\n", "MONEY"},
		"a text for a number":  {"scores: [{name: v, min_completeness: half}]\n", "number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, found := modelfile.Parse("model.yaml", []byte(test.text))
			if !found.HasMistakes() || !strings.Contains(found[0].String(), test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}

// FuzzCompile compiles messages of any content, as they may come over the wire. What compiles can be calibrated, bound and evaluated.
func FuzzCompile(f *testing.F) {
	// MODEL-15
	for _, text := range []string{whole, learning, everything, workloadModel, segmentation(""), derivedModel("x"), euros, held} {
		model, _, _ := modelfile.Parse("model.yaml", []byte(text))
		data, err := proto.Marshal(model)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		model := &echelonv1.Model{}
		if proto.Unmarshal(data, model) != nil {
			return
		}
		program, found := engine.Compile(model)
		if (program == nil) != found.HasMistakes() {
			t.Fatalf("the program is %v, and it finds %v", program, found)
		}
		if program == nil || hasRequired(model) {
			return
		}
		people := frameOf(t, program, person{"a", nil}, person{"b", nil})
		scorer := bind(t, program, people)
		options := engine.Options{AsOf: asOf, Reasons: true, Explain: true, Amounts: true}
		for i := range model.GetTierings() {
			names := program.TierNames(i)
			options.Previous = append(options.Previous, previously("", names[0]))
		}
		r := scorer.Evaluate(people, options)
		for i := range r.IDs {
			if a := r.Assignment(i); len(a.GetScores()) != len(model.GetScores()) {
				t.Errorf("the assignment is %v", a)
			}
		}
	})
}

func hasRequired(model *echelonv1.Model) bool {
	for _, a := range model.GetAttributes() {
		if a.GetRequired() {
			return true
		}
	}
	return false
}
