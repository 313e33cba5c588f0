package format

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ListSeparator stands between the items of a list where no other one is declared.
const ListSeparator = "|"

var (
	trueWords  = []string{"yes", "y", "true", "1"}
	falseWords = []string{"no", "n", "false", "0"}
)

// Parser reads the cells of one attribute. It is not changed once made.
type Parser struct {
	kind    echelonv1.Attribute_Type
	format  *echelonv1.Format
	pattern pattern
}

// Value is what a cell says; the attribute's type tells which field holds it.
type Value struct {
	// Missing tells that it says nothing.
	Missing bool
	// Number is a NUMBER or an INTEGER, finite.
	Number float64
	// Bool is a BOOLEAN.
	Bool bool
	// Int is a DATE in days, a TIMESTAMP in microseconds since 1970.
	Int int64
	// List is a STRING_LIST.
	List []string
}

// Fault says why a cell cannot be read.
type Fault struct {
	// Code is for programs.
	Code echelonv1.RowError_Code
	// Message says what is wrong and what to do.
	Message string
}

// New returns the parser of an attribute. It fails where the attribute's format is one that Check finds a mistake in.
func New(a *echelonv1.Attribute) (*Parser, error) {
	if wrong := Check(a); len(wrong) > 0 {
		return nil, fmt.Errorf("attribute %s: format: %s: %s", a.GetName(), wrong[0].Message, wrong[0].Remedy)
	}
	p := &Parser{kind: a.GetType(), format: a.GetFormat()}
	if text := p.format.GetPattern(); text != "" {
		p.pattern, _ = newPattern(text, p.kind == echelonv1.Attribute_TIMESTAMP) // Check has read it
	}
	return p, nil
}

// Parse reads a cell. An empty one is missing, and so is one of the declared nulls. A text needs no reading but for that.
func (p *Parser) Parse(cell string) (Value, *Fault) {
	if cell == "" || slices.Contains(p.format.GetNulls(), cell) {
		return Value{Missing: true}, nil
	}
	switch p.kind {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return p.parseNumber(cell)
	case echelonv1.Attribute_BOOLEAN:
		return p.parseBool(cell)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		return p.parseTime(cell)
	case echelonv1.Attribute_STRING_LIST:
		return p.parseList(cell), nil
	}
	return Value{}, nil
}

// wrong is the fault of a cell that does not have the declared form.
func wrong(format string, args ...any) *Fault {
	return &Fault{echelonv1.RowError_WRONG_TYPE, fmt.Sprintf(format, args...)}
}

func (p *Parser) parseNumber(cell string) (Value, *Fault) {
	text, ok := p.number(cell)
	if !ok {
		return Value{}, wrong("%s is no number: %s", frame.Quote(cell), p.example())
	}
	// A number of that form fails only by being too large, and then is infinite.
	x, _ := strconv.ParseFloat(text, 64)
	if math.IsInf(x, 0) {
		return Value{}, &Fault{echelonv1.RowError_OUT_OF_RANGE,
			fmt.Sprintf("%s is too large, the largest number is about 1.8e308: leave the cell empty where the number is unknown", frame.Quote(cell))}
	}
	return Value{Number: x}, nil
}

// example says how the number would be written.
func (p *Parser) example() string {
	number := "1,200.50"
	if p.format.GetDecimalComma() {
		number = "1.200,50"
	}
	switch p.format.GetKind() {
	case echelonv1.Format_GROUPED:
		return "write it as " + number + ", as the attribute's format says"
	case echelonv1.Format_MONEY:
		return fmt.Sprintf("write it as %s%s, as the attribute's format says", p.format.GetCurrency()[0], number)
	case echelonv1.Format_PERCENT, echelonv1.Format_SHARE:
		return "write it with its sign, such as 45 %, as the attribute's format says"
	}
	if p.format.GetDecimalComma() {
		return "write it as -1234,5, as the attribute's format says"
	}
	return "write it as in JSON, such as -1234.5, and leave the cell empty where it is unknown, or say by `format` in the model how the file writes it"
}

