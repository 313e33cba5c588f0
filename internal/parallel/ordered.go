package parallel

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"sync"
)

// Workers is how many goroutines work at the same time.
func Workers() int { return runtime.GOMAXPROCS(0) }

// outcome is what became of one item.
type outcome[T any] struct {
	value T
	err   error
}

// Ordered does work on items in several goroutines, each with a function of its own, and gives what comes out in the order of the items. A few items are
// worked on ahead of whoever takes the results: an item is pulled when there is room. The first error ends it: of the items, of the work, whose
// panics are errors too, or of ctx. When it is over, all its goroutines are.
func Ordered[In, Out any](ctx context.Context, items iter.Seq2[In, error], worker func() func(context.Context, In) (Out, error)) iter.Seq2[Out, error] {
	return OrderedBy(ctx, Workers(), items, worker)
}

// OrderedBy is Ordered in so many goroutines, for work that waits for others.
func OrderedBy[In, Out any](ctx context.Context, n int, items iter.Seq2[In, error], worker func() func(context.Context, In) (Out, error)) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var work sync.WaitGroup
		defer work.Wait()
		defer cancel()

		type task struct {
			item In
			out  chan outcome[Out]
		}
		tasks, results := make(chan task, n), make(chan chan outcome[Out], 2*n)
		work.Go(func() {
			defer close(results)
			defer close(tasks)
			feed := func(item In, err error) bool {
				out := make(chan outcome[Out], 1)
				select {
				case results <- out:
				case <-ctx.Done():
					return false
				}
				if err != nil {
					out <- outcome[Out]{err: err}
					return false
				}
				select {
				case tasks <- task{item, out}:
					return true
				case <-ctx.Done():
					return false
				}
			}
			if err := safely(func() error { items(feed); return nil }); err != nil {
				var none In
				feed(none, err)
			}
		})
		for range n {
			do := worker()
			work.Go(func() {
				for task := range tasks {
					var made outcome[Out]
					made.err = safely(func() (err error) { made.value, err = do(ctx, task.item); return err })
					task.out <- made
				}
			})
		}
		for out := range results {
			select {
			case made := <-out:
				if !yield(made.value, made.err) || made.err != nil {
					return
				}
			case <-ctx.Done():
				yield(*new(Out), ctx.Err())
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(*new(Out), err)
		}
	}
}

// safely turns a panic into an error: one piece of work must not end the server.
func safely(do func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	return do()
}
