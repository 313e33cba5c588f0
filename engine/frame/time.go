package frame

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	microsPerDay = int64(24 * time.Hour / time.Microsecond)
	dateLayout   = "2006-01-02"
)

var (
	minDay = DayOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	maxDay = DayOf(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
)

// InRange reports whether an integer can be the value of an attribute: of a DATE, in days, or a TIMESTAMP, in microseconds since 1970, in the years 0001 to
// 9999.
func InRange(of echelonv1.Attribute_Type, x int64) bool {
	if of == echelonv1.Attribute_DATE {
		return x >= minDay && x <= maxDay
	}
	return x >= minDay*microsPerDay && x < (maxDay+1)*microsPerDay
}

// DayOf returns the calendar day in UTC that holds an instant, in days since 1970-01-01.
func DayOf(t time.Time) int64 { return FloorDay(t.UnixMicro()) }

// FloorDay returns the calendar day in UTC that holds an instant given in microseconds since 1970.
func FloorDay(micros int64) int64 {
	day := micros / microsPerDay
	if micros%microsPerDay < 0 {
		day--
	}
	return day
}

// DayStart returns the midnight in UTC that a day begins with.
func DayStart(day int64) time.Time { return time.UnixMicro(day * microsPerDay).UTC() }

// DayIn returns the calendar day in a zone that holds an instant, in days since 1970-01-01.
func DayIn(t time.Time, zone *time.Location) int64 {
	if zone == time.UTC {
		return DayOf(t)
	}
	year, month, day := t.In(zone).Date()
	return DayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// DayStartIn returns the instant at which a day begins in a zone: its midnight, or, where clocks are put forward over that, the first instant
// after it.
func DayStartIn(day int64, zone *time.Location) time.Time {
	year, month, date := DayStart(day).Date()
	start := time.Date(year, month, date, 0, 0, 0, 0, zone)
	if DayIn(start, zone) < day {
		_, start = start.ZoneBounds()
	}
	return start.UTC()
}

// ParseDate reads YYYY-MM-DD as days since 1970-01-01.
func ParseDate(text string) (int64, error) {
	t, err := time.Parse(dateLayout, text)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("%s is no date: write YYYY-MM-DD, such as 2026-01-31", Quote(text))
	}
	return DayOf(t), nil
}

// FormatDate writes days since 1970-01-01 as YYYY-MM-DD.
func FormatDate(day int64) string { return DayStart(day).Format(dateLayout) }

// rfc3339 is the form of a timestamp: time.Parse takes hours of one digit, fractions after a comma and offsets of 24 hours too.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// finer is a digit below the microsecond that is not zero. time.Parse drops those after the ninth.
var finer = regexp.MustCompile(`\.\d{6}\d*[1-9]`)

// ParseTimestamp reads an instant as in RFC 3339, as microseconds since 1970. Digits below the microsecond must be zero, since nothing is
// rounded silently.
func ParseTimestamp(text string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
	if err != nil || !rfc3339.MatchString(text) || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return 0, fmt.Errorf("%s is no timestamp: write it as in RFC 3339, such as 2026-01-31T12:00:00Z", Quote(text))
	}
	if finer.MatchString(text) {
		return 0, fmt.Errorf("%s is finer than a microsecond: cut it to six digits", Quote(text))
	}
	return t.UnixMicro(), nil
}

// FormatTimestamp writes microseconds since 1970 as in RFC 3339, in UTC.
func FormatTimestamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

// InstantOf returns the instant of microseconds since 1970, in UTC.
func InstantOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
