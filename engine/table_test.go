package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// deciding is a model whose tiering is a table of a size, which s says, and a score, which x is.
const deciding = attributes + scoreX + `
segmentations:
  - name: size
    segments: [{name: Large, when: "s == 'l'"}, {name: "Mid \"M\"", when: "s == 'm'"}, {name: Small, when: "s == 's'"}]
engagements: [{name: named}]
tierings:
  - name: t
    table:
      tiers: [{name: high, engagement: named, level: 1}, {name: mid, level: 2}, {name: low, level: 2}]
`

func TestATableDecidesByRows(t *testing.T) {
	// TABLE-1, TABLE-2, TABLE-3, TABLE-5
	rows := `
      rows:
        - {when: [{segmentation: size, in: [Large]}, {score: v, from: 70}], tier: high}
        - {when: [{segmentation: size, in: [Large, "Mid \"M\""]}, {score: v, from: 20, below: 80}], tier: mid}
        - {when: [{segmentation: size, in: [Small]}], tier: low}
`
	people := append(append(append(ofSize("l", 70, 69.9, 10, missing), ofSize("m", 80, 20)...), ofSize("s", missing)...), ofSize("?", 90)...)
	first := evaluate(t, deciding+rows, people...)
	want := map[string]string{"la": "high", "lb": "mid", "lc": null, "ld": null, "ma": null, "mb": "mid", "sa": "low", "?a": null}
	if diff := cmp.Diff(want, first.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	got := first.assignment("la").GetTiers()[0]
	if got.GetEngagement() != "named" || got.GetLevel() != 1 {
		t.Errorf("the tier is told as %v", got)
	}
	if got := first.reason("lb", "tiers.t").GetMessage(); got != `tiers.t: mid, by row 2: size Large or Mid "M", score v from 20 below 80` {
		t.Errorf("the reason says %q", got)
	}
	if diff := cmp.Diff([]string{"NO_ROW"}, first.codes("lc", "tiers.t")); diff != "" {
		t.Errorf("the reasons differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"MISSING", "MISSING", "NO_ROW"}, first.codes("ld", "tiers.t")); diff != "" {
		t.Errorf("the reasons differ (-want +got):\n%s", diff)
	}
	if tried := first.assignment("lb").GetExplanation().GetTiers()[0].GetRows(); len(tried) != 2 ||
		tried[0].GetOutcome() != echelonv1.RuleExplanation_NOT_MATCHED || tried[1].GetOutcome() != echelonv1.RuleExplanation_MATCHED {
		t.Errorf("the rows are explained as %v", tried)
	}
	others := evaluate(t, deciding+"      otherwise: low\n      unknown: mid\n"+rows, people...)
	want["lc"], want["ma"], want["ld"], want["?a"] = "low", "low", "mid", "mid"
	if diff := cmp.Diff(want, others.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	unique := evaluate(t, deciding+"      hit_policy: UNIQUE\n      otherwise: low\n"+rows, people...)
	want["la"], want["ld"], want["?a"] = null, "low", "low"
	if diff := cmp.Diff(want, unique.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	if got := unique.reason("la", "tiers.t"); got.GetCode() != echelonv1.Reason_CONFLICT || !strings.Contains(got.GetMessage(), "both row 1 (size Large, score v from 70) and row 2") {
		t.Errorf("a conflict is told as %v", got)
	}
}

func TestATableIsTheSegmentationThatItsRowsAre(t *testing.T) {
	// TABLE-1, TABLE-2, TABLE-3: row by row and in whatever batches.
	rapid.Check(t, func(t *rapid.T) {
		table := &echelonv1.Tiering_Table{HitPolicy: echelonv1.Segmentation_HitPolicy(rapid.IntRange(0, 1).Draw(t, "policy"))}
		rules := &echelonv1.Segmentation{Name: "rows", HitPolicy: table.GetHitPolicy()}
		names := []string{"high", "mid", "low"}
		for _, name := range names {
			table.Tiers = append(table.Tiers, &echelonv1.TableTier{Name: name})
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "rows") {
			row := &echelonv1.TableRow{Tier: names[i%3]}
			text := []string{"true"}
			if segments := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"none", "a", "B"}), 0, 2, rapid.ID[string]).Draw(t, "segments"); len(segments) > 0 {
				row.When = append(row.When, &echelonv1.TableCondition{Of: &echelonv1.TableCondition_Segmentation{Segmentation: "size"}, In: segments})
				text = append(text, "segments.size in ['"+strings.Join(segments, "', '")+"']")
			}
			if rapid.Bool().Draw(t, "scored") {
				from := float64(rapid.IntRange(0, 5).Draw(t, "from"))
				row.When = append(row.When, &echelonv1.TableCondition{Of: &echelonv1.TableCondition_Score{Score: "v"}, From: &from})
				text = append(text, "scores.v >= "+string(rune('0'+int(from))))
			}
			table.Rows = append(table.Rows, row)
			rules.Segments = append(rules.Segments, &echelonv1.Segment{Name: names[i%3] + strings.Repeat("'", i/3), When: strings.Join(text, " && ")})
		}
		model := randomSegments(t)
		model.Segmentations = append(model.Segmentations, rules)
		model.Tierings = []*echelonv1.Tiering{{Name: "t", Kind: &echelonv1.Tiering_Table_{Table: table}}}
		program := compiled(t, model)
		for _, f := range framesOf(tb(t), program, rapid.IntRange(1, 9).Draw(t, "batch"), persons(randomPopulation(t, 20))...) {
			s := &study{TB: tb(t), program: program, scorer: bindTo(tb(t), program, nil)}
			s.see(f)
			for row, id := range f.IDs {
				if got, want := s.tier(id), strings.TrimRight(name(s.result.Segments[1], row), "'"); got != want {
					t.Fatalf("%q is in %q, and by its rows in %q", id, got, want)
				}
			}
		}
	})
}

func TestOneTieringReadsAnother(t *testing.T) {
	// TABLE-4, MODEL-11: one journey by goal, several deliveries by tier.
	model := attributes + scoreX + `
tierings:
  - name: delivery
    table:
      tiers: [{name: workshop}, {name: webinar}, {name: guide}]
      rows:
        - {when: [{tiering: journey, in: [adopt]}, {tiering: coverage, in: [high]}], tier: workshop}
        - {when: [{tiering: journey, in: [adopt]}], tier: webinar}
      otherwise: guide
  - name: journey
    linear: {score: v, tiers: [{name: adopt, cut: {when: "s == 'adopt'"}}, {name: renew}]}
  - name: coverage
    drives_coverage: true
    linear: {score: v, tiers: [{name: high, cut: {top_count: 1, when: "tiers.journey != ''"}}, {name: low}]}
`
	people := xs(50, 40, 30)
	for i, goal := range []string{"adopt", "adopt", "renew"} {
		people[i].attrs["s"] = goal
	}
	s := evaluate(t, model, people...)
	if diff := cmp.Diff(map[string]string{"a": "workshop", "b": "webinar", "c": "guide"}, s.tiers()); diff != "" {
		t.Errorf("the deliveries differ (-want +got):\n%s", diff)
	}
	_, found := tryCompile(t, strings.Replace(model, "s == 'adopt'", "tiers.delivery == 'guide'", 1))
	if !found.HasMistakes() || !has(found, "tierings", "tiers.delivery → tiers.journey → tiers.delivery") {
		t.Errorf("of a cycle it finds %v", found)
	}
}

func TestMistakesOfTables(t *testing.T) {
	// TABLE-6, MODEL-13
	row := func(text string) string { return deciding + "      rows: [" + text + "]\n" }
	at := "tierings[0].table."
	for name, test := range map[string]struct{ text, path, says string }{
		"no rows":                         {deciding, at + "rows", "no rows"},
		"no tiers":                        {strings.Replace(row("{tier: high}"), "      tiers: [{name: high, engagement: named, level: 1}, {name: mid, level: 2}, {name: low, level: 2}]\n", "", 1), at + "tiers", "no tiers"},
		"a tier that there is not":        {row("{tier: hihg}"), at + "rows[0].tier", `no tier "hihg"`},
		"no tier":                         {row("{when: [{score: v, from: 5}]}"), at + "rows[0].tier", "missing"},
		"another otherwise":               {row("{tier: high}") + "      otherwise: none\n", at + "otherwise", `no tier "none"`},
		"another unknown":                 {row("{tier: high}") + "      unknown: none\n", at + "unknown", `no tier "none"`},
		"a segmentation that is none":     {row("{when: [{segmentation: sice, in: [Large]}], tier: high}"), at + "rows[0].when[0].segmentation", `no segmentation "sice"`},
		"a tiering that is none":          {row("{when: [{tiering: x, in: [Large]}], tier: high}"), at + "rows[0].when[0].tiering", `no tiering "x"`},
		"a score that is none":            {row("{when: [{score: w, from: 1}], tier: high}"), at + "rows[0].when[0].score", `no score "w"`},
		"a segment that is none":          {row("{when: [{segmentation: size, in: [Larg]}], tier: high}"), at + "rows[0].when[0].in[0]", `never "Larg"`},
		"a segment twice":                 {row("{when: [{segmentation: size, in: [Large, Large]}], tier: high}"), at + "rows[0].when[0].in[1]", "taken"},
		"no segments":                     {row("{when: [{segmentation: size}], tier: high}"), at + "rows[0].when[0].in", "does not say which"},
		"nothing":                         {row("{when: [{from: 5}], tier: high}"), at + "rows[0].when[0]", "what it is about"},
		"names of a score":                {row("{when: [{score: v, from: 5, in: [a]}], tier: high}"), at + "rows[0].when[0].in", "no list of names"},
		"a score without a band":          {row("{when: [{score: v}], tier: high}"), at + "rows[0].when[0]", "which scores"},
		"a band of a segment":             {row("{when: [{segmentation: size, in: [Large], from: 5}], tier: high}"), at + "rows[0].when[0]", "only scores"},
		"a band that is empty":            {row("{when: [{score: v, from: 70, below: 70}], tier: high}"), at + "rows[0].when[0]", "no score is in it"},
		"a score above all":               {row("{when: [{score: v, from: 101}], tier: high}"), at + "rows[0].when[0].from", "101"},
		"two conditions on one":           {row("{when: [{score: v, from: 5}, {score: v, below: 9}], tier: high}"), at + "rows[0].when[1]", "already"},
		"its own tier":                    {row("{when: [{tiering: t, in: [high]}], tier: high}"), "tierings[0]", "tiers.t → tiers.t"},
		"an engagement that there is not": {strings.Replace(row("{tier: high}"), "engagement: named", "engagement: nmaed", 1), at + "tiers[0].engagement", "nmaed"},
		"levels that rise":                {strings.Replace(row("{tier: high}"), "level: 1", "level: 3", 1), at + "tiers[1].level", "which is worse"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, found := tryCompile(t, test.text); !found.HasMistakes() || !has(found, test.path, test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}

func TestLintLooksIntoTables(t *testing.T) {
	// LINT-221, LINT-222, LINT-223
	large, scored := "{segmentation: size, in: [Large]}", "{score: v, from: 70}"
	rest := `, {when: [{segmentation: size, in: ["Mid \"M\"", Small]}], tier: low}`
	at := "tierings[0].table."
	for name, test := range map[string]struct{ text, path, says string }{
		"a gap":                 {"rows: [{when: [" + large + ", " + scored + "], tier: high}" + rest + "]", at + "rows", `no row matches a customer with size "Large", score v from 0 below 70`},
		"many gaps":             {"rows: [{when: [" + large + ", {score: v, from: 70, below: 100}], tier: high}]", at + "rows", "and 5 more"},
		"a row that is reached": {"rows: [{when: [{segmentation: size, in: [Large, Small, \"Mid \\\"M\\\"\"]}], tier: high}, {when: [" + scored + "], tier: mid}]\n      otherwise: low", "", ""},
		"a row that is not":     {"rows: [{when: [" + scored + "], tier: high}, {tier: mid}, {when: [" + large + "], tier: low}]", at + "rows[2]", "row 1 or row 2 takes everyone"},
		"an overlap":            {"hit_policy: UNIQUE\n      rows: [{when: [" + scored + "], tier: high}, {when: [" + large + "], tier: low}]\n      otherwise: low", at + "rows[1]", `rows 1 and 2 can both match, which is a CONFLICT and no tier: a customer with score v from 70, size "Large"`},
		"an otherwise of none":  {"rows: [{when: [" + scored + "], tier: high}, {tier: low}]\n      otherwise: low", at + "otherwise", "never given"},
		"a name of a segment":   {"rows: [{tier: high}]", "tierings[1].table.tiers[0].name", "SMB"},
	} {
		t.Run(name, func(t *testing.T) {
			text := deciding + "      " + test.text + "\n"
			if strings.HasPrefix(test.path, "tierings[1]") {
				text += "  - {name: u, table: {tiers: [{name: SMB}], rows: [{tier: SMB}]}}\n"
			}
			_, found := tryCompile(t, text)
			if found.HasMistakes() || test.path != "" && !has(found, test.path, test.says) || test.path == "" && has(found, "tierings", "") {
				t.Errorf("it finds %v", found)
			}
		})
	}
	program := compile(t, deciding+"      rows: [{when: ["+large+", "+scored+"], tier: high}]\n      otherwise: low\n")
	counts := bindTo(t, program, nil).CountRules()
	counts.Add(frameOf(t, program, ofSize("l", 5)...), nil, asOf)
	if found := counts.Findings("the file", nil); !has(found, at+"rows[0].when", "none meets the condition") {
		t.Errorf("of customers it finds %v", found)
	}
}

func TestTablesDriveCoverageAndAreCounted(t *testing.T) {
	// TABLE-1, BOOK-1
	s := evaluate(t, deciding+"      rows: [{when: [{segmentation: size, in: [Large]}], tier: high}]\n", append(ofSize("l", 5, 6), ofSize("s", 7)...)...)
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	balance := tally.Summary().GetBalance()
	if balance.GetTiered() != 2 || balance.GetUnscored() != 1 {
		t.Errorf("the balance is %v", balance)
	}
}