func (p *Parser) parseBool(cell string) (Value, *Fault) {
	if p.format.GetKind() != echelonv1.Format_YES_NO {
		if cell != "true" && cell != "false" {
			return Value{}, wrong("%s is neither true nor false: write one of them, and leave the cell empty where it is unknown, or say by `format` in the "+
				"model which words the file has", frame.Quote(cell))
		}
		return Value{Bool: cell == "true"}, nil
	}
	yes, no := wordsOf(p.format)
	text := trim(cell)
	same := func(word string) bool { return strings.EqualFold(word, text) }
	switch {
	case slices.ContainsFunc(yes, same):
		return Value{Bool: true}, nil
	case slices.ContainsFunc(no, same):
		return Value{Bool: false}, nil
	}
	return Value{}, wrong("%s is neither true (%s) nor false (%s)", frame.Quote(cell), strings.Join(yes, ", "), strings.Join(no, ", "))
}

// wordsOf returns the words of YES_NO.
func wordsOf(f *echelonv1.Format) (yes, no []string) {
	yes, no = f.GetTrueWords(), f.GetFalseWords()
	if len(yes) == 0 {
		yes = trueWords
	}
	if len(no) == 0 {
		no = falseWords
	}
	return yes, no
}

func (p *Parser) parseList(cell string) Value {
	if separator := p.format.GetSeparator(); separator != "" {
		list := strings.Split(strings.Clone(cell), separator)
		for i := range list {
			list[i] = trim(list[i])
		}
		return Value{List: list}
	}
	return Value{List: strings.Split(strings.Clone(cell), ListSeparator)}
}

func (p *Parser) parseTime(cell string) (Value, *Fault) {
	instant := p.kind == echelonv1.Attribute_TIMESTAMP
	text := trim(cell)
	if p.format.GetKind() == echelonv1.Format_EXCEL {
		if serial, ok := serialNumber(text); ok {
			return excel(cell, serial, instant)
		}
		if p.pattern == nil {
			return Value{}, wrong("%s is no serial number of a spreadsheet: write it as 45750, as the attribute's format says", frame.Quote(cell))
		}
	}
	if p.pattern != nil {
		t, ok := p.pattern.parse(text)
		switch {
		case !ok:
			return Value{}, wrong("%s is no date of the pattern %s: write it so, as the attribute's format says", frame.Quote(cell), p.format.GetPattern())
		case instant:
			return Value{Int: t.UnixMicro()}, nil
		}
		return Value{Int: frame.DayOf(t)}, nil
	}
	parse := frame.ParseDate
	if instant {
		parse = frame.ParseTimestamp
	}
	n, err := parse(cell)
	if err != nil {
		return Value{}, wrong("%v", err)
	}
	return Value{Int: n}, nil
}

const (
	// epochSerial is the serial number of 1970-01-01.
	epochSerial = 25569
	// lastSerial is that of 9999-12-31.
	lastSerial = 2958465
	// leapSerial is that of 1900-02-29, a day that spreadsheets have and the calendar has not.
	leapSerial   = 60
	millisPerDay = 86_400_000
)

// excel turns a serial number of the 1900 system into a day, or into an instant to the nearest millisecond, which is what such a number holds.
func excel(cell string, serial float64, instant bool) (Value, *Fault) {
	day := math.Floor(serial)
	switch {
	case day < 1 || day > lastSerial || day == leapSerial:
		return Value{}, &Fault{echelonv1.RowError_OUT_OF_RANGE, fmt.Sprintf("%s is the serial number of no day, 1 to %d: write the date out",
			frame.Quote(cell), lastSerial)}
	case !instant && day != serial:
		return Value{}, wrong("%s has a fraction, which is a time: make the attribute a TIMESTAMP, or leave the fraction out", frame.Quote(cell))
	}
	days := int64(day) - epochSerial
	if day < leapSerial {
		days++
	}
	if !instant {
		return Value{Int: days}, nil
	}
	millis := int64(math.Round((serial - day) * millisPerDay))
	return Value{Int: (days*millisPerDay + millis) * 1000}, nil
}
