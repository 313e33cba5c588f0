package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
)

// numbersFor returns numbers of all magnitudes, some of which are those at which something happens.
func numbersFor(r *rand.Rand, n int) []float64 {
	special := []float64{0, math.Copysign(0, -1), 1, 10, 100, 1000, 1e-5, math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64, 0.1, 1e22, 50, -100}
	values := make([]float64, n)
	for i := range values {
		switch r.IntN(6) {
		case 0:
			values[i] = special[r.IntN(len(special))]
		case 1:
			values[i] = math.Float64frombits(r.Uint64())
			if math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
				values[i] = 7
			}
		case 2:
			values[i] = math.Pow(10, 12*r.Float64()-3)
		default:
			values[i] = 300*r.Float64() - 100
		}
	}
	return values
}

func rowsFor(r *rand.Rand, n int) frame.Bitmap {
	set := frame.NewBitmap(n)
	for i := range n {
		set.Set(i, r.IntN(4) > 0)
	}
	return set
}

// bothWays calls do with the processor's loops and with those in Go, and compares what it returns bit by bit.
func bothWays(t *testing.T, n int, what string, do func() [][]uint64) {
	t.Helper()
	if !vectors {
		t.Fatal("the loops of the processor are off")
	}
	fast := do()
	vectors = false
	defer func() { vectors = true }()
	if slow := do(); !slices.EqualFunc(fast, slow, slices.Equal) {
		t.Errorf("%s of %d rows: the processor's loops and those in Go differ", what, n)
	}
}

func bitsOf(values []float64) []uint64 {
	out := make([]uint64, len(values))
	for i, x := range values {
		out[i] = math.Float64bits(x)
	}
	return out
}

func wide64[T uint8 | uint32](values []T) []uint64 {
	out := make([]uint64, len(values))
	for i, x := range values {
		out[i] = uint64(x)
	}
	return out
}

func TestTheProcessorsLoopsDoWhatThoseInGoDo(t *testing.T) {
	if !vectors {
		t.Log("this processor has no AVX-512: there is one way only")
		return
	}
	r := rand.New(rand.NewPCG(5, 8))
	for range 60 {
		n := r.IntN(1100)
		values, valid := numbersFor(r, n), rowsFor(r, n)
		compareBothWays(t, r, values)
		normalizeBothWays(t, r, values)
		sumBothWays(t, r, n)
		columnsBothWays(t, r, values, valid)
	}
}

func compareBothWays(t *testing.T, r *rand.Rand, values []float64) {
	n, c := len(values), 50.0
	if n > 0 {
		values[r.IntN(n)], c = math.NaN(), values[r.IntN(n)]
	}
	for op := Less; op <= NotEqual; op++ {
		bothWays(t, n, "Compare", func() [][]uint64 {
			dst := frame.NewBitmap(n)
			Compare(op, dst, values, c)
			return [][]uint64{dst}
		})
	}
	codes, table := make([]uint32, n), make([]bool, 1+r.IntN(80))
	for i := range codes {
		codes[i] = uint32(r.IntN(len(table)))
	}
	for i := range table {
		table[i] = r.IntN(2) == 0
	}
	bothWays(t, n, "Count and Narrow", func() [][]uint64 {
		levels, bytes := slices.Clone(codes), make([]uint8, n)
		Count(levels, rowsFor(rand.New(rand.NewPCG(1, uint64(n))), n), 7)
		Narrow(bytes, levels)
		return [][]uint64{wide64(levels), wide64(bytes)}
	})
	bothWays(t, n, "Pick", func() [][]uint64 {
		dst := frame.NewBitmap(n)
		Pick(dst, codes, table)
		return [][]uint64{dst}
	})
	for i, x := range values {
		if x != x {
			values[i] = 3
		}
	}
}

func normalizeBothWays(t *testing.T, r *rand.Rand, values []float64) {
	n := len(values)
	into := func(what string, do func(out []float64)) {
		bothWays(t, n, what, func() [][]uint64 {
			out := make([]float64, n)
			do(out)
			return [][]uint64{bitsOf(out)}
		})
	}
	for _, width := range []float64{100, 64, -7, 1e-300, 3e300, math.Inf(1)} {
		into("Linear", func(out []float64) { Linear(out, values, -20, width) })
	}
	into("Logarithmic", func(out []float64) { Logarithmic(out, values, 1, 1e9, 0, 9) })
	into("Logarithmic below 1", func(out []float64) { Logarithmic(out, values, 1e-300, 1e300, -300, 600) })
	points := []float64{-50}
	for range r.IntN(300) {
		points = append(points, points[len(points)-1]+r.Float64()+1e-9)
	}
	ys := make([]float64, len(points))
	for i := range ys {
		ys[i] = float64(r.IntN(4)) * 40
	}
	line := NewPolyline(points, ys)
	into("Polyline", func(out []float64) { line.Of(out, values) })
	// So near to each other that the slope has no double; at the first of them it comes to NaN.
	steep := NewPolyline([]float64{-50, -3, 0, 1e-320, 50, 60, 100}, []float64{0, 10, 0, 100, 20, 20, 80})
	into("a steep Polyline", func(out []float64) { steep.Of(out, values) })
	ranks := NewRanks(points, func(_, last int) float64 { return float64(last) })
	into("Ranks", func(out []float64) { ranks.Of(out, values) })
}

