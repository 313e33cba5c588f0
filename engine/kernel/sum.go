package kernel

import "github.com/echelonhq/echelon/engine/frame"

// Weighted is a column that is added with a weight, as far as it could be read.
type Weighted struct {
	Values []float64
	Read   frame.Bitmap
	Weight float64
}

// AddWeighted adds weight·value of each column to the sums, in their order, of the rows that were read, and nothing to the others. Values are finite.
func AddWeighted(sums []float64, columns []Weighted) {
	for ; len(columns) >= 4; columns = columns[4:] {
		addFour(sums, (*[4]Weighted)(columns))
	}
	for i := range columns {
		addOne(sums, &columns[i])
	}
}

// addFour adds four columns in one pass: the sums are loaded and stored once.
func addFour(sums []float64, columns *[4]Weighted) {
	p, q, r, s := &columns[0], &columns[1], &columns[2], &columns[3]
	// What a row counts is looked up, by whether it was read, and needs no branch.
	countP, countQ, countR, countS := [2]float64{0, p.Weight}, [2]float64{0, q.Weight}, [2]float64{0, r.Weight}, [2]float64{0, s.Weight}
	for w := addFourFirst(sums, columns) / 64; w < len(p.Read); w++ {
		from, to := w*64, min(len(sums), w*64+64)
		sum := sums[from:to]
		a, b, c, d := p.Values[from:to], q.Values[from:to], r.Values[from:to], s.Values[from:to]
		a, b, c, d = a[:len(sum)], b[:len(sum)], c[:len(sum)], d[:len(sum)]
		readP, readQ, readR, readS := p.Read[w], q.Read[w], r.Read[w], s.Read[w]
		for i, x := range sum {
			x += float64(countP[readP&1] * a[i])
			x += float64(countQ[readQ&1] * b[i])
			x += float64(countR[readR&1] * c[i])
			x += float64(countS[readS&1] * d[i])
			sum[i] = x
			readP, readQ, readR, readS = readP>>1, readQ>>1, readR>>1, readS>>1
		}
	}
}

func addOne(sums []float64, column *Weighted) {
	counts := [2]float64{0, column.Weight}
	for w := addOneFirst(sums, column) / 64; w < len(column.Read); w++ {
		from, to, read := w*64, min(len(sums), w*64+64), column.Read[w]
		sum, values := sums[from:to], column.Values[from:to]
		values = values[:len(sum)]
		for i, x := range values {
			sum[i] += float64(counts[read&1] * x)
			read >>= 1
		}
	}
}

// Means divides sums, of rows with a mask each, by what a table has for their mask, and cuts at 100, above which rounding may lift a mean of hundreds.
// The others become 0. It puts the rows that have a mean into valid, and what another table has for their mask into shares.
func Means(sums, shares []float64, valid frame.Bitmap, masks []uint8, t *MeanTable) {
	for w := meansFirst(sums, shares, valid, masks, t) / 64; w < len(valid); w++ {
		from, to := w*64, min(len(sums), w*64+64)
		sum, share, mask := sums[from:to], shares[from:to], masks[from:to]
		share, mask = share[:len(sum)], mask[:len(sum)]
		var word uint64
		for i, m := range mask {
			has := t.Has[m]
			mean := sum[i] / t.Divisors[m]
			if mean > 100 {
				mean = 100
			}
			sum[i] = float64(mean * has)
			share[i] = t.Shares[m]
			word |= bit(has != 0) << (uint(i) & 63)
		}
		valid[w] = word
	}
}

// MeanTable is what sums become, by the mask of what was read.
type MeanTable struct {
	// Divisors are what sums are divided by, and never 0; Has is 1 where there is a mean, and else 0; Shares are the shares of weight that were read.
	Divisors, Has, Shares [256]float64
}

// AddEach adds weight·value of each column to the sums, in their order, of the rows that were read, and weight·otherwise to the others.
func AddEach(sums []float64, columns []Weighted, otherwise float64) {
	for k := range columns {
		column := &columns[k]
		for i, x := range column.Values {
			if !column.Read.Get(i) {
				x = otherwise
			}
			sums[i] += float64(column.Weight * x)
		}
	}
}

// AddWeights adds the weight to the sums of the rows in read.
func AddWeights(sums []float64, read frame.Bitmap, weight float64) {
	counts := [2]float64{0, weight}
	for i := range sums {
		sums[i] += counts[read[i>>6]>>(uint(i)&63)&1]
	}
}

// Count adds a step to the levels of the rows of a set.
func Count(levels []uint32, set frame.Bitmap, step uint32) {
	for w := countFirst(levels, set, step) / 64; w < len(set); w++ {
		block, word := levels[w*64:min(len(levels), w*64+64)], set[w]
		for i := range block {
			block[i] += -uint32(word&1) & step
			word >>= 1
		}
	}
}

// Translate puts into dst what a table has for the code of each row of a set, and 0 for the others.
func Translate(dst, codes, table []uint32, set frame.Bitmap) {
	if !Recode(dst, codes, table, set) {
		panic("kernel: a code that the table does not have")
	}
}
