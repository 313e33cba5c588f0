package expr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// allFunctions is what a remedy lists where no function is like the one that was called.
const allFunctions = "there are abs, all, ceil, coalesce, contains, convert, date, days_since, days_until, double, endsWith, exists, exists_one, exp, family_count, family_max, family_sum, filter, floor, " +
	"getDate, getDayOfMonth, getDayOfWeek, getDayOfYear, getFullYear, getHours, getMinutes, getMonth, getSeconds, int, log, log10, log2, lowerAscii, map, " +
	"matches, max, min, pow, present, round, sign, size, sqrt, startsWith, string, timestamp, trim, trunc, upperAscii"

// mistakes are texts and their problems, each as "offset: message (remedy)".
var mistakes = []struct {
	name, text string
	want       []string
}{
	{"a misspelt attribute", "products > 1 && aarr > 1", []string{`16: undeclared attribute "aarr" (did you mean "arr"?)`}},
	{"an attribute that nothing is like", "quux > 1", []string{`0: undeclared attribute "quux"`}},
	{"several at once, in the order of the text", "(qux > 1 ? prodcts : reggion) == foo(arr)", []string{`1: undeclared attribute "qux"`, `11: undeclared attribute "prodcts" (did you mean "products"?)`, `21: undeclared attribute "reggion" (did you mean "region"?)`, "33: there is no function \"foo\" (" + allFunctions + `)`}},
	{"a misspelt segmentation", "segments.siez == 'SMB'", []string{`0: there is no segmentation "siez" (did you mean "size"?)`}},
	{"a misspelt score", "scores.valeu > 1", []string{`0: there is no score "valeu" (did you mean "value"?)`}},
	{"a tiering that does not exist", "tiers.x == 'a'", []string{`0: there is no tiering "x"`}},
	{"a namespace alone", "size(segments)", []string{`5: segments alone has no value: it stands in front of the name of a segmentation (write segments.<name>)`}},
	{"a field of an attribute", "arr.value > 1", []string{`3: there is no field "value" here`}},
	{"a field of a segmentation", "segments.size.name == 'a'", []string{`13: there is no field "name" here`}},
	{"a field of a map", "{'a': 1}.a == 1", []string{`8: there is no field "a" here (read an entry of a map with ["a"])`}},
	{"a name with a dot in front", ".arr > 1", []string{`1: a name does not begin with a dot (write arr)`}},
	{"a message", "Foo{a: 1}", []string{`3: a name in front of { } has no meaning here`}},
	{"equal to null", "arr == null", []string{`4: a missing attribute is never equal to null (write !present(arr))`}},
	{"null on the left, unequal", "null != segments.size", []string{`5: a missing attribute is never equal to null (write present(segments.size))`}},
	{"null of something computed", "arr + 1 == null", []string{`8: a missing attribute is never equal to null (write !present(x))`}},
	{"null as a value", "coalesce(arr, null)", []string{`14: null is no value: what is missing is never equal to anything (write present(x) or coalesce(x, y))`}},
	{"has", "has(arr) && has(segments.size)", []string{`0: has does not see whether an attribute is missing (write present(arr))`, `12: has does not see whether an attribute is missing (write present(segments.size))`}},
	{"has of a misspelt attribute", "has(reggion)", []string{`0: has does not see whether an attribute is missing (write present(reggion))`, `4: undeclared attribute "reggion" (did you mean "region"?)`}},
	{"a misspelt function", "region.startWith('a')", []string{`7: there is no function "startWith" (did you mean "startsWith"?)`}},
	{"a misspelt function after wide characters", "'é😀' == region.lowerAsci()", []string{`15: there is no function "lowerAsci" (did you mean "lowerAscii"?)`}},
	{"a function that nothing is like", "foo(arr)", []string{"0: there is no function \"foo\" (" + allFunctions + `)`}},
	{"a function of CEL that is left out", "duration('1h')", []string{"0: there is no function \"duration\" (" + allFunctions + `)`}},
	{"a method called as a function", "contains(region, 'a')", []string{`0: contains is not called like this (write string.contains(string))`}},
	{"a function called as a method", "arr.abs()", []string{`4: abs is not called like this (write abs(number))`}},
	{"too many arguments", "abs(arr, 2)", []string{`0: abs takes 1 argument, not 2 (write abs(number))`}},
	{"too few arguments", "coalesce(arr)", []string{`0: coalesce takes 2 to 6 arguments, not 1 (write coalesce(value, value if missing))`}},
	{"as_of given twice", "days_since(last_order, as_of)", []string{`0: days_since takes 1 argument, not 2 (write days_since(date or timestamp))`}},
	{"a macro without its name", "tags.exists(t == 'a')", []string{`5: exists is not called like this (write list.exists(x, condition on x))`}},
	{"a macro with a text for its name", "tags.exists('t', true)", []string{`12: the name for the items of the list must stand here (write it as in tags.exists(t, t == "new"))`}},
	{"a macro of a number", "arr.exists(t, true)", []string{`0: only a list or a map has items, not a number`}},
	{"a macro whose condition is a number", "tags.exists(t, size(t))", []string{`15: a condition must be a boolean, not a number`}},
	{"a filter whose condition is a number", "tags.filter(t, size(t))", []string{`11: a condition must be a boolean, not a number`}},
	{"a reserved name for items", "tags.exists(as_of, true)", []string{`11: "as_of" is no name for the items of a list (choose another name)`}},
	{"macros in each other in each other", "tags.exists(a, tags.exists(b, tags.exists(c, true)))", []string{`41: at most 2 of all, exists, exists_one, map and filter may stand in each other (compute the inner one in a derived attribute)`}},
	{"a string compared with a number", "region > 5", []string{`7: > cannot compare a string with a number (write "5" in quotes)`}},
	{"a number compared with a quoted number", "arr > '5'", []string{`4: > cannot compare a number with a string (write 5 without quotes)`}},
	{"a number compared with a string attribute", "arr == region", []string{`4: == cannot compare a number with a string (write double(region))`}},
	{"a number compared with a word", "arr == 'many'", []string{`4: == cannot compare a number with a string`}},
	{"a date compared with a string", "last_order >= '2026-01-15'", []string{`11: >= cannot compare a date with a string (write date("2026-01-15"))`}},
	{"a date compared with a word", "last_order >= 'today'", []string{`11: >= cannot compare a date with a string (write date("2026-01-31"))`}},
	{"a date compared with a string attribute", "last_order == region", []string{`11: == cannot compare a date with a string (write date(region))`}},
	{"a timestamp compared with a string", "'2026-01-15T00:00:00Z' < seen", []string{`23: < cannot compare a string with a timestamp (write timestamp("2026-01-15T00:00:00Z"))`}},
	{"a timestamp compared with a date", "seen < last_order", []string{`5: < cannot compare a timestamp with a date (write date(seen))`}},
	{"a boolean compared with a quoted one", "partner == 'true'", []string{`8: == cannot compare a boolean with a string (write true without quotes)`}},
	{"a boolean compared with a number", "partner == 1", []string{`8: == cannot compare a boolean with a number`}},
	{"a list compared with a string", "tags == 'a'", []string{`5: == cannot compare a list of strings with a string (write "a" in tags)`}},
	{"an order of booleans", "partner < true", []string{`8: < cannot compare booleans`}},
	{"an order of lists", "tags < tags", []string{`5: < cannot compare lists of strings`}},
	{"a string plus a number", "region + arr", []string{`7: + cannot add a string and a number (write string(arr))`}},
	{"a date plus a number", "last_order + 30 > date(as_of)", []string{`11: + cannot add a date and a number (write days_since(…) or days_until(…) and compare numbers of days)`}},
	{"a date minus a date", "date(as_of) - last_order > 30", []string{`12: - needs two numbers, not a date and a date (write days_since(…) or days_until(…))`}},
	{"a product of strings", "region * 2", []string{`7: * needs two numbers, not a string and a number (write double(region))`}},
	{"a remainder of a quoted number", "arr % '2'", []string{`4: % needs two numbers, not a number and a string (write 2 without quotes)`}},
	{"a negative string", "-region", []string{`0: - needs a number, not a string`}},
	{"not a number", "!arr", []string{`0: ! needs a boolean, not a number`}},
	{"numbers as conditions, several", "arr && partner || products", []string{`0: && needs booleans, not a number`, `18: || needs booleans, not a number`}},
	{"a number as the condition of ?:", "arr ? 1 : 2", []string{`4: a condition must be a boolean, not a number`}},
	{"branches of two kinds", "partner ? 1 : 'a'", []string{`8: both sides of the : must be of one kind, not a number and a string (write "1" in quotes)`}},
	{"a list of two kinds", "arr in [1, 'a', true]", []string{`11: the items of a list must be of one kind: a string stands among numbers`}},
	{"a map of two kinds of values", "{'a': 1, 'b': 'x'}[region]", []string{`14: the keys of a map must be of one kind, and its values too: a string stands among numbers`}},
	{"a map of lists as keys", "{tags: 1}[tags]", []string{`0: the keys of a map must be strings, numbers or booleans, not lists of strings`}},
	{"a key written twice", "{'a': 1, 'b': 2, 'a': 3}[region]", []string{`17: the key "a" stands here twice (remove one of the two entries)`}},
	{"a key of another kind", "{1: 2}[region]", []string{`6: the key must be a number, not a string`}},
	{"an index that is a string", "tags['a']", []string{`4: the index into a list must be a number, not a string`}},
	{"an index into a number", "arr[0]", []string{`3: [ ] reads an item of a list or an entry of a map, not of a number`}},
	{"in a string", "'a' in region", []string{`4: in looks into a list or a map, not into a string (write region.contains(…))`}},
	{"in a list of another kind", "arr in tags", []string{`4: in cannot look for a number among strings`}},
	{"in a map of another kind", "arr in {'a': 1}", []string{`4: in cannot look for a number among strings`}},
	{"coalesce of two kinds", "coalesce(arr, region)", []string{`0: coalesce needs values of one kind, not a number and a string (write double(region))`}},
	{"a function of the wrong kind", "log10(region)", []string{`0: log10 cannot take a string (write log10(number))`}},
	{"a currency in small letters", "convert(arr, 'usd')", []string{`13: "usd" is no currency (write three capital letters as in ISO 4217, such as "USD")`}},
	{"a conversion of a string", "convert(region, 'USD')", []string{`0: convert cannot take a string and a string (write convert(amount, currency))`}},
	{"a conversion without a currency", "convert(arr)", []string{`0: convert takes 2 arguments, not 1 (write convert(amount, currency))`}},
	{"the hidden rates", "@rates", []string{`0: syntax error: unexpected "@"`}},
	{"days since a string", "days_since('2026-01-31')", []string{`0: days_since cannot take a string (write date("2026-01-31"))`}},
	{"the minimum of a string", "min(arr, region)", []string{`0: min cannot take a number and a string (write min(number, number))`}},
	{"an empty list of no kind", "size([]) == 0", []string{`5: nothing says what kind of items this could have (leave it out, or write an item)`}},
	{"an empty map of no kind", "size({}) == 0", []string{`5: nothing says what kind of items this could have (leave it out, or write an item)`}},
	{"a result that is a map", "{'a': 1}", []string{`-1: the result is a map, which no expression may return`}},
	{"a result that is a list of numbers", "[1, arr]", []string{`-1: the result is a list of numbers, which no expression may return`}},
	{"an unsigned number", "arr > 5u", []string{`6: a number has no suffix (write 5)`}},
	{"bytes", "b'a' == region", []string{`0: there are no bytes in expressions (leave out the b in front of the quotes)`}},
	{"a whole number that no double holds", "arr > 9007199254740993", []string{`6: 9007199254740993 is no number that a double can hold exactly (the nearest is 9007199254740992)`}},
	{"a number too large for an integer", "arr > 99999999999999999999", []string{`6: the number is too large to be written like this (write it with an exponent, such as 1e19)`}},
	{"a number too large for a double", "arr > 1e999", []string{`6: the number is too large for a double`}},
	{"a date that does not exist", "last_order > date('2026-02-30')", []string{`18: "2026-02-30" is no date (write YYYY-MM-DD, such as 2026-01-31)`}},
	{"a timestamp without a zone", "seen > timestamp('2026-02-03T00:00:00')", []string{`17: "2026-02-03T00:00:00" is no timestamp (write it as in RFC 3339, such as 2026-01-31T12:00:00Z)`}},
	{"a timestamp finer than a microsecond", "seen > timestamp('2026-02-03T00:00:00.1234567Z')", []string{`17: "2026-02-03T00:00:00.1234567Z" is finer than a microsecond (cut it to six digits)`}},
	{"a text that is no number", "double('12,5') > 1", []string{`7: "12,5" is no number`}},
	{"a computed text that is no number", "double('1' + 'x') > 1", []string{`-1: "1x" is no number`}},
	{"a bad regular expression", "region.matches('a(')", []string{"15: \"a(\" is no regular expression: missing closing ): `a(`"}},
	{"an empty text", " \n ", []string{`-1: the expression is empty (write one, such as arr > 1000)`}},
	{"an unfinished text", "arr +", []string{`5: syntax error: the expression ends too early (complete it)`}},
	{"an unfinished text of several lines", "arr >\n  'é' +\n", []string{`14: syntax error: the expression ends too early (complete it)`}},
	{"an operator too many", "arr > > 1", []string{`6: syntax error: unexpected ">"`}},
	{"a parenthesis too many", "arr)", []string{`3: syntax error: unexpected ")"`}},
	{"a parenthesis too few", "(arr > 1", []string{`8: syntax error: missing ")" at the end`}},
	{"a parenthesis too few in the middle", "size(tags > 1", []string{`13: syntax error: missing ")" at the end`}},
	{"a string without its end", "region == 'abc", []string{`10: syntax error: a string has no closing quote`}},
	{"an escape that does not exist", `region == 'a\q'`, []string{`10: syntax error: a string has no closing quote, or an escape that does not exist (write a backslash as \\)`}},
	{"a single equals sign", "arr = 1", []string{`4: syntax error: unexpected "=" (write == to compare)`}},
	{"a single ampersand", "partner & true", []string{`8: syntax error: unexpected "&" (write &&)`}},
	{"the word and", "partner and partner", []string{`8: syntax error: unexpected "and" (write &&)`}},
	{"the word not", "partner && not partner", []string{`15: syntax error: unexpected "partner" (write !)`}},
	{"SQL's unequal", "arr <> 1", []string{`5: syntax error: unexpected ">" (write !=)`}},
	{"curly quotes", "region == “EMEA”", []string{`10: syntax error: unexpected "“" (write straight quotes)`}},
	{"a sign that has no meaning", "arr $ 1", []string{`4: syntax error: unexpected "$"`}},
	{"optional fields", "segments.?size", []string{`8: syntax error: unexpected ".?"`}},
	{"a reserved word", "arr > 1 && for", []string{`11: "for" is a reserved word of CEL and no name (choose another name)`}},
	{"CEL's hidden names", "tags.exists(__result__, true)", []string{`12: this is no name for the items of a list (choose another name)`}},
	{"a text that is too long", strings.Repeat(" ", MaxTextBytes) + "1", []string{`-1: the expression has 32769 bytes, at most 32768 are allowed (split it into derived attributes)`}},
	{"a text that is no UTF-8", "region == '\xff'", []string{`-1: the expression is no valid UTF-8 (convert the file to UTF-8)`}},
	{"parentheses too deep", strings.Repeat("(", 300) + "arr" + strings.Repeat(")", 300), []string{`-1: the expression nests deeper than 250 levels (split it into derived attributes)`}},
	{"a sum too long", "arr" + strings.Repeat("+arr", 300), []string{`-1: the expression nests deeper than 250 levels (split it into derived attributes)`}},
}

