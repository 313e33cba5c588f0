package server

import "testing"

func TestBuffersHaveTheLengthThatIsAskedFor(t *testing.T) {
	var pool bufferPool
	for range 2 { // the second time with buffers that were given back
		for _, length := range []int{0, 1, 1 << 14, 1<<14 + 1, 1<<20 - 1, 1 << 24, 1<<24 + 1} {
			b := pool.Get(length)
			if len(*b) != length {
				t.Errorf("a buffer of %d bytes has %d", length, len(*b))
			}
			*b = append(*b, 'x') // whoever has a buffer may grow it
			pool.Put(b)
		}
	}
	odd := make([]byte, 0, 3<<14)
	pool.Put(&odd)
	if b := pool.Get(1 << 15); len(*b) != 1<<15 {
		t.Errorf("a buffer of 32768 bytes has %d", len(*b))
	}
}
