package kernel

// Arithmetic is one of the four operations. Its forms for columns and for a column and a number give the same bits.
type Arithmetic uint8

// The operations.
const (
	Add Arithmetic = iota
	Subtract
	Multiply
	Divide
)

// Of returns a op b. Products are rounded by themselves: no processor may fuse them with a sum.
func (op Arithmetic) Of(a, b float64) float64 {
	switch op {
	case Add:
		return a + b
	case Subtract:
		return a - b
	case Multiply:
		return float64(a * b)
	}
	return a / b
}

// Columns puts a op b into dst, row by row. The three are of one length.
func (op Arithmetic) Columns(dst, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	case Subtract:
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	case Multiply:
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	case Divide:
		for i := range dst {
			dst[i] = a[i] / b[i]
		}
	}
}

// Right puts a op c into dst, row by row.
func (op Arithmetic) Right(dst, a []float64, c float64) {
	a = a[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = a[i] + c
		}
	case Subtract:
		for i := range dst {
			dst[i] = a[i] - c
		}
	case Multiply:
		for i := range dst {
			dst[i] = a[i] * c
		}
	case Divide:
		for i := range dst {
			dst[i] = a[i] / c
		}
	}
}

// Left puts c op b into dst, row by row.
func (op Arithmetic) Left(dst []float64, c float64, b []float64) {
	b = b[:len(dst)]
	switch op {
	case Add, Multiply:
		op.Right(dst, b, c)
	case Subtract:
		for i := range dst {
			dst[i] = c - b[i]
		}
	case Divide:
		for i := range dst {
			dst[i] = c / b[i]
		}
	}
}
