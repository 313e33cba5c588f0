package modelfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/modelfile"
)

// FuzzParse: no input makes Parse panic; every finding has a place within the file or none; and a model without mistakes is written and read back equal.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "*.json", "valid.canonical"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		model, source, findings := modelfile.Parse("m.yaml", data)
		for _, finding := range findings {
			if finding.Place.Line > 0 && (finding.Place.Column < 1 || finding.Place.Column > len([]rune(finding.Source))+1) {
				t.Errorf("%+v is not within its line", finding)
			}
		}
		for offset := range []rune(model.GetAmount()) {
			source.Locate(diag.List{{Path: "amount", Offset: offset}})
		}
		if findings.HasMistakes() {
			return
		}
		written, err := modelfile.Marshal(model)
		if err != nil {
			t.Fatal(err)
		}
		again, _, findings := modelfile.Parse("m.yaml", written)
		if len(findings) > 0 || !proto.Equal(model, again) {
			t.Errorf("%q is not what was written:\n%s\n%v", data, written, findings)
		}
	})
}
