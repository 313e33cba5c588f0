package tabular_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// nested has an attribute in a nested object, and one with a format.
var nested = []*echelonv1.Attribute{
	{Name: "arr", Type: echelonv1.Attribute_NUMBER, Column: "account.arr"},
	{Name: "seats", Type: echelonv1.Attribute_INTEGER},
	{Name: "name", Type: echelonv1.Attribute_STRING},
	{Name: "partner", Type: echelonv1.Attribute_BOOLEAN},
	{Name: "since", Type: echelonv1.Attribute_DATE},
	{Name: "tags", Type: echelonv1.Attribute_STRING_LIST},
	{Name: "fee", Type: echelonv1.Attribute_NUMBER, Format: &echelonv1.Format{Kind: echelonv1.Format_MONEY, Currency: []string{"$"}, Nulls: []string{"N/A"}}},
}

const complete = `{"id":"first","account":{"arr":0},"seats":0,"name":"n","partner":false,"since":"2026-01-31","tags":[],"fee":0}` + "\n"

func jsonReader(t *testing.T, text string, allow bool) (*tabular.Reader, error) {
	t.Helper()
	return tabular.NewReader(strings.NewReader(text), tabular.Options{
		File: "f.jsonl", Format: tabular.JSONLines, IDColumn: "id", Attributes: nested, AllowMissingColumns: allow,
	})
}

