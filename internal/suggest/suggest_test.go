package suggest_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/suggest"
)

// profile makes a profile of columns, each with the cells that it repeats over 40 rows; the first column is the ids.
func profile(headers []string, cells ...[]string) *suggest.Profile {
	p := suggest.NewProfile(append([]string{"id"}, headers...))
	for row := range 40 {
		values := []suggest.Cell{{Text: fmt.Sprintf("c%d", row)}}
		for _, column := range cells {
			values = append(values, suggest.Cell{Text: column[row%len(column)]})
		}
		p.Add(values)
	}
	return p
}

func made(t *testing.T, p *suggest.Profile) *suggest.Suggestion {
	t.Helper()
	s, err := suggest.Suggest(p, suggest.Options{Name: "b2b", File: "f.csv"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rule FILE-29
func TestTypesAndFormatsAreFound(t *testing.T) {
	numbered := []string{"1", "20", "300", "4000", "50000"}
	for _, c := range []struct {
		header, want, note string
		cells              []string
	}{
		{"Paid", `{type: NUMBER, format: {kind: MONEY, currency: [$]}}`, "", []string{"$1,200.00", "-$5.25", "$12.00"}},
		{"Paid", `{type: NUMBER, format: {kind: MONEY, currency: [€], decimal_comma: true}}`, "", []string{"1.200,00 €", "5,25 €", "12 €"}},
		{"Paid", `{type: NUMBER, format: {kind: MONEY, currency: [CHF]}}`, "", []string{"CHF 1'200.00", "CHF 5.25"}},
		{"Paid", `{type: NUMBER, format: {kind: GROUPED}}`, "", []string{"1,200.00", "5.25", "(7.00)"}},
		{"Paid", `{type: NUMBER, format: {kind: GROUPED}}`, "as well be numbers with a decimal comma", []string{"1,200", "5,250", "7"}},
		{"Paid", `{type: NUMBER, format: {kind: GROUPED, decimal_comma: true}}`, "", []string{"1200,5", "5,25", "7"}},
		{"Paid", `{type: NUMBER}`, "each fraction has three digits", []string{"1.200", "5.250", "7"}},
		{"Paid", `{type: NUMBER, format: {nulls: [N/A]}}`, "", []string{"1.5", "N/A", "3", "2.25"}},
		{"Paid", `{type: INTEGER}`, `cells of 1 row do not have this form, and their rows will be refused: "x"`, append(strings.Fields(strings.Repeat("5 6 7 ", 13)), "x")},
		{"Code", `{type: STRING}`, "", []string{"0123", "0456", "0789"}},
		{"Rate", `{type: NUMBER, format: {kind: PERCENT}}`, "", []string{"45 %", "3.5 %"}},
		{"Rate", `{type: NUMBER, format: {kind: PERCENT, decimal_comma: true}}`, "", []string{"45 %", "3,5 %"}},
		{"Active", `{type: BOOLEAN}`, "", []string{"true", "false"}},
		{"Active", `{type: BOOLEAN, format: {kind: YES_NO, true_words: ["yes"], false_words: ["no"]}}`, "", []string{"Yes", "No", "yes"}},
		{"Active", `{type: BOOLEAN, format: {kind: YES_NO, true_words: ["1"], false_words: ["0"]}}`, "", []string{"1", "0"}},
		{"Active", `{type: STRING}`, "", []string{"Yes", "No", "No service"}},
		{"Signed", `{type: DATE}`, "", []string{"2025-04-03", "2024-12-31"}},
		{"Signed", `{type: DATE, format: {pattern: MM/DD/YYYY}}`, "", []string{"03/04/2025", "03/14/2025"}},
		{"Signed", `{type: DATE, format: {pattern: DD/MM/YYYY}}`, "as well be MM/DD/YYYY", []string{"03/04/2025", "05/04/2025"}},
		{"Signed", `{type: DATE, format: {pattern: D.M.YYYY}}`, "", []string{"3.4.2025", "14.12.2025"}},
		{"Signed", `{type: DATE, format: {pattern: YYYYMMDD}}`, "", []string{"20250403", "20241231"}},
		{"Signed", `{type: DATE, format: {kind: EXCEL}}`, "", []string{"45750", "45120"}},
		{"Signed", `{type: DATE, format: {kind: EXCEL, pattern: DD/MM/YYYY}}`, "", []string{"45750", "31/12/2024"}},
		{"Seats", `{type: INTEGER}`, "", []string{"45750", "45120", "45121"}},
		{"Signed", `{type: TIMESTAMP, format: {pattern: "YYYY-MM-DD hh:mm:ss"}}`, "", []string{"2025-04-03 10:00:00", "2024-12-31 23:59:59"}},
		{"Signed", `{type: DATE, format: {pattern: "YYYY-MM-DD 00:00:00.000"}}`, "", []string{"2025-04-03 00:00:00.000", "2024-12-31 00:00:00.000"}},
	} {
		s := made(t, profile([]string{c.header, "Other"}, c.cells, numbered))
		want, _, found := modelfile.Parse("want", []byte("name: b\nattributes: ["+c.want+"]"))
		if len(found) > 0 {
			t.Fatal(found)
		}
		got := proto.CloneOf(s.Model.GetAttributes()[0])
		got.Name, got.Column = "", ""
		if !proto.Equal(got, want.GetAttributes()[0]) {
			t.Errorf("%v: %v, want %s", c.cells, got, c.want)
		}
		if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, c.header+`"`) {
			t.Errorf("%v: notes %q, want %q", c.cells, notes, c.note)
		}
	}
}

func TestNamesAreMadeOfHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"ARR (USD)": "arr_usd", "companyName": "company_name", "Größe": "grosse", "Kundenzahl": "kundenzahl", "2024 revenue": "column_2024_revenue", "売上": "column",
		"in": "in_", "segments": "segments_", "Marge %": "marge_percent", strings.Repeat("x", 90): strings.Repeat("x", 60),
	} {
		if got := made(t, profile([]string{header, "Plan"}, []string{"1", "20", "300"}, []string{"Lite", "Core"})).Model.GetAttributes()[0]; got.GetName() != want || got.GetColumn() != header && want != header {
			t.Errorf("%q is %q, column %q, want %q", header, got.GetName(), got.GetColumn(), want)
		}
	}
}

