package expr

import (
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
)

// computing is + - * and /.
func computing(op kernel.Arithmetic, parts []*part) step {
	return func(b *batch) values {
		v, w := parts[0].step(b), parts[1].step(b)
		n, one := b.width(v, w)
		out := values{one: one, valid: b.both(v, w), numbers: b.memory().Numbers(n)}
		switch {
		case one:
			out.numbers[0] = op.Of(v.numbers[0], w.numbers[0])
		case w.one:
			op.Right(out.numbers, v.numbers, w.numbers[0])
		case v.one:
			op.Left(out.numbers, v.numbers[0], w.numbers)
		default:
			op.Columns(out.numbers, v.numbers, w.numbers)
		}
		return out
	}
}

// mapping is a function of one number.
func mapping(x *part, f func(float64) float64) step {
	return func(b *batch) values {
		v := x.step(b)
		out := b.memory().Numbers(len(v.numbers))
		for i, x := range v.numbers {
			out[i] = f(x)
		}
		return values{one: v.one, valid: v.valid, numbers: out}
	}
}

// pairing is a function of two numbers.
func pairing(parts []*part, f func(x, y float64) float64) step {
	return func(b *batch) values {
		v, w := parts[0].step(b), parts[1].step(b)
		n, one := b.width(v, w)
		out := values{one: one, valid: b.both(v, w), numbers: b.memory().Numbers(n)}
		x, y := v.numbers, w.numbers
		if !one {
			x, y = spread(b, x, v.one), spread(b, y, w.one)
		}
		for i := range out.numbers {
			out.numbers[i] = f(x[i], y[i])
		}
		return out
	}
}

// folding is min and max of several numbers, from the left.
func folding(largest bool, parts []*part) step {
	fold := func(x, y float64) float64 { return min(x, y) }
	if largest {
		fold = func(x, y float64) float64 { return max(x, y) }
	}
	folded := parts[0]
	for _, next := range parts[1:] {
		folded = &part{kind: Number, step: pairing([]*part{folded, next}, fold)}
	}
	return folded.step
}

// converting is convert(amount, currency): a currency without a rate cannot be read. Rates are looked up once for each entry of the dictionary.
func converting(amount, currency *part) step {
	return func(b *batch) values {
		v, w := amount.step(b), b.compact(currency.step(b))
		rates, known := make([]float64, len(w.dict)), make([]bool, len(w.dict))
		for code, text := range w.dict {
			rates[code], known[code] = b.scope.Rates.rate(text)
		}
		amounts, codes := spread(b, v.numbers, v.one), spread(b, w.codes, w.one)
		out := values{valid: b.memory().Bitmap(b.rows()), numbers: b.memory().Zeros(b.rows())}
		both := b.both(v, w)
		for row, code := range codes {
			if (both == nil || both.Get(row)) && known[code] {
				out.numbers[row] = float64(amounts[row] * rates[code])
				out.valid.Set(row, true)
			}
		}
		return out
	}
}

// presence is present(x). Where x could be wrong otherwise than by missing, that would have to be told apart row by row.
func presence(x *part) *made {
	if !x.missingOnly {
		return nil
	}
	return &made{Boolean, func(b *batch) values {
		v := x.step(b)
		has := b.memory().Bitmap(b.rows())
		if x.kind == Boolean {
			for w := range has {
				has[w] = v.truth.True[w] | v.truth.False[w]
			}
		} else {
			copy(has, b.validity(v))
		}
		return values{truth: b.truthOf(has, nil)}
	}}
}

// coalescing is the first of several values that is not missing. Where one could be wrong otherwise, that would have to be told apart row by row.
func coalescing(parts []*part) *made {
	kind := parts[0].kind
	for _, p := range parts {
		if !p.missingOnly || p.kind != kind {
			return nil
		}
	}
	if kind == List {
		return nil
	}
	chosen := parts[len(parts)-1].step
	for i := len(parts) - 2; i >= 0; i-- {
		x, rest := parts[i], chosen
		chosen = func(b *batch) values {
			v := x.step(b)
			if x.kind == Boolean {
				t := v.truth
				has := b.memory().Bitmap(b.rows())
				for w := range has {
					has[w] = t.True[w] | t.False[w]
				}
				return values{truth: b.chosenTruth(has, t, rest(b).truth)}
			}
			if v.valid == nil {
				return v
			}
			return b.chosen(v.valid, v, rest(b), kind)
		}
	}
	return &made{kind, chosen}
}

// choosing is condition ? x : y.
func choosing(parts []*part) *made {
	condition, x, y := parts[0], parts[1], parts[2]
	if x.kind != y.kind || x.kind == List {
		return nil
	}
	return &made{x.kind, func(b *batch) values {
		c, v, w := condition.step(b).truth, x.step(b), y.step(b)
		readable := b.memory().Bitmap(b.rows())
		for i := range readable {
			readable[i] = c.True[i] | c.False[i]
		}
		if x.kind == Boolean {
			t := b.chosenTruth(c.True, v.truth, w.truth)
			for i := range readable {
				t.True[i] &= readable[i]
				t.False[i] &= readable[i]
			}
			return values{truth: t}
		}
		out := b.chosen(c.True, v, w, x.kind)
		if out.valid == nil {
			out.valid = readable
		} else {
			out.valid = b.intersection(out.valid, readable)
		}
		return out
	}}
}

// chosenTruth is x in the rows of a set, and y in the others.
func (b *batch) chosenTruth(of frame.Bitmap, x, y kernel.Truth) kernel.Truth {
	out := kernel.Truth{True: b.memory().Bitmap(b.rows()), False: b.memory().Bitmap(b.rows())}
	for w := range of {
		out.True[w] = x.True[w]&of[w] | y.True[w]&^of[w]
		out.False[w] = x.False[w]&of[w] | y.False[w]&^of[w]
	}
	return out
}

// chosen is v in the rows of a set, and w in the others.
func (b *batch) chosen(of frame.Bitmap, v, w values, kind Kind) values {
	out := values{}
	if v.valid != nil || w.valid != nil {
		x, y := b.validity(v), b.validity(w)
		out.valid = b.memory().Bitmap(b.rows())
		for i := range of {
			out.valid[i] = x[i]&of[i] | y[i]&^of[i]
		}
	}
	switch kind {
	case Number:
		out.numbers = pick(b, of, v.numbers, w.numbers, v.one, w.one)
	case Date, Timestamp:
		out.ints = pick(b, of, v.ints, w.ints, v.one, w.one)
	case String:
		v, w = b.compact(v), b.compact(w)
		// The codes of w stand behind the dictionary of v. Where w has none no row of it has a text, and its codes stay in the dictionary that there is:
		// who looks an entry up for every row finds one for those too.
		out.dict = append(append(make([]string, 0, len(v.dict)+len(w.dict)), v.dict...), w.dict...)
		behind := make([]uint32, len(w.codes))
		if len(w.dict) > 0 {
			for i, code := range w.codes {
				behind[i] = code + uint32(len(v.dict))
			}
		}
		out.codes = pick(b, of, v.codes, behind, v.one, w.one)
	}
	return out
}

func pick[T any](b *batch, of frame.Bitmap, x, y []T, oneX, oneY bool) []T {
	x, y = spread(b, x, oneX), spread(b, y, oneY)
	out := make([]T, b.rows())
	copy(out, y)
	kernel.Each(of, func(row int) { out[row] = x[row] })
	return out
}
