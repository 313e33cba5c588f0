package stability

import (
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// calendar is when moves may happen, and the periods in which they are counted. Days are counted from 1970-01-01.
type calendar struct {
	every echelonv1.Review_Period
	// windows are those of each direction; nil where customers may always move.
	windows [3][]window
}

// window is days of every year, as 100 times the month and the day; the last is inside.
type window struct{ from, to int }

func newCalendar(review *echelonv1.Review) calendar {
	c := calendar{every: review.GetEvery()}
	general := windows(review.GetWindows())
	c.windows = [3][]window{sideways: general, up: general, down: general}
	if len(review.GetPromotions()) > 0 {
		c.windows[up] = windows(review.GetPromotions())
	}
	if len(review.GetDemotions()) > 0 {
		c.windows[down] = windows(review.GetDemotions())
	}
	return c
}

func windows(declared []*echelonv1.Review_Window) []window {
	var list []window
	for _, one := range declared {
		for _, month := range one.GetMonths() {
			list = append(list, window{int(month)*100 + 1, int(month)*100 + 31})
		}
		if one.GetFrom() != "" {
			from, _ := MonthDay(one.GetFrom())
			to, _ := MonthDay(one.GetTo())
			list = append(list, window{from, to})
		}
	}
	return list
}

// MonthDay reads a month and a day, such as 01-31, as 100 times the month and the day, and reports whether there is such a day, in leap years at least.
func MonthDay(text string) (int, bool) {
	t, err := time.Parse("2006-01-02", "2024-"+text)
	return int(t.Month())*100 + t.Day(), err == nil
}

// has reports whether a day of the year is in the window, which may go on into the next year.
func (w window) has(day int) bool {
	if w.from <= w.to {
		return w.from <= day && day <= w.to
	}
	return day >= w.from || day <= w.to
}

// open reports whether customers may move in a direction on a day.
func (c *calendar) open(day int64, to direction) bool {
	if c.windows[to] == nil {
		return true
	}
	date := frame.DayStart(day)
	for _, w := range c.windows[to] {
		if w.has(int(date.Month())*100 + date.Day()) {
			return true
		}
	}
	return false
}

// opens returns the first day after one on which customers may move in a direction. Every window has one within eight years and a day: that is how far
// leap days lie apart at most.
func (c *calendar) opens(day int64, to direction) int64 {
	for next := day + 1; next <= day+8*366; next++ {
		if c.open(next, to) {
			return next
		}
	}
	return 0
}

// starts returns the first day of the review period that a day is in, and that of the next one.
func (c *calendar) starts(day int64) (first, next int64) {
	months := map[echelonv1.Review_Period]int{echelonv1.Review_YEAR: 12, echelonv1.Review_QUARTER: 3, echelonv1.Review_MONTH: 1}[c.every]
	year, month, _ := frame.DayStart(day).Date()
	begins := time.Date(year, month-time.Month((int(month)-1)%months), 1, 0, 0, 0, 0, time.UTC)
	return frame.DayOf(begins), frame.DayOf(begins.AddDate(0, months, 0))
}
