package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// suggested are files of all kinds, and what becomes of their customers without a hand on the model.
var suggested = []struct {
	file, ids string
	// balance is how the rows ended, tiers how many customers each tier got.
	balance, tiers string
	// told are what the suggestion and the score say of the file.
	told []string
	// flags say how the file is read.
	flags []string
}{
	{"ugly/erp_export.csv", "", "rows    61 in = 60 tiered + 0 unscored + 0 excluded + 1 refused", "14 16 30",
		[]string{`the last row begins with "Summe" and looks like a total`, `erp_export.csv:123: column "Rabatt": rabatt is required and missing`}, nil},
	{"ugly/saas_export.csv", "", "rows    63 in = 56 tiered + 4 unscored + 0 excluded + 3 refused", "17 17 22",
		[]string{`saas_export.csv:13: column "Account ID": the id is empty`, "saas_export.csv:46: the row has 3 cells and the header 9"}, nil},
	{"ugly/dates.tsv", "", "rows    50 in = 50 tiered + 0 unscored + 0 excluded + 0 refused", "7 15 28",
		[]string{`column "signed on": the cells could as well be MM/DD/YYYY`}, nil},
	{"ugly/western.csv", "", "rows    40 in = 40 tiered + 0 unscored + 0 excluded + 0 refused", "",
		[]string{`--id-column "Código" --encoding "windows-1252"`, "ventas"}, []string{"--encoding", "windows-1252"}},
	{"ugly/unicode.tsv", "Código", "rows    40 in = 40 tiered + 0 unscored + 0 excluded + 0 refused", "", []string{"ventas"}, nil},
	{"ugly/events.jsonl.zst", "", "rows    61 in = 54 tiered + 6 unscored + 0 excluded + 1 refused", "6 15 33",
		[]string{"events.jsonl.zst:36: the line is no object of JSON", "billing_arr"}, nil},
	{"ugly/german.csv", "Kundennr", "rows    40 in = 39 tiered + 0 unscored + 0 excluded + 1 refused", "7 10 22", []string{"separated by a semicolon", `"1.046,29 CHF"`}, nil},
	{"ugly/us_export.csv", "Account ID", "rows    42 in = 39 tiered + 0 unscored + 0 excluded + 3 refused", "6 14 19",
		[]string{`"TBD" is no number`, `the id "A-100" stands in an earlier row`, "the row has 2 cells"}, nil},
	{"ugly/spreadsheet.tsv", "Code", "rows    40 in = 38 tiered + 1 unscored + 0 excluded + 1 refused", "8 6 24", []string{"separated by a tab", `seats: "many" is no number`}, nil},
	{"ugly/two_currencies.txt", "id", "rows    40 in = 35 tiered + 0 unscored + 0 excluded + 5 refused", "7 9 19",
		[]string{"separated by a pipe", `"€ 31.221,71" is no number`, "could as well be MM/DD/YYYY", "a segment is named by how customers are served"}, nil},
	{"ugly/nested.jsonl", "id", "rows    40 in = 34 tiered + 4 unscored + 0 excluded + 2 refused", "6 8 20",
		[]string{"nested.jsonl:5: the line is no object of JSON", `"about 281" is no number`}, nil},
	{"examples/online_retail_rfm.csv", "customer_id", "rows    80 in = 80 tiered + 0 unscored + 0 excluded + 0 refused", "", nil, nil},
	{"examples/wholesale_customers.csv", "rows", "rows    80 in = 80 tiered + 0 unscored + 0 excluded + 0 refused", "8 24 48", []string{"no column is surely money"}, nil},
	{"examples/subscriptions.csv", "rownames", "rows    80 in = 80 tiered + 0 unscored + 0 excluded + 0 refused", "", nil, nil},
	{"examples/northwind_customers.csv", "customerID", "", "none", []string{"nothing in the file says what a customer is worth", "the row has 12 cells and the header 11"}, nil},
}

