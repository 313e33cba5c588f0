package engine

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/echelonhq/echelon/engine/frame"
)

// merger is a learner that takes in what another of its kind gathered.
type merger[L any] interface{ Merge(L) }

// shards are the learners of one item, one for each goroutine that gathers.
type shards[L merger[L]] struct {
	begin func() L
	all   []L
}

// gatherer returns what begins another shard, which adds batches. Shards are begun by one goroutine.
func (s *shards[L]) gatherer(add func(L, *evaluation)) func() gather {
	return func() gather {
		n := s.begin()
		s.all = append(s.all, n)
		return func(e *evaluation, _ int) { add(n, e) }
	}
}

// merged returns the first shard, with what all the others gathered.
func (s *shards[L]) merged() L {
	first := s.all[0]
	for _, other := range s.all[1:] {
		first.Merge(other)
	}
	return first
}

// plus adds numbers to others of the same places; no numbers are zeros.
func plus(to, numbers []int) []int {
	if to == nil {
		return append(to, numbers...)
	}
	for i, n := range numbers {
		to[i] += n
	}
	return to
}

// eachInParallel goes through a population and hands its batches to as many goroutines as there are cores, each with a function of its own; as many
// batches wait at most. It fails with the population's error or that of ctx, panics where a function does, and leaves no goroutine behind.
func eachInParallel(ctx context.Context, population Population, worker func() func(*frame.Frame)) error {
	n := runtime.GOMAXPROCS(0)
	whole, stop := context.WithCancel(ctx)
	defer stop()
	batches, panics := make(chan *frame.Frame, n), make(chan error, n)
	var work sync.WaitGroup
	for range n {
		do := worker()
		work.Go(func() {
			defer func() {
				if panicked := recover(); panicked != nil {
					panics <- fmt.Errorf("%v\n%s", panicked, debug.Stack())
					stop()
				}
			}()
			for f := range batches {
				do(f)
			}
		})
	}
	err := func() error {
		defer work.Wait()
		defer close(batches)
		return handOut(whole, population, batches)
	}()
	select {
	case panicked := <-panics:
		panic(panicked)
	default:
	}
	if err != nil {
		return err
	}
	return ctx.Err() // what ended in the middle of a batch is worth nothing
}

// handOut sends the batches of a population.
func handOut(ctx context.Context, population Population, to chan<- *frame.Frame) error {
	for f, err := range population {
		if err != nil {
			return err
		}
		select {
		case to <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
