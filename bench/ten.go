package main

import (
	"errors"
	"fmt"
	"time"
)

// tenMillionFigures measures one stream of Arrow batches with ten million customers: the million of W again and again, under new numbers of batches.
func tenMillionFigures(b *bench) (_ []figure, err error) {
	m, err := b.model()
	if err != nil {
		return nil, err
	}
	batches, err := arrowBatches(m.frame)
	if err != nil {
		return nil, err
	}
	p, err := b.serve(b.folder + "/ten")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	assign, err := m.newArrowBulk(p, batches, b.wanted())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, assign.conn.Close()) }()
	all := assign.exchange()
	all.count = 10 * len(batches)
	all.batch = func(i int) message { return batchOf(i+1, batches[i%len(batches)]) }
	var ends []time.Time
	all.answered = func(i int, _ *answer) error {
		if (i+1)%len(batches) == 0 {
			ends = append(ends, time.Now())
		}
		return nil
	}
	begin := time.Now()
	if _, err := all.run(); err != nil {
		return nil, err
	}
	peak, err := p.peakMemory()
	if err != nil {
		return nil, err
	}
	took := func(k int) float64 { return ends[k].Sub(ends[k-1]).Seconds() }
	fmt.Printf("  %-46s %10.3f million customers/s\n", "10 million customers in one stream", 10/ends[9].Sub(begin).Seconds())
	fmt.Printf("  %-46s %10.3f million customers/s\n", "the second million", 1/took(1))
	fmt.Printf("  %-46s %10.3f million customers/s\n", "the last million", 1/took(9))
	fmt.Printf("  %-46s %10d MB\n", "peak memory of the server", peak/1e6)
	return []figure{{"stream_flat_10m", took(1) / took(9), ">=", 0.9}, {"memory_10m", float64(peak) / 1e6, "<=", 512}}, nil
}
