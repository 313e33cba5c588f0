package arrowframe

import "github.com/apache/arrow-go/v18/arrow"

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

	// opened is the stream that was read last, by which reader, and head what the stream that was written last began with.
	opened *opened
	of     *Reader
	head   writtenHead

	// joined are the ids that were read last, which lie one behind the other in text.
	joined []string
	text   string
}

// readIDs remembers ids that lie one behind the other.
func (m *Memory) readIDs(ids []string, text string) {
	if m != nil {
		m.joined, m.text = ids, text
	}
}

// join returns texts one behind the other, of which all have so many bytes.
func (m *Memory) join(texts []string, size int) []byte {
	to := m.anyBytes(size)[:0]
	if m != nil && len(texts) > 0 && len(texts) == len(m.joined) && size == len(m.text) && &texts[0] == &m.joined[0] {
		return append(to, m.text...) // they are the ids that were read
	}
	for _, text := range texts {
		to = append(to, text...)
	}
	return to
}

// open opens a stream, mostly as the one before it. The memory may be nil.
func (m *Memory) open(by *Reader, stream []byte) (*opened, arrow.RecordBatch, error) {
	if m == nil {
		return open(stream, false)
	}
	if m.of == by {
		if record, alike, err := m.opened.again(stream); alike && err == nil && record != nil {
			return m.opened, record, nil
		}
	}
	m.opened = nil // what failed cannot be read on, and a second look finds the words for it
	o, record, err := open(stream, true)
	if err == nil && record != nil {
		m.opened, m.of = o, by
	}
	return o, record, err
}

// Reset takes back all that was lent: nobody may look at that any more.
func (m *Memory) Reset() {
	m.doubles.used, m.ints.used, m.places.used, m.codes.used, m.words.used, m.bytes.used = 0, 0, 0, 0, 0, 0
	clear(m.texts.block[:m.texts.used]) // texts hold memory of their own
	m.texts.used = 0
	m.readIDs(nil, "")
}

// newDoubles returns n zeros; so do the others.
func (m *Memory) newDoubles(n int) []float64 {
	if m == nil {
		return make([]float64, n)
	}
	return m.doubles.take(n)
}

// anyDoubles returns n numbers that are to be overwritten, all of them; so do the others.
func (m *Memory) anyDoubles(n int) []float64 {
	if m == nil {
		return make([]float64, n)
	}
	return m.doubles.lend(n)
}

func (m *Memory) anyCodes(n int) []uint32 {
	if m == nil {
		return make([]uint32, n)
	}
	return m.codes.lend(n)
}

func (m *Memory) anyTexts(n int) []string {
	if m == nil {
		return make([]string, n)
	}
	return m.texts.lend(n)
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

func (m *Memory) anyBytes(n int) []byte {
	if m == nil {
		return make([]byte, n)
	}
	return m.bytes.lend(n)
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
	part := s.lend(n)
	clear(part)
	return part
}

// lend lends a part as it is.
func (s *slab[T]) lend(n int) []T {
	if n > len(s.block)-s.used {
		s.block, s.used = make([]T, max(2*len(s.block), 2*n)), 0
	}
	part := s.block[s.used : s.used+n : s.used+n]
	s.used += n
	return part
}
