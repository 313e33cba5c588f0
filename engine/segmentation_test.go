package engine_test

import (
	"testing"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// segmentation writes a model with one segmentation: segment A where x is at least 100, B where y is, C where s is "c".
func segmentation(rest string) string {
	return attributes + `
segmentations:
  - name: size
    segments:
      - {name: A, when: "x >= 100"}
      - {name: B, when: "y >= 100"}
      - {name: C, when: "s == 'c'"}
` + rest
}

func TestSegments(t *testing.T) {
	const (
		unique    = "\n    hit_policy: UNIQUE"
		otherwise = "\n    otherwise: Rest"
		unknown   = "\n    unknown: Nobody knows"
	)
	tests := map[string]struct {
		rest string
		attrs
		want string
	}{
		"SEG-1 with FIRST the first rule that matches wins":                      {"", attrs{"x": 100, "y": 100, "s": "c"}, "A"},
		"SEG-1 a rule is tried where those before it do not match":               {"", attrs{"x": 99, "y": 99, "s": "c"}, "C"},
		"SEG-2 a later match wins past an unreadable rule":                       {otherwise + unknown, attrs{"y": 100, "s": "x"}, "B"},
		"SEG-2 a match wins past two unreadable rules":                           {otherwise + unknown, attrs{"s": "c"}, "C"},
		"SEG-3 without a match an unreadable rule makes it unknown":              {otherwise + unknown, attrs{"x": 1, "s": "x"}, "Nobody knows"},
		"SEG-3 an unreadable rule is unknown although others could be read":      {unknown, attrs{"x": 1, "y": 1}, "Nobody knows"},
		"SEG-4 without unknown an unreadable rule leads to otherwise":            {otherwise, attrs{"x": 1, "s": "x"}, "Rest"},
		"SEG-4 without a match, all rules read, it is otherwise and not unknown": {otherwise + unknown, attrs{"x": 1, "y": 1, "s": "x"}, "Rest"},
		"SEG-5 without unknown and otherwise there is no segment":                {"", attrs{"x": 1}, null},
		"SEG-5 unknown alone is not for customers whose rules were all read":     {unknown, attrs{"x": 1, "y": 1, "s": "x"}, null},
		"SEG-6 with UNIQUE the only match is the segment":                        {unique + otherwise, attrs{"x": 1, "y": 100, "s": "x"}, "B"},
		"SEG-7 two matches are no segment, neither otherwise nor unknown":        {unique + otherwise + unknown, attrs{"x": 100, "y": 1, "s": "c"}, null},
		"SEG-7 two matches are a conflict beside an unreadable rule too":         {unique + otherwise + unknown, attrs{"x": 100, "s": "c"}, null},
		"SEG-8 an unreadable rule before the only match is no conflict":          {unique + otherwise + unknown, attrs{"y": 100, "s": "x"}, "B"},
		"SEG-8 an unreadable rule after the only match is no conflict":           {unique + otherwise + unknown, attrs{"x": 100, "y": 1}, "A"},
		"SEG-9 with UNIQUE and no match an unreadable rule is unknown":           {unique + otherwise + unknown, attrs{"x": 1, "y": 1}, "Nobody knows"},
		"SEG-9 with UNIQUE and no match all rules read is otherwise":             {unique + otherwise + unknown, attrs{"x": 1, "y": 1, "s": ""}, "Rest"},
		"SEG-10 otherwise may be one of the segments":                            {"\n    otherwise: A", attrs{"x": 1, "y": 1, "s": "x"}, "A"},
		"SEG-10 unknown may be one of the segments":                              {"\n    unknown: C\n    otherwise: A", attrs{"x": 1, "y": 1}, "C"},
		"MODEL-22 FIRST is the default":                                          {"\n    otherwise: A", attrs{"y": 100, "s": "c"}, "B"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, segmentation(test.rest), person{"one", test.attrs})
			if got := s.segment("one"); got != test.want {
				t.Errorf("the segment is %q, want %q", got, test.want)
			}
		})
	}
}

func TestAConflictNamesBothRules(t *testing.T) {
	// SEG-7
	s := evaluate(t, segmentation("\n    hit_policy: UNIQUE\n    otherwise: Rest"), person{"one", attrs{"x": 100, "y": 1, "s": "c"}})
	r := s.reason("one", "segments.size")
	if r.GetCode() != echelonv1.Reason_CONFLICT || r.GetMessage() != "segments.size: both A and C match, and the hit policy is UNIQUE" {
		t.Errorf("the reason is %v", r)
	}
}

func TestAnUnreadableRuleSaysWhatIsMissing(t *testing.T) {
	// EXPR-10, WHY-4
	s := evaluate(t, segmentation(""), person{"one", attrs{"x": 1, "s": "c"}})
	r := s.reason("one", "segments.size")
	if r.GetCode() != echelonv1.Reason_MISSING || r.GetPart() != "B" || r.GetAttribute() != "y" {
		t.Errorf("the reason is %v", r)
	}
	if s.segment("one") != "C" {
		t.Errorf("the segment is %q", s.segment("one"))
	}
}

func TestSegmentsAreExplainedUpToTheRuleThatMatched(t *testing.T) {
	// WHY-2
	tests := map[string]struct {
		policy string
		want   []echelonv1.RuleExplanation_Outcome
	}{
		"with FIRST":       {"FIRST", []echelonv1.RuleExplanation_Outcome{notReadable, matched}},
		"all, with UNIQUE": {"UNIQUE", []echelonv1.RuleExplanation_Outcome{notReadable, matched, notMatched}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, segmentation("\n    hit_policy: "+test.policy), person{"one", attrs{"y": 100, "s": "x"}})
			explained := s.assignment("one").GetExplanation().GetSegments()[0]
			if explained.GetSegmentation() != "size" || explained.GetSegment() != "B" || len(explained.GetRules()) != len(test.want) {
				t.Fatalf("it is explained by %v", explained)
			}
			for i, want := range test.want {
				if got := explained.GetRules()[i]; got.GetOutcome() != want || got.GetName() != string(rune('A'+i)) {
					t.Errorf("rule %d is explained by %v, want %v", i, got, want)
				}
			}
			if at := explained.GetRules()[0]; at.GetWhen() != "x >= 100" || at.GetUnreadable().GetAttribute() != "x" {
				t.Errorf("the unreadable rule is explained by %v", at)
			}
		})
	}
}

const (
	matched     = echelonv1.RuleExplanation_MATCHED
	notMatched  = echelonv1.RuleExplanation_NOT_MATCHED
	notReadable = echelonv1.RuleExplanation_NOT_READABLE
)
