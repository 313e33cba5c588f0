package tabular_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/internal/tabular"
)

// rows returns all cells of a file, or the error.
func rows(text string, encoding tabular.Encoding) (all []string, err error) {
	read, err := tabular.OpenRows(strings.NewReader(text), tabular.RowOptions{File: "f.csv", Encoding: encoding, Delimiter: ';'})
	if err != nil {
		return nil, err
	}
	all = append(all, strings.Join(read.Columns(), ";"))
	for {
		values, _, err := read.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var cells []string
		for _, v := range values {
			cells = append(cells, v.Text)
		}
		all = append(all, strings.Join(cells, ";"))
	}
}

func TestAFileSaysTheSameInEveryEncoding(t *testing.T) {
	// FILE-31
	encodings := map[string]struct {
		encoder encoding.Encoding
		read    tabular.Encoding
	}{
		"UTF-8 with a mark":       {unicode.UTF8BOM, ""},
		"UTF-16, the least first": {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), ""},
		"UTF-16, the most first":  {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), ""},
		"Windows-1252":            {charmap.Windows1252, tabular.Windows1252},
	}
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("aZ09äß€Éñ’ .,-")), 0, 20, -1)
	for name, e := range encodings {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				text := "kürzel;umsatz\n"
				for range rapid.IntRange(0, 20).Draw(t, "rows") {
					text += "x" + letters.Draw(t, "first") + ";y" + letters.Draw(t, "second") + "\r\n"
				}
				encoded, err := e.encoder.NewEncoder().String(text)
				if err != nil {
					t.Fatal(err)
				}
				want, err := rows(text, "")
				if err != nil {
					t.Fatal(err)
				}
				got, err := rows(encoded, e.read)
				if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Fatalf("got %q, %v, want %q", got, err, want)
				}
			})
		})
	}
}

func TestAnUnknownEncodingIsRefused(t *testing.T) {
	// FILE-31
	for _, name := range []string{"", "utf-8"} {
		if got, err := tabular.ParseEncoding(name); err != nil || got != tabular.UTF8 {
			t.Errorf("%q is %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"latin1", "utf-16", "UTF8", "windows-1251"} {
		if _, err := tabular.ParseEncoding(name); err == nil || !strings.Contains(err.Error(), "write utf-8 or windows-1252") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
