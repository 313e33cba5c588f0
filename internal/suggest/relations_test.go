package suggest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/suggest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// sound returns the model of a suggestion's file, which lints clean and is the one that was suggested.
func sound(t *testing.T, s *suggest.Suggestion) *echelonv1.Model {
	t.Helper()
	model, _, found := modelfile.Parse("m.yaml", s.YAML)
	if len(found) > 0 {
		t.Fatalf("%v in\n%s", found, s.YAML)
	}
	if _, found := engine.Compile(model); len(found) > 0 {
		t.Fatalf("%v in\n%s", found, s.YAML)
	}
	return model
}

func TestAColumnOfIdsOfTheFileIsTheParent(t *testing.T) {
	ids := func(format string) (all []string) {
		for i := range 40 {
			all = append(all, fmt.Sprintf(format, i))
		}
		return all
	}
	var grades []string
	for i := range 40 {
		grades = append(grades, string(rune('A'+i)))
	}
	plan := []string{"Lite", "Core"}
	for _, c := range []struct {
		what, header string
		ids, cells   []string
		parent       bool
	}{
		{"ids with letters", "Owner", ids("acme-%d"), []string{"acme-1", "", "acme-7", "acme-7"}, true},
		{"a few that are not there", "Owner", ids("acme-%d"), strings.Fields(strings.Repeat("acme-1 acme-2 acme-3 ", 12) + "gone"), true},
		{"many that are not there", "Owner", ids("acme-%d"), []string{"acme-1", "gone", "lost"}, false},
		{"a third that is not there, where it is called so", "Parent ID", ids("c%d"), []string{"c1", "gone", "c2"}, true},
		{"nothing known in the words of files", "Owner", ids("acme-%d"), []string{"acme-1", "N/A", "NULL", "acme-2"}, true},
		{"numbers that are called so", "Parent ID", ids("%d"), []string{"1", "", "7"}, true},
		{"numbers that are ids by chance", "Seats", ids("%d"), []string{"1", "2", "7"}, false},
		{"short words that are ids by chance", "Grade", grades, []string{"A", "B"}, false},
		{"short ids that are called so", "Mutterkonzern", ids("c%d"), []string{"c1", "c2"}, true},
		{"the ids once more", "Copy", ids("acme-%d"), ids("acme-%d"), false},
		{"no cell at all", "Parent", ids("acme-%d"), []string{""}, false},
	} {
		p := suggest.NewProfile([]string{"id", c.header, "Plan"})
		for row := range 40 {
			p.Add([]suggest.Cell{{Text: c.ids[row]}, {Text: c.cells[row%len(c.cells)]}, {Text: plan[row%2]}})
		}
		s := made(t, p)
		model := sound(t, s)
		if got := model.GetParent() != ""; got != c.parent {
			t.Errorf("%s: the parent is %q", c.what, model.GetParent())
		}
		if !c.parent {
			continue
		}
		for _, segmentation := range model.GetSegmentations() {
			if strings.Contains(segmentation.GetName(), model.GetParent()) {
				t.Errorf("%s: parents are groups: %v", c.what, segmentation)
			}
		}
		if a := model.GetAttributes()[0]; a.GetName() != model.GetParent() || a.GetType() != echelonv1.Attribute_STRING {
			t.Errorf("%s: the attribute is %v", c.what, a)
		}
		if !strings.Contains(string(s.YAML), "they join customers to families") {
			t.Errorf("%s: nothing explains it in\n%s", c.what, s.YAML)
		}
	}
}

func TestAmountsInSeveralCurrenciesAreToldWithWhatToWrite(t *testing.T) {
	amounts := []string{"10", "200", "3000", "40000", "500000", "700", "80", "9"}
	s := made(t, profile([]string{"ARR", "Currency"}, amounts, []string{"EUR", "USD", "EUR"}))
	model := sound(t, s)
	if model.GetCurrency() != nil {
		t.Errorf("rates are made up: %v", model.GetCurrency())
	}
	want := "currency: {base: EUR, rates: [{currency: USD, date: DAY, rate: RATE}]}, and convert(arr, currency) in place of arr"
	if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(string(s.YAML), "#", "")), " "), "CHECK: arr is in several currencies") {
		t.Errorf("nothing tells it in\n%s", s.YAML)
	}
}

func TestAmountsInOneCurrencyHaveItAsUnit(t *testing.T) {
	amounts := []string{"10", "200", "3000", "40000", "500000", "700", "80", "9"}
	if got := sound(t, made(t, profile([]string{"ARR", "Currency"}, amounts, []string{"GBP"}))).GetAttributes()[0].GetUnit(); got != "GBP" {
		t.Errorf("the unit is %q", got)
	}
	for _, cells := range [][]string{{"EUR", "usd"}, {"EUR", "XXQ"}, {"EUR", ""}} {
		s := made(t, profile([]string{"ARR", "Currency"}, amounts, cells))
		if unit := sound(t, s).GetAttributes()[0].GetUnit(); unit != "" || strings.Contains(strings.Join(s.Notes, " "), "several currencies") {
			t.Errorf("%q counts as currencies: unit %q, notes %q", cells, unit, s.Notes)
		}
	}
	if s := made(t, profile([]string{"Market", "Region"}, []string{"EUR", "USD"}, []string{"North", "South"})); strings.Contains(strings.Join(s.Notes, " "), "currencies") {
		t.Errorf("without money: %q", s.Notes)
	}
}
