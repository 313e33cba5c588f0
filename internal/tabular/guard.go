package tabular

import (
	"errors"
	"io"
)

// maxRowBytes is the longest row. A quote that is never closed makes all that follows one row, which must not fill the memory.
const maxRowBytes = 16 << 20

var errLong = errors.New("the row is too long")

// guard passes bytes through until more of them belong to one row than a row may have.
type guard struct {
	in   io.Reader
	read int64
	most int64
}

func newGuard(in io.Reader) *guard { return &guard{in: in, most: maxRowBytes} }

// release says how far rows have been read.
func (g *guard) release(offset int64) { g.most = offset + maxRowBytes }

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if g.read > g.most {
		return 0, errLong
	}
	n, err := g.in.Read(p)
	g.read += int64(n)
	return n, err
}
