package workload_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// readModel goes by way of JSON, and not by the engine's own reader, so that nothing here depends on what W is to test.
func readModel(t *testing.T) *echelonv1.Model {
	t.Helper()
	var tree map[string]any
	if err := yaml.Unmarshal(workload.ModelYAML, &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	model := &echelonv1.Model{}
	if err := protojson.Unmarshal(text, model); err != nil {
		t.Fatal(err)
	}
	return model
}

func TestTheModelDeclaresTheGeneratedAttributes(t *testing.T) {
	want := map[string]echelonv1.Attribute_Type{workload.BName: echelonv1.Attribute_BOOLEAN}
	for _, name := range workload.FNames {
		want[name] = echelonv1.Attribute_NUMBER
	}
	for _, name := range workload.INames {
		want[name] = echelonv1.Attribute_INTEGER
	}
	for _, name := range workload.SNames {
		want[name] = echelonv1.Attribute_STRING
	}
	got := map[string]echelonv1.Attribute_Type{}
	for _, attribute := range readModel(t).Attributes {
		got[attribute.Name] = attribute.Type
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-generated +declared):\n%s", diff)
	}
}

func TestTheModelRanksIndustriesAsTheLoopDoes(t *testing.T) {
	industries := workload.Gen(0).Dict[workload.INDUSTRY]
	want := map[string]float64{}
	for i, name := range industries {
		want[name] = workload.IndustryScore[i]
	}
	got := map[string]float64{}
	for name, value := range readModel(t).Scores[0].Criteria[0].Normalize.GetLookup().GetValues() {
		got[name] = value * 100
	}
	// A model writes 0.55, and 0.55 * 100 is not 55 in its last bit.
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-loop +model):\n%s", diff)
	}
}

func TestTheWeightsOfTheScoreAddUpToAHundred(t *testing.T) {
	sum := 0.0
	for _, criterion := range readModel(t).Scores[0].Criteria {
		sum += criterion.Weight
	}
	if sum != 100 {
		t.Errorf("the weights add up to %v, want 100", sum)
	}
}