func readJSON(t *testing.T, text string) *tabular.Batch {
	t.Helper()
	r, err := jsonReader(t, complete+text, false)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := r.Read(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// rule FILE-23
func TestJSONLinesAreReadByDottedNames(t *testing.T) {
	batch := readJSON(t, `{"name":"Zoë","account":{"arr":1.5e3,"more":{"deep":[1,{"x":2}]}},"id":"a","seats":7,"partner":true,"tags":["x","y|z"],"fee":"$1,200"}`+"\n"+
		"\n  {\"id\": 17, \"name\": \"\", \"account\": {\"arr\": null}, \"fee\": \"N/A\"}\r\n"+`{"id":"c","account.arr":5,"fee":12.5}`)
	want := []map[string]any{
		{"arr": 1500.0, "seats": 7.0, "name": "Zoë", "partner": true, "tags": []any{"x", "y|z"}, "fee": 1200.0}, {"name": ""}, {"arr": 5.0, "fee": 12.5},
	}
	for i := range want {
		if diff := cmp.Diff(want[i], values(batch.Frame, i+1)); diff != "" {
			t.Errorf("row %d: %s", i, diff)
		}
	}
	if diff := cmp.Diff([]string{"first", "a", "17", "c"}, batch.Frame.IDs); diff != "" || len(batch.Refused) > 0 {
		t.Error(diff, batch.Refused)
	}
	if diff := cmp.Diff([]int{1, 2, 4, 5}, batch.Lines); diff != "" {
		t.Error(diff)
	}
}

// rule FILE-24
func TestTypesOfJSONAreStrict(t *testing.T) {
	for _, c := range []struct{ line, column, value, code, message string }{
		{`{"id":"a","account":{"arr":"1"}}`, "account.arr", "1", "WRONG_TYPE", `the text "1" is no NUMBER`},
		{`{"id":"a","account":{"arr":true}}`, "account.arr", "true", "WRONG_TYPE", "true is no NUMBER"},
		{`{"id":"a","account":{"arr":{"x":1}}}`, "account.arr", "an object", "WRONG_TYPE", "an object is no NUMBER"},
		{`{"id":"a","account":{"arr":1e999}}`, "account.arr", "1e999", "OUT_OF_RANGE", "too large"},
		{`{"id":"a","seats":1.5}`, "seats", "1.5", "OUT_OF_RANGE", "fraction"},
		{`{"id":"a","name":5}`, "name", "5", "WRONG_TYPE", "the number 5 is no STRING"},
		{`{"id":"a","partner":1}`, "partner", "1", "WRONG_TYPE", "the number 1 is no BOOLEAN"},
		{`{"id":"a","partner":"true"}`, "partner", "true", "WRONG_TYPE", `the text "true" is no BOOLEAN`},
		{`{"id":"a","since":"31.01.2026"}`, "since", "31.01.2026", "WRONG_TYPE", "YYYY-MM-DD"},
		{`{"id":"a","tags":"x"}`, "tags", "x", "WRONG_TYPE", `the text "x" is no STRING_LIST`},
		{`{"id":"a","tags":["x",1]}`, "tags", "a list of anything but texts", "WRONG_TYPE", "no STRING_LIST"},
		{`{"id":"a","name":["x","y"]}`, "name", "x|y", "WRONG_TYPE", "a list is no STRING"},
		{`{"id":"a","fee":"€5"}`, "fee", "€5", "WRONG_TYPE", "no number"},
		{`{"id":1.5}`, "id", "1.5", "WRONG_TYPE", "neither a text nor a whole number"},
		{`{"id":true}`, "id", "true", "WRONG_TYPE", "neither a text nor a whole number"},
		{`{"seats":1}`, "id", "", "EMPTY_ID", "the id is empty"},
		{`{"id":"first"}`, "id", "first", "DUPLICATE_ID", "earlier row"},
		{`{"id":"a","id":"b"}`, "", "", "NOT_AN_OBJECT", `"id" stands twice`},
		{`{"id":"a","account":{"arr":1},"account.arr":2}`, "", "", "NOT_AN_OBJECT", `"account.arr" stands twice`},
		{`{"id":"a"`, "", "", "NOT_AN_OBJECT", "it does not end"},
		{`{"id":"a"} {}`, "", "", "NOT_AN_OBJECT", "something follows"},
		{`"a"`, "", "", "NOT_AN_OBJECT", "does not begin with {"},
		{`{id:1}`, "", "", "NOT_AN_OBJECT", "no object of JSON"},
		{`{"a":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 41), "", "", "NOT_AN_OBJECT", "nested deeper than 32"},
		{"{\"id\":\"\xff\"}", "", "", "INVALID_UTF8", "UTF-8"},
	} {
		batch := readJSON(t, c.line+"\n"+`{"id":"last"}`)
		if diff := cmp.Diff([]string{"first", "last"}, batch.Frame.IDs); diff != "" || len(batch.Refused) != 1 {
			t.Errorf("%s: %s %v", c.line, diff, batch.Refused)
			continue
		}
		got := batch.Refused[0]
		if got.Line != 2 || got.Column != c.column || got.Value != c.value || got.Code != c.code || !strings.Contains(got.Message, c.message) {
			t.Errorf("%s: %+v", c.line, got)
		}
	}
}

// rule FILE-6
func TestColumnsThatNoneOfTheFirstLinesHasAreMissing(t *testing.T) {
	_, err := jsonReader(t, `{"id":"a","seats":1,"other":2}`, false)
	want := `f.jsonl: the columns "account.arr", "name", "partner", "since", "tags", "fee" are missing, the file has "id", "seats", "other": add what is missing, say by ` +
		"`column` in the model what the file calls it, or take it as missing with --allow-missing-columns"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var late strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&late, `{"id":"%d"}`+"\n", i)
	}
	r, err := jsonReader(t, late.String()+`{"id":"late","seats":3}`, true)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := r.Read(2000)
	if err != nil || batch.Rows() != 1501 {
		t.Fatal(batch, err)
	}
	if diff := cmp.Diff(map[string]any{"seats": 3.0}, values(batch.Frame, 1500)); diff != "" {
		t.Error(diff)
	}
}

func TestJSONThatIsNoLinesSaysWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		"":             "f.jsonl: the file is empty: give it an object of JSON for each customer, each in a line",
		"\n \n":        "f.jsonl: the file is empty: give it an object of JSON for each customer, each in a line",
		`[{"id":"a"}]`: "f.jsonl:1: the file is a list of JSON: write each object of it into a line of its own",
	} {
		if _, err := jsonReader(t, text, false); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	endless := io.MultiReader(strings.NewReader(`{"id":"`), &repeated{text: []byte("endless ")})
	_, err := tabular.NewReader(endless, tabular.Options{File: "f.jsonl", Format: tabular.JSONLines, IDColumn: "id"})
	if err == nil || !strings.Contains(err.Error(), "longer than 16 MiB") {
		t.Errorf("got %v", err)
	}
}

func FuzzJSONLines(f *testing.F) {
	f.Add([]byte(`{"id":"b","account":{"arr":1},"tags":["x"]}` + "\n" + `{"id":1,"seats":null}`))
	f.Add([]byte("{\"id\":\"a\",\"name\":[1]}\n[]\n{\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		options := tabular.Options{File: "f.jsonl", Format: tabular.JSONLines, IDColumn: "id", Attributes: nested, AllowMissingColumns: true}
		data = append([]byte(complete), data...)
		whole, wholeErr := readAll(data, options, 1<<20)
		single, singleErr := readAll(data, options, 1)
		if (wholeErr == nil) != (singleErr == nil) || !whole.Equal(single) {
			t.Fatalf("whole: %v, row by row: %v\n%s", wholeErr, singleErr, cmp.Diff(whole, single))
		}
	})
}

// rule FILE-25
func TestFilesAreDecompressedByTheirEnding(t *testing.T) {
	const text = "id,name\na,b\n"
	for _, name := range []string{"f.csv", "f.csv.gz", "F.CSV.ZST"} {
		var packed bytes.Buffer
		w, err := tabular.Compress(name, &packed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = io.WriteString(w, text); err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		data := packed.Bytes()
		if compressed := name != "f.csv"; compressed == bytes.Equal(data, []byte(text)) {
			t.Errorf("%s: %q", name, data)
		}
		r, err := tabular.Decompress(name, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if name == "f.csv" {
			continue
		}
		for what, bad := range map[string][]byte{"cut off": data[:len(data)-5], "no such file": []byte(text), "altered": append(bytes.Clone(data[:len(data)-6]), "xxxxxx"...)} {
			r, err := tabular.Decompress(name, bytes.NewReader(bad))
			if err == nil {
				_, err = io.ReadAll(r)
			}
			var wrong *tabular.Error
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), name+": the compressed file cannot be read: ") {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

// rule FILE-26
func TestTheDelimiterIsFoundFromTheHeader(t *testing.T) {
	for _, c := range []struct {
		text string
		want rune
	}{
		{"id,name\na,b\n", ','}, {"id;name\na;b\n", ';'}, {"id\tname\na\tb\n", '\t'}, {"id|name\na|b\n", '|'},
		{"\n\nid;name\na;b\n", ';'}, {"\xef\xbb\xbfid;name\r\na;b\r\n", ';'}, {"\"ARR, net, all, of, it\";id;name\n1;a;b\n", ';'},
		{"\"a\nb,,,,,\";id;name\n1;a;b\n", ';'}, {"a|b|c|d;id;name\n1;a;b\n", ';'}, {"id;name", ';'},
	} {
		r, err := tabular.NewReader(strings.NewReader(c.text), tabular.Options{File: "f.csv", IDColumn: "id", Attributes: everyType[2:3]})
		if err != nil || r.Delimiter() != c.want {
			t.Errorf("%q: %q, %v", c.text, r.Delimiter(), err)
		}
	}
	rows, err := tabular.OpenRows(strings.NewReader("a;b;c,d\n1;2;3\n1;2\n4;5;6\n"), tabular.RowOptions{File: "f.csv"})
	if err != nil || rows.Delimiter() != ';' {
		t.Fatal(rows, err)
	}
	for range 2 {
		if _, _, err := rows.Read(); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]rune{"": 0, "comma": ',', ";": ';', "tab": '\t', "^": '^'} {
		if got, err := tabular.ParseDelimiter(name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"colons", "\"", "\n", "\xff"} {
		if _, err := tabular.ParseDelimiter(name); err == nil {
			t.Errorf("%q separates cells", name)
		}
	}
}

// rule FILE-27
func TestRowsCanBeTheirOwnIDs(t *testing.T) {
	r, err := tabular.NewReader(strings.NewReader("name,id\nx,a\ny\nz,a\n"), tabular.Options{File: "f.csv", RowIDs: true, IDColumn: tabular.RowColumn, Attributes: everyType[2:3]})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := r.Read(10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1", "3"}, batch.Frame.IDs); diff != "" {
		t.Error(diff)
	}
	if len(batch.Refused) != 1 || batch.Refused[0].CustomerID != "2" {
		t.Errorf("%+v", batch.Refused)
	}
}

// rule FILE-22
func TestCustomersAreWrittenAsTheModelDeclares(t *testing.T) {
	attributes := []*echelonv1.Attribute{
		{Name: "arr", Type: echelonv1.Attribute_NUMBER, Format: &echelonv1.Format{Kind: echelonv1.Format_PERCENT, DecimalComma: true}},
		{Name: "since", Type: echelonv1.Attribute_DATE, Format: &echelonv1.Format{Pattern: "DD.MM.YYYY"}},
		{Name: "seen", Type: echelonv1.Attribute_TIMESTAMP, Format: &echelonv1.Format{Pattern: "DD.MM.YYYY"}},
	}
	const text = "id,arr,since,seen\na,\"12,5%\",31.01.2026,\n"
	batch := read(t, text, attributes...)
	var out bytes.Buffer
	w, err := tabular.NewCustomerWriter(&out, "id", attributes)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(batch.Frame), w.Flush()); err != nil || out.String() != text {
		t.Errorf("%q, %v", out.String(), err)
	}
	late := read(t, "id,seen\nb,2026-01-31T12:00:00Z\n", &echelonv1.Attribute{Name: "seen", Type: echelonv1.Attribute_TIMESTAMP}).Frame.Customer(0)
	if err := w.Write(framed(t, attributes, late)); err == nil || !strings.Contains(err.Error(), `customer "b", seen: no cell of the attribute's format`) {
		t.Errorf("got %v", err)
	}
}
