package family

import "github.com/echelonhq/echelon/engine/exact"

// Sums adds up values by family. What comes out does not depend on the order in which they came.
type Sums struct {
	families []int32
	values   []float64
}

// Add adds a finite value to a family, unless that is Alone.
func (s *Sums) Add(family int, x float64) {
	if family != Alone {
		s.families, s.values = append(s.families, int32(family)), append(s.values, x)
	}
}

// Into sets a function of a table to the sum of each family, exact and rounded once. A family without a value gets none.
func (s *Sums) Into(t *Table, function int) {
	// The values are put together by family first: a sum without error takes hundreds of bytes, and there may be as many families as half the customers.
	ends := make([]int, t.Families()+1)
	for _, family := range s.families {
		ends[family+1]++
	}
	for i := range t.Families() {
		ends[i+1] += ends[i]
	}
	ordered := make([]float64, len(s.values))
	next := append([]int(nil), ends...)
	for i, family := range s.families {
		ordered[next[family]] = s.values[i]
		next[family]++
	}
	for family := range t.Families() {
		of := ordered[ends[family]:ends[family+1]]
		if len(of) == 0 {
			continue
		}
		var sum exact.Sum
		for _, x := range of {
			sum.Add(x)
		}
		t.Set(function, family, sum.Float64()+0)
	}
}

// Max keeps the largest value of each family in a function of a table.
func Max(t *Table, function, family int, x float64) {
	if family == Alone {
		return
	}
	// Adding 0 makes -0 a 0: which of two zeros came first must not show.
	if before, ok := t.Value(function, family); !ok || x > before {
		t.Set(function, family, x+0)
	}
}
