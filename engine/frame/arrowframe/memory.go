package arrowframe

// Memory is what batches are read into and written from, one after another: what was read with it holds until it is reset. A nil one takes
// new memory each time. It is for one goroutine.
type Memory struct {
	doubles slab[float64]
	ints    slab[int64]
	places  slab[int32]
	codes   slab[uint32]
	words   slab[uint64]
	bytes   slab[byte]
	texts   slab[string]
}

// Reset takes back all that was lent: nobody may look at that any more.
func (m *Memory) Reset() {
	m.doubles.used, m.ints.used, m.places.used, m.codes.used, m.words.used, m.bytes.used = 0, 0, 0, 0, 0, 0
	clear(m.texts.block[:m.texts.used]) // texts hold memory of their own
	m.texts.used = 0
}

// newDoubles returns n zeros; so do the others.
func (m *Memory) newDoubles(n int) []float64 {
	if m == nil {
		return make([]float64, n)
	}
	return m.doubles.take(n)
}

func (m *Memory) newInts(n int) []int64 {
	if m == nil {
		return make([]int64, n)
	}
	return m.ints.take(n)
}

func (m *Memory) newPlaces(n int) []int32 {
	if m == nil {
		return make([]int32, n)
	}
	return m.places.take(n)
}

func (m *Memory) newCodes(n int) []uint32 {
	if m == nil {
		return make([]uint32, n)
	}
	return m.codes.take(n)
}

func (m *Memory) newWords(n int) []uint64 {
	if m == nil {
		return make([]uint64, n)
	}
	return m.words.take(n)
}

func (m *Memory) newBytes(n int) []byte {
	if m == nil {
		return make([]byte, n)
	}
	return m.bytes.take(n)
}

func (m *Memory) newTexts(n int) []string {
	if m == nil {
		return make([]string, n)
	}
	return m.texts.take(n)
}

// slab lends parts of one block. Where it is full a larger one follows; what was lent of the one before stays as it is.
type slab[T any] struct {
	block []T
	used  int
}

func (s *slab[T]) take(n int) []T {
	if n > len(s.block)-s.used {
		s.block, s.used = make([]T, max(2*len(s.block), 2*n)), 0
	}
	part := s.block[s.used : s.used+n : s.used+n]
	s.used += n
	clear(part)
	return part
}
