package expr

import (
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
)

// values is what a step of a lowered expression computed for a batch. Which slice holds it depends on the kind, as in frame.Column. It is not
// changed once made: steps share it.
type values struct {
	// one tells that the values of all rows are the same: they stand at place 0, and there is no other.
	one bool
	// valid are the rows that have a value; nil where all have one. Booleans have none: truth says it.
	valid   frame.Bitmap
	truth   kernel.Truth
	numbers []float64
	ints    []int64
	codes   []uint32
	offsets []uint32
	dict    []string
}

// step computes the values of a part of an expression for a batch.
type step func(b *batch) values

// batch is the rows on which a lowered expression is evaluated.
type batch struct {
	env   *Env
	scope *Scope
	// shared are the values of the parts that an expression has more than once, by their number; computed when first asked for.
	shared []*values
	row    *activation
}

func (b *batch) rows() int { return b.scope.Rows }

func (b *batch) memory() *kernel.Arena { return b.scope.Memory }

// width is how many values there are: one, or as many as rows.
func (b *batch) width(v ...values) (n int, one bool) {
	for _, each := range v {
		if !each.one {
			return b.rows(), false
		}
	}
	return 1, true
}

// both returns the rows in which each of several has a value; nil where all rows have.
func (b *batch) both(v ...values) frame.Bitmap {
	var valid frame.Bitmap
	owned := false
	for _, each := range v {
		switch {
		case each.valid == nil:
		case valid == nil:
			valid = each.valid
		case !owned:
			valid, owned = b.intersection(valid, each.valid), true
		default:
			for w := range valid {
				valid[w] &= each.valid[w]
			}
		}
	}
	return valid
}

func (b *batch) intersection(x, y frame.Bitmap) frame.Bitmap {
	out := b.memory().Bitmap(b.rows())
	for w := range out {
		out[w] = x[w] & y[w]
	}
	return out
}

// validity returns the rows of a that have a value, as a set; one that may not be changed.
func (b *batch) validity(v values) frame.Bitmap {
	if v.valid != nil {
		return v.valid
	}
	return b.memory().All(b.rows())
}

// truthOf turns the rows in which a condition holds, and those in which it could be read, into a Truth. It takes holds over.
func (b *batch) truthOf(holds, valid frame.Bitmap) kernel.Truth {
	t := kernel.Truth{True: holds, False: b.memory().Bitmap(b.rows())}
	if valid == nil {
		kernel.Fill(t.False, b.rows())
	} else {
		copy(t.False, valid)
	}
	for w := range holds {
		holds[w] &= t.False[w]
		t.False[w] &^= holds[w]
	}
	return t
}

// constantTruth is the Truth of a condition that is the same in all rows.
func (b *batch) constantTruth(holds bool) kernel.Truth {
	t := kernel.Truth{True: b.memory().Bitmap(b.rows()), False: b.memory().Bitmap(b.rows())}
	if holds {
		kernel.Fill(t.True, b.rows())
	} else {
		kernel.Fill(t.False, b.rows())
	}
	return t
}

// spread returns what all rows have as a column.
func spread[T any](b *batch, column []T, one bool) []T {
	if !one {
		return column
	}
	out := make([]T, b.rows())
	for i := range out {
		out[i] = column[0]
	}
	return out
}

// compact gives texts whose dictionary has more entries than there are rows a dictionary of their own.
func (b *batch) compact(v values) values {
	if v.one || len(v.dict) <= b.rows() {
		return v
	}
	codes, dict := make([]uint32, b.rows()), make([]string, 1, b.rows()+1)
	eachValid(v, func(row int) {
		codes[row] = uint32(len(dict))
		dict = append(dict, v.dict[v.codes[row]])
	})
	v.codes, v.dict = codes, dict
	return v
}

// variable reads a variable's column.
func variable(i int, kind Kind) step {
	return func(b *batch) values {
		column := b.scope.Columns[i]
		if column == nil {
			return b.nothing(kind)
		}
		if kind == Boolean {
			holds := b.memory().Bitmap(b.rows())
			copy(holds, column.Bits)
			return values{truth: b.truthOf(holds, column.Valid)}
		}
		return values{valid: column.Valid, numbers: column.Numbers, ints: column.Ints, codes: column.Codes, offsets: column.Offsets, dict: column.Dict}
	}
}

// nothing is the values of a variable that no row has.
func (b *batch) nothing(kind Kind) values {
	n := b.rows()
	v := values{valid: b.memory().Bitmap(n)}
	switch kind {
	case Number:
		v.numbers = b.memory().Zeros(n)
	case Boolean:
		return values{truth: kernel.Truth{True: b.memory().Bitmap(n), False: b.memory().Bitmap(n)}}
	case Date, Timestamp:
		v.ints = make([]int64, n)
	case String:
		v.codes = make([]uint32, n)
	case List:
		v.offsets = make([]uint32, n+1)
	}
	return v
}

// column returns the values as a column of their own.
func (b *batch) column(kind Kind, v values) frame.Column {
	c := frame.Column{Type: kind.Type()}
	if kind == Boolean {
		c.Bits, c.Valid = v.truth.True, b.memory().Bitmap(b.rows())
		for w := range c.Valid {
			c.Valid[w] = v.truth.True[w] | v.truth.False[w]
		}
		return c
	}
	c.Valid = b.memory().Bitmap(b.rows())
	if v.valid == nil {
		kernel.Fill(c.Valid, b.rows())
	} else {
		copy(c.Valid, v.valid)
	}
	switch kind {
	case Number:
		c.Numbers = spread(b, v.numbers, v.one)
		kernel.KeepFinite(c.Numbers, c.Valid)
	case Date, Timestamp:
		c.Ints = spread(b, v.ints, v.one)
	default:
		c.Codes, c.Offsets, c.Dict = spread(b, v.codes, v.one), v.offsets, v.dict
	}
	return c
}
