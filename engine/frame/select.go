package frame

import echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"

// Select returns the rows of a set as a frame of their own, in their order. Texts keep their dictionaries.
func (f *Frame) Select(rows Bitmap) *Frame {
	var places []int
	selected := &Frame{Schema: f.Schema, Columns: make([]Column, len(f.Columns))}
	for i, id := range f.IDs {
		if rows.Get(i) {
			places = append(places, i)
			selected.IDs = append(selected.IDs, id)
		}
	}
	for i := range f.Columns {
		selected.Columns[i] = f.Columns[i].at(places)
	}
	return selected
}

// Halves returns the first half of the rows and the others, as frames of their own.
func (f *Frame) Halves() (first, second *Frame) {
	in := [2]Bitmap{NewBitmap(f.Len()), NewBitmap(f.Len())}
	for i := range f.Len() {
		in[i/((f.Len()+1)/2)].Set(i, true)
	}
	return f.Select(in[0]), f.Select(in[1])
}

// at returns the values of rows.
func (c *Column) at(places []int) Column {
	to := Column{Type: c.Type, Dict: c.Dict, Valid: NewBitmap(len(places))}
	if c.Type == echelonv1.Attribute_BOOLEAN {
		to.Bits = NewBitmap(len(places))
	}
	if c.Type == echelonv1.Attribute_STRING_LIST {
		to.Offsets = make([]uint32, 1, len(places)+1)
	}
	for row, from := range places {
		to.Valid.Set(row, c.Valid.Get(from))
		switch c.Type {
		case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
			to.Numbers = append(to.Numbers, c.Numbers[from])
		case echelonv1.Attribute_BOOLEAN:
			to.Bits.Set(row, c.Bits.Get(from))
		case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
			to.Ints = append(to.Ints, c.Ints[from])
		case echelonv1.Attribute_STRING:
			to.Codes = append(to.Codes, c.Codes[from])
		case echelonv1.Attribute_STRING_LIST:
			to.Codes = append(to.Codes, c.Codes[c.Offsets[from]:c.Offsets[from+1]]...)
			to.Offsets = append(to.Offsets, uint32(len(to.Codes)))
		}
	}
	return to
}

// Slice returns the rows from one that is a multiple of 64 up to another, without copying: they share the frame's memory.
func (f *Frame) Slice(from, to int) *Frame {
	part := &Frame{Schema: f.Schema, IDs: f.IDs[from:to:to], Columns: make([]Column, len(f.Columns))}
	for i := range f.Columns {
		part.Columns[i] = f.Columns[i].slice(from, to)
	}
	return part
}

func (c *Column) slice(from, to int) Column {
	part := Column{Type: c.Type, Dict: c.Dict, Valid: c.Valid.slice(from, to)}
	switch c.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		part.Numbers = c.Numbers[from:to:to]
	case echelonv1.Attribute_BOOLEAN:
		part.Bits = c.Bits.slice(from, to)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		part.Ints = c.Ints[from:to:to]
	case echelonv1.Attribute_STRING:
		part.Codes = c.Codes[from:to:to]
	case echelonv1.Attribute_STRING_LIST:
		part.Codes, part.Offsets = c.Codes, c.Offsets[from:to+1:to+1]
	}
	return part
}

// Project returns the rows with the fields of another schema. Of each of these, places has the place here of the column that holds it, or -1 where
// none does, and it is missing in every row. Columns are shared.
func (f *Frame) Project(to *Schema, places []int) *Frame {
	projected := &Frame{Schema: to, IDs: f.IDs, Columns: make([]Column, to.Len())}
	for i, from := range places {
		if from < 0 {
			projected.Columns[i] = missing(to.Field(i).Type, f.Len())
		} else {
			projected.Columns[i] = f.Columns[from]
		}
	}
	return projected
}

// missing returns a column of a type without values.
func missing(of echelonv1.Attribute_Type, rows int) Column {
	c := Column{Type: of, Valid: NewBitmap(rows)}
	switch of {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		c.Numbers = make([]float64, rows)
	case echelonv1.Attribute_BOOLEAN:
		c.Bits = NewBitmap(rows)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		c.Ints = make([]int64, rows)
	case echelonv1.Attribute_STRING:
		c.Codes = make([]uint32, rows)
	case echelonv1.Attribute_STRING_LIST:
		c.Offsets = make([]uint32, rows+1)
	}
	return c
}
