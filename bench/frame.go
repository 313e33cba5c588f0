package main

import (
	"math"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/workload"
)

// frameOf is the customers of c as a frame of that schema, which must have the attributes of W. Strings share the memory of c.
func frameOf(c *workload.Cols, schema *frame.Schema) *frame.Frame {
	f := &frame.Frame{Schema: schema, IDs: c.ID, Columns: make([]frame.Column, schema.Len())}
	column := func(name string) *frame.Column {
		i, ok := schema.Index(name)
		if !ok {
			panic("the schema has no " + name)
		}
		f.Columns[i].Type, f.Columns[i].Valid = schema.Field(i).Type, frame.NewBitmap(c.N)
		return &f.Columns[i]
	}
	for k, name := range workload.FNames {
		to := column(name)
		to.Numbers = make([]float64, c.N)
		for i, x := range c.F[k] {
			if !math.IsNaN(x) {
				to.Numbers[i] = x
				to.Valid.Set(i, true)
			}
		}
	}
	for k, name := range workload.INames {
		to := column(name)
		to.Numbers = make([]float64, c.N)
		for i, x := range c.I[k] {
			if x != workload.NullI {
				to.Numbers[i] = float64(x)
				to.Valid.Set(i, true)
			}
		}
	}
	for k, name := range workload.SNames {
		to := column(name)
		to.Codes, to.Dict = c.S[k], c.Dict[k]
		for i := range c.N {
			to.Valid.Set(i, true)
		}
	}
	to := column(workload.BName)
	to.Bits = frame.NewBitmap(c.N)
	for i, b := range c.B {
		to.Valid.Set(i, true)
		to.Bits.Set(i, b)
	}
	return f
}
