package adventureworks_test

import (
	"cmp"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/examples/internal/exampletest"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var resellers = exampletest.Example{Model: "model.yaml", Customers: "accounts.csv", IDColumn: "account_id", AsOf: "2020-05-31"}

func TestModelLeavesNothingToFind(t *testing.T) {
	out := exampletest.Evaluate(t, resellers)
	for _, f := range out.Findings {
		t.Error(f)
	}
	for _, r := range out.Refused {
		t.Error(r.Describe(resellers.Customers))
	}
}

func TestTablesAreThoseExpected(t *testing.T) {
	exampletest.Golden(t, "testdata/tables.txt", exampletest.Tables(exampletest.Evaluate(t, resellers).Summary))
}

// account is what a sales leader looks at.
type account struct {
	name, tier, persona, size string
	revenue                   float64
	scored                    bool
}

func accounts(t *testing.T) []account {
	t.Helper()
	out := exampletest.Evaluate(t, resellers)
	name, _ := out.Frame.Schema.Index("name")
	revenue, _ := out.Frame.Schema.Index("revenue_12m")
	var list []account
	for i, a := range out.Assignments {
		one := account{name: out.Frame.Columns[name].String(i), scored: slices.ContainsFunc(a.GetScores(), hasValue)}
		if column := out.Frame.Columns[revenue]; column.Valid.Get(i) {
			one.revenue = column.Numbers[i]
		}
		for _, s := range a.GetSegments() {
			if s.GetSegmentation() == "size" {
				one.size = s.GetSegment()
			}
		}
		for _, tier := range a.GetTiers() {
			if tier.GetTiering() == "coverage" {
				one.tier = tier.GetTier()
			} else {
				one.persona = tier.GetTier()
			}
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(a, b account) int { return cmp.Compare(b.revenue, a.revenue) })
	return list
}

func hasValue(s *echelonv1.ScoreOutcome) bool { return s.Value != nil }

func TestSalesLeaderNods(t *testing.T) {
	list, unscored := accounts(t), 0
	for place, a := range list {
		staffed := a.tier == "high-touch" || a.tier == "mid-touch"
		switch {
		case place < 20 && (a.tier != "high-touch" || a.persona == "Efficient Engagement"):
			t.Errorf("number %d by revenue: %+v", place+1, a)
		case a.persona == "Strategic Partnerships" && (!staffed || a.revenue < 100_000 || a.size == "Small"):
			t.Errorf("no strategic partner: %+v", a)
		case a.persona == "Efficient Engagement" && staffed:
			t.Errorf("people look after an account that is not worth it: %+v", a)
		}
		if !a.scored {
			unscored++
			if a.tier != "" || a.persona != "" || a.revenue != 0 {
				t.Errorf("a reseller that never ordered is ranked: %+v", a)
			}
		}
	}
	if unscored != 69 {
		t.Errorf("%d resellers are unscored, want the 69 that never ordered", unscored)
	}
}

func TestCommandAgreesWithAnotherWayAndWithTheReadme(t *testing.T) {
	binary, folder := exampletest.Build(t), t.TempDir()
	output, summary := filepath.Join(folder, "out.csv"), filepath.Join(folder, "score.json")
	printed := exampletest.Score(t, binary, resellers, output)
	if !strings.Contains(exampletest.Read(t, "README.md"), printed) {
		t.Errorf("README.md does not show this:\n%s", printed)
	}
	exampletest.Write(t, summary, exampletest.Score(t, binary, resellers, output, "--json"))
	said := exampletest.Run(t, "python3", "check.py", resellers.Customers, output, "--summary", summary)
	if want := "equal: 701 rows and the tables, computed another way\n"; said != want {
		t.Errorf("check.py printed %q, want %q", said, want)
	}
	for _, change := range changes {
		t.Run("check.py finds a change of "+change.name, func(t *testing.T) {
			change.mustBeFound(t, output, summary)
		})
	}
}

// change is a difference that check.py must find: the first place of from in a file becomes to.
type change struct {
	name, from, to string
	// inSummary tells which of the two files is changed.
	inSummary bool
	// want is a part of what check.py says.
	want string
}

var changes = []change{
	{"a tier", ",mid-touch,", ",low-touch,", false, "tier.coverage: Echelon has 'low-touch', another way gives 'mid-touch'"},
	{"a segment", ",Warehouse,", ",Department Store,", false, "segment.business_type: Echelon has 'Department Store'"},
	{"a score", "Canada,Road,", "Canada,Road,1", false, "score.value: Echelon has "},
	{"a column's name", "score.value", "score.worth", false, "score.value: Echelon has 'no such column'"},
	{"a count", `"70"`, `"71"`, true, "coverage, customers of high-touch: Echelon has 71, another way gives 70"},
	{"an amount", "35122569.43", "35122569.44", true, "balance, amount_in: Echelon has '35122569.44'"},
}

func (c change) mustBeFound(t *testing.T, output, summary string) {
	changed := filepath.Join(t.TempDir(), "changed")
	file := &output
	if c.inSummary {
		file = &summary
	}
	exampletest.Write(t, changed, strings.Replace(exampletest.Read(t, *file), c.from, c.to, 1))
	*file = changed
	said, err := exec.Command("python3", "check.py", resellers.Customers, output, "--summary", summary).CombinedOutput()
	if err == nil || !strings.Contains(string(said), c.want) {
		t.Errorf("it ended with %v and printed\n%s\nwant a failure that says %q", err, said, c.want)
	}
}
