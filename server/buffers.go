package server

import (
	"math/bits"
	"sync"

	"google.golang.org/grpc/mem"
)

// bufferPool lends the buffers of batches and of their answers. Unlike those of grpc's own pool, they come as they were left: whoever takes one writes
// all of it, and clearing megabytes for each batch takes longer than reading it.
type bufferPool struct {
	// sizes are pools of buffers of 1, 2, 4 and so on times the smallest.
	sizes [largestBuffer - smallestBuffer + 1]sync.Pool
}

var _ mem.BufferPool = (*bufferPool)(nil)

// smallestBuffer and largestBuffer are the logarithms of the sizes of buffers that are kept.
const (
	smallestBuffer = 14
	largestBuffer  = 24
)

// batchBuffers are those of all streams.
var batchBuffers bufferPool

// Get implements mem.BufferPool.
func (p *bufferPool) Get(length int) *[]byte {
	size := max(bits.Len(uint(max(length, 1)-1)), smallestBuffer)
	if size > largestBuffer {
		b := make([]byte, length)
		return &b
	}
	if b, ok := p.sizes[size-smallestBuffer].Get().(*[]byte); ok {
		*b = (*b)[:length]
		return b
	}
	b := make([]byte, length, 1<<size)
	return &b
}

// Put implements mem.BufferPool.
func (p *bufferPool) Put(b *[]byte) {
	if size := bits.Len(uint(cap(*b))) - 1; size >= smallestBuffer && size <= largestBuffer {
		p.sizes[size-smallestBuffer].Put(b)
	}
}
