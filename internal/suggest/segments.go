package suggest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// maxSegmentations is how many columns of words become segmentations.
	maxSegmentations = 4
	// topValues is how many values of a column with more of them are segments of their own, where they cover mostValues of the rows.
	topValues  = 8
	mostValues = 0.5
)

// segmentations groups customers by size, and by columns of few words.
func (b *builder) segmentations() {
	b.sizes()
	made := 0
	for _, f := range b.facts {
		text := f.attribute.GetType() == echelonv1.Attribute_STRING
		if made == maxSegmentations || !text && !f.isCode() || f.different < 2 || f.known < minRows || verdictWords.MatchString(f.header) {
			continue
		}
		if b.groups(f) {
			made++
		}
	}
}

// sizes makes the bands of size, at natural quantiles.
func (b *builder) sizes() {
	by := b.money
	for _, f := range b.facts {
		if f.isNumber() && strings.Contains(f.attribute.GetName(), "employees") && b.rich(f) && !f.isCode() {
			by = f
			break
		}
	}
	if by == nil {
		return
	}
	n := len(by.numbers)
	high, low := human(by.numbers[n*9/10]), human(by.numbers[n*6/10])
	if !(high > low && low > by.numbers[0]) {
		return
	}
	above := func(line float64) string { return fmt.Sprintf("%s >= %s", by.attribute.GetName(), literal(line)) }
	b.comments[fmt.Sprintf("segmentations[%d]", len(b.model.GetSegmentations()))] = fmt.Sprintf(
		"Who customers are: size by %s. The lines lie near the 90th and the 60th percentile, rounded.", by.attribute.GetName())
	b.model.Segmentations = append(b.model.Segmentations, &echelonv1.Segmentation{
		Name: "size_band", Segments: []*echelonv1.Segment{{Name: "Large", When: above(high)}, {Name: "Medium", When: above(low)}},
		Otherwise: "Small", Unknown: "Unknown",
	})
}

// groups makes a segmentation of a column's values, and reports whether these repeat enough.
func (b *builder) groups(f *fact) bool {
	var values []string
	covered := 0
	limit := fewValues
	if f.different > fewValues {
		limit = topValues
	}
	for _, value := range f.order {
		if len(values) == limit {
			break
		}
		if !slices.Contains(f.unread, value) && !slices.Contains(f.attribute.GetFormat().GetNulls(), value) && len(value) <= 200 && strings.TrimSpace(value) != "" {
			values = append(values, value)
			covered += f.values[value]
		}
	}
	if float64(covered) < mostValues*float64(f.known) {
		return false
	}
	name := f.attribute.GetName()
	s := &echelonv1.Segmentation{Name: b.segmentationName("by_" + name), Otherwise: "Other"}
	for _, value := range values {
		when, label := fmt.Sprintf("%s == %s", name, strconv.Quote(value)), value
		if f.isNumber() {
			when, label = fmt.Sprintf("%s == %s", name, value), name+" "+value
		}
		s.Segments = append(s.Segments, &echelonv1.Segment{Name: label, When: when})
	}
	for slices.Contains(values, s.Otherwise) {
		s.Otherwise = "Any " + s.Otherwise
	}
	if f.known < b.profile.rows {
		s.Unknown = "Unknown"
		for slices.Contains(values, s.Unknown) || s.Unknown == s.Otherwise {
			s.Unknown = "Is " + s.Unknown
		}
	}
	text := fmt.Sprintf("The %s values of %s, the largest group first.", count(len(values)), name)
	if f.different > len(values) {
		text = fmt.Sprintf("The %s most frequent of the %s values of %s, %.0f %% of the rows.", count(len(values)), count(f.different), name,
			100*float64(covered)/float64(f.known))
	}
	b.comments[fmt.Sprintf("segmentations[%d]", len(b.model.GetSegmentations()))] = text
	b.model.Segmentations = append(b.model.Segmentations, s)
	return true
}

// segmentationName cuts a name to what a name may be.
func (b *builder) segmentationName(name string) string { return name[:min(len(name), maxName)] }

// human rounds to a number that people would choose: 1, 2, 2.5 or 5 times a power of ten, or two digits.
func human(x float64) float64 {
	if x == 0 {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(math.Abs(x))))
	lead := x / power
	for _, nice := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10} {
		if math.Abs(lead-nice) <= 0.06*nice {
			return tidy(nice * power)
		}
	}
	return tidy(math.Round(lead*10) / 10 * power)
}

// tidy takes off what a product of decimals leaves behind them.
func tidy(x float64) float64 {
	clean, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		return x
	}
	return clean
}

// literal writes a number for an expression.
func literal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// shortNumber writes a number for people.
func shortNumber(x float64) string { return strconv.FormatFloat(tidy(x), 'f', -1, 64) }

// count writes a count for people.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// rows writes a number of rows for people.
func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return count(n) + " rows"
}

// cut shortens a value for a comment.
func cut(text string) string {
	if r := []rune(text); len(r) > 30 {
		return string(r[:30]) + "…"
	}
	return text
}
