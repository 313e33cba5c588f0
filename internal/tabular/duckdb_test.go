package tabular_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/tabular"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// duckAttributes read the columns of the files that DuckDB wrote.
func duckAttributes() []*echelonv1.Attribute {
	list := []*echelonv1.Attribute{
		{Name: "price", Type: echelonv1.Attribute_NUMBER, Format: &echelonv1.Format{Kind: echelonv1.Format_MONEY, Currency: []string{"€"}, DecimalComma: true}},
		{Name: "stadt", Type: echelonv1.Attribute_STRING, Column: "city"},
	}
	for name, of := range map[string]echelonv1.Attribute_Type{
		"arr": echelonv1.Attribute_NUMBER, "tiny": echelonv1.Attribute_INTEGER, "seats": echelonv1.Attribute_INTEGER, "employees": echelonv1.Attribute_NUMBER,
		"big": echelonv1.Attribute_INTEGER, "huge": echelonv1.Attribute_NUMBER, "share": echelonv1.Attribute_NUMBER, "usage": echelonv1.Attribute_NUMBER,
		"partner": echelonv1.Attribute_BOOLEAN, "plan": echelonv1.Attribute_STRING, "renewal": echelonv1.Attribute_DATE, "seen": echelonv1.Attribute_TIMESTAMP,
		"seen_tz": echelonv1.Attribute_TIMESTAMP, "seen_ns": echelonv1.Attribute_TIMESTAMP, "tags": echelonv1.Attribute_STRING_LIST,
	} {
		list = append(list, &echelonv1.Attribute{Name: name, Type: of})
	}
	return list
}

// duckCustomer is row i of bench/duckfiles/tables.sql.
func duckCustomer(t *testing.T, i int) *echelonv1.Customer {
	t.Helper()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(-time.Duration(i) * time.Hour)
	a := map[string]any{
		"price": float64(i) * 1.5, "tiny": float64(i), "seats": float64(i * 3), "employees": float64(i * 10), "big": float64(i * 1_000_000), "huge": float64(i),
		"share": float64(i) / 8, "usage": float64(i) / 3, "partner": i%3 == 0, "plan": []string{"free", "pro", "enterprise"}[i%3],
		"renewal": time.Date(2026, 1, 31-i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "seen": noon.Add(time.Second / 4).Format(time.RFC3339Nano),
		"seen_tz": noon.Format(time.RFC3339Nano), "seen_ns": "2026-01-31T12:00:00.123456Z",
	}
	if i%7 != 0 {
		a["arr"] = float64(i) * 1000.25
	}
	if i%5 != 0 {
		a["stadt"] = fmt.Sprint("Zürich ", i%4)
	}
	if i%4 != 0 {
		a["tags"] = []any{"a", fmt.Sprint("b", i%2)}
	}
	if i == 5 {
		a["huge"] = 0x1p127
	}
	fields, err := structpb.NewStruct(a)
	if err != nil {
		t.Fatal(err)
	}
	return &echelonv1.Customer{Id: fmt.Sprintf("c%04d", i), Attributes: fields}
}

func openDuck(t *testing.T, file string, attributes []*echelonv1.Attribute) (*tabular.Reader, error) {
	t.Helper()
	path := filepath.Join("testdata", "duckdb", file)
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	format, err := tabular.ParseFormat("", file)
	if err != nil {
		t.Fatal(err)
	}
	return tabular.NewReader(in, tabular.Options{File: file, Format: format, IDColumn: "id", Attributes: attributes})
}

func TestFilesOfDuckDBAreReadAsWhatTheyHold(t *testing.T) {
	// rule FILE-33
	for _, file := range []string{"customers.parquet", "customers.arrows"} {
		reader, err := openDuck(t, file, duckAttributes())
		if err != nil {
			t.Fatal(err)
		}
		row, refused := 0, ""
		for batch, err := range reader.Batches(7) {
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range batch.Refused {
				refused += fmt.Sprintf("%d %s %s %s", one.Line, one.Column, one.Code, one.Value)
			}
			for k := range batch.Frame.Len() {
				i := batch.Lines[k] - 1
				if diff := cmp.Diff(duckCustomer(t, i), batch.Frame.Customer(k), protocmp.Transform()); diff != "" {
					t.Fatalf("%s, row %d (-table +file):\n%s", file, i, diff)
				}
				row++
			}
		}
		// Parquet has no HUGEINT: DuckDB writes it as a double. In Arrow it is a decimal that no double holds.
		want, rows := "", 60
		if file == "customers.arrows" {
			want, rows = "6 huge OUT_OF_RANGE 170141183460469231731687303715884105727", 59
		}
		if refused != want || row != rows {
			t.Errorf("%s: %d rows are read and %q refused, want %d and %q", file, row, refused, rows, want)
		}
	}
}

func TestColumnsOfDuckDBThatAnAttributeDoesNotTakeAreNamedWithTheirRemedy(t *testing.T) {
	// rule FILE-33
	for _, file := range []string{"customers.parquet", "customers.arrows"} {
		_, err := openDuck(t, file, []*echelonv1.Attribute{{Name: "nested", Type: echelonv1.Attribute_STRING}, {Name: "city", Type: echelonv1.Attribute_NUMBER}})
		var wrong *tabular.Error
		if !errors.As(err, &wrong) {
			t.Fatalf("%s: %v", file, err)
		}
		for _, words := range []string{file, `"nested" is of the type struct<`, "STRING", `"city"`, "NUMBER", "cast it"} {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %q does not stand in: %v", file, words, err)
			}
		}
	}
}

