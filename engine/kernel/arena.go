package kernel

import "github.com/echelonhq/echelon/engine/frame"

// Arena gives out the memory of a batch, and takes all of it back at once: batch after batch is evaluated in the same memory, which stays in the
// processor's cache. A nil arena gives memory that nobody takes back. It is used by one goroutine.
type Arena struct {
	numbers slab[float64]
	words   slab[uint64]
	codes   slab[uint32]
	masks   slab[uint8]
	// others are those of kinds, by their places; nil of one that was not asked for.
	others []interface{ reset() }
}

// Reset takes back everything that was given out: it must not be read any more.
func (a *Arena) Reset() {
	a.numbers.reset()
	a.words.reset()
	a.codes.reset()
	a.masks.reset()
	for _, s := range a.others {
		if s != nil {
			s.reset()
		}
	}
}

// Numbers returns n numbers, whose values are anything.
func (a *Arena) Numbers(n int) []float64 {
	if a == nil {
		return make([]float64, n)
	}
	return a.numbers.take(n)
}

// Zeros returns n numbers that are 0.
func (a *Arena) Zeros(n int) []float64 {
	numbers := a.Numbers(n)
	clear(numbers)
	return numbers
}

// Bitmap returns an empty set with room for n rows.
func (a *Arena) Bitmap(n int) frame.Bitmap {
	if a == nil {
		return frame.NewBitmap(n)
	}
	set := a.words.take((n + 63) / 64)
	clear(set)
	return set
}

// All returns the set of the first n rows.
func (a *Arena) All(n int) frame.Bitmap {
	set := a.Bitmap(n)
	Fill(set, n)
	return set
}

// Codes returns n codes that are 0.
func (a *Arena) Codes(n int) []uint32 {
	if a == nil {
		return make([]uint32, n)
	}
	codes := a.codes.take(n)
	clear(codes)
	return codes
}

// Masks returns n masks, whose values are anything.
func (a *Arena) Masks(n int) []uint8 {
	if a == nil {
		return make([]uint8, n)
	}
	return a.masks.take(n)
}

// slab is memory of one type, given out from its beginning. What it is too small for is made new, and it has grown at the next reset.
type slab[T any] struct {
	memory      []T
	used, asked int
}

func (s *slab[T]) take(n int) []T {
	s.asked += n
	if s.used+n > len(s.memory) {
		return make([]T, n)
	}
	part := s.memory[s.used : s.used+n : s.used+n]
	s.used += n
	return part
}

func (s *slab[T]) reset() {
	if s.asked > len(s.memory) {
		s.memory = make([]T, s.asked)
	}
	s.used, s.asked = 0, 0
}
