package suggest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/internal/suggest"
)

// report returns the suggestion for 30 customers and a last row.
func report(t *testing.T, last ...string) *suggest.Suggestion {
	t.Helper()
	p := suggest.NewProfile([]string{"id", "revenue", "orders", "region", "note"})
	add := func(texts ...string) {
		cells := make([]suggest.Cell, 5)
		for i, text := range texts {
			cells[i].Text = text
		}
		p.Add(cells)
	}
	for i := range 30 {
		add(fmt.Sprint("c", i), fmt.Sprint(100*i+7), fmt.Sprint(i%9+1), []string{"north", "south"}[i%2], "")
	}
	add(last...)
	add() // a line of nothing below the table
	made, err := suggest.Suggest(p, suggest.Options{Name: "report", File: "report.csv"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// rule FILE-32
func TestATotalIsNoCustomer(t *testing.T) {
	for _, last := range [][]string{{"Total", "43710"}, {"", "GRAND TOTAL", "999"}, {"Gesamtsumme", "1"}, {"  sum:", "5", "", "", "x"}} {
		made := report(t, last...)
		required := ""
		for _, a := range made.Model.GetAttributes() {
			if a.GetRequired() {
				required += a.GetName() + " "
			}
		}
		notes := strings.Join(made.Notes, "\n")
		if required == "" || !strings.Contains(notes, "looks like a total") || !strings.Contains(string(made.YAML), "CHECK: the last row begins with") || made.IDColumn != "id" {
			t.Errorf("%q: required %q, ids %q, notes\n%s", last, required, made.IDColumn, notes)
		}
		if !strings.Contains(string(made.YAML), "Suggested from the 30 rows") {
			t.Errorf("%q counts as a customer:\n%s", last, made.YAML)
		}
	}
}

func TestACustomerWhoIsCalledTotalIsOne(t *testing.T) {
	for _, last := range [][]string{{"Total", "43710", "3", "north"}, {"Totally Green", "12", "4", "south"}, {"c30", "9", "", ""}} {
		made := report(t, last...)
		if strings.Contains(strings.Join(made.Notes, "\n"), "total") || !strings.Contains(string(made.YAML), "Suggested from the 31 rows") {
			t.Errorf("%q: %q\n%s", last, made.Notes, made.YAML)
		}
	}
}