func sumBothWays(t *testing.T, r *rand.Rand, n int) {
	columns := make([]Weighted, r.IntN(9))
	for i := range columns {
		columns[i] = Weighted{numbersFor(r, n), rowsFor(r, n), r.Float64()}
		for k := range columns[i].Values {
			columns[i].Values[k] = 100 * r.Float64()
		}
	}
	table, sets := &MeanTable{}, make([]frame.Bitmap, r.IntN(9))
	for m := range 256 {
		table.Divisors[m], table.Has[m], table.Shares[m] = 0.1+r.Float64(), float64(r.IntN(2)), r.Float64()
	}
	for i := range sets {
		sets[i] = rowsFor(r, n)
	}
	bothWays(t, n, "sums and means", func() [][]uint64 {
		sums, shares, valid, masks := make([]float64, n), make([]float64, n), frame.NewBitmap(n), make([]uint8, n)
		AddWeighted(sums, columns)
		before := bitsOf(sums)
		Masks(masks, sets)
		Means(sums, shares, valid, masks, table)
		return [][]uint64{before, bitsOf(sums), bitsOf(shares), valid, wide64(masks)}
	})
}

func columnsBothWays(t *testing.T, r *rand.Rand, values []float64, valid frame.Bitmap) {
	n := len(values)
	truth := func(b ...bool) (out []uint64) {
		for _, x := range b {
			out = append(out, bit(x))
		}
		return out
	}
	for _, odd := range []float64{1, math.NaN(), math.Inf(-1)} {
		other := slices.Clone(values)
		ZeroMissing(other, valid)
		if n > 0 {
			other[r.IntN(n)] = odd
		}
		bothWays(t, n, "Sound", func() [][]uint64 { return [][]uint64{truth(Sound(other, valid))} })
	}
	whole, places, table := make([]int64, n), make([]int32, n), make([]uint32, 1+r.IntN(50))
	for i := range whole {
		whole[i], places[i] = r.Int64N(1<<53), int32(r.IntN(len(table)))
	}
	for i := range table {
		table[i] = r.Uint32()
	}
	for _, odd := range []int64{5, -1, 1 << 53, math.MinInt64} {
		if n > 0 {
			whole[r.IntN(n)], places[r.IntN(n)] = odd, int32(odd>>20)
		}
		bothWays(t, n, "Widen and Recode", func() [][]uint64 {
			dst, codes := make([]float64, n), make([]uint32, n)
			within, inside := Widen(dst, whole, valid), Recode(codes, places, table, valid)
			return [][]uint64{truth(within, inside), bitsOf(dst), wide64(codes)}
		})
	}
}

// The processor's loops write and read what they are told to: too short a slice must not make them go on in the memory of others.
func TestSlicesThatAreTooShortPanicAsTheyDoInGo(t *testing.T) {
	const n, fewer = 256, 100
	all, few := frame.AllRows(n), frame.AllRows(fewer)
	numbers, codes, bytes := make([]float64, n), make([]uint32, n), make([]uint8, n)
	column := func(values []float64, read frame.Bitmap) []Weighted {
		return []Weighted{{Values: values, Read: read, Weight: 1}}
	}
	four := func(values []float64, read frame.Bitmap) []Weighted { return slices.Repeat(column(values, read), 4) }
	table := &MeanTable{}
	for name, do := range map[string]func(){
		"Compare":                func() { Compare(Less, few, numbers, 1) },
		"Masks":                  func() { Masks(bytes, []frame.Bitmap{all, few}) },
		"AddWeighted, one":       func() { AddWeighted(numbers, column(numbers[:fewer:fewer], all)) },
		"AddWeighted, four":      func() { AddWeighted(numbers, four(numbers[:fewer:fewer], all)) },
		"Means without shares":   func() { Means(numbers, numbers[:fewer:fewer], all, bytes, table) },
		"Means without masks":    func() { Means(numbers, numbers, all, bytes[:fewer:fewer], table) },
		"Widen into too little":  func() { Widen(numbers[:fewer:fewer], make([]int64, n), all) },
		"Widen without a set":    func() { Widen(numbers, make([]int64, n), few) },
		"Recode into too little": func() { Recode(codes[:fewer:fewer], codes, []uint32{1}, all) },
		"Recode without a set":   func() { Recode(codes, make([]int32, n), []uint32{1}, few) },
		"Narrow":                 func() { Narrow(bytes[:fewer:fewer], codes) },
	} {
		for _, fast := range []bool{true, false} {
			if fast && !vectors {
				continue
			}
			func() {
				defer func(before bool) { vectors = before }(vectors)
				vectors = fast
				defer func() {
					if recover() == nil {
						t.Errorf("%s, by the processor %t: it goes on", name, fast)
					}
				}()
				do()
			}()
		}
	}
}
