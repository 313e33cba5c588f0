package catalog

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

func TestACacheKeepsWhatWasUsedLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 5).Draw(t, "most")
		c := newCache[string](most)
		var used []string // the newest last
		for _, key := range rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"})).Draw(t, "keys") {
			made := false
			got, err := c.get(key, func() (string, error) {
				made = true
				return "value of " + key, nil
			})
			if err != nil || got != "value of "+key {
				t.Fatalf("%q is %q: %v", key, got, err)
			}
			kept := false
			rest := used[:0:0]
			for _, other := range used {
				kept = kept || other == key
				if other != key {
					rest = append(rest, other)
				}
			}
			if made == kept {
				t.Fatalf("%q of %v was made %t", key, used, made)
			}
			if used = append(rest, key); len(used) > most {
				used = used[1:]
			}
			if c.order.Len() != len(used) || len(c.by) != len(used) {
				t.Fatalf("%d are kept and %d named, want %d", c.order.Len(), len(c.by), len(used))
			}
		}
	})
}

func TestACacheDoesNotKeepErrors(t *testing.T) {
	c := newCache[int](2)
	failed := errors.New("failed")
	if _, err := c.get("a", func() (int, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Errorf("the error is %v", err)
	}
	if got, err := c.get("a", func() (int, error) { return 5, nil }); err != nil || got != 5 {
		t.Errorf("after an error: %d, %v", got, err)
	}
}

// A value that panics while it is made must not lock the others out.
func TestACacheSurvivesAPanic(t *testing.T) {
	c := newCache[int](2)
	func() {
		defer func() { _ = recover() }()
		_, _ = c.get("a", func() (int, error) { panic("no") })
	}()
	if got, err := c.get("a", func() (int, error) { return 5, nil }); err != nil || got != 5 {
		t.Errorf("after a panic: %d, %v", got, err)
	}
}

func TestACacheIsSharedByManyGoroutines(t *testing.T) {
	c := newCache[string](4)
	var wait sync.WaitGroup
	var wrong atomic.Int64
	for g := range 8 {
		wait.Go(func() {
			for i := range 500 {
				key := fmt.Sprint((g + i) % 7)
				if got, err := c.get(key, func() (string, error) { return "value of " + key, nil }); err != nil || got != "value of "+key {
					wrong.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if wrong.Load() > 0 || c.order.Len() != 4 || len(c.by) != 4 {
		t.Errorf("%d values were wrong; %d are kept and %d named", wrong.Load(), c.order.Len(), len(c.by))
	}
}
