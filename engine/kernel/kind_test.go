package kernel

import "testing"

type one struct {
	text  string
	place *int
}

var (
	ones  = NewKind[one]()
	pairs = NewKind[[2]int]()
)

func TestAKindIsZeroWhateverItsMemoryHeldBefore(t *testing.T) {
	var arena Arena
	for round := range 4 {
		for n := range 20 {
			values, pair := ones.Make(&arena, n), pairs.New(&arena)
			if len(values) != n || cap(values) != n || *pair != [2]int{} {
				t.Fatalf("round %d: %d values with room for %d, want %d; a pair is %v", round, len(values), cap(values), n, *pair)
			}
			for i := range values {
				if values[i] != (one{}) {
					t.Fatalf("round %d: value %d of %d is %v", round, i, n, values[i])
				}
				values[i] = one{"taken", &n}
			}
			*pair = [2]int{round, n}
		}
		arena.Reset()
	}
}

func TestValuesOfAKindDoNotShareMemoryUntilItIsTakenBack(t *testing.T) {
	var arena Arena
	for range 3 { // the first round grows
		var all []*one
		for range 50 {
			all = append(all, ones.New(&arena))
		}
		for i, v := range all {
			v.place = &i
		}
		for i, v := range all {
			if *v.place != i {
				t.Fatalf("value %d is that of %d", i, *v.place)
			}
		}
		arena.Reset()
	}
}

func TestAKindWithoutAnArenaIsMadeNew(t *testing.T) {
	if v := ones.New(nil); *v != (one{}) {
		t.Errorf("got %v", v)
	}
	if got := pairs.Make(nil, 3); len(got) != 3 {
		t.Errorf("got %d values", len(got))
	}
}

func TestNothingIsAllocatedForABatchLikeTheOneBefore(t *testing.T) {
	var arena Arena
	batch := func() {
		arena.Reset()
		ones.Make(&arena, 7)
		pairs.New(&arena)
		arena.NewPlanes(100, 9)
	}
	batch()
	if n := testing.AllocsPerRun(20, batch); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
