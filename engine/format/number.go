package format

import (
	"strconv"
	"strings"
	"unicode/utf8"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// number reads a cell as a number in JSON's form, which it returns as text so that one place turns it into a double.
func (p *Parser) number(cell string) (string, bool) {
	f := p.format
	if f.GetKind() == echelonv1.Format_PLAIN {
		if f.GetDecimalComma() {
			if strings.Contains(cell, ".") {
				return "", false
			}
			cell = strings.Replace(cell, ",", ".", 1)
		}
		return cell, isNumber(cell)
	}
	text, negative := trim(cell), false
	switch f.GetKind() {
	case echelonv1.Format_PERCENT, echelonv1.Format_SHARE:
		bare, ok := strings.CutSuffix(text, "%")
		if !ok {
			return "", false
		}
		text, negative = cutSign(trim(bare))
	default:
		text, negative = p.bareAmount(text)
	}
	text, ok := ungrouped(text, f.GetDecimalComma())
	if !ok {
		return "", false
	}
	if negative {
		text = "-" + text
	}
	if f.GetKind() == echelonv1.Format_SHARE {
		text += "e-2" // of the decimal that was written: a division would round twice
	}
	return text, true
}

// bareAmount takes the sign and one of the declared marks off an amount.
func (p *Parser) bareAmount(text string) (bare string, negative bool) {
	if inner, ok := strings.CutPrefix(text, "("); ok {
		if inner, ok = strings.CutSuffix(inner, ")"); ok {
			return p.cutCurrency(trim(inner)), true
		}
		return "", false
	}
	if before, ok := cutMinus(text, strings.CutSuffix); ok {
		return p.cutCurrency(trim(before)), true
	}
	text, negative = cutSign(text)
	bare = p.cutCurrency(text)
	if !negative && bare != text {
		bare, negative = cutSign(bare) // $-50
	}
	return bare, negative
}

func (p *Parser) cutCurrency(text string) string {
	for _, mark := range p.format.GetCurrency() {
		if rest, ok := strings.CutPrefix(text, mark); ok {
			return trim(rest)
		}
		if rest, ok := strings.CutSuffix(text, mark); ok {
			return trim(rest)
		}
	}
	return text
}

// cutSign takes a leading sign off.
func cutSign(text string) (bare string, negative bool) {
	if rest, ok := cutMinus(text, strings.CutPrefix); ok {
		return trim(rest), true
	}
	return strings.TrimPrefix(text, "+"), false
}

// cutMinus takes a hyphen or the minus of typesetters off.
func cutMinus(text string, cut func(text, mark string) (string, bool)) (string, bool) {
	for _, minus := range []string{"-", "\u2212"} {
		if rest, ok := cut(text, minus); ok {
			return rest, true
		}
	}
	return text, false
}

// blanks are what separates thousands beside commas, points and apostrophes: a space, and those that never break a line.
const blanks = " \u00a0\u2009\u202f"

func trim(text string) string { return strings.Trim(text, blanks+"\t") }

// ungrouped takes the marks between thousands out, and makes the decimal mark a point. The groups must be of three digits, and one mark alone
// separates them, so that a number of the other convention is refused instead of misread.
func ungrouped(text string, comma bool) (string, bool) {
	point, separators := ".", ",'\u2019"+blanks
	if comma {
		point, separators = ",", ".'\u2019"+blanks
	}
	whole, fraction, hasFraction := strings.Cut(text, point)
	if hasFraction && !isDigits(fraction) {
		return "", false
	}
	if at := strings.IndexAny(whole, separators); at >= 0 {
		r, _ := utf8.DecodeRuneInString(whole[at:])
		groups := strings.Split(whole, string(r))
		for i, group := range groups {
			if i > 0 && len(group) != 3 || i == 0 && (len(group) > 3 || strings.HasPrefix(group, "0")) || !isDigits(group) {
				return "", false
			}
		}
		whole = strings.Join(groups, "")
	}
	if !isDigits(whole) {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if hasFraction {
		return whole + "." + fraction, true
	}
	return whole, true
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// serialNumber reads the serial number of a spreadsheet.
func serialNumber(text string) (float64, bool) {
	if !isDigits(strings.Replace(text, ".", "", 1)) {
		return 0, false
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil
}
