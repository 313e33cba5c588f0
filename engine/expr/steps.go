package expr

import (
	"cmp"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
)

// comparing returns the step of a comparison; nil for what no column holds.
func comparing(op kernel.Op, parts []*part) *made {
	x, y := parts[0], parts[1]
	if x.kind != y.kind {
		return nil
	}
	switch x.kind {
	case Number:
		return &made{Boolean, func(b *batch) values {
			v, w := x.step(b), y.step(b)
			return b.compared(v, w, func(dst frame.Bitmap) { compareColumns(op, dst, v.numbers, w.numbers, v.one, w.one) })
		}}
	case Date, Timestamp:
		return &made{Boolean, func(b *batch) values {
			v, w := x.step(b), y.step(b)
			return b.compared(v, w, func(dst frame.Bitmap) { compareColumns(op, dst, v.ints, w.ints, v.one, w.one) })
		}}
	case String:
		return comparingTexts(op, x, y)
	case Boolean:
		return equating(op, x, y)
	}
	return nil
}

// compared returns the truth of a comparison whose rows that hold are found by find.
func (b *batch) compared(v, w values, find func(dst frame.Bitmap)) values {
	holds := b.memory().Bitmap(b.rows())
	find(holds)
	return values{truth: b.truthOf(holds, b.both(v, w))}
}

func compareColumns[T kernel.Ordered](op kernel.Op, dst frame.Bitmap, a, c []T, oneA, oneC bool) {
	switch {
	case oneA && oneC:
		var one [1]uint64
		kernel.Compare(op, one[:], a[:1], c[0])
		if one[0] == 1 {
			for w := range dst {
				dst[w] = ^uint64(0)
			}
		}
	case oneC:
		kernel.Compare(op, dst, a, c[0])
	case oneA:
		kernel.Compare(op.Flip(), dst, c, a[0])
	default:
		kernel.ComparePairs(op, dst, a, c)
	}
}

// meets reports whether an order, as cmp.Compare gives it, is one that op takes.
func meets(op kernel.Op, order int) bool {
	switch op {
	case kernel.Less:
		return order < 0
	case kernel.LessEqual:
		return order <= 0
	case kernel.Greater:
		return order > 0
	case kernel.GreaterEqual:
		return order >= 0
	case kernel.Equal:
		return order == 0
	}
	return order != 0
}

func comparingTexts(op kernel.Op, x, y *part) *made {
	switch {
	case y.literal && !x.literal:
		text := y.value.(string)
		return &made{Boolean, matching(x, func(s string) bool { return meets(op, cmp.Compare(s, text)) })}
	case x.literal && !y.literal:
		text := x.value.(string)
		return &made{Boolean, matching(y, func(s string) bool { return meets(op.Flip(), cmp.Compare(s, text)) })}
	}
	return &made{Boolean, func(b *batch) values {
		v, w := x.step(b), y.step(b)
		return b.compared(v, w, func(dst frame.Bitmap) {
			valid := b.both(v, w)
			for row := range b.rows() {
				if valid == nil || valid.Get(row) {
					dst.Set(row, meets(op, cmp.Compare(v.text(row), w.text(row))))
				}
			}
		})
	}}
}

// text returns a row's text; the row must have one.
func (v *values) text(row int) string {
	if v.one {
		return v.dict[0]
	}
	return v.dict[v.codes[row]]
}

// equating is == and != of booleans.
func equating(op kernel.Op, x, y *part) *made {
	if op != kernel.Equal && op != kernel.NotEqual {
		return nil
	}
	return &made{Boolean, func(b *batch) values {
		s, t := x.step(b).truth, y.step(b).truth
		out := kernel.Truth{True: b.memory().Bitmap(b.rows()), False: b.memory().Bitmap(b.rows())}
		for w := range out.True {
			out.True[w] = s.True[w]&t.True[w] | s.False[w]&t.False[w]
			out.False[w] = s.True[w]&t.False[w] | s.False[w]&t.True[w]
		}
		if op == kernel.NotEqual {
			out.True, out.False = out.False, out.True
		}
		return values{truth: out}
	}}
}

// connecting is && and ||.
func connecting(and bool, parts []*part) step {
	return func(b *batch) values {
		out := kernel.Truth{True: b.memory().Bitmap(b.rows()), False: b.memory().Bitmap(b.rows())}
		first := parts[0].step(b).truth
		copy(out.True, first.True)
		copy(out.False, first.False)
		for _, p := range parts[1:] {
			if and {
				kernel.And(out, p.step(b).truth)
			} else {
				kernel.Or(out, p.step(b).truth)
			}
		}
		return values{truth: out}
	}
}

// matching finds the rows whose text passes a test, which is made once for each entry of the dictionary, unless that has more of them than rows.
func matching(x *part, passes func(string) bool) step {
	return func(b *batch) values {
		v := x.step(b)
		holds := b.memory().Bitmap(b.rows())
		switch {
		case v.one:
			if passes(v.dict[0]) {
				kernel.Fill(holds, b.rows())
			}
		case len(v.dict) <= b.rows():
			table := make([]bool, len(v.dict))
			for code, text := range v.dict {
				table[code] = passes(text)
			}
			kernel.Pick(holds, v.codes, table)
		default:
			eachValid(v, func(row int) { holds.Set(row, passes(v.dict[v.codes[row]])) })
		}
		return values{truth: b.truthOf(holds, v.valid)}
	}
}

// measuring is a number of each text.
func measuring(x *part, measure func(string) float64) step {
	return func(b *batch) values {
		v := x.step(b)
		out := b.memory().Zeros(len(v.codes))
		eachValid(v, func(i int) { out[i] = measure(v.dict[v.codes[i]]) })
		return values{one: v.one, valid: v.valid, numbers: out}
	}
}

// among is x in [literals].
func among(x *part, items []*part) step {
	switch x.kind {
	case String:
		set := make(map[string]bool, len(items))
		for _, item := range items {
			set[item.value.(string)] = true
		}
		return matching(x, func(text string) bool { return set[text] })
	case Number:
		return func(b *batch) values {
			v := x.step(b)
			holds, found := b.memory().Bitmap(b.rows()), b.memory().Bitmap(b.rows())
			for _, item := range items {
				compareColumns(kernel.Equal, found, v.numbers, []float64{item.value.(float64)}, v.one, true)
				for w := range holds {
					holds[w] |= found[w]
				}
				clear(found)
			}
			return values{truth: b.truthOf(holds, v.valid)}
		}
	}
	return nil
}

// having finds the rows whose list has a text.
func (b *batch) having(list values, text string) values {
	holds := b.memory().Bitmap(b.rows())
	for row := range b.rows() {
		if list.valid != nil && !list.valid.Get(row) {
			continue
		}
		for _, code := range list.codes[list.offsets[row]:list.offsets[row+1]] {
			if list.dict[code] == text {
				holds.Set(row, true)
				break
			}
		}
	}
	return values{truth: b.truthOf(holds, list.valid)}
}

func sizing(list *part) step {
	return func(b *batch) values {
		v := list.step(b)
		out := b.memory().Numbers(b.rows())
		for row := range out {
			out[row] = float64(v.offsets[row+1] - v.offsets[row])
		}
		return values{valid: v.valid, numbers: out}
	}
}
