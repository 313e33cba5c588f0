package frame_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func schema() *frame.Schema {
	return frame.ModelSchema([]*echelonv1.Attribute{
		{Name: "number", Type: echelonv1.Attribute_NUMBER},
		{Name: "integer", Type: echelonv1.Attribute_INTEGER},
		{Name: "string", Type: echelonv1.Attribute_STRING},
		{Name: "boolean", Type: echelonv1.Attribute_BOOLEAN},
		{Name: "date", Type: echelonv1.Attribute_DATE},
		{Name: "timestamp", Type: echelonv1.Attribute_TIMESTAMP},
		{Name: "list", Type: echelonv1.Attribute_STRING_LIST},
		{Name: "plan", Type: echelonv1.Attribute_STRING, Values: []string{"pro", "core"}},
		{Name: "goals", Type: echelonv1.Attribute_STRING_LIST, Values: []string{"grow", "save"}},
	})
}

func customer(t testing.TB, id string, attributes map[string]any) *echelonv1.Customer {
	t.Helper()
	fields, err := structpb.NewStruct(attributes)
	if err != nil {
		t.Fatal(err)
	}
	return &echelonv1.Customer{Id: id, Attributes: fields}
}

type fields = map[string]any

func TestRowsThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		id    string
		given fields
		code  echelonv1.RowError_Code
		field string
		says  string
	}{
		"ROW-1 not a number":                       {"a", fields{"number": math.NaN()}, echelonv1.RowError_OUT_OF_RANGE, "number", "NaN"},
		"ROW-1 infinity":                           {"a", fields{"number": math.Inf(1)}, echelonv1.RowError_OUT_OF_RANGE, "number", "+Inf"},
		"ROW-1 negative infinity":                  {"a", fields{"integer": math.Inf(-1)}, echelonv1.RowError_OUT_OF_RANGE, "integer", "-Inf"},
		"ROW-2 a fraction in an INTEGER":           {"a", fields{"integer": 1.5}, echelonv1.RowError_OUT_OF_RANGE, "integer", "1.5 has a fraction"},
		"ROW-2 an INTEGER beyond 2^53":             {"a", fields{"integer": math.Nextafter(1<<53, math.Inf(1))}, echelonv1.RowError_OUT_OF_RANGE, "integer", "2^53"},
		"ROW-2 an INTEGER below -2^53":             {"a", fields{"integer": -1e300}, echelonv1.RowError_OUT_OF_RANGE, "integer", "2^53"},
		"ROW-3 a text that is not allowed":         {"a", fields{"plan": "Pro"}, echelonv1.RowError_VALUE_NOT_ALLOWED, "plan", `"pro", "core"`},
		"ROW-3 an item that is not allowed":        {"a", fields{"goals": []any{"grow", "x"}}, echelonv1.RowError_VALUE_NOT_ALLOWED, "goals", `"x"`},
		"ROW-4 a text for a number":                {"a", fields{"number": "12"}, echelonv1.RowError_WRONG_TYPE, "number", "a number is expected"},
		"ROW-4 a number for a text":                {"a", fields{"string": 12}, echelonv1.RowError_WRONG_TYPE, "string", "expected"},
		"ROW-4 a text for a boolean":               {"a", fields{"boolean": "true"}, echelonv1.RowError_WRONG_TYPE, "boolean", "true or false"},
		"ROW-4 a boolean for a number":             {"a", fields{"number": true}, echelonv1.RowError_WRONG_TYPE, "number", "a number is expected"},
		"ROW-4 a text for a list":                  {"a", fields{"list": "a|b"}, echelonv1.RowError_WRONG_TYPE, "list", "list"},
		"ROW-4 a number in a list":                 {"a", fields{"list": []any{"a", 1}}, echelonv1.RowError_WRONG_TYPE, "list", "list[1]"},
		"ROW-4 a null in a list":                   {"a", fields{"list": []any{nil}}, echelonv1.RowError_WRONG_TYPE, "list", "list[0]"},
		"ROW-4 an object":                          {"a", fields{"string": fields{}}, echelonv1.RowError_WRONG_TYPE, "string", "expected"},
		"ROW-4 an unknown attribute":               {"a", fields{"strin": "x"}, echelonv1.RowError_UNKNOWN_ATTRIBUTE, "strin", `did you mean "string"?`},
		"ROW-4 the first of unknown ones, by name": {"a", fields{"zzz": 1, "aaa": 1}, echelonv1.RowError_UNKNOWN_ATTRIBUTE, "aaa", "aaa"},
		"ROW-5 an empty id":                        {"", nil, echelonv1.RowError_EMPTY_ID, "", "empty"},
		"ROW-5 an id of 513 bytes":                 {strings.Repeat("é", 256) + "x", nil, echelonv1.RowError_ID_TOO_LONG, "", "513 bytes"},
		"ROW-5 an id that is no text":              {"a\xff", nil, echelonv1.RowError_INVALID_UTF8, "", "UTF-8"},
		"ROW-5 a text over 64 KiB":                 {"a", fields{"string": strings.Repeat("x", 64<<10+1)}, echelonv1.RowError_VALUE_TOO_LONG, "string", "65537 bytes"},
		"ROW-5 a list over 64 KiB together":        {"a", fields{"list": []any{strings.Repeat("x", 40<<10), strings.Repeat("x", 24<<10+1)}}, echelonv1.RowError_VALUE_TOO_LONG, "list", "65537 bytes"},
		"ROW-7 a date of another form":             {"a", fields{"date": "31.01.2026"}, echelonv1.RowError_WRONG_TYPE, "date", "YYYY-MM-DD"},
		"ROW-7 a timestamp without a zone":         {"a", fields{"timestamp": "2026-01-31T12:00:00"}, echelonv1.RowError_WRONG_TYPE, "timestamp", "RFC 3339"},
		"ROW-7 a date for a timestamp":             {"a", fields{"timestamp": "2026-01-31"}, echelonv1.RowError_WRONG_TYPE, "timestamp", "RFC 3339"},
		"ROW-7 a timestamp for a date":             {"a", fields{"date": "2026-01-31T00:00:00Z"}, echelonv1.RowError_WRONG_TYPE, "date", "YYYY-MM-DD"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := frame.NewBuilder(schema())
			fault := b.AddCustomer(customer(t, test.id, test.given), false)
			if fault.GetCode() != test.code || fault.GetField() != test.field || !strings.Contains(fault.GetMessage(), test.says) {
				t.Errorf("the row is answered by %v, want %v", fault, test.code)
			}
			// ROW-8: the next row stands as if nothing had been.
			if fault := b.AddCustomer(customer(t, "next", fields{"number": 1}), false); fault != nil {
				t.Fatalf("the next row is refused: %v", fault)
			}
			if f := b.Take(); f.Len() != 1 || f.IDs[0] != "next" || f.Column("number").Numbers[0] != 1 {
				t.Errorf("the rows are %v", f.IDs)
			}
		})
	}
}

