package engine_test

import (
	"strings"
	"testing"
)

func TestATierEmptiedByALineOfAmountsIsFound(t *testing.T) {
	// LINE-3
	program := compile(t, ladder("{name: a, cut: {cumulative_share: {of: x, share: 0.8, order: AMOUNT}}}, "+
		"{name: b, cut: {cumulative_share: {of: x, share: 0.5, order: AMOUNT}}}, {name: rest}", ""))
	found := findingsOf(calibrate(t, program, frameOf(t, program, xs(50, 30, 10, 10)...)))
	if !has(found, "tierings[0].linear.tiers[1].cut", `"b" is empty`) {
		t.Errorf("the findings are %v", found)
	}
	apart := compile(t, ladder("{name: a, cut: {cumulative_share: {of: x, share: 0.5, order: AMOUNT}}}, "+
		"{name: b, cut: {cumulative_share: {of: x, share: 0.8, order: AMOUNT}}}, {name: rest}", ""))
	if found := findingsOf(calibrate(t, apart, frameOf(t, apart, xs(50, 30, 10, 10)...))); len(found) > 0 {
		t.Errorf("a ladder without an empty tier has the findings %v", found)
	}
}

func TestNamesAreCheckedBesideADerivedAttributeThatHasAMistake(t *testing.T) {
	// MODEL-15
	_, found := tryCompile(t, attributes+`
derived: [{name: broken, expr: x +}]
segmentations: [{name: size, segments: [{name: A, when: "broken > 1 && emplyees > 3"}]}]
`)
	if !has(found, "segmentations[0].segments[0].when", `"emplyees"`) {
		t.Errorf("found are %v", found)
	}
}

func TestReasonsStayShortWhateverTheConditionSays(t *testing.T) {
	long := "x in [" + strings.Repeat("1000000, ", 2000) + "1]"
	s := evaluate(t, ladder(`{name: top, cut: {when: "`+long+`"}}, {name: rest}`, ""), xs(1)...)
	if reason := s.reason("a", "tiers.l"); len(reason.GetMessage()) > 400 {
		t.Errorf("the reason has %d bytes", len(reason.GetMessage()))
	}
}
