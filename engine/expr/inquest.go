package expr

import (
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// blame says whose fault it is that a part of a lowered expression cannot be read.
type blame uint8

const (
	// onNobody is a part of which cel-go must tell.
	onNobody blame = iota
	// onVariable is the variable that the part is.
	onVariable
	// onArgument is the first argument that cannot be read. So it is with && and || too: where they cannot be read, the first who could not is at fault.
	onArgument
	// onBranch is the condition, or else the branch that it chose.
	onBranch
	// onFirst is the first argument, of several that cannot be read.
	onFirst
)

func blameOf(name string) blame {
	switch name {
	case operators.Conditional:
		return onBranch
	case "coalesce":
		return onFirst
	}
	return onArgument
}

// inquest finds out why rows of a result could not be read. Causes are asked for where outcomes are explained: what is computed over columns does not
// carry them along.
type inquest struct {
	expr  *Expr
	scope *Scope
	// batch evaluates the parts once more when they are first looked at, in memory of its own.
	batch *batch
	known map[*part]values
	row   *activation
}

func (q *inquest) cause(row int) *Cause {
	if q.batch == nil {
		scope := *q.scope
		scope.Memory = nil
		batch := q.expr.vector.batch(q.expr.env, &scope)
		q.batch, q.known = &batch, make(map[*part]values)
	}
	// A number that no column holds can be read within the expression: the root is at fault itself.
	if root := q.expr.vector.root; !q.readable(root, row) {
		if cause := q.find(root, row); cause != nil {
			return cause
		}
	}
	return q.rerun(row)
}

// find returns why a part cannot be read on a row, where it cannot; nil where cel-go must tell.
func (q *inquest) find(p *part, row int) *Cause {
	switch p.blame {
	case onVariable:
		if stale := q.scope.Stale[p.variable]; stale.has(row) {
			return stale.cause
		}
		return q.expr.env.absent[p.variable]
	case onFirst:
		return q.find(p.args[0], row)
	case onBranch:
		branch := p.args[0]
		if condition := q.values(branch); q.readable(branch, row) {
			branch = p.args[2]
			if condition.truth.True.Get(row) {
				branch = p.args[1]
			}
		}
		return q.find(branch, row)
	case onArgument:
		for _, argument := range p.args {
			if !q.readable(argument, row) {
				return q.find(argument, row)
			}
		}
	}
	return nil
}

func (q *inquest) values(p *part) values {
	v, known := q.known[p]
	if !known {
		v = p.step(q.batch)
		q.known[p] = v
	}
	return v
}

func (q *inquest) readable(p *part, row int) bool {
	v := q.values(p)
	if p.kind == Boolean {
		return v.truth.True.Get(row) || v.truth.False.Get(row)
	}
	return v.valid == nil || v.valid.Get(row)
}

// rerun evaluates the whole expression on the row, as cel-go does.
func (q *inquest) rerun(row int) *Cause {
	if q.row == nil {
		q.row = newActivation(q.expr.env, q.scope)
	}
	q.row.at = row
	value, _, err := q.expr.program.Eval(q.row)
	if err != nil {
		return causeOf(err)
	}
	return unfit(float64(value.(types.Double)))
}