func TestRowsThatAreTaken(t *testing.T) {
	tests := map[string]struct {
		id    string
		given fields
	}{
		"ROW-5 an id of 512 bytes":         {strings.Repeat("é", 256), nil},
		"ROW-5 a text of 64 KiB":           {"a", fields{"string": strings.Repeat("x", 64<<10)}},
		"ROW-5 a list of 64 KiB together":  {"a", fields{"list": []any{strings.Repeat("x", 40<<10), strings.Repeat("x", 24<<10)}}},
		"ROW-2 the largest INTEGER":        {"a", fields{"integer": 1 << 53}},
		"ROW-2 the smallest INTEGER":       {"a", fields{"integer": -1 << 53}},
		"ROW-1 the largest NUMBER":         {"a", fields{"number": math.MaxFloat64}},
		"ROW-3 allowed values":             {"a", fields{"plan": "core", "goals": []any{"save", "save"}}},
		"ROW-7 the first and the last day": {"a", fields{"date": "0001-01-01", "timestamp": "9999-12-31T23:59:59.999999Z"}},
		"ROW-9 an empty text and list":     {"a", fields{"string": "", "list": []any{}}},
		"ROW-9 an id with blanks":          {" a ", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := frame.NewBuilder(schema())
			given := customer(t, test.id, test.given)
			if fault := b.AddCustomer(given, false); fault != nil {
				t.Fatal(fault)
			}
			if diff := cmp.Diff(given, b.Take().Customer(0), protocmp.Transform()); diff != "" {
				t.Errorf("it comes back differently:\n%s", diff)
			}
		})
	}
}