// damagedAt reads a damaged file to its end.
func damagedAt(format tabular.Format, file []byte) error {
	reader, err := tabular.NewReader(bytes.NewReader(file), tabular.Options{File: "customers", Format: format, IDColumn: "id", Attributes: duckAttributes()})
	if err != nil {
		return err
	}
	for _, err := range reader.Batches(1000) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestADamagedFileIsAnErrorThatNamesItOrIsReadAsItStands(t *testing.T) {
	for name, format := range map[string]tabular.Format{"customers.parquet": tabular.Parquet, "customers.arrows": tabular.Arrow} {
		whole, err := os.ReadFile(filepath.Join("testdata", "duckdb", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []int{0, 3, 4, 100, len(whole) / 2, len(whole) - 20} {
			err := damagedAt(format, whole[:part])
			var placed *tabular.Error
			if !errors.As(err, &placed) || placed.File != "customers" || placed.Remedy == "" {
				t.Errorf("%s: the first %d bytes: %v", name, part, err)
			}
		}
		for at := 0; at < len(whole); at += 37 {
			bad := bytes.Clone(whole)
			bad[at] ^= 0xA5
			var placed *tabular.Error
			if err := damagedAt(format, bad); err != nil && !errors.As(err, &placed) {
				t.Errorf("%s: byte %d: %v", name, at, err)
			}
		}
	}
}

func TestCustomersAreWrittenWithTheirTypesAndReadBack(t *testing.T) {
	attributes := duckAttributes()
	for _, format := range []tabular.Format{tabular.Parquet, tabular.Arrow, tabular.ArrowFile} {
		var out bytes.Buffer
		w, err := tabular.NewTypedCustomerWriter(&out, format, "id", attributes)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			if err := w.Write(framed(t, attributes, duckCustomer(t, i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		reader, err := tabular.NewReader(bytes.NewReader(out.Bytes()), tabular.Options{File: "again", Format: format, IDColumn: "id", Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for batch, err := range reader.Batches(50) {
			if err != nil || len(batch.Refused) > 0 {
				t.Fatal(format, err, batch)
			}
			for k := range batch.Frame.Len() {
				if diff := cmp.Diff(duckCustomer(t, rows), batch.Frame.Customer(k), protocmp.Transform()); diff != "" {
					t.Fatalf("%s, row %d (-written +read):\n%s", format, rows, diff)
				}
				rows++
			}
		}
		if rows != 60 {
			t.Errorf("%s: %d rows are read back of 60", format, rows)
		}
	}
	if _, err := tabular.NewFrameWriter(&bytes.Buffer{}, tabular.Parquet, frame.NewSchema(frame.Field{Name: "id"}), "id"); err == nil {
		t.Error("a column is called like that of the ids, and nobody says so")
	}
}
