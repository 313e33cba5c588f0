package tabular

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
)

// csvSource is the rows of a CSV file.
type csvSource struct {
	file  string
	csv   *csv.Reader
	guard *guard
	names []string
	row   []Value
	begun int
}

func newCSVSource(in *bufio.Reader, options RowOptions) (*csvSource, error) {
	delimiter := options.Delimiter
	if delimiter == 0 {
		delimiter = findDelimiter(in, options.Expected)
	}
	s := &csvSource{file: options.File, guard: newGuard(in)}
	s.csv = csv.NewReader(s.guard)
	s.csv.Comma = delimiter
	s.csv.FieldsPerRecord = -1
	s.csv.ReuseRecord = true
	names, err := s.record()
	if errors.Is(err, io.EOF) {
		return nil, &Error{File: options.File, Message: "the file is empty", Remedy: "give it a header line, and a line for each customer"}
	}
	s.names, s.row = slices.Clone(names), make([]Value, len(names))
	if err == nil {
		err = checkHeader(options.File, s.begun, s.names)
	}
	return s, err
}

func (s *csvSource) columns() []string { return s.names }

func (s *csvSource) unseen() []string { return nil }

func (s *csvSource) line() int { return s.begun }

func (s *csvSource) next() ([]Value, error) {
	record, err := s.record()
	if err != nil {
		return nil, err
	}
	for i := range s.row {
		s.row[i] = Value{}
		if i < len(record) && record[i] != "" {
			s.row[i] = Value{Kind: Cell, Text: record[i]}
		}
	}
	if len(record) != len(s.names) {
		mark := nameOf(s.csv.Comma)
		return nil, &malformed{code: Ragged, values: s.row, message: fmt.Sprintf(
			"the row has %d cells and the header %d: add or remove %ss, or quote the cell that has one", len(record), len(s.names), mark)}
	}
	return s.row, nil
}

// record reads the next line's cells. They hold until the next call.
func (s *csvSource) record() ([]string, error) {
	record, err := s.csv.Read()
	if err == nil {
		s.begun, _ = s.csv.FieldPos(0)
		s.guard.release(s.csv.InputOffset())
		return record, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	return nil, s.broken(err)
}

// broken says why no more rows can be read.
func (s *csvSource) broken(err error) error {
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, errLong):
		return tooLong(s.file, s.begun, "close the quote that one of its cells opens")
	case !errors.As(err, &syntax):
		return named(s.file, err)
	}
	wrong := &Error{File: s.file, Line: syntax.Line, Column: syntax.Column}
	if errors.Is(err, csv.ErrBareQuote) {
		wrong.Message = "a quote stands within a cell that does not begin with one"
		wrong.Remedy = `put the whole cell into quotes and double each quote in it, as in "12"" wheel"`
	} else {
		wrong.Message = fmt.Sprintf("the quoted cell of the row that begins in line %d does not end as it must", syntax.StartLine)
		wrong.Remedy = fmt.Sprintf(`end it by a quote that a %s or a line's end follows, and double each quote in it, as in "12"" wheel"`, nameOf(s.csv.Comma))
	}
	return wrong
}

// tooLong says that the row after a line is longer than a row may be.
func tooLong(file string, line int, remedy string) error {
	return &Error{File: file, Line: line, Message: fmt.Sprintf("the row after this line's is longer than %d MiB", maxRowBytes>>20), Remedy: remedy}
}