func TestRequiredAttributes(t *testing.T) {
	// ROW-3, MISS-1: null is missing, an empty text is not.
	s := frame.NewSchema(frame.Field{Name: "x", Type: echelonv1.Attribute_STRING, Required: true})
	for name, test := range map[string]struct {
		given   fields
		refused bool
	}{"absent": {nil, true}, "null": {fields{"x": nil}, true}, "an empty text": {fields{"x": ""}, false}, "a text": {fields{"x": "a"}, false}} {
		t.Run(name, func(t *testing.T) {
			fault := frame.NewBuilder(s).AddCustomer(customer(t, "a", test.given), false)
			if (fault.GetCode() == echelonv1.RowError_REQUIRED_MISSING) != test.refused {
				t.Errorf("it is answered by %v", fault)
			}
		})
	}
}

func TestUnknownAttributesCanBeIgnored(t *testing.T) {
	// ROW-4
	b := frame.NewBuilder(schema())
	if fault := b.AddCustomer(customer(t, "a", fields{"zzz": 1, "number": 2}), true); fault != nil {
		t.Fatal(fault)
	}
	if got := b.Take().Column("number").Numbers[0]; got != 2 {
		t.Errorf("the number is %v", got)
	}
}

func TestOfTwoRowsWithOneIDTheFirstStands(t *testing.T) {
	// ROW-6: across frames too, and a row that was refused does not stand in the way.
	b := frame.NewBuilder(schema(), frame.UniqueIDs())
	add := func(id string, given fields) *echelonv1.RowError { return b.AddCustomer(customer(t, id, given), false) }
	if add("b", fields{"number": "x"}) == nil || add("a", fields{"number": 1}) != nil || add("b", fields{"number": 2}) != nil {
		t.Fatal("rows are refused")
	}
	if fault := add("a", fields{"number": 3}); fault.GetCode() != echelonv1.RowError_DUPLICATE_ID || fault.GetCustomerId() != "a" {
		t.Errorf("the second a is answered by %v", fault)
	}
	if f := b.Take(); f.Len() != 2 || f.Column("number").Numbers[0] != 1 {
		t.Errorf("the rows are %v", f.IDs)
	}
	if fault := add("b", nil); fault.GetCode() != echelonv1.RowError_DUPLICATE_ID {
		t.Errorf("b in a later frame is answered by %v", fault)
	}
	plain := frame.NewBuilder(schema())
	for range 2 {
		if fault := plain.AddCustomer(customer(t, "a", nil), false); fault != nil {
			t.Errorf("where ids need not be unique it is answered by %v", fault)
		}
	}
}

// A stream that only has Arrow has begun no frame of rows.
func TestABuilderKnowsIDsThatCameAnotherWayBeforeItsFirstRow(t *testing.T) {
	b := frame.NewBuilder(frame.NewSchema(), frame.UniqueIDs())
	if b.Seen("a") {
		t.Error("a was not seen yet")
	}
	b.See("a")
	b.Start("a")
	if refused := b.Commit(); !b.Seen("a") || refused.GetCode() != echelonv1.RowError_DUPLICATE_ID {
		t.Errorf("a, which was seen, is answered by %v", refused)
	}
}

