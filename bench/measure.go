package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// contestant is one way of doing a piece of work.
type contestant struct {
	name string
	// rows is how many customers a run goes through.
	rows int
	run  func() error
	// tidy tells that it leaves next to no garbage behind: collecting that of a million customers takes as long as running.
	tidy bool
	// before and after each run come these, which are not counted; nil where there is nothing to do.
	before, after func() error
}

// speeds are the rows per second of contestants by their names, an entry a round.
type speeds map[string][]float64

// race runs contestants one after another, round after round, so that whatever else the machine does falls upon all alike. A first round, which is
// not counted, warms up.
func race(rounds int, contestants ...contestant) (speeds, error) {
	s, garbage := make(speeds), true
	for round := range rounds + 1 {
		for _, c := range contestants {
			took, err := c.measure(garbage)
			garbage = !c.tidy
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				s[c.name] = append(s[c.name], float64(c.rows)/took.Seconds())
			}
		}
	}
	return s, nil
}

// measure runs once, with the garbage of others out of the way, where there is some.
func (c contestant) measure(garbage bool) (took time.Duration, err error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return 0, err
		}
	}
	if garbage {
		runtime.GC()
	}
	begin := time.Now()
	err = c.run()
	took = time.Since(begin)
	if c.after != nil {
		err = errors.Join(err, c.after())
	}
	return took, err
}

// ratio returns the median, over the rounds, of how much faster a was than b in the same round.
func (s speeds) ratio(a, b string) float64 {
	ratios := make([]float64, len(s[a]))
	for round := range ratios {
		ratios[round] = s[a][round] / s[b][round]
	}
	return median(ratios)
}

// median returns the middle of values, the lower of two.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the least of values that is not below a part of them.
func quantile(values []float64, part float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(part*float64(len(sorted)-1))]
}

// print prints a line of the table for each contestant.
func (s speeds) print(contestants ...contestant) {
	for _, c := range contestants {
		own := s[c.name]
		fmt.Printf("  %-46s %10.3f million customers/s  (%.3f to %.3f)\n", c.name, median(own)/1e6, slices.Min(own)/1e6, slices.Max(own)/1e6)
	}
}
