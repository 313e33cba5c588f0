package format

import (
	"fmt"
	"strings"
	"time"
)

// tokens are what a pattern is made of; the longer of two that begin alike comes first.
var tokens = []struct {
	text string
	// part is what of the time it says.
	part     part
	min, max int
}{
	{"YYYY", year, 4, 4}, {"YY", shortYear, 2, 2}, {"MMM", monthName, 3, 3}, {"MM", month, 2, 2}, {"M", month, 1, 2}, {"DD", day, 2, 2}, {"D", day, 1, 2},
	{"hh", hour, 2, 2}, {"h", hour, 1, 2}, {"mm", minute, 2, 2}, {"ss", second, 2, 2}, {"fff", fraction, 3, 6}, {"AM", half, 2, 2},
}

type part int

const (
	literal part = iota
	year
	shortYear
	monthName
	month
	day
	hour
	minute
	second
	fraction
	half
)

// step is a token of a pattern, or a text that stands for itself.
type step struct {
	part     part
	min, max int
	text     string
}

// pattern is a compiled pattern.
type pattern []step

// newPattern reads a pattern. It fails where that does not say a day, or says a part twice; instant tells whether it may say a time too.
func newPattern(text string, instant bool) (pattern, error) {
	var p pattern
	said := make(map[part]bool)
	for rest := text; rest != ""; {
		s := step{part: literal, text: rest[:1]}
		for _, token := range tokens {
			if strings.HasPrefix(rest, token.text) {
				s = step{part: token.part, min: token.min, max: token.max, text: token.text}
				break
			}
		}
		rest = rest[len(s.text):]
		if s.part != literal {
			of := s.part
			switch of {
			case shortYear:
				of = year
			case monthName:
				of = month
			}
			if said[of] {
				return nil, fmt.Errorf("%q stands twice", s.text)
			}
			said[of] = true
		}
		if n := len(p); n > 0 && s.part != literal && p[n-1].part != literal && p[n-1].min != p[n-1].max {
			return nil, fmt.Errorf("%q may have one digit or two, so nothing tells where %q begins: write a mark between them", p[n-1].text, s.text)
		}
		p = append(p, s)
	}
	if !said[year] || !said[month] || !said[day] {
		return nil, fmt.Errorf("it does not say a year (YYYY), a month (MM) and a day (DD)")
	}
	if !instant && (said[hour] || said[minute] || said[second] || said[fraction] || said[half]) {
		return nil, fmt.Errorf("it says a time, which a DATE has not")
	}
	if said[half] && !said[hour] || said[minute] && !said[hour] || said[second] && !said[minute] || said[fraction] && !said[second] {
		return nil, fmt.Errorf("it says a smaller part of the time without the larger ones: hh, then mm, ss and fff")
	}
	return p, nil
}

// parse reads a text by the pattern, in UTC.
func (p pattern) parse(text string) (time.Time, bool) {
	got := map[part]int{}
	rest := text
	for _, s := range p {
		var ok bool
		if rest, ok = s.take(rest, got); !ok {
			return time.Time{}, false
		}
	}
	if rest != "" {
		return time.Time{}, false
	}
	if short, ok := got[shortYear]; ok {
		got[year] = 2000 + short
	}
	if name, ok := got[monthName]; ok {
		got[month] = name
	}
	hours := got[hour]
	if h, ok := got[half]; ok {
		if hours < 1 || hours > 12 {
			return time.Time{}, false
		}
		hours = hours%12 + 12*h
	}
	t := time.Date(got[year], time.Month(got[month]), got[day], hours, got[minute], got[second], got[fraction]*1000, time.UTC)
	// Go makes 31 February a day in March; a cell that says one is refused.
	same := t.Year() == got[year] && int(t.Month()) == got[month] && t.Day() == got[day] && t.Hour() == hours && t.Minute() == got[minute] &&
		t.Second() == got[second]
	return t, same && got[year] >= 1
}

var monthNames = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// take reads what the step says off a text's beginning.
func (s step) take(text string, got map[part]int) (rest string, ok bool) {
	switch s.part {
	case literal:
		return strings.CutPrefix(text, s.text)
	case monthName, half:
		if len(text) < s.min {
			return text, false
		}
		words := monthNames
		if s.part == half {
			words = []string{"am", "pm"}
		}
		for i, word := range words {
			if strings.EqualFold(text[:s.min], word) {
				got[s.part] = i
				if s.part == monthName {
					got[s.part] = i + 1
				}
				return text[s.min:], true
			}
		}
		return text, false
	}
	n := 0
	for n < s.max && n < len(text) && text[n] >= '0' && text[n] <= '9' {
		got[s.part] = got[s.part]*10 + int(text[n]-'0')
		n++
	}
	if s.part == fraction {
		for k := n; k < 6; k++ {
			got[s.part] *= 10 // to microseconds
		}
	}
	return text[n:], n >= s.min
}

// write writes an instant by the pattern.
func (p pattern) write(t time.Time) string {
	var b strings.Builder
	for _, s := range p {
		switch s.part {
		case literal:
			b.WriteString(s.text)
		case monthName:
			b.WriteString(t.Month().String()[:3])
		case half:
			b.WriteString(t.Format("PM"))
		default:
			fmt.Fprintf(&b, "%0*d", s.min, p.number(s.part, t))
		}
	}
	return b.String()
}

// number returns what an instant says of a part.
func (p pattern) number(of part, t time.Time) int {
	switch of {
	case year:
		return t.Year()
	case shortYear:
		return t.Year() % 100
	case month:
		return int(t.Month())
	case day:
		return t.Day()
	case minute:
		return t.Minute()
	case second:
		return t.Second()
	case fraction:
		return t.Nanosecond() / 1_000_000
	}
	for _, s := range p {
		if s.part == half {
			return (t.Hour()+11)%12 + 1
		}
	}
	return t.Hour()
}
