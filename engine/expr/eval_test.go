package expr

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
)

// evaluated are expressions and what they are on fullRow: a value, or "! " and the cause.
var evaluated = []struct{ text, want string }{
	// numbers are numbers
	{"arr", "600"}, {"arr * 2 > 1000", "true"}, {"arr == 600", "true"}, {"arr != 600", "false"}, {"(partner ? 1 : 0.5) * arr", "600"},
	{"tags[size(tags) - 1]", `"x"`}, {"tags[0]", `"a"`}, {"products >= 2", "true"}, {"products in [1, 2, 3]", "true"}, {"products in [1.5, 3]", "false"},
	{"-5", "-5"}, {"-arr", "-600"}, {"1 / 2", "0.5"}, {"arr / 0.0", "! the result is infinite"}, {"-arr / 0", "! the result is infinite"},
	{"zero / zero", "! the result is not a number"}, {"arr / 0 > 1", "true"}, {"zero / zero == zero / zero", "false"}, {"zero / zero != zero / zero", "true"},
	{"zero / zero < 1 || zero / zero >= 1", "false"}, {"7 % 4", "3"}, {"-7.5 % 2", "-1.5"}, {"7 % 0", "! the result is not a number"}, {"0x10 + 1e1", "26"},
	{"9007199254740992 + 1", "9007199254740992"}, {"0.1 + 0.2 == 0.3", "false"}, {"1 - 2 - 3", "-4"}, {"2 + 3 * 4", "14"},
	// texts
	{"region", `"EMEA"`}, {"region + '-' + word", `"EMEA-Zürich 😀"`}, {"region.contains('ME')", "true"}, {"region.startsWith('EM')", "true"}, {"region.endsWith('x')", "false"},
	{"region.matches('^E.*A$')", "true"}, {"matches(region, 'X')", "false"}, {"region.matches(empty)", "true"}, {"region.matches(empty + '(')", `! "(" is no regular expression: missing closing ): ` + "`(`"},
	{"size(word)", "8"}, {"word.size()", "8"}, {"empty.size() == 0", "true"}, {"word.lowerAscii()", `"zürich 😀"`}, {"word.upperAscii()", `"ZüRICH 😀"`}, {"' a '.trim()", `"a"`},
	{"'a' < 'b'", "true"}, {"'Z' < 'a'", "true"}, {"'\\uffff' < '😀'", "true"}, {"region >= 'EMEA'", "true"}, {"region in ['APAC', 'EMEA']", "true"},
	{"string(arr)", `"600"`}, {"string(0.1)", `"0.1"`}, {"string(partner)", `"true"`}, {"string(last_order)", `"2026-01-31"`}, {"string(seen)", `"2026-03-01T18:30:15.5Z"`}, {"string(region)", `"EMEA"`},
	{"double('12.5')", "12.5"}, {"double('-1e3')", "-1000"}, {"double(region)", `! "EMEA" is no number`}, {"double(empty)", `! "" is no number`}, {"double(empty + '1e999')", "! \"1e999\" is no number that a double can hold"},
	{"double(arr)", "600"}, {"double(' 1' + empty)", `! " 1" is no number`},
	// mathematics
	{"abs(-arr)", "600"}, {"ceil(1.2)", "2"}, {"floor(-1.2)", "-2"}, {"round(2.5)", "3"}, {"round(-2.5)", "-3"}, {"trunc(-1.7)", "-1"}, {"int(-1.7)", "-1"}, {"int(1.7) / 2", "0.5"},
	{"sign(-3)", "-1"}, {"sqrt(16)", "4"}, {"sqrt(-1)", "! the result is not a number"}, {"exp(0)", "1"}, {"log(1)", "0"}, {"log(zero)", "! the result is infinite"}, {"log10(1e-4)", "-4"},
	{"log10(1000000)", "6"}, {"log2(8)", "3"}, {"pow(2, 10)", "1024"}, {"pow(2, 0.5) == sqrt(2)", "true"}, {"min(3, 1, 2)", "1"}, {"max(3, arr)", "600"}, {"max([1, 5, 2])", "5"}, {"min([arr])", "600"},
	{"min(1, zero / zero)", "! the result is not a number"}, {"max(zero / zero, 1, 2)", "! the result is not a number"}, {"min(1,2,3,4,5,6,7,0)", "0"}, {"max(tags.map(t, size(t)))", "1"}, {"min(none.map(t, size(t)))", "! min of an empty list"},
	// lists and maps
	{"tags", "[a b x]"}, {"none", "[]"}, {"tags + ['y']", "[a b x y]"}, {"['a', 'b']", "[a b]"}, {"tags[5]", "! index 5 is out of range: the list has 3 items"}, {"['a'][1]", "! index 1 is out of range: the list has 1 item"},
	{"tags[-1]", "! index -1 is out of range: the list has 3 items"}, {"tags[0.5]", "! index 0.5 is no whole number"}, {"tags[arr / 0]", "! index +Inf is out of range: the list has 3 items"}, {"tags[zero / zero]", "! index NaN is no whole number"},
	{"'x' in tags", "true"}, {"'y' in tags", "false"}, {"tags == ['a', 'b', 'x']", "true"}, {"tags.size()", "3"}, {"size(none)", "0"}, {"size({'a': 1})", "1"},
	{"{'EMEA': 1, 'APAC': 2}[region]", "1"}, {"{'APAC': 2}[region]", `! there is no entry for "EMEA"`}, {"{1: 'one'}[products]", "! there is no entry for 2"}, {"{true: 'yes', false: 'no'}[partner]", `"yes"`},
	{"{false: 1}[partner]", "! there is no entry for true"}, {"region in {'EMEA': 1}", "true"}, {"{'a': ['b']}['a'][0]", `"b"`},
	{"tags.exists(t, t == 'x')", "true"}, {"tags.all(t, size(t) == 1)", "true"}, {"tags.exists_one(t, t > 'a')", "false"}, {"tags.exists_one(t, t == 'a')", "true"}, {"none.exists(t, true)", "false"},
	{"tags.filter(t, t.startsWith('a')).size() > 2", "false"}, {"tags.filter(t, t != 'b')", "[a x]"}, {"tags.map(t, t + '!')", "[a! b! x!]"}, {"tags.map(t, t > 'a', t + t)", "[bb xx]"}, {"[1, 2].map(n, n * 2)[1]", "4"},
	{"tags.map(t, [t])[1]", "[b]"}, {"{'a': 1}.exists(k, k == 'a')", "true"}, {"tags.exists(t, [1, 2].exists(n, t == 'x' && n == 2))", "true"}, {"tags.exists(arr, arr == 'x') && arr == 600", "true"},
	// dates and timestamps
	{"last_order", "2026-01-31"}, {"seen", "2026-03-01T18:30:15.5Z"}, {"as_of", "2026-03-10T12:00:00Z"}, {"last_order == date('2026-01-31')", "true"}, {"last_order < date('2026-02-01')", "true"}, {"last_order != date('2026-01-31')", "false"},
	{"last_order in [date('2026-01-31')]", "true"}, {"date(seen)", "2026-03-01"}, {"date('2024-02-29')", "2024-02-29"}, {"date(as_of) > last_order", "true"}, {"seen <= as_of", "true"}, {"seen == timestamp('2026-03-01T19:30:15.5+01:00')", "true"},
	{"timestamp('2026-01-31T12:00:00Z')", "2026-01-31T12:00:00Z"}, {"date(region)", `! "EMEA" is no date`}, {"timestamp(region + ': write x')", `! "EMEA: write x" is no timestamp`}, {"max(days_since(last_order), 1)", "38"},
	{"days_since(last_order)", "38"}, {"days_until(last_order)", "-38"}, {"days_since(date('2026-03-10'))", "0"}, {"days_since(date(as_of))", "0"}, {"string(days_until(date(as_of)))", `"0"`}, {"days_since(seen)", "8"}, {"days_until(seen)", "-9"}, {"days_until(timestamp('2026-03-11T11:59:59Z'))", "0"},
	{"days_since(timestamp('2026-03-11T11:59:59Z'))", "-1"}, {"last_order.getFullYear()", "2026"}, {"last_order.getMonth()", "0"}, {"last_order.getDate()", "31"}, {"last_order.getDayOfMonth()", "30"}, {"last_order.getDayOfWeek()", "6"}, {"last_order.getDayOfYear()", "30"},
	{"seen.getFullYear()", "2026"}, {"seen.getMonth()", "2"}, {"seen.getDate()", "1"}, {"seen.getDayOfWeek()", "0"}, {"seen.getHours()", "18"}, {"seen.getMinutes()", "30"}, {"seen.getSeconds()", "15"}, {"partner ? last_order : date(seen)", "2026-01-31"},
	// variables of other items
	{"segments.size == 'SMB'", "true"}, {"scores.value * 2", "125"}, {"tiers.coverage", `"high-touch"`}, {"scores.value", "62.5"}, {"!partner", "false"}, {"partner && arr > 1 || false", "true"},
	// currencies
	{"convert(100, 'USD')", "92"}, {"convert(arr, 'EUR') == arr", "true"}, {"convert(arr, 'JPY')", "3.66"}, {"convert(arr, partner ? 'USD' : 'EUR')", "552"}, {"convert(-arr, 'USD')", "-552"}, {"convert(arr, 'GBP')", `! there is no exchange rate for the currency "GBP"`},
	{"convert(arr, region)", `! there is no exchange rate for the currency "EMEA"`}, {"convert(arr, 'USD'.lowerAscii())", `! there is no exchange rate for the currency "usd"`}, {"convert(arr, empty)", `! there is no exchange rate for the currency ""`},
	{"convert(arr, no_text)", "! no_text is missing"}, {"convert(no_number, 'USD')", "! no_number is missing"}, {"convert(no_number, no_text)", "! no_number is missing"}, {"convert(no_number, 'GBP')", "! no_number is missing"}, {"coalesce(convert(arr, no_text), 1)", "1"},
	{"coalesce(convert(arr, 'GBP'), 1)", `! there is no exchange rate for the currency "GBP"`}, {"convert(arr, 'XTS')", "! the result is infinite"}, {"convert(zero / zero, 'USD')", "! the result is not a number"}, {"[1, 2].map(n, convert(n, 'USD'))[1]", "1.84"},
	{"convert(convert(100, 'USD'), 'USD')", "84.64"}, {"convert(arr, 'GBP') > 1 || true", "true"},
	// what is missing: && and || absorb it, everything else passes it on, the left one first
	{"no_number", "! no_number is missing"}, {"no_text", "! no_text is missing"}, {"no_list", "! no_list is missing"}, {"no_day", "! no_day is missing"}, {"no_flag", "! no_flag is missing"}, {"no_instant", "! no_instant is missing"},
	{"no_number > 1", "! no_number is missing"}, {"no_number + no_other", "! no_number is missing"}, {"no_other == no_number", "! no_other is missing"}, {"arr != no_number", "! no_number is missing"},
	{"no_flag && false", "false"}, {"false && no_flag", "false"}, {"no_flag && true", "! no_flag is missing"}, {"no_flag || true", "true"}, {"no_flag || false", "! no_flag is missing"}, {"true || no_flag", "true"},
	{"no_number > 1 || no_other > 1", "! no_number is missing"}, {"no_other > 1 && no_number > 1", "! no_other is missing"}, {"no_flag || tags[5] == 'a'", "! no_flag is missing"}, {"tags[5] == 'a' || no_flag", "! index 5 is out of range: the list has 3 items"},
	{"!no_flag", "! no_flag is missing"}, {"-no_number", "! no_number is missing"}, {"no_flag ? 1 : 2", "! no_flag is missing"}, {"partner ? 1 : no_number", "1"}, {"partner ? no_number : 1", "! no_number is missing"},
	{"no_number in [1, 2]", "! no_number is missing"}, {"1 in [no_other, no_number]", "! no_other is missing"}, {"no_text in no_list", "! no_text is missing"}, {"region in no_list", "! no_list is missing"}, {"[no_number, 1] == [1]", "! no_number is missing"},
	{"tags[no_number]", "! no_number is missing"}, {"no_list[0]", "! no_list is missing"}, {"no_list[no_number]", "! no_list is missing"}, {"{'a': no_number}['a']", "! no_number is missing"}, {"{'EMEA': 1}[no_text]", "! no_text is missing"}, {"{no_text: no_number}['a']", "! no_text is missing"},
	{"no_text.contains('a')", "! no_text is missing"}, {"region.startsWith(no_text)", "! no_text is missing"}, {"no_text.matches('a')", "! no_text is missing"}, {"size(no_list)", "! no_list is missing"}, {"no_text + region", "! no_text is missing"}, {"min(1, no_other, no_number)", "! no_other is missing"},
	{"days_since(no_day)", "! no_day is missing"}, {"no_day.getMonth()", "! no_day is missing"}, {"string(no_number)", "! no_number is missing"}, {"pow(no_number, no_other)", "! no_number is missing"},
	{"tags.exists(t, no_number > 1)", "! no_number is missing"}, {"tags.exists(t, t == 'x' || no_flag)", "true"}, {"tags.all(t, t != 'x' && no_flag)", "false"}, {"no_list.exists(t, true)", "! no_list is missing"}, {"tags.filter(t, no_flag)", "! no_flag is missing"}, {"tags.map(t, no_text)", "! no_text is missing"},
	{"tags.exists_one(t, no_flag)", "! no_flag is missing"}, {"[no_number, arr].exists(n, n > 1)", "! no_number is missing"}, {"none.exists(t, no_flag)", "false"},
	// present and coalesce see it
	{"present(arr)", "true"}, {"present(no_number)", "false"}, {"present(no_list)", "false"}, {"present(none)", "true"}, {"present(no_text)", "false"}, {"present(no_day)", "false"}, {"present(empty)", "true"}, {"!present(no_flag)", "true"},
	{"present(no_number + 1)", "false"}, {"present(no_number > 1)", "false"}, {"present(no_number > 1 || true)", "true"}, {"present(tags[5])", "! index 5 is out of range: the list has 3 items"}, {"present(zero / zero)", "true"}, {"present(segments.size)", "true"},
	{"coalesce(no_number, 5)", "5"}, {"coalesce(arr, 5)", "600"}, {"coalesce(no_number, no_other)", "! no_number is missing"}, {"coalesce(no_number, no_other, 1, 2)", "1"}, {"coalesce(no_number + 1, arr)", "600"}, {"coalesce(arr, tags.size() / no_number)", "600"},
	{"coalesce(tags[5], region)", "! index 5 is out of range: the list has 3 items"}, {"coalesce(no_text, tags[5])", "! no_text is missing"}, {"coalesce(no_text, tags[5], region)", "! no_text is missing"}, {"coalesce(no_list, tags)", "[a b x]"}, {"coalesce(no_day, last_order)", "2026-01-31"},
	{"coalesce(no_flag, false) || partner", "true"}, {"coalesce(no_number, zero / zero)", "! the result is not a number"}, {"coalesce(no_number, no_other, no_number, no_other, no_number, 6)", "6"}, {"tags.map(t, coalesce(no_text, t))", "[a b x]"},
}

