package tabular_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// everyType has an attribute of each type.
var everyType = []*echelonv1.Attribute{
	{Name: "arr", Type: echelonv1.Attribute_NUMBER, Column: "ARR (USD)"},
	{Name: "seats", Type: echelonv1.Attribute_INTEGER},
	{Name: "name", Type: echelonv1.Attribute_STRING},
	{Name: "partner", Type: echelonv1.Attribute_BOOLEAN},
	{Name: "since", Type: echelonv1.Attribute_DATE},
	{Name: "seen", Type: echelonv1.Attribute_TIMESTAMP},
	{Name: "tags", Type: echelonv1.Attribute_STRING_LIST},
}

const everyHeader = "id,ARR (USD),seats,name,partner,since,seen,tags\n"

func open(t *testing.T, text string, attributes ...*echelonv1.Attribute) *tabular.Reader {
	t.Helper()
	r, err := tabular.NewReader(strings.NewReader(text), tabular.Options{File: "f.csv", IDColumn: "id", Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read reads a whole file as one batch.
func read(t *testing.T, text string, attributes ...*echelonv1.Attribute) *tabular.Batch {
	t.Helper()
	batch, err := open(t, text, attributes...).Read(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// values returns a row's values by name, as they go over the wire.
func values(f *frame.Frame, row int) map[string]any { return f.Customer(row).GetAttributes().AsMap() }

// rule FILE-4
func TestEveryTypeIsRead(t *testing.T) {
	batch := read(t, everyHeader+"a,1.5e3,-7,\"Smith, \"\"Joe\"\"\",true,2026-01-31,2026-01-31T12:00:00+02:00,x| y |z\n", everyType...)
	want := map[string]any{
		"arr": 1500.0, "seats": -7.0, "name": `Smith, "Joe"`, "partner": true, "since": "2026-01-31", "seen": "2026-01-31T10:00:00Z",
		"tags": []any{"x", " y ", "z"},
	}
	if diff := cmp.Diff(want, values(batch.Frame, 0)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a"}, batch.Frame.IDs); diff != "" {
		t.Error(diff)
	}
}

// rule FILE-1
func TestAnEmptyCellIsMissingQuotedOrNotAndNothingElseIs(t *testing.T) {
	batch := read(t, everyHeader+"a,,\"\",,\"\",,,\"\"\nb,,,N/A,,,,\nc,,, ,,,,\nd,,,null,,,,\n", everyType...)
	want := []map[string]any{{}, {"name": "N/A"}, {"name": " "}, {"name": "null"}}
	for row := range want {
		if diff := cmp.Diff(want[row], values(batch.Frame, row)); diff != "" {
			t.Errorf("row %d: %s", row, diff)
		}
	}
}

// rule FILE-3
func TestStringsAndIDsAreNotTrimmed(t *testing.T) {
	batch := read(t, "id,name\n  a , b \n", everyType[2])
	if batch.Frame.IDs[0] != "  a " || batch.Frame.Column("name").String(0) != " b " {
		t.Errorf("id %q, name %q", batch.Frame.IDs[0], batch.Frame.Column("name").String(0))
	}
}

// rule FILE-2, FILE-4, FILE-9
func TestCellsOfAnotherFormRefuseTheRow(t *testing.T) {
	cells := []struct{ column, value, code, message string }{
		{"ARR (USD)", "N/A", "WRONG_TYPE", "arr: \"N/A\" is no number"},
		{"ARR (USD)", "+1", "WRONG_TYPE", "no number"},
		{"ARR (USD)", " 1", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "1 ", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "0x10", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "1_000", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "1,000", "WRONG_TYPE", "no number"},
		{"ARR (USD)", ".5", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "5.", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "01", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "1e", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "-", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "NaN", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "Inf", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "-Infinity", "WRONG_TYPE", "no number"},
		{"ARR (USD)", "1e999", "OUT_OF_RANGE", `arr: "1e999" is too large, the largest number is about 1.8e308: leave the cell empty`},
		{"ARR (USD)", "\xff", "WRONG_TYPE", "no number"},
		{"seats", "1.5", "OUT_OF_RANGE", "has a fraction"},
		{"seats", "9007199254740994", "OUT_OF_RANGE", "beyond 2^53"},
		{"partner", "True", "WRONG_TYPE", "neither true nor false"},
		{"partner", "1", "WRONG_TYPE", "neither true nor false"},
		{"since", "31.01.2026", "WRONG_TYPE", "YYYY-MM-DD"},
		{"since", "2026-1-31", "WRONG_TYPE", "YYYY-MM-DD"},
		{"since", "2026-02-30", "WRONG_TYPE", "YYYY-MM-DD"},
		{"seen", "2026-01-31", "WRONG_TYPE", "RFC 3339"},
		{"seen", "2026-01-31 12:00:00", "WRONG_TYPE", "RFC 3339"},
		{"name", "a\xffb", "INVALID_UTF8", "UTF-8"},
		{"tags", "a|\xff", "INVALID_UTF8", "UTF-8"},
		{"name", strings.Repeat("x", 64<<10+1), "VALUE_TOO_LONG", "65537 bytes"},
	}
	for _, c := range cells {
		t.Run(c.column+" "+frame.Quote(c.value), func(t *testing.T) {
			batch := read(t, "id,"+c.column+"\ngood,\nbad,\""+c.value+"\"\nalso good,\n", attributeOf(c.column))
			if diff := cmp.Diff([]string{"good", "also good"}, batch.Frame.IDs); diff != "" {
				t.Error(diff)
			}
			if len(batch.Refused) != 1 {
				t.Fatalf("refused: %v", batch.Refused)
			}
			got := batch.Refused[0]
			if got.Line != 3 || got.CustomerID != "bad" || got.Column != c.column || got.Code != c.code || !strings.Contains(got.Message, c.message) {
				t.Errorf("got %+v", got)
			}
			if shown := strings.TrimSuffix(got.Value, "…"); !strings.HasPrefix(strings.ToValidUTF8(c.value, "\uFFFD"), shown) || len(shown) > 256 {
				t.Errorf("value %q", got.Value)
			}
		})
	}
}

func attributeOf(column string) *echelonv1.Attribute {
	for _, a := range everyType {
		if tabular.Column(a) == column {
			return a
		}
	}
	panic(column)
}

// rule FILE-4
func TestNumbersAreReadAsJSONWritesThem(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0.5": -0.5, "10": 10, "1E3": 1000, "1e+3": 1000, "25e-1": 2.5, "0.1": 0.1, "1e-999": 0, "1.7976931348623157e308": 1.7976931348623157e308,
	} {
		batch := read(t, "id,ARR (USD)\na,"+text+"\n", everyType[0])
		if len(batch.Refused) > 0 || batch.Frame.Column("arr").Numbers[0] != want {
			t.Errorf("%s: %v, refused %v", text, batch.Frame.Columns, batch.Refused)
		}
	}
}

// rule FILE-7, FILE-9
func TestRowsThatBreakARuleOfTheModelAreRefused(t *testing.T) {
	attributes := []*echelonv1.Attribute{
		{Name: "plan", Type: echelonv1.Attribute_STRING, Values: []string{"free", "paid"}, Column: "Plan"},
		{Name: "arr", Type: echelonv1.Attribute_NUMBER, Required: true},
	}
	long := strings.Repeat("i", 513)
	batch := read(t, "id,Plan,arr\na,gold,1\nb,,\n,,1\n"+long+",,1\nc,free,1\nc,paid,2\n\xff,,1\n", attributes...)
	want := []tabular.Refusal{
		{Line: 2, CustomerID: "a", Column: "Plan", Value: "gold", Code: "VALUE_NOT_ALLOWED"},
		{Line: 3, CustomerID: "b", Column: "arr", Code: "REQUIRED_MISSING"},
		{Line: 4, Column: "id", Code: "EMPTY_ID"},
		{Line: 5, CustomerID: long[:512], Column: "id", Value: long[:256] + "…", Code: "ID_TOO_LONG"},
		{Line: 7, CustomerID: "c", Column: "id", Value: "c", Code: "DUPLICATE_ID"},
		{Line: 8, CustomerID: `"\xff"`, Column: "id", Value: "\uFFFD", Code: "INVALID_UTF8"},
	}
	for i := range batch.Refused {
		if batch.Refused[i].Message == "" {
			t.Errorf("no message: %+v", batch.Refused[i])
		}
		batch.Refused[i].Message = ""
	}
	if diff := cmp.Diff(want, batch.Refused); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{6}, batch.Lines); diff != "" {
		t.Error(diff)
	}
}

func TestARaggedLineIsRefusedWithItsLine(t *testing.T) {
	batch := read(t, "name,id\n\"two\nlines\",a\nb\nx,c,\n\ny,d\n", everyType[2])
	want := []tabular.Refusal{
		{Line: 4, Code: tabular.Ragged, Message: "the row has 1 cells and the header 2: add or remove commas, or quote the cell that has one"},
		{Line: 5, CustomerID: "c", Code: tabular.Ragged, Message: "the row has 3 cells and the header 2: add or remove commas, or quote the cell that has one"},
	}
	if diff := cmp.Diff(want, batch.Refused); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2, 7}, batch.Lines); diff != "" {
		t.Error(diff)
	}
}

// rule FILE-5
func TestAFileWithAMarkOrWithWindowsLineEndsReadsLikeOneWithout(t *testing.T) {
	plain := read(t, everyHeader+"a,1,2,n,true,,,x|y\nb,,,,,,,\n", everyType...)
	for name, text := range map[string]string{
		"a byte order mark": "\xef\xbb\xbf" + everyHeader + "a,1,2,n,true,,,x|y\nb,,,,,,,\n",
		"CRLF":              strings.ReplaceAll(everyHeader+"a,1,2,n,true,,,x|y\nb,,,,,,,\n", "\n", "\r\n"),
		"no last line end":  everyHeader + "a,1,2,n,true,,,x|y\nb,,,,,,,",
		"columns that nobody asks for, one of them twice": "u,id,ARR (USD),seats,name,partner,since,seen,tags,u\n1,a,1,2,n,true,,,x|y,2\n\xff,b,,,,,,,,\n",
		"columns in another order":                        "tags,seen,since,partner,name,seats,ARR (USD),id\nx|y,,,true,n,2,1,a\n,,,,,,,b\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, text, everyType...)
			if diff := cmp.Diff(plain.Frame.Columns, got.Frame.Columns); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(plain.Frame.IDs, got.Frame.IDs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFileThatCannotBeReadSaysWhereAndWhatToDo(t *testing.T) {
	files := []struct{ name, text, want string }{
		{"empty", "", "f.csv: the file is empty: give it a header line, and a line for each customer"},
		{"empty but for a mark", "\xef\xbb\xbf", "f.csv: the file is empty: give it a header line, and a line for each customer"},
		{"Windows-1252", "id,\xdcbersicht\n", `f.csv:1: the text "\xdcbersicht" is no valid UTF-8: save the file as UTF-8, which spreadsheets call "CSV UTF-8", or say ` +
			"--encoding windows-1252 where an older Windows program wrote it"},
		{"no id column", "ident,name\n", `f.csv:1: the column "id" is missing, the file has "ident", "name": say by --id-column which column has the ids, and by ` +
			"`column` in the model what the file calls the others"},
		{"no such column", "id,Name\n", `f.csv:1: the column "name" is missing, the file has "id", "Name": add what is missing, say by ` +
			"`column` in the model what the file calls it, or take it as missing with --allow-missing-columns"},
		{"carets", "id^name\n", `f.csv:1: the columns "id", "name" are missing, the file has "id^name": say by --delimiter what separates its columns, by --id-column ` +
			"which has the ids, and by `column` in the model what the file calls the others"},
		{"compressed", "\x1f\x8b\x08\x00", "f.csv:1: the file is compressed, and its name does not say so: let its name end in .gz or .zst, as it is compressed"},
		{"a workbook", "PK\x03\x04", `f.csv:1: the file is a workbook of a spreadsheet or an archive: save its sheet as "CSV UTF-8"`},
		{"a column twice", "id,name,name\n", `f.csv:1: the column "name" stands twice, in places 2 and 3: rename or remove one of them`},
		{"the id column twice", "id,name,id\n", `f.csv:1: the column "id" stands twice, in places 1 and 3: rename or remove one of them`},
		{"a bare quote", "id,name\na,12\" wheel\n", `f.csv:2:5: a quote stands within a cell that does not begin with one: put the whole cell into quotes and double each quote in it, as in "12"" wheel"`},
		{"text after a quote", "id,name\na,\"12\" wheel\n", `f.csv:2:6: the quoted cell of the row that begins in line 2 does not end as it must: end it by a quote that a comma or a line's end follows, and double each quote in it, as in "12"" wheel"`},
		{"an open quote", "id,name\na,\"b\nc,d\n", "f.csv:3:5: the quoted cell of the row that begins in line 2 does not end as it must: " +
			`end it by a quote that a comma or a line's end follows, and double each quote in it, as in "12"" wheel"`},
	}
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			r, err := tabular.NewReader(strings.NewReader(f.text), tabular.Options{File: "f.csv", IDColumn: "id", Attributes: everyType[2:3]})
			if err == nil {
				_, err = r.Read(10)
			}
			var wrong *tabular.Error
			if !errors.As(err, &wrong) || wrong.Error() != f.want {
				t.Errorf("got  %v\nwant %s", err, f.want)
			}
		})
	}
}

// rule FILE-6
func TestAllMissingColumnsAreToldAtOnceOrTakenAsMissing(t *testing.T) {
	options := tabular.Options{File: "f.csv", IDColumn: "id", Attributes: everyType}
	const text = "id,seats\na,3\n"
	_, err := tabular.NewReader(strings.NewReader(text), options)
	if err == nil || !strings.Contains(err.Error(), `the columns "ARR (USD)", "name", "partner", "since", "seen", "tags" are missing`) {
		t.Errorf("got %v", err)
	}
	options.AllowMissingColumns = true
	r, err := tabular.NewReader(strings.NewReader(text), options)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := r.Read(1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"seats": 3.0}, values(batch.Frame, 0)); diff != "" {
		t.Error(diff)
	}
	if _, err := tabular.NewReader(strings.NewReader("seats\n3\n"), options); err == nil {
		t.Error("a file without ids was taken")
	}
}

func TestARowThatDoesNotEndDoesNotFillTheMemory(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("id,name\na,b\nc,\""), &repeated{text: []byte("endless\n")})
	r, err := tabular.NewReader(endless, tabular.Options{File: "f.csv", IDColumn: "id", Attributes: everyType[2:3]})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Read(10)
	if want := "f.csv:2: the row after this line's is longer than 16 MiB: close the quote that one of its cells opens"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// repeated reads as the same text for ever.
type repeated struct {
	text []byte
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at%len(r.text)]
		r.at++
	}
	return len(p), nil
}

func TestAnErrorOfTheFileIsPassedOn(t *testing.T) {
	for _, text := range []string{"", "id\n", "id\na\n"} {
		r, err := tabular.NewReader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrNoProgress)), tabular.Options{File: "f.csv", IDColumn: "id"})
		for err == nil {
			_, err = r.Read(1)
		}
		if !errors.Is(err, io.ErrNoProgress) || !strings.HasPrefix(err.Error(), "f.csv: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAHeaderAloneHasNoRows(t *testing.T) {
	if _, err := open(t, "id\n").Read(1); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}
