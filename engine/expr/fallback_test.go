package expr

import (
	"strings"
	"testing"
)

func TestWhatIsLeftToRowsIsSaidWithItsReason(t *testing.T) {
	for _, c := range []struct {
		text string
		// whole tells that all of it is, and why has a part of each reason.
		whole bool
		why   []string
	}{
		{"arr", false, nil},
		{"arr > 10 && region in ['EMEA', 'APAC'] || word.matches('^a')", false, nil},
		{"days_since(last_order) < 30 && 'vip' in tags && size(tags) > 2", false, nil},
		{"coalesce(arr, 0) + (partner ? 1 : 2)", false, nil},
		{"tags.exists(t, t == region)", true, []string{"loops"}},
		{"arr > 10 && tags.all(t, t != 'x')", true, []string{"loops"}},
		{"tags[0]", true, []string{"takes an item"}},
		{"arr > 10 && tags[0] == 'vip'", false, []string{"takes an item"}},
		{"region.contains(word)", true, []string{"contains is done in columns where what is looked for is written out"}},
		{"region + word", true, []string{"joins texts"}},
		{"region in [word]", true, []string{"`in` is done in columns"}},
		{"present(1 / zero)", false, nil},
		{"present(convert(arr, region))", true, []string{"what is missing from what is wrong otherwise"}},
		{"tags == none", true, []string{"compares lists"}},
		{"double(word) > 1 || region + word == 'x'", false, []string{"double has no form", "joins texts"}},
	} {
		env, err := NewEnv(variables)
		if err != nil {
			t.Fatal(err)
		}
		x, problems := env.Compile(c.text)
		if problems != nil {
			t.Fatalf("%s: %v", c.text, problems)
		}
		got := x.Fallbacks()
		if len(got) != len(c.why) {
			t.Errorf("%s: %d fallbacks, not %d: %+v", c.text, len(got), len(c.why), got)
			continue
		}
		for i, f := range got {
			if f.Whole != c.whole || !strings.Contains(f.Why, c.why[i]) || !f.Whole && f.Offset < 0 {
				t.Errorf("%s: %+v", c.text, f)
			}
		}
	}
}
