package tabular

import (
	"math"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// listSeparator stands between the items of a list.
const listSeparator = "|"

// set gives the row that is being built a cell's value, or refuses it. The cell is not empty.
func (r *Reader) set(field int, cell string) {
	name := r.builder.Schema().Field(field).Name
	wrong := func(format string, args ...any) {
		r.builder.Fail(name, echelonv1.RowError_WRONG_TYPE, name+": "+format, args...)
	}
	switch r.builder.Schema().Field(field).Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		if !isNumber(cell) {
			wrong("%s is no number: write it as in JSON, such as -1234.5, and leave the cell empty where it is unknown", frame.Quote(cell))
			return
		}
		// A number of that form fails only by being too large, and then is infinite, which the builder refuses.
		x, err := strconv.ParseFloat(cell, 64)
		if math.IsInf(x, 0) {
			r.builder.Fail(name, echelonv1.RowError_OUT_OF_RANGE, "%s: %s is too large: %v", name, frame.Quote(cell), err)
			return
		}
		r.builder.SetNumber(field, x)
	case echelonv1.Attribute_BOOLEAN:
		if cell != "true" && cell != "false" {
			wrong("%s is neither true nor false: write one of them, and leave the cell empty where it is unknown", frame.Quote(cell))
			return
		}
		r.builder.SetBool(field, cell == "true")
	case echelonv1.Attribute_DATE:
		r.setTime(field, cell, frame.ParseDate, wrong)
	case echelonv1.Attribute_TIMESTAMP:
		r.setTime(field, cell, frame.ParseTimestamp, wrong)
	case echelonv1.Attribute_STRING_LIST:
		r.builder.SetList(field, strings.Split(strings.Clone(cell), listSeparator))
	default:
		r.builder.SetString(field, strings.Clone(cell))
	}
}

func (r *Reader) setTime(field int, cell string, parse func(string) (int64, error), wrong func(string, ...any)) {
	n, err := parse(cell)
	if err != nil {
		wrong("%v", err)
		return
	}
	r.builder.SetInt(field, n)
}

// isNumber reports whether a text is a number as JSON (RFC 8259, section 6) writes it.
func isNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole, rest := digits(text)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if fraction, ok := strings.CutPrefix(rest, "."); ok {
		if whole, rest = digits(fraction); whole == "" {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if whole, rest = digits(rest); whole == "" {
			return false
		}
	}
	return rest == ""
}

// digits splits off the digits that a text begins with.
func digits(text string) (head, rest string) {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return text[:n], text[n:]
}
