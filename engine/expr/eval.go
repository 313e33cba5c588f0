package expr

import (
	"context"
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
)

// Scope is the rows that an expression is evaluated on.
type Scope struct {
	// Rows is how many there are.
	Rows int
	// AsOf is the instant for which they are evaluated, in microseconds since 1970, UTC.
	AsOf int64
	// Rates is what convert converts by; nil where there are none.
	Rates *Rates
	// Columns are the variables' values, one for each variable of the environment, in its order; nil where the expression does not read it.
	Columns []*frame.Column
	// Memory is what results are made of where it is given: they hold until it is reset.
	Memory *kernel.Arena
	// Stale has the rows, by the place of their variable, that are missing since what they had is out of date.
	Stale map[int]*Stale
	// Context ends an evaluation early: what was not evaluated by then cannot be read, and the result is worth nothing. It never does where nil.
	Context context.Context
}

// over reports whether nobody waits for the result any more.
func (s *Scope) over() bool { return s.Context != nil && s.Context.Err() != nil }

// interrupted is the cause of rows that were not evaluated.
var interrupted = &Cause{Message: "the evaluation was ended"}

// Result is an expression's values.
type Result struct {
	// Column holds the values; Valid is the set of rows on which the expression could be read. It may share memory with a column of the scope,
	// and so must not be changed.
	Column frame.Column
	// causes are those of rows that are not valid; nil where every such row has the same cause.
	causes []*Cause
	same   *Cause
	// stale are rows whose cause is another than same.
	stale *Stale
	// again finds the causes by looking at the parts once more; nil where they are known.
	again *inquest
}

// Cause returns why the expression could not be read on a row that is not valid, and no cause on one that is.
func (r *Result) Cause(row int) Cause {
	switch {
	case r.Column.Valid.Get(row):
		return Cause{}
	case r.stale.has(row):
		return *r.stale.cause
	case r.again != nil:
		return *r.again.cause(row)
	case r.causes == nil:
		return *r.same
	}
	return *r.causes[row]
}

// Eval evaluates the expression on every row of the scope. Rows do not see each other.
func (x *Expr) Eval(scope *Scope) *Result {
	if x.direct >= 0 {
		return x.read(scope)
	}
	if x.vector == nil {
		return x.byRow(scope)
	}
	if scope.Rows > 1 && scope.over() { // one row takes less than to ask
		out := newWriter(x.kind, scope.Rows)
		out.failFrom(0, interrupted)
		return out.result
	}
	all := lowerings.New(scope.Memory)
	all.batch, all.inquest.expr, all.inquest.scope = x.vector.batch(x.env, scope), x, scope
	all.result = Result{Column: all.batch.column(x.kind, x.vector.root.step(&all.batch)), again: &all.inquest}
	return &all.result
}

// lowering is what the evaluation of a lowered expression needs, in one piece of memory: for a single row, asking for memory takes most of the time.
type lowering struct {
	batch   batch
	inquest inquest
	result  Result
}

var (
	lowerings = kernel.NewKind[lowering]()
	results   = kernel.NewKind[Result]()
	places    = kernel.NewKind[*values]()
)

// byRow evaluates the expression with cel-go, one row after another.
func (x *Expr) byRow(scope *Scope) *Result {
	out := newWriter(x.kind, scope.Rows)
	row := newActivation(x.env, scope)
	for row.at = range scope.Rows {
		if scope.over() {
			out.failFrom(row.at, interrupted)
			break
		}
		value, _, err := x.program.Eval(row)
		if err != nil {
			out.fail(row.at, causeOf(err))
			continue
		}
		out.add(row.at, value)
	}
	return out.result
}

// read returns the column of the variable that the whole expression is.
func (x *Expr) read(scope *Scope) *Result {
	result := results.New(scope.Memory)
	result.same = x.env.absent[x.direct]
	if column := scope.Columns[x.direct]; column != nil {
		result.Column = *column
		result.Column.Type = x.kind.Type()
		result.stale = scope.Stale[x.direct]
		return result
	}
	out := newWriter(x.kind, scope.Rows)
	for row := range scope.Rows {
		out.fail(row, result.same)
	}
	return out.result
}

// writer collects values into a column, row after row.
type writer struct {
	rows   int
	result *Result
	column *frame.Column
	codes  map[string]uint32
	// unchecked takes numbers that are not finite, and forgets causes: what is written is a part of an expression.
	unchecked bool
}

func newWriter(kind Kind, rows int) *writer {
	w := &writer{rows: rows, result: &Result{}}
	w.column = &w.result.Column
	w.column.Type = kind.Type()
	w.column.Valid = frame.NewBitmap(rows)
	switch kind {
	case Number:
		w.column.Numbers = make([]float64, rows)
	case Boolean:
		w.column.Bits = frame.NewBitmap(rows)
	case Date, Timestamp:
		w.column.Ints = make([]int64, rows)
	case String:
		w.column.Codes = make([]uint32, rows)
		w.codes = make(map[string]uint32)
	case List:
		w.column.Offsets = make([]uint32, 1, rows+1)
		w.codes = make(map[string]uint32)
	}
	return w
}

// fail leaves a row without a value.
func (w *writer) fail(row int, cause *Cause) {
	if w.result.causes == nil && !w.unchecked {
		w.result.causes = make([]*Cause, w.rows)
	}
	if !w.unchecked {
		w.result.causes[row] = cause
	}
	if w.column.Offsets != nil {
		w.column.Offsets = append(w.column.Offsets, uint32(len(w.column.Codes)))
	}
}

// failFrom leaves a row and all after it without a value.
func (w *writer) failFrom(row int, cause *Cause) {
	for ; row < w.rows; row++ {
		w.fail(row, cause)
	}
}

// add gives a row a value, whose type the checker has seen to.
func (w *writer) add(row int, value ref.Val) {
	switch v := value.(type) {
	case types.Double:
		if cause := unfit(float64(v)); cause != nil && !w.unchecked {
			w.fail(row, cause)
			return
		}
		w.column.Numbers[row] = float64(v)
	case types.Bool:
		w.column.Bits.Set(row, bool(v))
	case day:
		w.column.Ints[row] = int64(v)
	case instant:
		w.column.Ints[row] = int64(v)
	case types.String:
		w.column.Codes[row] = w.code(string(v))
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			w.column.Codes = append(w.column.Codes, w.code(string(it.Next().(types.String))))
		}
		w.column.Offsets = append(w.column.Offsets, uint32(len(w.column.Codes)))
	}
	w.column.Valid.Set(row, true)
}

// unfit returns why a number is no result, or nil.
func unfit(x float64) *Cause {
	switch {
	case math.IsNaN(x):
		return notANumber
	case math.IsInf(x, 0):
		return infinite
	}
	return nil
}

func (w *writer) code(text string) uint32 {
	code, known := w.codes[text]
	if !known {
		code = uint32(len(w.column.Dict))
		w.codes[text] = code
		w.column.Dict = append(w.column.Dict, text)
	}
	return code
}
