package tabular

import (
	"fmt"
	"io"
	"strconv"

	"github.com/echelonhq/echelon/engine/frame/arrowframe"
)

// Kind is what a value of a row is.
type Kind int

// The kinds of values. A CSV file has cells alone, and JSON lines have others; files of columns with types have texts and what is typed.
const (
	// Absent is a value that the row does not have, or null.
	Absent Kind = iota
	// Cell is a text that an attribute's type and format give a meaning.
	Cell
	// Text is a text of JSON.
	Text
	// Number is a number of JSON, as it is written.
	Number
	// Truth is true or false of JSON.
	Truth
	// List is a list of texts of JSON.
	List
	// Other is what no attribute can hold: an object, or a list of anything but texts.
	Other
	// Typed is a value of a column with a type, but for texts; Rows gives the kinds above for it.
	Typed
)

// Value is what a row has in a column.
type Value struct {
	Kind Kind
	// Text is the cell, text, number or truth value as it is written, and for Other what it is, in words.
	Text string
	// Items are those of a List.
	Items []string
	// cell is what is Typed.
	cell *arrowframe.Cell
}

// String returns the value as it can be listed.
func (v Value) String() string {
	if v.Kind == Typed {
		return v.cell.String()
	}
	if v.Kind == List {
		text := ""
		for i, item := range v.Items {
			if i > 0 {
				text += ListMark
			}
			text += item
		}
		return text
	}
	return v.Text
}

// ListMark stands between the items of a list that is shown.
const ListMark = "|"

// source is the rows of a file, each a value a column.
type source interface {
	// columns returns the names of the columns.
	columns() []string
	// unseen returns those of the expected columns that are among them although no row is known to have one.
	unseen() []string
	// next reads the next row, whose values hold until the next call. A row that cannot be read is a *malformed; io.EOF follows the last.
	next() ([]Value, error)
	// line returns where the last row began, from 1.
	line() int
}

// malformed is a row that cannot be read, after which others can.
type malformed struct {
	code, message string
	// values are what could be read of it.
	values []Value
}

func (m *malformed) Error() string { return m.message }

// Format is how a file holds rows.
type Format string

// The formats of files.
const (
	// CSV is a header line and lines of cells (RFC 4180), whatever separates the cells.
	CSV Format = "csv"
	// JSONLines is an object a line.
	JSONLines Format = "jsonl"
	// Parquet is a Parquet file.
	Parquet Format = "parquet"
	// Arrow is an Arrow IPC stream; a file is read as one too.
	Arrow Format = "arrow"
	// ArrowFile is an Arrow IPC file, with a footer.
	ArrowFile Format = "arrow file"
)

// HasTypes reports whether the columns of a format have types.
func (f Format) HasTypes() bool { return f == Parquet || f == Arrow || f == ArrowFile }

// ParseFormat reads the name of a format. The empty name stands for what the file's ending says.
func ParseFormat(name, file string) (Format, error) {
	switch name {
	case "":
		return formatOf(file), nil
	case "csv":
		return CSV, nil
	case "jsonl", "ndjson":
		return JSONLines, nil
	case "parquet":
		return Parquet, nil
	case "arrow":
		return Arrow, nil
	}
	return "", fmt.Errorf("%s is no format: write csv, jsonl, parquet or arrow", strconv.Quote(name))
}

// RowOptions says how the rows of a file are told apart.
type RowOptions struct {
	// File is the file's name, for messages.
	File string
	// Format is how it holds rows; empty is CSV.
	Format Format
	// Delimiter separates the cells of CSV; 0 is found from the header.
	Delimiter rune
	// Encoding is how the file writes text; empty is UTF-8.
	Encoding Encoding
	// Expected are columns that are known of: they help to find the delimiter, and are columns of JSON lines whether rows have them or not.
	Expected []string
	// Only tells that other columns need not be read.
	Only bool
}

// Rows reads the rows of a file as they stand, for those who do not know yet what the columns mean.
type Rows struct {
	from   source
	file   string
	unread error
}

// OpenRows reads where the columns are. It fails with an *Error where the file is not of the format, and with the error of in.
func OpenRows(in io.Reader, options RowOptions) (*Rows, error) {
	from, err := openSource(in, options)
	if err != nil {
		return nil, err
	}
	return &Rows{from: from, file: options.File}, nil
}

func openSource(in io.Reader, options RowOptions) (source, error) {
	switch options.Format {
	case Parquet:
		return newParquetSource(in, options)
	case Arrow, ArrowFile:
		return newArrowSource(in, options)
	}
	buffered, err := startOf(decoded(in, options.Encoding), options.File)
	if err != nil {
		return nil, err
	}
	if options.Format == JSONLines {
		return newJSONSource(buffered, options)
	}
	return newCSVSource(buffered, options)
}

// Columns returns the names of the columns, in the order of the file. Names may stand twice in a CSV file.
func (r *Rows) Columns() []string { return r.from.columns() }

// Delimiter returns what separates the cells; 0 for JSON lines.
func (r *Rows) Delimiter() rune { return delimiterOf(r.from) }

// Line returns where the last row began, from 1.
func (r *Rows) Line() int { return r.from.line() }

// Unread says of the first row that could not be read where it is and why; nil while all could.
func (r *Rows) Unread() error { return r.unread }

// Read returns the next row that can be read, a value a column, which hold until the next call, and io.EOF after the last. It fails with an *Error
// where rows cannot be told apart any more. Rows that cannot be read are counted as skipped.
func (r *Rows) Read() (values []Value, skipped int, err error) {
	for {
		values, err := r.from.next()
		if bad, is := err.(*malformed); is {
			skipped++
			if r.unread == nil {
				r.unread = fmt.Errorf("%s:%d: %s", r.file, r.from.line(), bad.message)
			}
			continue
		}
		for i, v := range values {
			values[i] = v.plain()
		}
		return values, skipped, err
	}
}
