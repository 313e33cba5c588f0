package frame

import (
	"time"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// SetMissing takes back the row's value.
func (b *Builder) SetMissing(field int) { b.cells[field] = cell{} }

// SetText gives the row a text as it was sent, which is not kept: a STRING, or what a DATE or a TIMESTAMP is written as. It reports false, and the row
// is as it was, where the field takes no text or cannot read this one.
func (b *Builder) SetText(field int, text []byte) bool {
	switch b.frame.Columns[field].Type {
	case echelonv1.Attribute_STRING:
		if code, known := b.known(field, text); known {
			b.cells[field] = cell{set: true, known: true, code: code}
			return true
		}
		b.SetString(field, string(text))
		return true
	case echelonv1.Attribute_DATE:
		if day, ok := plainDate(text); ok {
			b.SetInt(field, day)
			return true
		}
		if day, err := ParseDate(string(text)); err == nil {
			b.SetInt(field, day)
			return true
		}
	case echelonv1.Attribute_TIMESTAMP:
		if at, ok := plainTimestamp(text); ok {
			b.SetInt(field, at)
			return true
		}
		if at, err := ParseTimestamp(string(text)); err == nil {
			b.SetInt(field, at)
			return true
		}
	}
	return false
}

// Text returns a text of a field that was sent, and is not kept: that of the frame's dictionary, where it has it.
func (b *Builder) Text(field int, text []byte) string {
	if code, known := b.known(field, text); known {
		return b.frame.Columns[field].Dict[code]
	}
	return string(text)
}

// Grow makes room for that many more rows.
func (b *Builder) Grow(rows int) {
	b.begin()
	n := b.frame.Len() + rows
	grow(&b.frame.IDs, n)
	for i := range b.frame.Columns {
		column := &b.frame.Columns[i]
		grow(&column.Valid, (n+63)/64)
		switch column.Type {
		case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
			grow(&column.Numbers, n)
		case echelonv1.Attribute_BOOLEAN:
			grow(&column.Bits, (n+63)/64)
		case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
			grow(&column.Ints, n)
		case echelonv1.Attribute_STRING:
			grow(&column.Codes, n)
		case echelonv1.Attribute_STRING_LIST:
			grow(&column.Offsets, n+1)
		}
	}
}

// Recycle begins anew, as a new builder does, in the memory of the frame that was taken last: nobody may look at that any more.
func (b *Builder) Recycle(taken *Frame) {
	if b.ids != nil {
		b.ids = new(uniqueIDs)
	}
	b.frame = taken
	clear(taken.IDs)
	taken.IDs = taken.IDs[:0]
	for i := range taken.Columns {
		c := &taken.Columns[i]
		clear(c.Dict)
		c.Valid, c.Numbers, c.Bits, c.Ints, c.Codes, c.Dict = c.Valid[:0], c.Numbers[:0], c.Bits[:0], c.Ints[:0], c.Codes[:0], c.Dict[:0]
		if c.Type == echelonv1.Attribute_STRING_LIST {
			c.Offsets = c.Offsets[:1]
		}
		clear(b.dicts[i])
	}
}

// grow gives a slice room for n entries.
func grow[S ~[]E, E any](s *S, n int) {
	if cap(*s) < n {
		*s = append(make(S, 0, n), *s...)
	}
}

// plainDate reads YYYY-MM-DD, which nearly all dates are written as.
func plainDate(text []byte) (day int64, ok bool) {
	if len(text) != len(dateLayout) || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	century, ok1 := twoDigits(text[0:])
	year, ok2 := twoDigits(text[2:])
	month, ok3 := twoDigits(text[5:])
	date, ok4 := twoDigits(text[8:])
	year += 100 * century
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || date < 1 || date > 28 {
		return 0, false // the ends of months are left to time.Parse
	}
	return dayOf(year, month, date), true
}

// plainTimestamp reads YYYY-MM-DDTHH:MM:SSZ.
func plainTimestamp(text []byte) (micros int64, ok bool) {
	const layout = "2006-01-02T15:04:05Z"
	if len(text) != len(layout) || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z' {
		return 0, false
	}
	day, ok := plainDate(text[:10])
	hour, ok1 := twoDigits(text[11:])
	minute, ok2 := twoDigits(text[14:])
	second, ok3 := twoDigits(text[17:])
	if !ok || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	const microsPerSecond = int64(time.Second / time.Microsecond)
	return day*microsPerDay + int64(hour*3600+minute*60+second)*microsPerSecond, true
}

func twoDigits(text []byte) (n int, ok bool) {
	tens, ones := text[0]-'0', text[1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// dayOf returns the days since 1970-01-01 of a date in the Gregorian calendar. Years that begin in March have the leap day last; 153 days are the five
// months from it that have 31, 30, 31, 30 and 31.
func dayOf(year, month, date int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + date - 1 - 719468)
}