func TestExpressionsOnOneRow(t *testing.T) {
	env, scope := testEnv(t), scopeOf(fullRow)
	for _, c := range evaluated {
		if got := cell(compile(t, env, c.text).Eval(scope), 0); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestCauseNamesWhatIsMissingOrSaysWhatIsWrong(t *testing.T) {
	env, scope := testEnv(t), scopeOf(fullRow, otherRow)
	result := compile(t, env, "no_number / zero").Eval(scope)
	if got, want := result.Cause(0), (Cause{Missing: "no_number"}); got != want {
		t.Errorf("a missing operand: got %+v, want %+v", got, want)
	}
	if got := result.Cause(1); got != (Cause{}) {
		t.Errorf("a row that could be read has the cause %+v", got)
	}
	result = compile(t, env, "tags[0]").Eval(scope)
	if got, want := result.Cause(1), (Cause{Message: "index 0 is out of range: the list has 0 items"}); got != want {
		t.Errorf("an empty list: got %+v, want %+v", got, want)
	}
}

func TestAColumnThatIsNotGivenIsMissing(t *testing.T) {
	env := testEnv(t)
	for _, v := range variables {
		scope := &Scope{Rows: 2, Columns: make([]*frame.Column, len(variables))}
		for _, text := range []string{v.Name, "coalesce(" + v.Name + ", " + v.Name + ")"} {
			result := compile(t, env, text).Eval(scope)
			for row := range 2 {
				if got := result.Cause(row); got != (Cause{Missing: v.Name}) {
					t.Errorf("%s: row %d has the cause %+v", text, row, got)
				}
			}
			if v.Kind == List && len(result.Column.Offsets) != 3 {
				t.Errorf("%s: %d offsets for 2 rows", text, len(result.Column.Offsets))
			}
		}
	}
}

func TestNoRowsGiveAnEmptyColumn(t *testing.T) {
	env, scope := testEnv(t), scopeOf()
	for _, c := range evaluated {
		if got := compile(t, env, c.text).Eval(scope).Column.Valid.Count(); got != 0 {
			t.Errorf("%s: %d values of no rows", c.text, got)
		}
	}
}

func TestLongTextsAndListsEndInACauseInsteadOfMemory(t *testing.T) {
	env := testEnv(t)
	scope := scopeOf(map[string]any{"region": strings.Repeat("x", frame.MaxValueBytes/2), "tags": make([]string, maxItems/2)})
	for text, want := range map[string]string{
		"(region + region).size()":           fmt.Sprint(frame.MaxValueBytes),
		"(region + region + 'y').size()":     "! the string has 65537 bytes, at most 65536 are allowed",
		"(tags + tags).size()":               fmt.Sprint(maxItems),
		"(tags + tags + ['x']).size()":       "! the list has 65537 items, at most 65536 are allowed",
		"tags.map(t, region + t).size() > 0": "! its loops take too long on lists of this length",
	} {
		if got := cell(compile(t, env, text).Eval(scope), 0); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// rows draws some rows out of a few.
func rows(t *rapid.T) []map[string]any {
	return rapid.SliceOfN(rapid.SampledFrom([]map[string]any{fullRow, otherRow, {}}), 0, 150).Draw(t, "rows")
}

// cells writes a whole result.
func cells(r *Result, n int) []string {
	var out []string
	for row := range n {
		out = append(out, cell(r, row))
	}
	return out
}

func TestRowsDoNotSeeEachOther(t *testing.T) {
	env := testEnv(t)
	rapid.Check(t, func(t *rapid.T) {
		x, problems := env.Compile(rapid.SampledFrom(evaluated).Draw(t, "expression").text)
		if problems != nil {
			t.Fatal(problems)
		}
		in := rows(t)
		var alone []string
		for _, row := range in {
			alone = append(alone, cell(x.Eval(scopeOf(row)), 0))
		}
		if diff := cmp.Diff(alone, cells(x.Eval(scopeOf(in...)), len(in))); diff != "" {
			t.Fatalf("%s, alone and together (-/+):\n%s", x.Text(), diff)
		}
		slices.Reverse(in)
		slices.Reverse(alone)
		if diff := cmp.Diff(alone, cells(x.Eval(scopeOf(in...)), len(in))); diff != "" {
			t.Fatalf("%s, in the opposite order (-/+):\n%s", x.Text(), diff)
		}
	})
}

func TestConcurrentEvaluationEqualsSerial(t *testing.T) {
	env, scope := testEnv(t), scopeOf(fullRow, otherRow, map[string]any{}, fullRow)
	for _, c := range evaluated {
		x := compile(t, env, c.text)
		want := cells(x.Eval(scope), scope.Rows)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if diff := cmp.Diff(want, cells(x.Eval(scope), scope.Rows)); diff != "" {
					t.Errorf("%s (-serial/+concurrent):\n%s", c.text, diff)
				}
			})
		}
		group.Wait()
	}
}

func TestConcurrentCompilationEqualsSerial(t *testing.T) {
	env := testEnv(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for _, c := range evaluated {
				if x, problems := env.Compile(c.text); x == nil {
					t.Errorf("%s: %v", c.text, problems)
				}
			}
			for _, c := range mistakes {
				if _, problems := env.Compile(c.text); !slices.Equal(describeProblems(problems), c.want) {
					t.Errorf("%s: %v", c.text, problems)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkEval(b *testing.B) {
	env := testEnv(b)
	in := make([]map[string]any, 1024)
	for i := range in {
		in[i] = []map[string]any{fullRow, otherRow, {}}[i%3]
	}
	scope := scopeOf(in...)
	for _, text := range []string{"arr", "arr * 2 > 1000", "region == 'EMEA' && products >= 2", "coalesce(no_number, arr) / 12", "days_since(last_order) < 90", "tags.exists(t, t == 'x')", "region in ['APAC', 'EMEA']"} {
		x := compile(b, env, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Eval(scope)
			}
			b.ReportMetric(float64(b.N*scope.Rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
