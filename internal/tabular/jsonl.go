package tabular

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// NotAnObject is the code of a line that is no object of JSON.
	NotAnObject = "NOT_AN_OBJECT"
	// aheadRows and aheadBytes are how far JSON lines are read to know what columns there are.
	aheadRows, aheadBytes = 1000, 16 << 20
	// maxDepth is how deep objects may be nested.
	maxDepth = 32
)

// jsonSource is the rows of JSON lines. The keys of nested objects are columns by their dotted names.
type jsonSource struct {
	file  string
	in    *bufio.Reader
	names []string
	index map[string]int
	lacks []string
	// ahead are lines that were read to know the columns.
	ahead []jsonLine
	row   []Value
	begun int
	read  int
}

// jsonLine is a line and its number.
type jsonLine struct {
	number int
	text   []byte
}

func newJSONSource(in *bufio.Reader, options RowOptions) (*jsonSource, error) {
	s := &jsonSource{file: options.File, in: in, index: make(map[string]int)}
	size := 0
	for len(s.ahead) < aheadRows && size < aheadBytes {
		line, err := s.readLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(s.ahead) == 0 && line.text[0] == '[' {
			return nil, &Error{File: s.file, Line: line.number, Message: "the file is a list of JSON", Remedy: "write each object of it into a line of its own"}
		}
		line.text = slices.Clone(line.text)
		s.ahead = append(s.ahead, line)
		size += len(line.text)
	}
	if len(s.ahead) == 0 {
		return nil, &Error{File: s.file, Message: "the file is empty", Remedy: "give it an object of JSON for each customer, each in a line"}
	}
	for _, line := range s.ahead {
		_ = walk(line.text, func(path string, _ Value) error { // what is wrong with it is said when it is its turn
			s.column(path)
			return nil
		})
	}
	for _, column := range options.Expected {
		if _, known := s.index[column]; !known {
			s.lacks = append(s.lacks, column)
			s.column(column)
		}
	}
	s.row = make([]Value, len(s.names))
	return s, nil
}

func (s *jsonSource) column(name string) {
	if _, known := s.index[name]; !known {
		s.index[name] = len(s.names)
		s.names = append(s.names, name)
	}
}

func (s *jsonSource) columns() []string { return s.names }

// unseen returns the expected columns that none of the first rows has.
func (s *jsonSource) unseen() []string { return s.lacks }

func (s *jsonSource) line() int { return s.begun }

// readLine returns the next line that is not empty. It holds until the next call.
func (s *jsonSource) readLine() (jsonLine, error) {
	var text []byte
	for {
		part, more, err := s.in.ReadLine()
		if errors.Is(err, io.EOF) {
			return jsonLine{}, io.EOF
		}
		if err != nil {
			return jsonLine{}, named(s.file, err)
		}
		if len(text)+len(part) > maxRowBytes {
			return jsonLine{}, tooLong(s.file, s.read, "write each object into a line of its own")
		}
		text = append(text, part...)
		if more {
			continue
		}
		s.read++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return jsonLine{s.read, text}, nil
		}
	}
}

func (s *jsonSource) next() ([]Value, error) {
	var line jsonLine
	if len(s.ahead) > 0 {
		line, s.ahead = s.ahead[0], s.ahead[1:]
	} else {
		var err error
		if line, err = s.readLine(); err != nil {
			return nil, err
		}
	}
	s.begun = line.number
	clear(s.row)
	if !utf8.Valid(line.text) {
		return nil, &malformed{code: echelonv1.RowError_INVALID_UTF8.String(), values: s.row, message: "the line is no valid UTF-8: convert the file to UTF-8"}
	}
	seen := make(map[string]bool)
	err := walk(line.text, func(path string, v Value) error {
		if seen[path] {
			return fmt.Errorf("%q stands twice in it", path)
		}
		seen[path] = true
		if i, asked := s.index[path]; asked {
			s.row[i] = v
		}
		return nil
	})
	if err != nil {
		return nil, &malformed{code: NotAnObject, values: s.row, message: fmt.Sprintf("the line is no object of JSON: %v", err)}
	}
	return s.row, nil
}

// walk calls do for each value of an object that is no object itself, and for each object as Other, by dotted names.
func walk(line []byte, do func(path string, v Value) error) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	first, err := decoder.Token()
	if err != nil {
		return plainly(err)
	}
	if first != json.Delim('{') {
		return errors.New("it does not begin with {")
	}
	if err := walkObject(decoder, "", 1, do); err != nil {
		return plainly(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// plainly says of an end within a line what it is.
func plainly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it does not end")
	}
	return err
}

func walkObject(decoder *json.Decoder, prefix string, depth int, do func(string, Value) error) error {
	if depth > maxDepth {
		return fmt.Errorf("objects are nested deeper than %d", maxDepth)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		path := prefix + key.(string) // a decoder gives nothing else as a key
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'):
			if err := do(path, Value{Kind: Other, Text: "an object"}); err != nil {
				return err
			}
			err = walkObject(decoder, path+".", depth+1, do)
		case json.Delim('['):
			var v Value
			if v, err = list(decoder); err == nil {
				err = do(path, v)
			}
		default:
			err = do(path, scalar(token))
		}
		if err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

func scalar(token json.Token) Value {
	switch token := token.(type) {
	case string:
		return Value{Kind: Text, Text: token}
	case json.Number:
		return Value{Kind: Number, Text: token.String()}
	case bool:
		return Value{Kind: Truth, Text: fmt.Sprint(token)}
	}
	return Value{}
}

// list reads the rest of a list.
func list(decoder *json.Decoder) (Value, error) {
	v := Value{Kind: List}
	for decoder.More() {
		var item any
		if err := decoder.Decode(&item); err != nil {
			return v, err
		}
		text, ok := item.(string)
		if !ok {
			v.Kind, v.Text = Other, "a list of anything but texts"
			continue
		}
		v.Items = append(v.Items, text)
	}
	_, err := decoder.Token()
	return v, err
}
