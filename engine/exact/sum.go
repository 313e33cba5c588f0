package exact

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

const (
	limbBits = 32
	// A double's lowest bit is worth 2^-1074 at least and its highest 2^1023 at most; two limbs more hold carries.
	limbs = (1074+1024)/limbBits + 3
	// Between two carries a limb takes that many additions of 32 bits each without leaving an int64.
	untilCarry = 1 << 30
)

// Sum is an exact sum of finite doubles. The zero value is an empty sum.
type Sum struct {
	limb    [limbs]int64
	pending int
}

// Add adds x, which must be finite.
func (s *Sum) Add(x float64) {
	if x == 0 {
		return
	}
	raw := math.Float64bits(x)
	mantissa, exponent := raw&(1<<52-1), int(raw>>52&0x7ff)
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << 52
	}
	at, shift := (exponent-1)/limbBits, uint((exponent-1)%limbBits)
	high, low := bits.Mul64(mantissa, 1<<shift)
	a, b, c := int64(low&math.MaxUint32), int64(low>>limbBits), int64(high)
	if x < 0 {
		a, b, c = -a, -b, -c
	}
	s.limb[at] += a
	s.limb[at+1] += b
	s.limb[at+2] += c
	if s.pending++; s.pending == untilCarry {
		s.carry()
	}
}

// Merge adds another sum.
func (s *Sum) Merge(other *Sum) {
	s.carry()
	rest := *other
	rest.carry()
	for i, part := range rest.limb {
		s.limb[i] += part
	}
	s.pending = 1
}

// carry brings every limb but the last into 0..2^32-1.
func (s *Sum) carry() {
	for i := range limbs - 1 {
		s.limb[i+1] += s.limb[i] >> limbBits
		s.limb[i] &= math.MaxUint32
	}
	s.pending = 0
}

// units returns the sum in units of 2^-1074.
func (s *Sum) units() *big.Int {
	s.carry()
	total, part := new(big.Int), new(big.Int)
	for i := limbs - 1; i >= 0; i-- {
		total.Lsh(total, limbBits)
		total.Add(total, part.SetInt64(s.limb[i]))
	}
	return total
}

// Float64 returns the double nearest to the sum, ties to even; ±Inf where it is too large for one.
func (s *Sum) Float64() float64 {
	scale := new(big.Int).Lsh(big.NewInt(1), 1074)
	nearest, _ := new(big.Rat).SetFrac(s.units(), scale).Float64()
	return nearest
}

// Mean returns the double nearest to the sum divided by n, which is above 0; ties to even.
func (s *Sum) Mean(n int) float64 {
	scale := new(big.Int).Lsh(big.NewInt(int64(n)), 1074)
	nearest, _ := new(big.Rat).SetFrac(s.units(), scale).Float64()
	return nearest
}

// Share is a decimal fraction of a total.
type Share struct {
	part, whole *big.Int
}

// ShareOf returns the shortest decimal that reads back as share, times total, exactly.
func ShareOf(share float64, total *Sum) Share {
	ratio := decimal(share)
	return Share{part: new(big.Int).Mul(total.units(), ratio.Num()), whole: ratio.Denom()}
}

// FractionOf returns numerator / denominator, the latter above 0, times total, exactly.
func FractionOf(numerator, denominator int64, total *Sum) Share {
	return Share{part: new(big.Int).Mul(total.units(), big.NewInt(numerator)), whole: big.NewInt(denominator)}
}

// Product returns x times y, exactly, of the shortest decimals that read back as them.
func Product(x, y float64) Share {
	product := new(big.Rat).Mul(decimal(x), decimal(y))
	return Share{part: new(big.Int).Lsh(product.Num(), 1074), whole: product.Denom()}
}

// FloorProduct returns the floor of x times y, neither of which is negative, exactly as Product; most where it is more.
func FloorProduct(x, y float64, most int) int {
	product := new(big.Rat).Mul(decimal(x), decimal(y))
	floor := new(big.Int).Quo(product.Num(), product.Denom())
	if floor.Cmp(big.NewInt(int64(most))) > 0 {
		return most
	}
	return int(floor.Int64())
}

// Below reports whether the share is smaller than the sum.
func (t Share) Below(sum *Sum) bool {
	units := sum.units()
	return units.Mul(units, t.whole).Cmp(t.part) > 0
}

// Above reports whether the share is larger than the sum.
func (t Share) Above(sum *Sum) bool {
	units := sum.units()
	return units.Mul(units, t.whole).Cmp(t.part) < 0
}

// CeilShare returns the ceiling of share times n, exact on the shortest decimal that reads back as share.
func CeilShare(share float64, n int) int {
	product := new(big.Rat).Mul(decimal(share), new(big.Rat).SetInt64(int64(n)))
	quotient, rest := new(big.Int).QuoRem(product.Num(), product.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return int(quotient.Int64())
}

// FloorShare returns the floor of share, at least 0, times n, exact on the shortest decimal that reads back as share.
func FloorShare(share float64, n int64) int64 {
	product := new(big.Rat).Mul(decimal(share), new(big.Rat).SetInt64(n))
	return new(big.Int).Quo(product.Num(), product.Denom()).Int64()
}

// decimal returns the shortest decimal that reads back as x: 0.1 is a tenth, not the double next to it.
func decimal(x float64) *big.Rat {
	ratio, ok := new(big.Rat).SetString(strconv.FormatFloat(x, 'g', -1, 64))
	if !ok {
		panic("exact: a share must be finite")
	}
	return ratio
}
