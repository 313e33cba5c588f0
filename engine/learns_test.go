package engine_test

import (
	"strings"
	"testing"
)

func TestWhatAModelLearnsIsListed(t *testing.T) {
	// LINE-5
	tiers := func(cut string) string { return ladder("{name: top, cut: "+cut+"}, {name: rest}", "") }
	criterion := func(normalize string) string {
		return attributes + "scores: [{name: v, min_completeness: 0.5, criteria: [{name: plain, expr: x, weight: 1, normalize: {linear: {min: 0, max: 1}}}, " +
			"{name: other, expr: y, weight: 1, normalize: {" + normalize + "}}]}]\n"
	}
	const lines, distribution = "the lines of the tiering l", "the distribution of the criterion other of the score v"
	for _, test := range []struct{ name, model, want string }{
		{"nothing", tiers("{min_score: 5}"), ""},
		{"a count", tiers("{top_count: 5}"), lines},
		{"a count within any", tiers("{min_score: 1, any: [{top_count: 5}, {min_score: 7}]}"), lines},
		{"a median", box("{median: {}}", "{min_score: 5}", "{x: 0, y: 0, name: A}"), lines},
		{"fixed axes", box("{min_score: 50}", "{min_score: 5}", "{x: 0, y: 0, name: A}"), ""},
		{"a percentile", criterion("percentile: {}"), distribution},
		{"the least and the greatest", criterion("min_max: {}"), distribution},
		{"mean and deviation", criterion("z_score: {}"), distribution},
		{"a fixed criterion", criterion("linear: {min: 0, max: 9}"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			program := compile(t, test.model)
			if got := strings.Join(program.Learns(), "; "); got != test.want || program.NeedsCalibration() != (test.want != "") {
				t.Errorf("it learns %q, want %q; it needs a calibration: %t", got, test.want, program.NeedsCalibration())
			}
		})
	}
}
