package workload

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// Gen draws n customers. The seed and the order of the draws are part of W's definition, so the first rows are the same for every n; the
// breakpoints are those of the n customers drawn, all 0 where none of them has a usage.
func Gen(n int) *Cols {
	r := rand.New(rand.NewPCG(1, 2))
	c := newCols(n)
	for i := range n {
		c.ID[i] = "cust-" + strconv.Itoa(1_000_000_000 + i)[1:] // nine digits, with leading zeros
		c.drawNumbers(r, i)
		c.drawIntegers(r, i)
		for k := range c.S {
			code := uint32(r.IntN(len(c.Dict[k])))
			c.S[k][i] = code
			c.Str[k][i] = c.Dict[k][code]
		}
		c.B[i] = r.IntN(5) == 0
	}
	c.BP = breakpoints(c.F[USAGE])
	return c
}

func newCols(n int) *Cols {
	c := &Cols{N: n, ID: make([]string, n), B: make([]bool, n)}
	c.Dict[INDUSTRY] = numbered("industry", 20)
	c.Dict[COUNTRY] = numbered("C", 40)
	c.Dict[COUNTRY][3] = "DE"
	c.Dict[REGION] = numbered("region", 6)
	c.Dict[PLAN] = []string{"free", "starter", "business", "enterprise"}
	c.Dict[GOAL] = numbered("goal", 8)
	for k := range c.F {
		c.F[k] = make([]float64, n)
	}
	for k := range c.I {
		c.I[k] = make([]int64, n)
	}
	for k := range c.S {
		c.S[k] = make([]uint32, n)
		c.Str[k] = make([]string, n)
	}
	return c
}

func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s_%02d", prefix, i)
	}
	return names
}

// drawNumbers draws all values of a row before it draws which of them are null.
func (c *Cols) drawNumbers(r *rand.Rand, i int) {
	values := [8]float64{
		math.Round(math.Exp(r.NormFloat64()*1.5+10.5)*100) / 100,
		math.Ceil(math.Exp(r.NormFloat64()*1.7 + 5)),
		math.Round(math.Exp(r.NormFloat64()*1.6 + 15)),
		math.Round(r.Float64()*1e4) / 1e4,
		math.Round(r.Float64()*1e4) / 1e4,
		math.Round(math.Exp(r.NormFloat64()+4)*1000) / 1000,
		math.Round(r.Float64()*200 - 100),
		math.Floor(r.Float64() * 4000),
	}
	for k, value := range values {
		if isNull(r) {
			value = math.NaN()
		}
		c.F[k][i] = value
	}
}

func (c *Cols) drawIntegers(r *rand.Rand, i int) {
	values := [2]int64{int64(math.Exp(r.NormFloat64()*1.3 + 3)), int64(r.IntN(15))}
	for k, value := range values {
		if isNull(r) {
			value = NullI
		}
		c.I[k][i] = value
	}
}

func isNull(r *rand.Rand) bool { return r.Float64() < 0.05 }

func breakpoints(column []float64) (bp [101]float64) {
	readable := make([]float64, 0, len(column))
	for _, x := range column {
		if !math.IsNaN(x) {
			readable = append(readable, x)
		}
	}
	if len(readable) == 0 {
		return bp
	}
	slices.Sort(readable)
	for k := range bp {
		bp[k] = readable[k*(len(readable)-1)/100]
	}
	return bp
}