func describeProblems(problems []Problem) []string {
	out := []string{}
	for _, p := range problems {
		text := fmt.Sprintf("%d: %s", p.Offset, p.Message)
		if p.Remedy != "" {
			text += " (" + p.Remedy + ")"
		}
		out = append(out, text)
	}
	return out
}

func TestMistakes(t *testing.T) {
	env := testEnv(t)
	for _, c := range mistakes {
		t.Run(c.name, func(t *testing.T) {
			x, problems := env.Compile(c.text)
			if x != nil || len(problems) == 0 {
				t.Fatalf("%s compiles", c.text)
			}
			if diff := cmp.Diff(c.want, describeProblems(problems)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func TestLongConditionsCompile(t *testing.T) {
	env := testEnv(t)
	for _, text := range []string{
		"arr == 1" + strings.Repeat(" || arr == 2", 1000),
		"arr in [1" + strings.Repeat(", 2", 3000) + "]",
		"arr" + strings.Repeat(" + arr", 200),
	} {
		compile(t, env, text)
	}
}

func TestKindOfAnExpression(t *testing.T) {
	env := testEnv(t)
	for text, want := range map[string]Kind{
		"arr": Number, "1": Number, "size(tags)": Number, "arr > 1": Boolean, "region": String, "'a' + 'b'": String, "last_order": Date, "date(seen)": Date,
		"seen": Timestamp, "as_of": Timestamp, "tags": List, "tags + []": List, "['a']": List,
	} {
		if got := compile(t, env, text).Kind(); got != want {
			t.Errorf("%s is a %s, want %s", text, got, want)
		}
	}
}

func TestRefsAreTheVariablesThatAreReadInOrder(t *testing.T) {
	env := testEnv(t)
	for text, want := range map[string][]string{
		"arr":                        {"arr"},
		"1 + 1":                      nil,
		"days_since(last_order) > 1": {"last_order"},
		"region == 'a' && arr > 1 || region < ''":         {"region", "arr"},
		"segments.size == tiers.coverage":                 {"segments.size", "tiers.coverage"},
		"tags.exists(arr, arr == region) && present(arr)": {"tags", "region", "arr"},
		"as_of > seen": {"seen"},
	} {
		if got := compile(t, env, text).Refs(); !slices.Equal(got, want) {
			t.Errorf("%s reads %q, want %q", text, got, want)
		}
		if got := env.Refs(text); !slices.Equal(got, want) {
			t.Errorf("%s names %q, want %q", text, got, want)
		}
	}
}

func TestRefsOfATextNeedNoDeclarations(t *testing.T) {
	env, err := NewEnv(nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		"whitespace / annual > 'x' && scores.value > tags.size()": {"whitespace", "annual", "scores.value", "tags"},
		"has(a) && b == null && foo(c).d":                         {"a", "b", "c"},
		"tags.exists(t, t == other)":                              {"tags", "other"},
		"arr +":                                                   nil,
	} {
		if got := env.Refs(text); !slices.Equal(got, want) {
			t.Errorf("%s names %q, want %q", text, got, want)
		}
	}
}

func TestVariablesMayHaveTheNamesOfFunctionsAndTypes(t *testing.T) {
	names := []string{"int", "double", "string", "date", "timestamp", "list", "map", "type", "all", "exists", "has", "size", "min", "dyn", "bool", "bytes", "present"}
	var vars []Variable
	for _, name := range names {
		vars = append(vars, Variable{name, Number})
	}
	env, err := NewEnv(vars)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		compile(t, env, name+" + min("+name+", 1) > double(string("+name+"))")
	}
}

func TestNamesThatNoVariableMayHave(t *testing.T) {
	for name, vars := range map[string][]Variable{
		"a name twice":             {{"arr", Number}, {"arr", String}},
		"a reserved word":          {{"in", Number}},
		"as_of":                    {{"as_of", Timestamp}},
		"a namespace":              {{"segments", String}},
		"a namespace of one's own": {{"crm.arr", Number}},
	} {
		if _, err := NewEnv(vars); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestReservedNames(t *testing.T) {
	for _, name := range []string{"as_of", "segments", "scores", "tiers", "in", "true", "null", "as", "while"} {
		if !IsReserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"arr", "segment", "has", "size", "and", "t"} {
		if IsReserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

func TestEveryTypeHasAKindWithItsColumn(t *testing.T) {
	for number, name := range echelonv1.Attribute_Type_name {
		kind := KindOf(echelonv1.Attribute_Type(number))
		back := kind.Type().String()
		switch name {
		case "INTEGER":
			name = "NUMBER"
		case "UNSPECIFIED":
			name = "STRING"
		}
		if back != name {
			t.Errorf("%s has the kind %s, whose column is %s", name, kind, back)
		}
	}
}

func FuzzCompile(f *testing.F) {
	env := testEnv(f)
	scope := scopeOf(fullRow, otherRow, map[string]any{})
	for _, c := range evaluated {
		f.Add(c.text)
	}
	for _, c := range mistakes {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, problems := env.Compile(text)
		if (x == nil) != (len(problems) > 0) {
			t.Fatalf("%q: compiled %t, with %d problems", text, x != nil, len(problems))
		}
		length := len([]rune(text))
		for _, p := range problems {
			if p.Message == "" || p.Offset < whole || p.Offset > length {
				t.Errorf("%q: the problem %+v", text, p)
			}
		}
		env.Refs(text)
		if x == nil {
			return
		}
		result := x.Eval(scope)
		for row := range scope.Rows {
			cause := result.Cause(row)
			if valid := result.Column.Valid.Get(row); valid == (cause != Cause{}) {
				t.Errorf("%q: row %d is valid: %t, with the cause %+v", text, row, valid, cause)
			}
			if strings.Contains(cause.Message, "internal error") || strings.Contains(cause.Message, "no such") {
				t.Errorf("%q: row %d: %s", text, row, cause)
			}
		}
	})
}
