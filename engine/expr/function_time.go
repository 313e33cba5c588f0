package expr

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/engine/frame"
)

const (
	daysSince = "days_since"
	daysUntil = "days_until"
	toDate    = "date"
	toInstant = "timestamp"
)

// timeFunctions returns the functions of dates and timestamps. The zone turns instants into calendar days and hours.
func timeFunctions(zone *time.Location) []function {
	list := []function{
		{name: toDate, usage: `date("2026-01-31") or date(timestamp)`, plain: args(1, 1), overloads: []cel.FunctionOpt{
			unary("date_string", stringType, dateType, func(v ref.Val) ref.Val { return parsed(v, frame.ParseDate, func(n int64) ref.Val { return day(n) }) }),
			unary("date_timestamp", timestampType, dateType, func(v ref.Val) ref.Val { return day(dayOf(v, zone)) }),
		}},
		{name: toInstant, usage: `timestamp("2026-01-31T12:00:00Z")`, plain: args(1, 1), overloads: []cel.FunctionOpt{
			unary("timestamp_string", stringType, timestampType, func(v ref.Val) ref.Val {
				return parsed(v, frame.ParseTimestamp, func(n int64) ref.Val { return instant(n) })
			}),
		}},
		// The walker appends as_of to the calls of these two.
		{name: daysSince, usage: "days_since(date or timestamp)", plain: args(1, 1), overloads: []cel.FunctionOpt{
			binary("days_since_date", dateType, timestampType, numberType, func(d, now ref.Val) ref.Val {
				return types.Double(dayOf(now, zone) - int64(d.(day)))
			}),
			binary("days_since_timestamp", timestampType, timestampType, numberType, func(t, now ref.Val) ref.Val {
				return types.Double(frame.FloorDay(int64(now.(instant) - t.(instant))))
			}),
		}},
		{name: daysUntil, usage: "days_until(date or timestamp)", plain: args(1, 1), overloads: []cel.FunctionOpt{
			binary("days_until_date", dateType, timestampType, numberType, func(d, now ref.Val) ref.Val {
				return types.Double(int64(d.(day)) - dayOf(now, zone))
			}),
			binary("days_until_timestamp", timestampType, timestampType, numberType, func(t, now ref.Val) ref.Val {
				return types.Double(frame.FloorDay(int64(t.(instant) - now.(instant))))
			}),
		}},
	}
	for _, name := range slices.Sorted(maps.Keys(dayParts)) {
		list = append(list, calendar(zone, name, dayParts[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(clockParts)) {
		list = append(list, clock(zone, name, clockParts[name]))
	}
	return list
}

// The parts of a day, and those of a time of the day.
var (
	dayParts = map[string]func(time.Time) int{
		"getFullYear":   func(t time.Time) int { return t.Year() },
		"getMonth":      func(t time.Time) int { return int(t.Month()) - 1 },
		"getDate":       func(t time.Time) int { return t.Day() },
		"getDayOfMonth": func(t time.Time) int { return t.Day() - 1 },
		"getDayOfWeek":  func(t time.Time) int { return int(t.Weekday()) },
		"getDayOfYear":  func(t time.Time) int { return t.YearDay() - 1 },
	}
	clockParts = map[string]func(time.Time) int{
		"getHours":   time.Time.Hour,
		"getMinutes": time.Time.Minute,
		"getSeconds": time.Time.Second,
	}
)

// parsed reads a text with one of frame's parsers.
func parsed(v ref.Val, parse func(string) (int64, error), box func(int64) ref.Val) ref.Val {
	n, err := parse(string(v.(types.String)))
	if err != nil {
		message, _ := splitAdvice(err)
		return failf("%s", message)
	}
	return box(n)
}

// splitAdvice cuts an error of frame's parsers into what is wrong and what to do. The text that it quotes comes before the first colon that
// is followed by a verb of advice.
func splitAdvice(err error) (message, remedy string) {
	for _, verb := range []string{": write ", ": cut "} {
		if i := strings.LastIndex(err.Error(), verb); i >= 0 {
			return err.Error()[:i], err.Error()[i+2:]
		}
	}
	return err.Error(), ""
}

// dayOf returns the day of an instant in a zone.
func dayOf(v ref.Val, zone *time.Location) int64 { return frame.DayIn(v.(instant).time(), zone) }

// calendar declares a part of a date, or of a timestamp's day in a zone.
func calendar(zone *time.Location, name string, part func(time.Time) int) function {
	f := clock(zone, name, part)
	f.usage = "date." + name + "()"
	f.overloads = append(f.overloads, method(name+"_date", dateType, numberType, func(v ref.Val) ref.Val {
		return types.Double(part(v.(day).time()))
	}))
	return f
}

// clock declares a part of a timestamp in a zone.
func clock(zone *time.Location, name string, part func(time.Time) int) function {
	return function{name: name, usage: "timestamp." + name + "()", method: args(0, 0), overloads: []cel.FunctionOpt{
		method(name+"_timestamp", timestampType, numberType, func(v ref.Val) ref.Val { return types.Double(part(v.(instant).time().In(zone))) }),
	}}
}
