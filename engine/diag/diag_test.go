package diag_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/diag"
)

func at(file string, line, column int) diag.Place {
	return diag.Place{File: file, Line: line, Column: column}
}

func TestAFindingIsOneLine(t *testing.T) {
	tests := map[string]struct {
		finding diag.Finding
		want    string
	}{
		"with a place and a remedy": {
			diag.Finding{Path: "segmentations[0].segments[1].when", Message: `undeclared attribute "emplyees"`, Remedy: `did you mean "employees"?`, Place: at("model.yaml", 14, 18)},
			`model.yaml:14:18: segmentations[0].segments[1].when: undeclared attribute "emplyees" (did you mean "employees"?)`,
		},
		"a warning":            {diag.Finding{Severity: diag.Warning, Path: "a", Message: "m", Place: at("f", 1, 2)}, "f:1:2: warning: a: m"},
		"a warning, no place":  {diag.Finding{Severity: diag.Warning, Path: "a", Message: "m", Remedy: "r"}, "warning: a: m (r)"},
		"without a place":      {diag.Finding{Path: "a", Message: "m", Remedy: "r"}, "a: m (r)"},
		"without a path":       {diag.Finding{Message: "m"}, "m"},
		"with a file alone":    {diag.Finding{Path: "a", Message: "m", Place: at("f", 0, 0)}, "f: a: m"},
		"without a file":       {diag.Finding{Path: "a", Message: "m", Place: at("", 3, 4)}, "3:4: a: m"},
		"with control letters": {diag.Finding{Message: "a\nb\x1b[31m"}, "a b\uFFFD[31m"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.finding.String(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestAListTellsMistakesFromWarnings(t *testing.T) {
	var l diag.List
	l.Warnf("a", "mend it", "warning %d", 1)
	if l.HasMistakes() || l.Err() != nil {
		t.Errorf("a warning counts as a mistake: %v", l.Err())
	}
	l.MistakeAtf("b", 3, "", "mistake %q", "x")
	l.WarnAtf("c", 4, "", "warning 2")
	l.Mistakef("d", "", "mistake 2")
	want := diag.List{
		{Severity: diag.Warning, Path: "a", Offset: diag.WholeValue, Message: "warning 1", Remedy: "mend it"},
		{Path: "b", Offset: 3, Message: `mistake "x"`},
		{Severity: diag.Warning, Path: "c", Offset: 4, Message: "warning 2"},
		{Path: "d", Offset: diag.WholeValue, Message: "mistake 2"},
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(diag.List{want[1], want[3]}, l.Mistakes()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(diag.List{want[0], want[2]}, l.Warnings()); diff != "" {
		t.Error(diff)
	}
}

func TestAnErrorGivesItsListBack(t *testing.T) {
	var l diag.List
	l.Mistakef("a", "", "first")
	l.Warnf("b", "", "second")
	l.Mistakef("c", "", "third")
	err := fmt.Errorf("compile: %w", l.Err())
	got, ok := diag.Of(err)
	if diff := cmp.Diff(l, got); !ok || diff != "" {
		t.Error(diff)
	}
	if want := "compile: a: first\nc: third"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if got, ok := diag.Of(errors.New("other")); ok || got != nil {
		t.Errorf("a list of another error: %v", got)
	}
}

func TestSortOrdersByPlaceAndDropsRepetitions(t *testing.T) {
	l := diag.List{
		{Path: "z", Message: "no place"},
		{Path: "a", Message: "m", Place: at("g", 1, 1)},
		{Path: "b", Message: "m", Place: at("f", 2, 1)},
		{Path: "a", Message: "n", Place: at("f", 2, 1)},
		{Path: "a", Message: "m", Place: at("f", 2, 1), Remedy: "first"},
		{Path: "a", Message: "m", Place: at("f", 2, 1), Remedy: "second"},
		{Path: "a", Message: "m", Place: at("f", 10, 1)},
		{Path: "a", Message: "m", Place: at("f", 2, 0)},
		{Path: "y", Message: "no place"},
		{Path: "z", Message: "no place"},
	}
	l.Sort()
	want := diag.List{
		{Path: "a", Message: "m", Place: at("f", 2, 0)},
		{Path: "a", Message: "m", Place: at("f", 2, 1), Remedy: "first"},
		{Path: "a", Message: "n", Place: at("f", 2, 1)},
		{Path: "b", Message: "m", Place: at("f", 2, 1)},
		{Path: "a", Message: "m", Place: at("f", 10, 1)},
		{Path: "a", Message: "m", Place: at("g", 1, 1)},
		{Path: "z", Message: "no place"},
		{Path: "y", Message: "no place"},
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
}

func TestFormatPutsACaretBelowTheColumn(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := map[string]struct {
		list diag.List
		most int
		want string
	}{
		"none": {nil, 0, ""},
		"line numbers of different widths": {
			diag.List{{Message: "a", Place: at("f", 9, 3), Source: "abcd"}, {Message: "b", Place: at("f", 10, 1), Source: "x"}}, 0,
			"f:9:3: a\n   9 | abcd\n     |   ^\nf:10:1: b\n  10 | x\n     | ^\n",
		},
		"no source":             {diag.List{{Message: "a", Place: at("f", 0, 0)}, {Message: "b"}}, 2, "f: a\nb\n"},
		"more than are wanted":  {diag.List{{Message: "a"}, {Message: "b"}, {Message: "c"}}, 1, "a\n2 more\n"},
		"tabs":                  {diag.List{{Message: "a", Place: at("f", 1, 4), Source: "\tx\ty"}}, 0, "f:1:4: a\n  1 | \tx\ty\n    | \t \t^\n"},
		"wide and combining":    {diag.List{{Message: "a", Place: at("f", 1, 5), Source: "客e\u0301😀y"}}, 0, "f:1:5: a\n  1 | 客e\u0301😀y\n    |      ^\n"},
		"behind the line's end": {diag.List{{Message: "a", Place: at("f", 1, 9), Source: "ab"}}, 0, "f:1:9: a\n  1 | ab\n    |   ^\n"},
		"a line's control letters": {
			diag.List{{Message: "a", Place: at("f", 1, 3), Source: "\x1b[31m"}}, 0, "f:1:3: a\n  1 | \uFFFD[31m\n    |   ^\n",
		},
		"a long line": {
			diag.List{{Message: "a", Place: at("f", 1, 151), Source: long[:150] + "!" + long[:150]}}, 0,
			"f:1:151: a\n  1 | …" + long[:69] + "!" + long[:68] + "…\n    | " + strings.Repeat(" ", 70) + "^\n",
		},
		"the end of a long line": {
			diag.List{{Message: "a", Place: at("f", 1, 301), Source: long + "!"}}, 0,
			"f:1:301: a\n  1 | …" + long[:138] + "!\n    | " + strings.Repeat(" ", 139) + "^\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			if err := test.list.Format(&got, test.most); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestFormatReturnsTheWritersError(t *testing.T) {
	if err := (diag.List{{Message: "a"}}).Format(brokenPipe{}, 0); err == nil || err.Error() != "broken pipe" {
		t.Errorf("got %v", err)
	}
}

func TestSuggest(t *testing.T) {
	candidates := []string{"employees", "arr", "revenue_12m", "NUMBER", "cat", "bat"}
	tests := map[string]string{
		"emplyees":     "employees", // a letter left out
		"empolyees":    "employees", // two swapped
		"employeess":   "employees",
		"Arr":          "arr",
		"ar":           "arr",
		"number":       "NUMBER",
		"revenue12m":   "revenue_12m",
		"aat":          "bat", // as near to cat
		"arr":          "",    // nothing to mend
		"employer_cnt": "",
		"x":            "",
		"":             "",
	}
	for word, want := range tests {
		t.Run(word, func(t *testing.T) {
			got, ok := diag.Suggest(word, candidates)
			if got != want || ok != (want != "") {
				t.Errorf("got %q, %v; want %q", got, ok, want)
			}
		})
	}
	if got := diag.DidYouMean("emplyees", candidates); got != `did you mean "employees"?` {
		t.Errorf("got %s", got)
	}
	if got := diag.DidYouMean("zzz", candidates); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestSuggestFindsEveryWordWithOneTypingMistake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{3,20}`).Draw(t, "word")
		i := rapid.IntRange(0, len(word)-2).Draw(t, "place")
		typed := rapid.SampledFrom([]string{
			word[:i] + word[i+1:],
			word[:i] + "_" + word[i:],
			word[:i] + "_" + word[i+1:],
			word[:i] + word[i+1:i+2] + word[i:i+1] + word[i+2:],
		}).Draw(t, "typed")
		if typed == word {
			return
		}
		if got, ok := diag.Suggest(typed, []string{word + "xyz", word}); !ok || got != word {
			t.Fatalf("%q: got %q, %v; want %q", typed, got, ok, word)
		}
	})
}

func TestPathsAreBuiltFromSteps(t *testing.T) {
	path := diag.Field(diag.Index(diag.Field("", "scores"), 2), "values")
	if got, want := diag.Key(path, `a"b`), `scores[2].values["a\"b"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func ExampleList_Format() {
	l := diag.List{{
		Path: "amount", Message: `undeclared attribute "emplyees"`, Remedy: diag.DidYouMean("emplyees", []string{"arr", "employees"}),
		Place: diag.Place{File: "model.yaml", Line: 3, Column: 15}, Source: `amount: arr + emplyees`,
	}}
	var text strings.Builder
	if err := l.Format(&text, 10); err != nil {
		fmt.Println(err)
	}
	fmt.Print(text.String())
	// Output:
	// model.yaml:3:15: amount: undeclared attribute "emplyees" (did you mean "employees"?)
	//   3 | amount: arr + emplyees
	//     |               ^
}