// rule FILE-30
func TestAScoreWeighsMoneyMostAndTurnsWhatIsBad(t *testing.T) {
	spread := []string{"10", "200", "3000", "40000", "500000", "700", "80", "9"}
	s := made(t, profile([]string{"Plan", "Tickets", "Seats", "Annual revenue", "Churn", "Last order"},
		[]string{"Lite", "Core", "Pro"}, []string{"1", "2", "3", "4", "5", "6", "7"}, spread, spread, []string{"yes", "no"}, []string{"2025-04-03", "2024-12-31"}))
	inverted := map[string]bool{"annual_revenue": false, "tickets": true, "seats": false, "churn": true, "last_order": true}
	criteria := s.Model.GetScores()[0].GetCriteria()
	if len(criteria) != len(inverted) || criteria[0].GetName() != "annual_revenue" || criteria[0].GetNormalize().GetLog() == nil || criteria[0].GetWeight() <= criteria[1].GetWeight() {
		t.Errorf("criteria %v", criteria)
	}
	for _, c := range criteria {
		if invert, known := inverted[c.GetName()]; !known || c.GetInvert() != invert {
			t.Errorf("%s: invert %v", c.GetName(), c.GetInvert())
		}
	}
	if share := s.Model.GetTierings()[0].GetLinear().GetTiers()[0].GetCut().GetCumulativeShare(); share.GetOf() != "annual_revenue" || s.Model.GetAmount() != "annual_revenue" {
		t.Errorf("the tiers are cut by %v, the amount is %q", share, s.Model.GetAmount())
	}
	for _, comment := range []string{"# How much to invest, by concentration", "# Who customers are: size by annual_revenue", "echelon score --model MODEL.yaml --input f.csv --id-column \"id\""} {
		if !strings.Contains(string(s.YAML), comment) {
			t.Errorf("%q is not in\n%s", comment, s.YAML)
		}
	}
}

func TestWithoutAnythingToScoreThereAreGroupsAndAWord(t *testing.T) {
	s := made(t, profile([]string{"Country"}, []string{"UK", "France", "Spain"}))
	if len(s.Model.GetSegmentations()) != 1 || len(s.Model.GetScores())+len(s.Model.GetTierings()) > 0 {
		t.Errorf("model %v", s.Model)
	}
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "nothing in the file says what a customer is worth") {
		t.Errorf("notes %q", s.Notes)
	}
}

func TestASegmentThatIsNamedLikeAServiceIsLeftOut(t *testing.T) {
	s := made(t, profile([]string{"Service", "Region"}, []string{"high-touch", "retail"}, []string{"North", "South"}))
	if len(s.Model.GetSegmentations()) != 1 || s.Model.GetSegmentations()[0].GetName() != "by_region" || !strings.Contains(strings.Join(s.Notes, " "), "is left out") {
		t.Errorf("%v, notes %q", s.Model.GetSegmentations(), s.Notes)
	}
	if strings.Contains(string(s.YAML), "values of service") || !strings.Contains(string(s.YAML), "values of region") {
		t.Errorf("comments of another segmentation:\n%s", s.YAML)
	}
}

// rule FILE-30
func TestWhateverTheCellsASuggestionLintsCleanAndReadsBack(t *testing.T) {
	cell := rapid.OneOf(rapid.SampledFrom([]string{"", "1", "0", "-3.5", "$5", "€ 1.200,00", "45 %", "yes", "no", "N/A", "2025-04-03", "03/04/2025", "45750", "a", "B \"q\"", "x: #y", "ÿ", "high-touch", "SMB"}),
		rapid.String(), rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Float64Range(-1e9, 1e9).Draw(t, "x")) }))
	header := rapid.OneOf(rapid.SampledFrom([]string{"Revenue", "id", "Last order", "Churn", "Employees", "Plan", "", "tier"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		headers := rapid.SliceOfN(header, 1, 6).Draw(t, "headers")
		pool := rapid.SliceOfN(cell, 1, 30).Draw(t, "pool")
		p := suggest.NewProfile(headers)
		for range rapid.IntRange(1, 60).Draw(t, "rows") {
			row := make([]suggest.Cell, len(headers))
			for i := range row {
				row[i] = suggest.Cell{Text: rapid.SampledFrom(pool).Draw(t, "cell")}
			}
			p.Add(row)
		}
		s, err := suggest.Suggest(p, suggest.Options{Name: "b2b", File: "f.csv", RowIDs: true})
		if err != nil {
			if strings.Contains(err.Error(), "not sound") {
				t.Fatal(err)
			}
			return
		}
		model, _, found := modelfile.Parse("m.yaml", s.YAML)
		if len(found) > 0 || !proto.Equal(model, s.Model) {
			t.Fatalf("%v in\n%s", found, s.YAML)
		}
		if _, found := engine.Compile(model); len(found) > 0 {
			t.Fatalf("%v in\n%s", found, s.YAML)
		}
	})
}
