package main

import (
	"fmt"
	"slices"
	"time"
)

// contestant is one way of doing a piece of work.
type contestant struct {
	name string
	// rows is how many customers a run goes through.
	rows int
	run  func() error
}

// race runs contestants one after another, round after round, so that whatever else the machine does falls upon all alike, and returns the median
// rows per second of each. A first round, which is not counted, warms up.
func race(rounds int, contestants ...contestant) (map[string]float64, error) {
	took := make(map[string][]float64)
	for round := range rounds + 1 {
		for _, c := range contestants {
			begin := time.Now()
			if err := c.run(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				took[c.name] = append(took[c.name], float64(c.rows)/time.Since(begin).Seconds())
			}
		}
	}
	medians := make(map[string]float64)
	for name, speeds := range took {
		medians[name] = median(speeds)
	}
	return medians, nil
}

// median returns the middle of values, the lower of two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
