package format

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Write writes a value as a cell that Parse reads back. Text is a STRING's value; other types have theirs in v. It fails where no cell of the
// declared form has that value, such as a time where the pattern has none.
func (p *Parser) Write(v Value, text string) (string, error) {
	cell := p.cell(v, text)
	back, fault := p.Parse(cell)
	same := fault == nil && back.Number == v.Number && back.Bool == v.Bool && back.Int == v.Int && slices.Equal(back.List, v.List)
	if !same || back.Missing && cell != "" {
		return "", fmt.Errorf("no cell of the attribute's format has the value %s: change the format, or the value", frame.Quote(cell))
	}
	return cell, nil
}

func (p *Parser) cell(v Value, text string) string {
	switch p.kind {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		return p.numberCell(v.Number)
	case echelonv1.Attribute_BOOLEAN:
		if p.format.GetKind() != echelonv1.Format_YES_NO {
			return strconv.FormatBool(v.Bool)
		}
		yes, no := wordsOf(p.format)
		if v.Bool {
			return yes[0]
		}
		return no[0]
	case echelonv1.Attribute_DATE:
		switch {
		case p.pattern != nil:
			return p.pattern.write(frame.DayStart(v.Int))
		case p.format.GetKind() == echelonv1.Format_EXCEL:
			return excelCell(float64(v.Int))
		}
		return frame.FormatDate(v.Int)
	case echelonv1.Attribute_TIMESTAMP:
		switch {
		case p.pattern != nil:
			return p.pattern.write(frame.InstantOf(v.Int))
		case p.format.GetKind() == echelonv1.Format_EXCEL:
			day := frame.FloorDay(v.Int)
			return excelCell(float64(day) + float64(v.Int-day*millisPerDay*1000)/(millisPerDay*1000))
		}
		return frame.FormatTimestamp(v.Int)
	case echelonv1.Attribute_STRING_LIST:
		separator := p.format.GetSeparator()
		if separator == "" {
			separator = ListSeparator
		}
		return strings.Join(v.List, separator)
	}
	return text
}

func (p *Parser) numberCell(x float64) string {
	if p.format.GetKind() == echelonv1.Format_PLAIN && !p.format.GetDecimalComma() {
		return frame.FormatNumber(x)
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if p.format.GetKind() == echelonv1.Format_SHARE {
		text = hundredfold(x)
	}
	if p.format.GetDecimalComma() {
		text = strings.Replace(text, ".", ",", 1)
	}
	switch p.format.GetKind() {
	case echelonv1.Format_PERCENT, echelonv1.Format_SHARE:
		return text + "%"
	}
	return text
}

// hundredfold writes the decimal of a double a hundredfold, without rounding it.
func hundredfold(x float64) string {
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(x, 'f', -1, 64), ".")
	fraction += strings.Repeat("0", max(0, 2-len(fraction)))
	whole, fraction = whole+fraction[:2], fraction[2:]
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

func excelCell(days float64) string {
	serial := days + epochSerial
	if serial <= leapSerial {
		serial--
	}
	return strconv.FormatFloat(serial, 'f', -1, 64)
}
