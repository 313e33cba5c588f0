package parallel_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/echelonhq/echelon/internal/parallel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upTo are the numbers below n, and then an error, unless it is nil.
func upTo(n int, last error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if last != nil {
			yield(0, last)
		}
	}
}

// collect takes what comes out, until the first error or so many.
func collect(all iter.Seq2[int, error], most int) (list []int, err error) {
	for one, err := range all {
		if err != nil {
			return list, err
		}
		if list = append(list, one); len(list) == most {
			break
		}
	}
	return list, nil
}

func TestWhatComesOutIsInTheOrderOfTheItems(t *testing.T) {
	for _, n := range []int{1, 2, 16} {
		second := make(chan struct{})
		worker := func() func(context.Context, int) (int, error) {
			return func(_ context.Context, i int) (int, error) {
				if i == 0 && n > 1 {
					<-second // the second item ends before the first
				}
				if i == 1 && n > 1 {
					close(second)
				}
				return i * i, nil
			}
		}
		got, err := collect(parallel.OrderedBy(t.Context(), n, upTo(100, nil), worker), 1000)
		if err != nil || len(got) != 100 || !slices.IsSorted(got) || got[99] != 99*99 {
			t.Errorf("%d goroutines: %v, %v", n, got, err)
		}
	}
}

func TestTheFirstErrorEndsIt(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		items iter.Seq2[int, error]
		do    func(i int) (int, error)
		want  string
		n     int
	}{
		"of the items": {upTo(5, broken), func(i int) (int, error) { return i, nil }, "broken", 5},
		"of the work": {upTo(50, nil), func(i int) (int, error) {
			if i == 7 {
				return 0, broken
			}
			return i, nil
		}, "broken", 7},
		"a panic of the work": {upTo(50, nil), func(i int) (int, error) {
			if i == 3 {
				panic("oh")
			}
			return i, nil
		}, "panic: oh", 3},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := collect(parallel.Ordered(t.Context(), c.items, func() func(context.Context, int) (int, error) {
				return func(_ context.Context, i int) (int, error) { return c.do(i) }
			}), 1000)
			if len(got) != c.n || err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestNoMoreIsPulledThanIsWorkedOnAhead(t *testing.T) {
	var pulled atomic.Int64
	items := func(yield func(int, error) bool) {
		for i := 0; yield(i, nil); i++ {
			pulled.Add(1)
		}
	}
	worker := func() func(context.Context, int) (int, error) {
		return func(_ context.Context, i int) (int, error) { return i, nil }
	}
	if got, err := collect(parallel.OrderedBy(t.Context(), 2, items, worker), 10); err != nil || len(got) != 10 {
		t.Errorf("%v, %v", got, err)
	}
	if n := pulled.Load(); n > 30 {
		t.Errorf("%d items were pulled for 10", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := collect(parallel.Ordered(ctx, items, worker), 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("when it is over: %v", err)
	}
}
