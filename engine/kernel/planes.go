package kernel

import (
	"encoding/binary"
	"math/bits"

	"github.com/echelonhq/echelon/engine/frame"
)

// Planes are codes of rows, a set for each of their bits: giving a code to a set of rows takes a few operations on words, whatever the number of rows.
type Planes []frame.Bitmap

var bitmaps = NewKind[frame.Bitmap]()

// NewPlanes returns the planes of rows whose codes are 0 and can become as large as last.
func (a *Arena) NewPlanes(rows, last int) Planes {
	p := bitmaps.Make(a, bits.Len(uint(last)))
	for i := range p {
		p[i] = a.Bitmap(rows)
	}
	return p
}

// Put gives the rows of a set a code. They must have none, or 0.
func (p Planes) Put(rows frame.Bitmap, code int) {
	for ; code != 0; code &= code - 1 {
		plane := p[bits.TrailingZeros(uint(code))]
		for w := range plane {
			plane[w] |= rows[w]
		}
	}
}

// PutOne gives one row a code. It must have none, or 0.
func (p Planes) PutOne(row, code int) {
	for ; code != 0; code &= code - 1 {
		p[bits.TrailingZeros(uint(code))].Set(row, true)
	}
}

// few is how many rows are turned one by one, which takes less time than turning 64 at once.
const few = 4

// Codes writes down the code of each row.
func (p Planes) Codes(dst []uint32) {
	clear(dst)
	if len(dst) <= few {
		for k, plane := range p {
			for i := range dst {
				dst[i] |= uint32(plane[0]>>uint(i)&1) << uint(k)
			}
		}
		return
	}
	var bytes [64]uint8
	for first := 0; first < len(p); first += 8 {
		group := p[first:min(len(p), first+8)]
		for w := 0; w*64 < len(dst); w++ {
			transpose(&bytes, group, w)
			block := dst[w*64 : min(len(dst), w*64+64)]
			for i := range block {
				block[i] |= uint32(bytes[i&63]) << uint(first)
			}
		}
	}
}

// Masks writes down, for each row, in which of up to eight sets it is: bit k for the k-th.
func Masks(dst []uint8, sets []frame.Bitmap) {
	if len(dst) <= few {
		clear(dst)
		for k, set := range sets {
			for i := range dst {
				dst[i] |= uint8(set[0]>>uint(i)&1) << uint(k)
			}
		}
		return
	}
	var bytes [64]uint8
	for w := masksFirst(dst, sets) / 64; w*64 < len(dst); w++ {
		transpose(&bytes, sets, w)
		copy(dst[w*64:min(len(dst), w*64+64)], bytes[:])
	}
}

// transpose turns 64 rows of up to eight sets into a byte for each row, by swapping ever smaller blocks across the diagonal, as in Warren, "Hacker's
// Delight" (2002), section 7-3.
func transpose(dst *[64]uint8, sets []frame.Bitmap, word int) {
	var x [8]uint64
	for k, set := range sets {
		x[k&7] = set[word]
	}
	for k := range 4 {
		t := (x[k]>>32 ^ x[k+4]) & 0x00000000ffffffff
		x[k], x[k+4] = x[k]^t<<32, x[k+4]^t
	}
	for _, k := range [4]int{0, 1, 4, 5} {
		t := (x[k&7]>>16 ^ x[(k+2)&7]) & 0x0000ffff0000ffff
		x[k&7], x[(k+2)&7] = x[k&7]^t<<16, x[(k+2)&7]^t
	}
	for k := 0; k < 8; k += 2 {
		t := (x[k]>>8 ^ x[k+1]) & 0x00ff00ff00ff00ff
		x[k], x[k+1] = x[k]^t<<8, x[k+1]^t
	}
	// Now x[j] has, byte after byte, what each set says of the rows 8j to 8j+7.
	for j, y := range x {
		t := (y ^ y>>7) & 0x00aa00aa00aa00aa
		y ^= t ^ t<<7
		t = (y ^ y>>14) & 0x0000cccc0000cccc
		y ^= t ^ t<<14
		t = (y ^ y>>28) & 0x00000000f0f0f0f0
		y ^= t ^ t<<28
		binary.LittleEndian.PutUint64(dst[j*8:j*8+8], y)
	}
}
