package engine_test

import (
	"strings"
	"testing"
)

func TestAMistakeDoesNotHideThoseOfExpressionsThatReadWhatItSpoils(t *testing.T) {
	// MODEL-14
	const spoiled = attributes + `
derived:
  - {name: spoiled, expr: "emplyees * 2"}
  - {name: second, expr: "%s"}
segmentations:
  - {name: size, segments: [{name: A, when: "%s"}], otherwise: B}
`
	for _, test := range []struct {
		name, derived, when string
		want                []string // of the findings beside that of what is spoiled
	}{
		{"nothing else is wrong", "spoiled + 1.0", "spoiled > 5 && second > 1 && x > 1", nil},
		{"whatever it is, it may be right", "spoiled", "spoiled", nil},
		{"a text may be, too", "spoiled + 's'", "spoiled == 's' || s in [spoiled]", nil},
		{"a list may be", "size(spoiled)", "spoiled.exists(i, i == second)", nil},
		{"a comparison of other kinds", "x", "spoiled > 5 && s > 3", []string{"segmentations[0].segments[0].when: "}},
		{"a sum of other kinds beside it", "spoiled + (x + s)", "b", []string{"derived[1].expr: "}},
		{"a kind that is known whatever it is", "x", "present(spoiled) ? 1 : 2", []string{"a boolean is expected, and the expression is a number"}},
		{"an unknown name beside it", "x", "spoiled > 5 && y2 > 1", []string{`undeclared attribute "y2"`}},
		{"both that read it", "spoiled + (s + 1)", "second > 1 && (b > 3)", []string{"derived[1].expr: ", "segmentations[0].segments[0].when: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(strings.Replace(spoiled, "%s", test.derived, 1), "%s", test.when, 1)
			program, found := tryCompile(t, text)
			if program != nil || len(found) != 1+len(test.want) || !strings.Contains(found[0].String(), `undeclared attribute "emplyees"`) {
				t.Fatalf("found\n%v\nwant %q beside what is spoiled", found, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(found[i+1].String(), want) || strings.Contains(found[i+1].String(), "dyn") {
					t.Errorf("found %v, want %q", found[i+1], want)
				}
			}
		})
	}
}

func TestFamiliesOfWhatIsSpoiledAreNoFurtherMistake(t *testing.T) {
	// MODEL-14
	for name, derived := range map[string]string{
		"one that does not compile": `[{name: bad, expr: "x + s"}, {name: all, expr: "family_sum(bad)"}]`,
		"one that needs itself":     `[{name: all, expr: "family_max(all)"}]`,
	} {
		program, found := tryCompile(t, "parent: s"+attributes+"segmentations: [{name: size, segments: [{name: A, when: b}], otherwise: B}]\nderived: "+derived)
		if program != nil || len(found) != 1 {
			t.Errorf("%s: found\n%v", name, found)
		}
	}
}

func TestExpressionsOfACircleAreCheckedToo(t *testing.T) {
	// MODEL-14
	program, found := tryCompile(t, attributes+`
derived:
  - {name: one, expr: "two + 1.0"}
  - {name: two, expr: "one + (s + 1)"}
segmentations: [{name: size, segments: [{name: A, when: "b"}], otherwise: B}]
`)
	if program != nil || !has(found, "derived[1].expr", "") || len(found) < 2 {
		t.Errorf("found %v", found)
	}
}

func TestAnAttributeWithoutATypeIsOneMistake(t *testing.T) {
	// MODEL-14
	program, found := tryCompile(t, `
name: m
parent: untyped
attributes:
  - {name: untyped, values: [a]}
  - {name: x, type: NUMBER, observed_at: untyped, max_age_days: 3}
derived: [{name: double, expr: "untyped * 2"}]
segmentations: [{name: size, segments: [{name: A, when: "untyped >= 1000 || double > 1 || x > 's'"}], otherwise: B}]
`)
	if program != nil || len(found) != 2 || !has(found, "attributes[0].type", "") || !has(found, "segmentations[0].segments[0].when", "") {
		t.Errorf("found %v", found)
	}
}