// rule FILE-29, FILE-30
func TestFilesGoToATierTableBySuggestLintAndScoreAlone(t *testing.T) {
	for _, s := range suggested {
		t.Run(s.file, func(t *testing.T) {
			folder, input := t.TempDir(), filepath.Join("testdata", filepath.FromSlash(s.file))
			model, tiers := filepath.Join(folder, "model.yaml"), filepath.Join(folder, "tiers.csv")
			ids := s.flags
			switch {
			case s.ids == "rows":
				ids = append(ids, "--row-ids")
			case s.ids != "":
				ids = append(ids, "--id-column", s.ids)
			}
			told := mustRun(t, exitFine, append([]string{"model", "suggest", "--input", input, "--output", model}, ids...)...)
			if s.ids == "" { // it is found, and told
				found := regexp.MustCompile(`--id-column "([^"]*)"`).FindStringSubmatch(told)
				if found == nil {
					t.Fatalf("no id column is found:\n%s", told)
				}
				ids = append(ids, "--id-column", found[1])
			}
			if linted := mustRun(t, exitFine, "model", "lint", model); linted != "" {
				t.Errorf("lint finds\n%s", linted)
			}
			code := exitFine
			if !strings.Contains(s.balance, "+ 0 refused") {
				code = exitRefused
			}
			told += mustRun(t, code, append([]string{"score", "--model", model, "--input", input, "--output", tiers, "--as-of", "2026-01-31"}, ids...)...)
			for _, want := range append(s.told, s.balance) {
				if !strings.Contains(told, want) {
					t.Errorf("%q is not told in\n%s", want, told)
				}
			}
			if got := tierCounts(t, tiers); s.tiers != "" && got != s.tiers {
				t.Errorf("tiers of %s customers, want %s", got, s.tiers)
			}
			again := filepath.Join(folder, "again.yaml")
			mustRun(t, exitFine, append([]string{"model", "suggest", "--input", input, "--output", again}, ids...)...)
			if diff := cmp.Diff(contents(t, model), contents(t, again)); diff != "" {
				t.Errorf("a second suggestion differs: %s", diff)
			}
		})
	}
}

// mustRun runs a command that ends with a code, and returns what it writes.
func mustRun(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if got := run(t.Context(), args, &out, &out); got != code {
		t.Fatalf("%v: the exit code is %d, want %d:\n%s", args, got, code, out.String())
	}
	return out.String()
}

func contents(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tierCounts returns how many rows of an output are in each of the tiers that suggest makes; none where it has no tiers.
func tierCounts(t *testing.T, file string) string {
	text := contents(t, file)
	if !strings.Contains(text, "tier.coverage") {
		return "none"
	}
	count := func(tier string) int { return strings.Count(text, ","+tier+",") }
	return fmt.Sprintf("%d %d %d", count("high-touch"), count("mid-touch"), count("tech-touch"))
}

func TestSuggestSaysWhatItCannotDo(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct {
		text string
		args []string
		code int
		want string
	}{
		"no ids":             {"amount\n1\n1\n2\n", nil, exitFailure, "none tells customers apart: name one by --id-column, or number the rows with --row-ids"},
		"no such column":     {"id,arr\na,1\n", []string{"--id-column", "ident"}, exitFailure, `there is no column "ident": name one of "id", "arr" by --id-column`},
		"nothing to see":     {"id,name\na,x\nb,y\n", nil, exitFailure, "no column groups customers or says what they are worth"},
		"no rows":            {"id,arr\n", nil, exitFailure, "there are no customers"},
		"no line fits":       {"Report of 2026\n\nid,arr\na,1\n", nil, exitFailure, "look at the header first, which must be line 1: "},
		"which line fits":    {"Report of 2026\n\nid,arr\na,1\n", nil, exitFailure, "which line fits.csv:3: the row has 2 cells and the header 1"},
		"blanks in a name":   {"id ,arr\na,1\n", []string{"--id-column", "id"}, exitFailure, `name one of "id ", "arr"`},
		"what is left out":   {"id,arr,arr\na,1,2\n", nil, exitFailure, `(left out: column 2 "arr" (the name stands twice)`},
		"an empty file":      {"", nil, exitFailure, "the file is empty"},
		"both ways":          {"id\n", []string{"--id-column", "id", "--row-ids"}, exitUsage, "none of the others can be"},
		"no such format":     {"id\n", []string{"--format", "xls"}, exitUsage, "is no format"},
		"over the input":     {"id\n", []string{"--output", filepath.Join(folder, "over the input.csv")}, exitUsage, "names the file that is read"},
		"a name that is not": {"id,arr\na,1\nb,2\nc,3\n", []string{"--name", "No Name"}, exitFailure, "is no name of a model"},
	} {
		t.Run(name, func(t *testing.T) {
			input := filepath.Join(folder, name+".csv")
			if err := os.WriteFile(input, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if told := mustRun(t, c.code, append([]string{"model", "suggest", "--input", input}, c.args...)...); !strings.Contains(told, c.want) {
				t.Errorf("%q is not told in\n%s", c.want, told)
			}
		})
	}
}
