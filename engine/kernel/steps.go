package kernel

import "math"

// Steps finds places in a sorted list without branches: the list is laid out as a complete binary tree (Eytzinger's order, as in Khuong and
// Morin, "Array layouts for comparison-based searching", 2017), and each step of the way down is an addition. It is immutable.
type Steps struct {
	// tree has the list from place 1 on, filled up with +Inf.
	tree   []float64
	levels int
}

// NewSteps lays out an ascending list of numbers that are not NaN.
func NewSteps(sorted []float64) *Steps {
	levels := 0
	for 1<<levels-1 < len(sorted) {
		levels++
	}
	s := &Steps{tree: make([]float64, 1<<levels), levels: levels}
	next := 0
	var place func(node int)
	place = func(node int) {
		if node >= len(s.tree) {
			return
		}
		place(2 * node)
		s.tree[node] = math.Inf(1)
		if next < len(sorted) {
			s.tree[node] = sorted[next]
		}
		next++
		place(2*node + 1)
	}
	if levels > 0 {
		place(1)
	}
	return s
}

// UpTo returns how many numbers of the list are at most x, which is finite.
func (s *Steps) UpTo(x float64) int {
	node := 1
	for range s.levels {
		node = 2*node + int(bit(s.tree[node] <= x))
	}
	return node - len(s.tree)
}

// upTo101 is UpTo for a tree of seven levels, which is that of the breakpoints of percentiles.
func upTo101(tree *[128]float64, x float64) int {
	node := 2 + int(bit(tree[1] <= x))
	node = 2*node + int(bit(tree[node&127] <= x))
	node = 2*node + int(bit(tree[node&127] <= x))
	node = 2*node + int(bit(tree[node&127] <= x))
	node = 2*node + int(bit(tree[node&127] <= x))
	node = 2*node + int(bit(tree[node&127] <= x))
	node = 2*node + int(bit(tree[node&127] <= x))
	return node & 127
}

// Below returns how many numbers of the list are less than x, which is finite.
func (s *Steps) Below(x float64) int {
	node := 1
	for range s.levels {
		node = 2*node + int(bit(s.tree[node] < x))
	}
	return node - len(s.tree)
}
