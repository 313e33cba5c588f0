package kernel

import "github.com/echelonhq/echelon/engine/frame"

// KeepFinite takes the rows out of valid whose value is NaN or infinite, and makes the values of all rows that are not in it 0.
func KeepFinite(values []float64, valid frame.Bitmap) {
	for w := range valid {
		block := values[w*64 : min(len(values), w*64+64)]
		var word uint64
		for _, x := range block {
			word = word>>1 | bit(x-x == 0)<<63
		}
		word >>= 64 - uint(len(block))
		valid[w] &= word
		if valid[w] == ^uint64(0) {
			continue
		}
		for i := range block {
			if valid[w]>>(uint(i)&63)&1 == 0 {
				block[i] = 0
			}
		}
	}
}
