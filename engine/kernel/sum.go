package kernel

import "github.com/echelonhq/echelon/engine/frame"

// AddWeighted adds weight·value to the sums, and the weight to the divisors, of the rows in read, and nothing to the others. Values are finite.
func AddWeighted(sums, divisors, values []float64, read frame.Bitmap, weight float64) {
	counts := [2]float64{0, weight}
	for w := range read {
		from, to := w*64, min(len(values), w*64+64)
		word := read[w]
		block, sum, divisor := values[from:to], sums[from:to], divisors[from:to]
		sum, divisor = sum[:len(block)], divisor[:len(block)]
		for i, x := range block {
			counted := counts[word&1]
			word >>= 1
			sum[i] += float64(counted * x)
			divisor[i] += counted
		}
	}
}

// AddEach adds weight·value to the sums of the rows in read, and weight·otherwise to those of the others.
func AddEach(sums, values []float64, read frame.Bitmap, weight, otherwise float64) {
	for i, x := range values {
		if !read.Get(i) {
			x = otherwise
		}
		sums[i] += float64(weight * x)
	}
}

// AddWeights adds the weight to the sums of the rows in read.
func AddWeights(sums []float64, read frame.Bitmap, weight float64) {
	counts := [2]float64{0, weight}
	for i := range sums {
		sums[i] += counts[read[i>>6]>>(uint(i)&63)&1]
	}
}

// Assign gives the rows of a set a code.
func Assign(codes []uint32, set frame.Bitmap, code uint32) {
	for w, word := range set {
		if word == 0 {
			continue
		}
		block := codes[w*64 : min(len(codes), w*64+64)]
		for i, old := range block {
			chosen := -uint32(word >> (uint(i) & 63) & 1)
			block[i] = old ^ (old^code)&chosen
		}
	}
}

// Count adds 1 to the levels of the rows of a set.
func Count(levels []uint32, set frame.Bitmap) {
	for w, word := range set {
		block := levels[w*64 : min(len(levels), w*64+64)]
		for i := range block {
			block[i] += uint32(word >> (uint(i) & 63) & 1)
		}
	}
}