func TestFramesGiveBackWhatCameIn(t *testing.T) {
	// ROW-9, MISS-2
	rapid.Check(t, func(t *rapid.T) {
		b := frame.NewBuilder(schema())
		var given []*echelonv1.Customer
		frames := []*frame.Frame{}
		for range rapid.IntRange(0, 150).Draw(t, "rows") {
			one := fields{}
			for name, value := range map[string]*rapid.Generator[any]{
				"number":    rapid.Map(rapid.Float64(), func(x float64) any { return x }),
				"integer":   rapid.Map(rapid.Int64Range(-1<<53, 1<<53), func(x int64) any { return float64(x) }),
				"string":    rapid.Map(rapid.String(), func(x string) any { return x }),
				"boolean":   rapid.Map(rapid.Bool(), func(x bool) any { return x }),
				"date":      rapid.Map(rapid.Int64Range(-719162, 2932896), func(x int64) any { return frame.FormatDate(x) }),
				"timestamp": rapid.Map(rapid.Int64Range(-719162*86400e6, 2932896*86400e6), func(x int64) any { return frame.FormatTimestamp(x) }),
				"list":      rapid.Map(rapid.SliceOfN(rapid.StringN(0, 3, 9), 0, 3), anys),
			} {
				if rapid.Bool().Draw(t, "present") {
					one[name] = value.Draw(t, name)
				}
			}
			fields, err := structpb.NewStruct(one)
			if err != nil {
				t.Fatal(err)
			}
			c := &echelonv1.Customer{Id: rapid.StringN(1, 5, 20).Draw(t, "id"), Attributes: fields}
			if fault := b.AddCustomer(c, false); fault != nil {
				t.Fatalf("%v is refused: %v", c, fault)
			}
			given = append(given, c)
			if rapid.IntRange(0, 70).Draw(t, "take") == 0 {
				frames = append(frames, b.Take())
			}
		}
		at := 0
		for _, f := range append(frames, b.Take()) {
			for i := range f.Len() {
				if diff := cmp.Diff(given[at], f.Customer(i), protocmp.Transform()); diff != "" {
					t.Fatalf("row %d comes back differently:\n%s", at, diff)
				}
				at++
			}
		}
		if at != len(given) {
			t.Fatalf("%d rows come back, want %d", at, len(given))
		}
	})
}

func anys(texts []string) any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// Ids that come in order are told apart without collecting them, until one does not.
func TestAnIDIsRefusedWhereverAnEarlierRowHadIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, seen := frame.NewBuilder(schema(), frame.UniqueIDs()), map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(t, "rows") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", ""}).Draw(t, "id")
			b.Start(id)
			fault := b.Commit()
			switch {
			case id == "":
				if fault.GetCode() != echelonv1.RowError_EMPTY_ID {
					t.Fatalf("without an id: %v", fault)
				}
			case (fault.GetCode() == echelonv1.RowError_DUPLICATE_ID) != seen[id]:
				t.Fatalf("%s, which came before: %t, is answered %v", id, seen[id], fault)
			}
			seen[id] = true
			if rapid.IntRange(0, 4).Draw(t, "take") == 0 {
				b.Take()
			}
		}
	})
}

// What is given as bytes is what is given as a text.
func TestTextsThatAreGivenAsBytesAreThoseThatAreGivenAsTexts(t *testing.T) {
	texts := rapid.OneOf(
		rapid.SampledFrom([]string{"", "pro", "core", "Pro", "\xff", "2026-02-29", "2024-02-29", "2026-12-31T23:59:60Z", "2026-01-31T24:00:00Z", "0000-01-01", "2026-01-00"}),
		rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]`), rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z`),
		rapid.StringMatching(`[0-9]{4}.[01][0-9].[0-3][0-9].[0-2][0-9].[0-6][0-9].[0-6][0-9].`),
	)
	rapid.Check(t, func(t *rapid.T) {
		bytes, strings := frame.NewBuilder(schema()), frame.NewBuilder(schema())
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			text := texts.Draw(t, "text")
			bytes.Start("a")
			set := map[string]any{}
			for _, name := range []string{"number", "string", "date", "timestamp", "plan"} {
				field, _ := schema().Index(name)
				taken, want := bytes.SetText(field, []byte(text)), name != "number"
				switch name {
				case "date":
					_, err := frame.ParseDate(text)
					want = err == nil
				case "timestamp":
					_, err := frame.ParseTimestamp(text)
					want = err == nil
				}
				if taken != want {
					t.Fatalf("%s takes %q: %t", name, text, taken)
				}
				if rapid.Bool().Draw(t, name) && taken {
					set[name] = text
				} else {
					bytes.SetMissing(field)
				}
			}
			attributes, err := structpb.NewStruct(set)
			if err != nil {
				attributes = &structpb.Struct{Fields: map[string]*structpb.Value{}}
				for name := range set {
					attributes.Fields[name] = structpb.NewStringValue(text)
				}
			}
			got, want := bytes.Commit(), strings.AddCustomer(&echelonv1.Customer{Id: "a", Attributes: attributes}, false)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Fatalf("%q\n%s", text, diff)
			}
		}
		if diff := cmp.Diff(strings.Take(), bytes.Take(), cmp.AllowUnexported(frame.Schema{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
