package report

import (
	"math"
	"strconv"
	"strings"
)

// none stands where there is nothing.
const none = "–"

// Count writes a count with thousands separators.
func Count(n int64) string { return group(strconv.FormatInt(n, 10)) }

// Amount writes an amount with thousands separators: whole where the amounts beside it add up to 1,000 or more, else with two decimals.
func Amount(x, total float64) string {
	if math.Abs(total) >= 1000 {
		return group(strconv.FormatFloat(math.Round(x), 'f', 0, 64))
	}
	return Exact(x)
}

// Exact writes an amount with thousands separators and two decimals, as books do.
func Exact(x float64) string { return group(strconv.FormatFloat(x, 'f', 2, 64)) }

// Score writes a score, or points of it, with one decimal.
func Score(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// Share writes a share of a whole, in percent; nothing where the whole is 0.
func Share(part, whole float64) string {
	if whole == 0 {
		return none
	}
	return Percent(100 * part / whole)
}

// Percent writes percents with one decimal.
func Percent(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) + "%" }

// Value writes a value as it was read: numbers with thousands separators and at most four decimals.
func Value(x float64) string {
	text := strconv.FormatFloat(x, 'f', 4, 64)
	return group(strings.TrimRight(strings.TrimRight(text, "0"), "."))
}

// group puts commas into a number's whole part.
func group(text string) string {
	whole, fraction, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	var out strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(digit)
	}
	if fraction != "" {
		return sign + out.String() + "." + fraction
	}
	return sign + out.String()
}
