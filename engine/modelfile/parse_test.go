package modelfile_test

import (
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/modelfile"
)

func TestWhatCanBeReadIsInTheModelBesideItsMistakes(t *testing.T) {
	model, _, findings := modelfile.Parse("m.yaml", []byte("name: x\nzzz: 1\nattributes:\n  - {name: a, type: number}\n  - {name: b, type: DATE}\n"))
	if len(findings) != 2 || model.GetName() != "x" || len(model.GetAttributes()) != 2 || model.GetAttributes()[1].GetName() != "b" {
		t.Errorf("got %v with %v", model, findings)
	}
}

func TestHugeAndDeepInputIsRefused(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"more than a mebibyte":  {"# " + strings.Repeat("x", 1<<20), "larger than 1 MiB"},
		"a million brackets":    {"name: " + strings.Repeat("[", 1<<20-10), "exceeded max depth"},
		"deeper than any model": {"scores: " + strings.Repeat("[", 101) + strings.Repeat("]", 101), "a mapping of fields is expected, got a list"},
		"a long key":            {"\"" + strings.Repeat("k", 1000) + "\": 1", `kkk…"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, findings := modelfile.Parse("m.yaml", []byte(test.data))
			if len(findings) != 1 || !strings.Contains(findings[0].Message, test.want) || len(findings[0].Message) > 1000 {
				t.Errorf("got %.500v, want %q", findings, test.want)
			}
		})
	}
}
