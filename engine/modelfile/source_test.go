package modelfile_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/modelfile"
)

// locate parses a file that has no mistakes and returns the place of a path and offset.
func locate(t rapid.TB, data, path string, offset int) diag.Finding {
	t.Helper()
	_, source, findings := modelfile.Parse("m.yaml", []byte(data))
	if len(findings) > 0 {
		t.Fatalf("findings in\n%s\n%v", data, findings)
	}
	return source.Locate(diag.List{{Path: path, Offset: offset, Message: "here"}})[0]
}

// rest is the source line from the place on.
func rest(f diag.Finding) string {
	line := []rune(f.Source)
	return string(line[min(f.Place.Column-1, len(line)):])
}

func TestAnOffsetIsFoundInEveryStyleOfText(t *testing.T) {
	tests := map[string]string{
		"plain":                      "amount: 客 a + emplyees",
		"plain in braces":            "scores: [], \"amount\": a + emplyees}",
		"a number as a text":         "amount: 1",
		"plain in two lines":         "amount: a +\n   b + emplyees",
		"plain with an empty line":   "amount: a +\n\n   b + emplyees",
		"single quotes":              "amount: 'it''s \"a\" + ''emplyees'",
		"single quotes in two lines": "amount: 'it''s\n  a\n\n\n  + emplyees'",
		"double quotes":              `amount: "\t\"é\" \x41 \u00e9 \U0001F600 \\ emplyees"`,
		"double quotes continued":    "amount: \"a \\\n     b \\\n  emplyees\"",
		"double quotes folded":       "amount: \"a\n     b\n\n  emplyees\"",
		"a literal block":            "amount: |\n  a +\n\n    é + emplyees\n",
		"a literal block, indented":  "amount: |2-\n    a\n  b + emplyees",
		"a literal block, kept":      "amount: |+ # comment\n  a\n  emplyees\n\n\nname: x",
		"a folded block":             "amount: >-\n\n  a\n  b\n\n  c + emplyees\n",
		"Windows line breaks":        "name: x\r\namount: |\r\n  a +\r\n  emplyees\r\n",
		"a byte order mark":          "\uFEFFamount: a + emplyees",
		"JSON with surrogates":       `{"name": "\ud83d\ude00", "amount": "\ud83d\uDE00 \\ud83d + emplyees"}`,
		"JSON with tabs":             "{\n\t\t\"amount\": \"a + emplyees\"\n}",
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(data, "scores: [],") {
				data = "{" + data
			}
			model, _, _ := modelfile.Parse("m.yaml", []byte(data))
			word := "emplyees"
			at := strings.Index(model.GetAmount(), word)
			if name == "a number as a text" {
				word, at = "1", 0
			}
			if at < 0 {
				t.Fatalf("no %q in %q", word, model.GetAmount())
			}
			f := locate(t, data, "amount", utf8.RuneCountInString(model.GetAmount()[:at]))
			if !strings.HasPrefix(rest(f), word) {
				t.Errorf("found line %d column %d, %q of %q", f.Place.Line, f.Place.Column, rest(f), f.Source)
			}
		})
	}
}

func TestAnOffsetThatCannotBeToldIsTheStartOfTheText(t *testing.T) {
	tests := map[string]struct {
		data   string
		offset int
	}{
		"a folded block with lines indented further": {"amount: >\n  a\n    b\n  c\n", 6},
		"an offset beyond the text":                  {"amount: abc", 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if f := locate(t, test.data, "amount", test.offset); f.Place.Line != 1 || f.Place.Column != 9 {
				t.Errorf("got %+v, want 1:9", f.Place)
			}
		})
	}
}

func TestEveryCharacterOfATextIsFound(t *testing.T) {
	styles := map[string]yaml.Style{"any": 0, "single": yaml.SingleQuotedStyle, "double": yaml.DoubleQuotedStyle, "literal": yaml.LiteralStyle}
	for name, style := range styles {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			text := rapid.StringMatching(`[a-zé客😀'"\\:# \n]{0,20}[a-z]`).Draw(t, "text")
			var doc yaml.Node
			doc.Kind = yaml.MappingNode
			doc.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Value: "amount"}, {Kind: yaml.ScalarNode, Tag: "!!str", Style: style, Value: text}}
			data, err := yaml.Marshal(&doc)
			if err != nil {
				t.Fatal(err)
			}
			model, _, _ := modelfile.Parse("m.yaml", data)
			for i, r := range []rune(model.GetAmount()) {
				if r == ' ' || r == '\n' {
					continue
				}
				f := locate(t, string(data), "amount", i)
				if found, _ := utf8.DecodeRuneInString(rest(f)); found != r && found != '\\' {
					t.Fatalf("character %d of %q, %q, found at %+v in\n%s", i, model.GetAmount(), r, f.Place, data)
				}
			}
		}))
	}
}

func TestPathsAreFoundOrTheirNearestParents(t *testing.T) {
	const data = `name: x
scores:
  - name: value
    criteria:
      - name: arr
        normalize:
          lookup: {values: {"a.b[\"c": 1, d: 2}}
      - {name: age, expr: }
`
	tests := []struct {
		path         string
		line, column int
	}{
		{"name", 1, 7},
		{"", 1, 1},
		{"tierings[0].linear.score", 1, 1},
		{"scores", 2, 1},
		{"scores[0]", 3, 5},
		{"scores[0].missing", 3, 5},
		{"scores[7].name", 2, 1},
		{"scores[0].criteria", 4, 5},
		{"scores[0].criteria[0].normalize.lookup.default", 7, 11},
		{diag.Key("scores[0].criteria[0].normalize.lookup.values", `a.b["c`), 7, 40},
		{diag.Key("scores[0].criteria[0].normalize.lookup.values", `e.f["g`), 7, 20},
		{"scores[0].criteria[1]", 8, 9},
		{"scores[0].criteria[1].expr", 8, 21},
		{"scores[0].criteria[1].weight", 8, 9},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			f := locate(t, data, test.path, diag.WholeValue)
			want := diag.Place{File: "m.yaml", Line: test.line, Column: test.column}
			if f.Place != want || f.Source != strings.Split(data, "\n")[test.line-1] {
				t.Errorf("got %+v, %q; want %+v", f.Place, f.Source, want)
			}
		})
	}
}

func TestLocateSortsAndLeavesItsArgumentAlone(t *testing.T) {
	_, source, _ := modelfile.Parse("m.yaml", []byte("name: x\namount: y\n"))
	given := diag.List{{Path: "amount", Offset: -1, Message: "b"}, {Path: "name", Offset: -1, Message: "a"}, {Path: "amount", Offset: -1, Message: "b"}}
	got := source.Locate(given)
	if len(got) != 2 || got[0].Path != "name" || got[1].Path != "amount" {
		t.Errorf("got %v", got)
	}
	if given[0].Place.Line != 0 {
		t.Errorf("the argument was changed: %v", given)
	}
}

func TestWithoutAFileLocateOnlySorts(t *testing.T) {
	var source *modelfile.Source
	got := source.Locate(diag.List{{Path: "b"}, {Path: "a"}, {Path: "b"}})
	if len(got) != 2 || got[0].Path != "b" || got[0].Place.Line != 0 {
		t.Errorf("got %v", got)
	}
}
