package kernel

import "math"

// Steps finds places in a sorted list without branches: the list is laid out as a complete binary tree (Eytzinger's order, as in Khuong and
// Morin, "Array layouts for comparison-based searching", 2017), and each step of the way down is an addition. It is immutable.
type Steps struct {
	// keys has the list from place 1 on, as keys, filled up with what is above all of them.
	keys   []int64
	levels int
	// root is 1, and not known to the compiler: so each step loads a key into the register in which it leaves its bit, and rows do not wait for each
	// other.
	root int
}

// keyOf returns a whole number whose order among those of other numbers is that of x, which is not NaN: whole numbers are compared faster.
func keyOf(x float64) int64 {
	bits := int64(math.Float64bits(x + 0)) // -0 and 0 are one
	return bits ^ int64(uint64(bits>>63)>>1)
}

// NewSteps lays out an ascending list of numbers that are not NaN.
func NewSteps(sorted []float64) *Steps {
	levels := 0
	for 1<<levels-1 < len(sorted) {
		levels++
	}
	s := &Steps{keys: make([]int64, 1<<levels), levels: levels, root: 1}
	next := 0
	var place func(node int)
	place = func(node int) {
		if node >= len(s.keys) {
			return
		}
		place(2 * node)
		s.keys[node] = math.MaxInt64
		if next < len(sorted) {
			s.keys[node] = keyOf(sorted[next])
		}
		next++
		place(2*node + 1)
	}
	if levels > 0 {
		place(1)
	}
	return s
}

// down returns the node below one: the right one where its key is at most k. It is an addition, where a condition would become a branch.
func down(node int, key, k int64) int { return 2*node + int(bit(key <= k)) }

// UpTo returns how many numbers of the list are at most x, which is finite.
func (s *Steps) UpTo(x float64) int {
	k, node := keyOf(x), s.root
	for range s.levels {
		node = down(node, s.keys[node], k)
	}
	return node - len(s.keys)
}

// Below returns how many numbers of the list are less than x, which is finite.
func (s *Steps) Below(x float64) int {
	k, node := keyOf(x), s.root
	for range s.levels {
		node = down(node, s.keys[node], k-1)
	}
	return node - len(s.keys)
}
